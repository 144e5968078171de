"""The rows of one record: what is kept of its texts, how its parts refer to each other, and where its chain ends."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from log_fixtures import NUMBER, REJECTED, Story, pair, record

from midb.audit.file import seals
from midb.audit.record_rows import RecordRows, RowNumbers, build_record_rows, build_rejected_row
from midb.audit.texts import texts_hash, texts_json
from midb.domain.decisions import Pass
from midb.domain.defects import FindingStatus
from midb.domain.results import RecordResult


def numbers(**last: int) -> RowNumbers:
    """Row numbers that go on from those given, else from 0."""
    return RowNumbers(dict.fromkeys(RowNumbers.TABLES, 0) | last)


def build(result: RecordResult, seal_of: Any = lambda number: None, **last: int) -> RecordRows:
    """The rows of a record of run 7 behind the hash ``head``."""
    return build_record_rows(result, 7, numbers(**last), "head", seal_of)


def of(table: str, row: tuple[Any, ...]) -> dict[str, Any]:
    """A row by the names of the columns that are hashed."""
    return dict(zip(seals.COVERED[table], row, strict=False))


def test_row_numbers_go_on_from_the_last_ones() -> None:
    given = numbers(records=5)
    assert [given.take("records"), given.take("records"), given.take("runs")] == [6, 7, 1]
    assert (given.last("records"), given.last("decisions")) == (7, 0)


def test_texts_are_kept_where_there_is_something_to_tell() -> None:
    quiet = Story(pair("nichts")).skipped()
    row = of("records", build(record(0, "a", "de", quiet)).record)
    assert (row["original_text"], row["final_text"]) == (None, None)
    assert row["original_hash"] == row["final_hash"] == texts_hash([pair("nichts")])
    flagged = Story(pair("ein Wort")).found("untranslated-text", "Wort", "seen")
    row = of("records", build(record(0, "a", "de", flagged)).record)
    assert (row["original_text"], row["final_text"]) == (texts_json([pair("ein Wort")]), None)
    assert row["open_findings"] == 1
    edited = Story(pair("2.5")).rewrite(Pass.LOCALIZATION, "decimal-separator", ("2.5", "2,5"))
    row = of("records", build(record(0, "a", "de", edited)).record)
    assert (row["original_text"], row["final_text"]) == (texts_json([pair("2.5")]), texts_json([pair("2,5")]))
    assert (row["original_hash"], row["final_hash"]) == (texts_hash([pair("2.5")]), texts_hash([pair("2,5")]))
    taken_back = Story(pair("2.5")).rewrite(Pass.LOCALIZATION, "k", ("2.5", "25"), violations=[NUMBER])
    row = of("records", build(record(0, "a", "de", replace_findings(taken_back))).record)
    assert row["original_text"] is not None, "what was tried is told as well"
    assert (row["final_text"], row["outcome"]) == (None, "reverted")


def replace_findings(story: Story) -> Story:
    """The same without findings, so that only its edits are told."""
    story.findings = []
    return story


def test_parts_refer_to_each_other_across_pairs() -> None:
    turns = [
        Story(pair("1.5")).rewrite(Pass.CONTENT, "a", ("1", "2")).rewrite(Pass.LOCALIZATION, "b", (".", ",")),
        Story(pair("3.5")).skipped().rewrite(Pass.LOCALIZATION, "c", (".", ",")),
    ]
    rows = build(record(3, "key", "tr", *turns), records=10, decisions=20, findings=30)
    assert (rows.record[0], rows.record[1]) == (11, 7)
    decisions = [of("decisions", row) for row in rows.decisions]
    assert [(d["id"], d["record_id"], d["pair"], d["pass"]) for d in decisions] == [
        (21, 11, 0, "content"), (22, 11, 0, "localization"), (23, 11, 1, "route"), (24, 11, 1, "localization"),
    ]  # fmt: skip
    assert [(edit[0], edit[1], edit[-1]) for edit in rows.edits] == [(21, 0, "a"), (22, 0, "b"), (24, 0, "c")]
    findings = [of("findings", row) for row in rows.findings]
    assert [(f["id"], f["pair"], f["kind"], f["decision_id"]) for f in findings] == [
        (31, 0, "a", 21), (32, 0, "b", 22), (33, 1, "c", 24),
    ]  # fmt: skip
    assert {f["status"] for f in findings} == {FindingStatus.REPAIRED}


def test_decisions_are_linked_to_the_record_and_to_each_other() -> None:
    story = Story(pair("2.5 x")).rewrite(Pass.LOCALIZATION, "k", ("2.5", "2,5")).verified()
    rows = build(record(0, "a", "de", story))
    seal = seals.record_seal(rows.record[:-1], rows.findings)
    assert rows.record[-1] == seal
    head = "head"
    for row in rows.decisions:
        edits = [edit for edit in rows.edits if edit[0] == row[0]]
        assert row[-2] == head
        head = seals.decision_hash(head, seal, row[:-2], edits)
        assert row[-1] == head
    assert rows.head == head
    assert build(RecordResult(0, 1, "a", "und", record(0, "a", "de").outcome, (), None)).head == "head"


@pytest.mark.parametrize("generation", [None, 9])
def test_a_decision_covers_the_reply_it_rests_on(generation: int | None) -> None:
    story = Story(pair("a")).skipped()
    story.decisions[0] = replace(story.decisions[0], generation=generation, prompt_hash="p")
    rows = build(record(0, "a", "de", story), seal_of=lambda number: f"seal of {number}" if number else None)
    reply = "seal of 9" if generation else None
    (row,) = rows.decisions
    assert row[-1] == seals.decision_hash("head", rows.record[-1], row[:-2], [], reply)


def test_a_rejected_line_is_the_next_link_of_its_chain() -> None:
    row = build_rejected_row(REJECTED[0], 7, 2, "head")
    assert row[:4] == (2, 7, 3, 4)
    assert row[-2] == "head"
    assert row[-1] == seals.chain_hash("rejected_lines", "head", row[:-2])
