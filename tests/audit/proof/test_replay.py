"""A record replayed from its original text: where it arrives, and everything that does not fit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from log_fixtures import NUMBER, Story, pair, record

from midb.audit.file import seals
from midb.audit.proof.replay import replay
from midb.audit.record_rows import RowNumbers, build_record_rows
from midb.audit.rows import DecisionRow, EditRow, FindingRow, LoggedRecord, RecordRow
from midb.domain.decisions import Pass, Reason
from midb.domain.results import RecordResult


def logged(result: RecordResult) -> LoggedRecord:
    """A record as it would come back from the log."""
    rows = build_record_rows(result, 1, RowNumbers(dict.fromkeys(RowNumbers.TABLES, 0)), seals.GENESIS, lambda _: None)
    edits = [EditRow(*row) for row in rows.edits]
    decisions = tuple(
        replace(DecisionRow(*row), edits=tuple(edit for edit in edits if edit.decision_id == row[0]))
        for row in rows.decisions
    )
    return LoggedRecord(RecordRow(*rows.record), decisions, tuple(FindingRow(*row) for row in rows.findings))


def problems(found: LoggedRecord) -> list[tuple[str, str]]:
    """What does not fit: (table, message)."""
    return [(problem.table, problem.message) for problem in replay(found).problems]


def rewritten() -> Story:
    """A content rewrite that verification takes back, and one that is accepted."""
    story = Story(pair("Der Wert ist 2.5 und gutt."))
    story.rewrite(Pass.CONTENT, "k", ("Wert", "Wort")).verified(NUMBER)
    return story.rewrite(Pass.LOCALIZATION, "decimal-separator", ("2.5", "2,5")).verified()


@pytest.mark.parametrize(
    "result",
    [
        record(0, "a", "de", rewritten()),
        record(0, "a", "de", Story(pair("nichts")).skipped()),
        record(0, "a", "de", Story(pair("x")).rewrite(Pass.CONTENT, "k", ("x", "y"), violations=[NUMBER])),
        record(0, "a", "de", Story(pair("ein Wort")).found("untranslated-text", "Wort", "seen")),
        record(0, "a", "tr", Story(pair("a")).skipped(), rewritten()),
        record(0, "a", "de", Story(pair("2,5")).undone("decimal-separator", ("2,5", "2.5"))),
        record(0, "a", "de", Story(pair("2,5")).undone("decimal-separator")),  # what was undone cancelled out
        record(0, "a", "de", Story(pair("2,5"))),
        RecordResult(0, 1, "a", "und", record(0, "a", "de").outcome, (), None),
    ],
)
def test_what_was_written_replays(result: RecordResult) -> None:
    assert problems(logged(result)) == []


def test_a_replay_holds_the_text_each_decision_read_and_left() -> None:
    found = replay(logged(record(0, "a", "de", rewritten())))
    assert [(stage.row.pass_, stage.before.response, stage.after.response) for stage in found.stages] == [
        ("content", "Der Wert ist 2.5 und gutt.", "Der Wort ist 2.5 und gutt."),
        ("verification", "Der Wort ist 2.5 und gutt.", "Der Wert ist 2.5 und gutt."),
        ("localization", "Der Wert ist 2.5 und gutt.", "Der Wert ist 2,5 und gutt."),
        ("verification", "Der Wert ist 2,5 und gutt.", "Der Wert ist 2,5 und gutt."),
    ]
    assert all(stage.fits for stage in found.stages)
    assert (found.originals[0].response, found.finals[0].response) == (
        "Der Wert ist 2.5 und gutt.", "Der Wert ist 2,5 und gutt.",
    )  # fmt: skip
    assert found.edits == 2


Change = Callable[[LoggedRecord], LoggedRecord]


def row(**changes: object) -> Change:
    """The record's row with other values."""
    return lambda found: replace(found, row=replace(found.row, **changes))  # type: ignore[arg-type]


def decision(index: int, **changes: object) -> Change:
    """One decision with other values."""

    def change(found: LoggedRecord) -> LoggedRecord:
        decisions = list(found.decisions)
        decisions[index] = replace(decisions[index], **changes)  # type: ignore[arg-type]
        return replace(found, decisions=tuple(decisions))

    return change


def finding(**changes: object) -> Change:
    """The first finding with other values."""
    return lambda found: replace(
        found, findings=(replace(found.findings[0], **changes), *found.findings[1:])  # type: ignore[arg-type]
    )  # fmt: skip


def edit(**changes: object) -> Change:
    """The edit of the first decision with other values."""
    return lambda found: decision(0, edits=(replace(found.decisions[0].edits[0], **changes),))(found)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("change", "table", "message"),
    [
        (edit(before="x"), "decisions", "does not fit the text (table edits)"),
        (edit(after="x"), "decisions", "after_hash is not that of the text its edits (table edits) lead to"),
        (edit(field="answer"), "edits", 'field is "answer", which is no such word'),
        (decision(0, before_hash="x"), "decisions", "before_hash is not that of the text this decision read"),
        (decision(0, pair=4), "decisions", "there is no pair 4"),
        (decision(0, pass_="contents"), "decisions", 'pass is "contents", which is no such word'),
        (decision(0, action="skipped"), "decisions", "it was skipped and yet has edits (table edits)"),
        (decision(1, action="applied"), "records", "the edits do not lead from original_text to the final text"),
        (row(outcome="unchanged"), "records", "its outcome is unchanged, but its texts and decisions say improved"),
        (row(outcome="undone"), "records", "its outcome is undone, but its texts and decisions say improved"),
        (row(outcome="reverted"), "records", "its outcome is reverted, but its texts and decisions say improved"),
        (row(open_findings=5), "records", "open_findings is 5, but 1 of its findings are open"),
        (row(pairs=2), "records", "2 pairs, but texts of 1 and 1"),
        (row(original_hash="x"), "records", "original_text does not have the hash in original_hash"),
        (row(final_hash="x"), "records", "the final text does not have the hash in final_hash"),
        (row(original_text="[]x"), "records", "original_text is not a list of texts"),
        (row(final_text="3"), "records", "final_text is not a list of texts"),
        (row(final_text=None), "records", "the edits do not lead from original_text to the final text"),
        (finding(end=999, status="open", decision_id=None), "findings", "its place lies outside the final text"),
        (finding(start=9, end=3), "findings", "its place is none"),
        (finding(pair=7), "findings", "its place is none"),
        (finding(decision_id=None), "findings", "its status is repaired, but its decision_id is None"),
        (finding(decision_id=2), "findings", "decision 2 applied nothing to its pair"),
        (finding(severity="grave"), "findings", 'severity is "grave", which is no such word'),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_named(change: Change, table: str, message: str) -> None:
    story = Story(pair("Der Wert ist 2.5 groß.")).rewrite(Pass.LOCALIZATION, "decimal-separator", ("2.5", "2,5"))
    story.rewrite(Pass.CONTENT, "k", ("groß", "klein"), violations=[NUMBER])
    story.findings[1:] = []
    story.found("untranslated-text", "Wert", "seen").rewrite(Pass.CONTENT, "k", ("groß.", "groß!")).verified()
    found = change(logged(record(0, "a", "de", story)))
    assert any(one == table and message in told for one, told in problems(found)), problems(found)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (row(final_text="[]"), "it has a final_text but no original_text"),
        (row(final_hash="x"), "final_hash differs from original_hash, but no text was kept"),
        (row(original_hash="x", final_hash="x"), "original_hash is not that of the texts its decisions read"),
        (row(pairs=2), "2 pairs, but decisions on 1"),
        (row(outcome="improved"), "its outcome is improved, but nothing was edited"),
        (row(open_findings=1), "it has findings, but no original_text"),
        (decision(0, after_hash="x"), "after_hash differs from before_hash, but nothing was edited"),
        (decision(1, before_hash="x", after_hash="x"), "before_hash is not that of the decision before it"),
        (decision(0, edits=(EditRow(1, 0, "response", 0, 0, "", "x", "k"),)), "it has edits (table edits), but the"),
    ],
)
def test_a_record_without_texts_has_nothing_to_tell(change: Change, message: str) -> None:
    quiet = Story(pair("nichts")).skipped().skipped(Reason.NOTHING_REPAIRABLE)
    found = change(logged(record(0, "a", "de", quiet)))
    assert any(message in told for _, told in problems(found)), problems(found)


def test_the_word_of_older_reverts_is_accepted_where_a_person_decided() -> None:
    undone = logged(record(0, "a", "de", Story(pair("2,5")).undone("decimal-separator", ("2,5", "2.5"))))
    assert undone.row.outcome == "undone"
    assert problems(row(outcome="reverted")(undone)) == []
    assert problems(row(outcome="improved")(undone)) == [
        ("records", "its outcome is improved, but its texts and decisions say undone")
    ]
