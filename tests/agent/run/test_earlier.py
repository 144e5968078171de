"""What a run takes over from an earlier one of its log: the same decisions, and the same bytes."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from small_runs import broken_records, lines_of, run_over, session_over, write_lines

from midb.agent.run.batches import Item, Result
from midb.agent.run.earlier import EarlierResults
from midb.agent.run.examine import Examiner
from midb.agent.run.runner import Runner
from midb.corpus.raw import RawRecord
from midb.corpus.records import ParsedRecord
from midb.domain.errors import AuditError
from midb.domain.results import RecordResult


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """Ten records, of which every second has something to repair, and two lines without a pair."""
    records = list(broken_records(8))
    return write_lines(tmp_path / "c.jsonl", *records[:3], {"text": "Ja."}, b"oops", *records[3:])


def test_a_record_that_was_examined_comes_out_as_it_did(corpus: Path) -> None:
    run_over(corpus, limit=6)
    with session_over(corpus, limit=9) as session:
        earlier = session.earlier
        assert earlier is not None
        assert (earlier.end, earlier.runs) == (6, (1,))
        examiner = Examiner(session.settings)
        for raw in (item for item in session.corpus.container.read() if isinstance(item, RawRecord)):
            found = earlier.find(raw)
            if raw.position == 4 or raw.position >= 6:
                assert found is None
                continue
            (examined,) = examiner.examine_batch([(raw, None)])
            assert isinstance(found, RecordResult)
            assert isinstance(examined, RecordResult)
            assert (found.body, found.key, found.outcome) == (examined.body, examined.key, examined.outcome)
            assert [pair.decisions for pair in found.pairs] == [pair.decisions for pair in examined.pairs]


def test_no_record_is_examined_twice(corpus: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    examine = Examiner.examine_batch

    def listening(self: Examiner, batch: Sequence[Item]) -> list[Result]:
        seen.extend(raw.position for raw, _ in batch)
        return examine(self, batch)

    run_over(corpus, limit=6)
    with session_over(corpus, limit=9) as session:  # which tries a few records, to see whether they are read rightly
        monkeypatch.setattr(Examiner, "examine_batch", listening)
        ended = Runner(session, lambda _: None, bool).run()
    assert seen == [4, 6, 7, 8]  # what cannot be read is looked at again
    assert (ended.read, ended.rejected, ended.balanced) == (9, 1, True)
    alone = corpus.with_name("alone.jsonl")
    run_over(corpus, limit=9, output=alone)
    assert corpus.with_name("c.boosted.jsonl").read_bytes() == alone.read_bytes()
    assert len(lines_of(alone)) == 8


def test_a_record_that_is_read_otherwise_now_is_examined_again(corpus: Path) -> None:
    run_over(corpus, limit=6)
    with session_over(corpus, limit=9) as session:
        earlier = session.earlier
        assert earlier is not None
        (first, *_) = (item for item in session.corpus.container.read() if isinstance(item, RawRecord))
        assert earlier.find(first) is not None
        other = EarlierResults(earlier.log, earlier.runs, _reading_nothing(earlier), earlier.end)
        assert other.find(first) is None


def _reading_nothing(earlier: EarlierResults) -> Any:
    """A reader that finds another pair in every record."""
    reader = earlier.reader

    class Other:
        language = reader.language

        def parse(self, raw: RawRecord) -> ParsedRecord:
            return reader.parse(RawRecord.alone(b'{"instruction": "Etwas anderes."}', raw.position))

    return Other()


def test_what_was_changed_by_hand_is_taken_over_by_nobody(corpus: Path) -> None:
    run_over(corpus, limit=6)
    with closing(sqlite3.connect(corpus.with_name("c.boosted.jsonl.audit.db"))) as connection, connection:
        connection.execute("UPDATE edits SET after = 'Anders'")
    connection.close()
    with session_over(corpus, limit=9) as session, pytest.raises(AuditError, match="changed by hand"):
        Runner(session, lambda _: None, bool).run()
