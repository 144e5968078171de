"""A corpus in batches: every record once, in order, wherever reading begins and ends."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pytest
from small_runs import write_lines

from midb.agent.run import batches
from midb.agent.run.batches import Batch, batches_of, reject
from midb.corpus.formats.containers import open_container
from midb.corpus.formats.memory import RecordsInMemory
from midb.corpus.layouts import RecordError
from midb.corpus.opened import OpenedCorpus, open_corpus
from midb.corpus.raw import RawRecord, Start, Tail, read_lines
from midb.domain.results import RejectedLine

ROWS = [{"instruction": f"Frage {n}"} for n in range(7)]


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "BATCH", 3)


@pytest.fixture
def corpus(tmp_path: Path) -> OpenedCorpus:
    return open_corpus(open_container(write_lines(tmp_path / "c.jsonl", *ROWS)), language="de")


def positions(batch: Batch) -> list[int]:
    return [raw.position for raw in batch.records]


def test_batches_are_full_but_for_the_last_which_has_the_tail(corpus: OpenedCorpus) -> None:
    found = list(batches_of(corpus))
    assert [positions(batch) for batch in found] == [[0, 1, 2], [3, 4, 5], [6]]
    assert [batch.tail for batch in found] == [None, None, Tail(b"")]
    assert [raw for batch in found for raw, _ in batch.items] == [raw for batch in found for raw in batch.records]


def test_a_corpus_that_fills_its_batches_ends_with_an_empty_one() -> None:
    found = list(batches_of(open_corpus(RecordsInMemory(ROWS[:6]), language="de")))
    assert [positions(batch) for batch in found] == [[0, 1, 2], [3, 4, 5], []]
    assert found[-1].tail is not None


def test_a_batch_may_be_shorter_than_it_can_be_at_most(corpus: OpenedCorpus) -> None:
    sizes = iter([2, 99, 0, 3])
    found = list(batches_of(corpus, most=lambda: next(sizes)))
    assert [positions(batch) for batch in found] == [[0, 1], [2, 3, 4], [5], [6]]


@pytest.mark.parametrize(("full", "expected"), [(1, [[n] for n in range(7)]), (60, [[0, 1, 2], [3, 4, 5], [6]])])
def test_large_records_make_short_batches(
    corpus: OpenedCorpus, full: int, expected: list[list[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes = {len(raw.body) for batch in batches_of(corpus) for raw in batch.records}
    assert 20 <= min(sizes) <= max(sizes) < 30  # the third of them reaches 60
    monkeypatch.setattr(batches, "FULL", full)
    found = list(batches_of(corpus))
    assert [positions(batch) for batch in found if batch.records] == expected
    assert [batch.tail for batch in found] == [None] * (len(found) - 1) + [Tail(b"")]


@pytest.mark.parametrize("begin", range(8))
def test_it_goes_on_behind_any_record(corpus: OpenedCorpus, begin: int) -> None:
    records = [raw for batch in batches_of(corpus) for raw in batch.records]
    at = Start()
    if begin:
        last = records[begin - 1]
        at = Start(last.end, begin, last.next_line)
    assert [raw for batch in batches_of(corpus, at) for raw in batch.records] == records[begin:]


@pytest.mark.parametrize("limit", [1, 3, 4, 7, 9])
def test_a_limit_ends_it_as_the_format_ends(tmp_path: Path, limit: int) -> None:
    path = tmp_path / "c.json"
    path.write_bytes(b'[\n {"instruction": "a"}' + b',\n {"instruction": "b"}' * 6 + b"\n]\n")
    corpus = open_corpus(open_container(path), language="de", limit=limit)
    found = list(batches_of(corpus))
    assert sum(len(batch.records) for batch in found) == min(limit, 7)
    assert found[-1].tail == (corpus.container.cut() if limit < 7 else Tail(b"\n]\n"))


def test_each_record_comes_with_its_english_original() -> None:
    sources = RecordsInMemory([{"instruction": f"Question {n}"} for n in range(7)])
    corpus = open_corpus(RecordsInMemory(ROWS), language="de", source=sources)
    found = [source for batch in batches_of(corpus) for _, source in batch.items]
    assert found == [sources.body(n) for n in range(7)]


def long_record(position: int) -> RawRecord:
    raw = next(read_lines(BytesIO(b"x" * 100 + b"\n"), Start(position=position), limit=10))
    assert isinstance(raw, RawRecord)
    assert raw.spool is not None
    return raw


def test_what_is_too_long_is_refused_unexamined(corpus: OpenedCorpus, monkeypatch: pytest.MonkeyPatch) -> None:
    read = corpus.container.read

    def with_a_long_one(start: Start = Start()) -> Iterator[RawRecord | Tail]:  # noqa: B008  (frozen)
        for item in read(start):
            is_second = isinstance(item, RawRecord) and item.position == 1
            yield replace(long_record(1), position=1) if is_second else item

    monkeypatch.setattr(corpus.container, "read", with_a_long_one)
    first = next(batches_of(corpus))
    assert positions(first) == [0, 1, 2]
    assert [raw.position for raw, _ in first.items] == [0, 2]
    refused = first.settled[1]
    assert isinstance(refused, RejectedLine)
    assert (refused.reason, refused.length, refused.sha256) == ("too-long", 100, long_record(1).sha256())
    assert "MiB, more than" in refused.message


def test_answers_come_in_the_order_of_the_records(corpus: OpenedCorpus) -> None:
    batch = next(batches_of(corpus))
    first, second, third = batch.records
    refused = reject(second, RecordError("too-long", "it is too long"))
    results = [reject(raw, RecordError("odd", str(raw.position))) for raw in (first, third)]
    found = Batch(batch.records, [item for item in batch.items if item[0] is not second], {1: refused})
    assert list(found.answers(results)) == [(first, results[0]), (second, refused), (third, results[1])]


def test_a_rejected_line_says_where_it_lies_and_what_it_is() -> None:
    raw = replace(RawRecord.alone(b"oops", 4), line=9, offset=123)
    assert reject(raw, RecordError("not-json", "no JSON")) == RejectedLine(
        position=4, line=9, offset=123, length=4, sha256=raw.sha256(), reason="not-json", message="no JSON"
    )
