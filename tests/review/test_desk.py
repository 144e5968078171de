"""Verdicts reach the log at once, from several at a time, and what cannot be meant is refused."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from review_fixtures import candidates_of

from midb.audit.log import AuditLog
from midb.audit.proof.verify import verify
from midb.audit.reader import AuditReader
from midb.audit.verdicts import find_by_reviewer, find_standing, read_verdicts
from midb.domain.errors import AuditError, UsageError
from midb.review.desk import PATIENCE, Desk, Said


def open_desk(log: Path, **more: object) -> Desk:
    with AuditReader(log) as reader:
        return Desk(log, reader.run(1), **more)  # type: ignore[arg-type]


def test_the_last_word_stands_and_all_are_kept(log: Path) -> None:
    desk, one = open_desk(log), candidates_of(log)["one mojibake"]
    desk.say("Ana", one, Said("accept"))
    desk.say("Bo", one, Said("reject", note=" no "))
    desk.say("Ana", candidates_of(log)["two decimal-separator"], Said("accept"))
    desk.say("Ana", candidates_of(log)["two decimal-separator"], Said("withdraw"))
    with AuditReader(log) as reader:
        said = [(row.reviewer, row.item, row.verdict, row.note) for row in read_verdicts(reader, 1)]
        assert said[:2] == [("Ana", one.item.name, "accept", ""), ("Bo", one.item.name, "reject", "no")]
        assert len(said) == 4
        standing = find_standing(reader, 1)
        assert {item: row.reviewer for item, row in standing.items()} == {one.item.name: "Bo"}
        assert find_by_reviewer(reader, 1)["Ana"].keys() == {one.item.name}
    proof = verify(log)
    assert proof.problems == []
    assert [(run.kind, run.verdicts) for run in proof.runs] == [("run", 0), ("review", 3), ("review", 1)]


def test_a_verdict_on_several_edits_is_one_on_each(log: Path) -> None:
    quotes = candidates_of(log)["quotes quotation-marks"]
    open_desk(log).say("Ana", quotes, Said("reject"))
    with AuditReader(log) as reader:
        assert set(find_standing(reader, 1)) == {item.name for item in quotes.items()}
    with pytest.raises(UsageError, match="2 edits that stand or fall together"):
        open_desk(log).say("Ana", quotes, Said("change", "x"))


@pytest.mark.parametrize(
    ("name", "text", "kept"),
    [
        ("one mojibake", "Schön,", "accept"), ("one mojibake", "SchÃ¶n,", "reject"), ("one mojibake", "Toll", "change"),
        ("open imperial-unit", "5 Meilen", "reject"), ("open imperial-unit", "8 km", "change"),
    ],
)  # fmt: skip
def test_a_right_text_that_is_no_other_is_what_it_says(name: str, text: str, kept: str, log: Path) -> None:
    open_desk(log).say("Ana", candidates_of(log)[name], Said("change", text))
    with AuditReader(log) as reader:
        (row,) = find_standing(reader, 1).values()
    assert (row.verdict, row.text) == (kept, text if kept == "change" else None)


@pytest.mark.parametrize(
    "said", [Said("maybe"), Said("change"), Said("change", "\x00"), Said("accept", note="x" * 20_001)]
)
def test_what_cannot_be_taken_leaves_nothing(said: Said, log: Path) -> None:
    before = log.read_bytes()
    with pytest.raises(UsageError):
        open_desk(log).say("Ana", candidates_of(log)["one mojibake"], said)
    assert log.read_bytes() == before


def test_it_waits_for_another_writer_and_not_for_ever(log: Path) -> None:
    waits: list[float] = []
    other = AuditLog(log)

    def wait(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 3:
            other.close()

    one = candidates_of(log)["one mojibake"]
    open_desk(log, sleep=wait).say("Ana", one, Said("accept"))
    assert len(waits) == 3
    with AuditLog(log), pytest.raises(AuditError, match="in use"):
        open_desk(log, sleep=waits.append).say("Ana", one, Said("reject"))
    assert sum(waits) >= PATIENCE


def test_many_at_once_lose_nothing(log: Path) -> None:
    """Two desks of two processes would be, each with two threads."""
    desks, found = [open_desk(log) for _ in range(2)], list(candidates_of(log).values())
    failures: list[BaseException] = []

    def say(number: int) -> None:
        try:
            for one in found:
                desks[number % 2].say(f"reviewer {number}", one, Said("accept", note=str(number)))
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=say, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    with AuditReader(log) as reader:
        said = find_by_reviewer(reader, 1)
    assert {name: len(rows) for name, rows in said.items()} == {"reviewer 0": 8, "reviewer 1": 8}
    assert verify(log).problems == []
