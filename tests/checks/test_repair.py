"""Which fixes go together: the graver finding first, none twice on the same characters, edits in text order."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from midb.checks.repair import choose_fixes
from midb.domain.defects import DefectFamily, Finding, Severity
from midb.domain.edits import Edit, apply
from midb.domain.pairs import Field, InstructionPair

TEXT = "abcdefghij"


def finding(
    start: int,
    end: int,
    after: str = "-",
    *,
    kind: str = "kind",
    severity: Severity = Severity.MINOR,
    family: DefectFamily = DefectFamily.CONTENT,
    field: Field = Field.RESPONSE,
) -> Finding:
    edit = Edit(field, start, end, TEXT[start:end], after, kind)
    return Finding(kind, family, severity, field, start, end, "evidence", (edit,))


def test_fixes_that_do_not_touch_are_made_together() -> None:
    first, second = finding(0, 2), finding(5, 6)
    chosen, edits = choose_fixes([second, first], DefectFamily.CONTENT)
    assert chosen == [first, second]
    assert [(edit.start, edit.end) for edit in edits] == [(0, 2), (5, 6)]


def test_of_two_that_touch_the_graver_wins_and_then_the_earlier() -> None:
    grave = finding(1, 4, severity=Severity.CRITICAL)
    assert choose_fixes([finding(0, 2), grave, finding(3, 5)], DefectFamily.CONTENT)[0] == [grave]
    assert choose_fixes([finding(2, 4), finding(0, 3)], DefectFamily.CONTENT)[0] == [finding(0, 3)]


def test_the_same_characters_of_another_field_are_others() -> None:
    chosen, edits = choose_fixes([finding(0, 2), finding(0, 2, field=Field.INPUT)], DefectFamily.CONTENT)
    assert len(chosen) == 2
    assert [edit.field for edit in edits] == [Field.INPUT, Field.RESPONSE], "in reading order"


def test_another_family_has_a_pass_of_its_own() -> None:
    assert choose_fixes([finding(0, 2, family=DefectFamily.TRANSLATION)], DefectFamily.CONTENT) == ([], [])


def test_what_changes_nothing_and_what_cannot_be_repaired_is_left_out() -> None:
    flagged = Finding("kind", DefectFamily.CONTENT, Severity.MAJOR, Field.RESPONSE, 0, 2, "evidence")
    assert choose_fixes([finding(0, 2, TEXT[:2]), flagged], DefectFamily.CONTENT) == ([], [])


def test_a_fix_is_made_whole_or_not_at_all() -> None:
    edits = (Edit(Field.RESPONSE, 0, 1, "a", "-", "kind"), Edit(Field.RESPONSE, 8, 9, "i", "-", "kind"))
    wide = Finding("kind", DefectFamily.CONTENT, Severity.MINOR, Field.RESPONSE, 0, 9, "evidence", edits)
    grave = finding(8, 10, severity=Severity.MAJOR)
    assert choose_fixes([wide, grave], DefectFamily.CONTENT)[1] == list(grave.fix)


@given(
    st.lists(
        st.tuples(st.integers(0, 10), st.integers(0, 10), st.sampled_from(Severity), st.text("xy", max_size=2)),
        max_size=8,
    )
)
def test_chosen_fixes_can_always_be_applied(spans: list[tuple[int, int, Severity, str]]) -> None:
    findings = [
        finding(min(start, end), max(start, end), after, severity=severity) for start, end, severity, after in spans
    ]
    chosen, edits = choose_fixes(findings, DefectFamily.CONTENT)
    apply(InstructionPair(response=TEXT), edits)  # raises where edits overlap
    assert [edit for item in chosen for edit in item.fix] == sorted(
        edits, key=lambda edit: [edit in item.fix for item in chosen].index(True)
    )


@given(
    st.lists(
        st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9), st.sampled_from(Field)), min_size=1, max_size=3),
        max_size=12,
    )
)
def test_a_fix_is_left_out_just_where_one_of_its_edits_overlaps_one_that_was_chosen(
    fixes: list[list[tuple[int, int, Field]]],
) -> None:
    def edit(start: int, end: int, field: Field) -> Edit:
        return Edit(field, min(start, end), max(start, end), TEXT[min(start, end) : max(start, end)], "z", "kind")

    findings = [
        Finding("kind", DefectFamily.CONTENT, Severity.MINOR, Field.RESPONSE, n, n, "", tuple(edit(*e) for e in fix))
        for n, fix in enumerate(fixes)
    ]
    kept: list[Edit] = []
    for finding in findings:
        if not any(one.overlaps(other) for one in finding.fix for other in kept):
            kept += finding.fix
    assert sorted(choose_fixes(findings, DefectFamily.CONTENT)[1], key=repr) == sorted(kept, key=repr)
