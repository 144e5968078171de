"""What the library gives back says what was changed, what is left, and why."""

from __future__ import annotations

import dataclasses

import pytest
from log_fixtures import NUMBER, REJECTED, Story, pair, record

from midb.domain.decisions import LoggedFinding, Pass, Reason
from midb.domain.defects import DefectFamily, Finding, FindingStatus, Severity
from midb.domain.edits import Edit
from midb.domain.pairs import Field
from midb.domain.results import RecordResult
from midb.library.results import edits_of, findings_of, ledger_of, rejected_of


def repaired() -> Story:
    return Story(pair("Es sind 2.5 Meter.")).rewrite(
        Pass.LOCALIZATION, "decimal-separator", ("2.5", "2,5"), evidence="de writes a comma"
    )


def test_an_edit_says_where_it_was_made_and_why() -> None:
    first = Story(pair("Ja.")).skipped()
    (edit,) = edits_of(record(7, "de-1", "de", first, repaired().verified()))
    assert dataclasses.asdict(edit) == {
        "record": "de-1", "position": 7, "pair": 1, "language": "de", "field": "response", "start": 8, "end": 11,
        "before": "2.5", "after": "2,5", "kind": "decimal-separator", "pass_": "localization",
        "reason": "de writes a comma",
    }  # fmt: skip
    assert edit.to_dict() == {
        ("pass" if name == "pass_" else name): value for name, value in dataclasses.asdict(edit).items()
    }


def test_only_edits_that_stand_are_told() -> None:
    refused = Story(pair("20 Jahre")).rewrite(Pass.CONTENT, "false-equation", ("20", "18"), violations=[NUMBER])
    undone = repaired().verified(NUMBER)
    assert list(edits_of(record(0, "a", "de", refused, undone))) == []
    again = undone.rewrite(Pass.TRANSLATION, "leaked-markup", ("Meter", "m")).verified()
    assert [edit.kind for edit in edits_of(record(0, "a", "de", again))] == ["leaked-markup"]


def test_of_several_findings_the_nearest_is_the_reason() -> None:
    story = Story(pair("eins 1.5 und zwei 2.5"))
    story.rewrite(Pass.LOCALIZATION, "decimal-separator", ("1.5", "1,5"), ("2.5", "2,5"))
    named = [
        dataclasses.replace(found, finding=dataclasses.replace(found.finding, evidence=evidence))
        for found, evidence in zip(story.findings, ("the first", "the second"), strict=True)
    ]
    story.findings = named[::-1]
    assert [(edit.before, edit.reason) for edit in edits_of(record(0, "a", "de", story))] == [
        ("1.5", "the first"), ("2.5", "the second"),
    ]  # fmt: skip


def test_a_finding_of_another_kind_or_decision_is_no_reason() -> None:
    """Then the decision speaks: what it says of itself, or the short word for it."""
    story = repaired()
    story.findings = [
        dataclasses.replace(story.findings[0], decision=1),
        dataclasses.replace(
            story.findings[0], finding=dataclasses.replace(story.findings[0].finding, kind="leaked-markup")
        ),
    ]
    (edit,) = edits_of(record(0, "a", "de", story))
    assert edit.reason == story.decisions[0].detail == "decimal-separator"
    story.decisions = [dataclasses.replace(story.decisions[0], detail="", reason=Reason.REWRITTEN)]
    (edit,) = edits_of(record(0, "a", "de", story))
    assert edit.reason == "rewritten"


def test_a_finding_says_what_is_wrong_and_what_became_of_it() -> None:
    story = repaired().found("culture-bound-reference", "Meter", "a unit", FindingStatus.OPEN)
    told = list(findings_of(record(3, "x", "de", Story(pair("Ja.")).skipped(), story)))
    assert [(f.kind, f.status, f.pair, f.position) for f in told] == [
        ("decimal-separator", "repaired", 1, 3), ("culture-bound-reference", "open", 1, 3),
    ]  # fmt: skip
    assert told[1].to_dict() == {
        "record": "x", "position": 3, "pair": 1, "language": "de", "field": "response", "start": 12, "end": 17,
        "kind": "culture-bound-reference", "family": "content", "severity": "minor", "evidence": "a unit",
        "status": "open", "repairable": False,
    }  # fmt: skip


def test_whether_a_finding_carries_a_repair() -> None:
    fix = (Edit(Field.RESPONSE, 0, 2, "Ja", "ja", "x"),)
    found = Finding("x", DefectFamily.CONTENT, Severity.MAJOR, Field.RESPONSE, 0, 2, "seen", fix)
    story = Story(pair("Ja.")).skipped()
    story.findings = [LoggedFinding(found, FindingStatus.OPEN)]
    (told,) = findings_of(record(0, "a", "de", story))
    assert told.repairable


def test_the_ledger_balances() -> None:
    refused = Story(pair("20")).rewrite(Pass.CONTENT, "false-equation", ("20", "18"), violations=[NUMBER])
    results: list[RecordResult] = [
        record(0, "a", "de", repaired().verified()),
        record(1, "b", "de", refused),
        record(2, "c", "de", Story(pair("Ja.")).skipped()),
        record(3, "d", "de", Story(pair("Nein.")).skipped()),
    ]
    rejected = [rejected_of(line) for line in REJECTED[:1]]
    assert ledger_of(results, rejected) == {"read": 5, "unchanged": 2, "improved": 1, "reverted": 1, "rejected": 1}
    assert ledger_of([], []) == {"read": 0, "unchanged": 0, "improved": 0, "reverted": 0, "rejected": 0}


def test_a_rejected_record_has_its_reason() -> None:
    told = rejected_of(REJECTED[0])
    assert (told.position, told.reason, told.message) == (3, REJECTED[0].reason, REJECTED[0].message)


def test_what_is_given_back_does_not_change() -> None:
    (edit,) = edits_of(record(0, "a", "de", repaired()))
    with pytest.raises(dataclasses.FrozenInstanceError):
        edit.after = "3"  # type: ignore[misc]
