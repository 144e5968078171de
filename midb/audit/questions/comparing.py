"""Two runs side by side, of one log or of two: their sums, which records came out differently, which only one has."""

from __future__ import annotations

import heapq
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from midb.audit.lineage import trace
from midb.audit.questions.filters import STANDS, Filters, record_condition
from midb.audit.questions.later import find_standing_now
from midb.audit.questions.summary import LEDGER
from midb.audit.questions.usage import total_usage, usage_by_pass
from midb.audit.reader import AuditReader
from midb.audit.rows import RecordRow, as_text
from midb.audit.run_rows import Run
from midb.audit.texts import parse_texts
from midb.domain.errors import ReplayError
from midb.domain.pairs import InstructionPair

Texts = tuple[InstructionPair, ...]

#: Records that only one of two runs has: so many are named.
NAMED = 10


@dataclass(frozen=True, slots=True)
class Difference:
    """A record that came out differently; a text is None where the log does not hold it."""

    row: RecordRow
    texts: Texts | None
    other: RecordRow
    other_texts: Texts | None


@dataclass(frozen=True, kw_only=True)
class RunSums:
    """A run in some numbers, each of what its name says; ``outcomes`` are records.

    :param edits: that stand in the texts as the run left them, whichever run made them.
    :param open_findings: None for a run that goes on from another and looked for none.
    :param calls: replies of a model that the run paid for; ``tokens`` that went in and came out for them.
    """

    read: int
    outcomes: dict[str, int]
    rejected: int
    edits: int
    open_findings: int | None
    calls: int
    tokens: int


@dataclass(slots=True)
class OnlyHere:
    """Records that the other run does not have: how many, and the names of the first."""

    count: int = 0
    names: list[str] | None = None

    def add(self, name: str) -> None:
        """One more."""
        self.count += 1
        self.names = [*(self.names or []), name] if self.count <= NAMED else self.names


@dataclass(frozen=True, slots=True)
class _Seen:
    """A record as it is matched: by ``key``, a place in the corpus or an id with its number among the same ids."""

    key: tuple[Any, ...]
    id: int
    position: int
    name: str
    final_hash: str
    meant: bool


class Comparison:
    """What differs between the final texts of two runs, as far as the filters mean it.

    A record of the first run belongs to the one at the same place of the same corpus; of another corpus to the one with
    the same id (a record without one has its place for an id), and where several have it to the one that is as many-th
    among them. Both runs are gone through once, side by side: memory does not grow with them.

    :ivar shared: how many records that are meant both runs have, ``differing`` of them came out differently.
    :ivar here: records that are meant and only the first run has, ``there`` only the other one.
    """

    def __init__(
        self, reader: AuditReader, filters: Filters, other: AuditReader, against: Run, *, limit: int = 0
    ) -> None:
        self._reader, self._other = reader, other
        self.by_place = reader.run(filters.run).corpus_sha256 == against.corpus_sha256
        self.shared = self.differing = 0
        self.here, self.there = OnlyHere(), OnlyHere()
        #: (position, record of the first run, record of the other), the first of those that differ.
        self._first = heapq.nsmallest(max(limit, 1), self._walk(filters, against))[:limit]

    def _walk(self, filters: Filters, against: Run) -> Iterator[tuple[int, int, int]]:
        ours = self._list(self._reader, filters)
        # What is named by an edit is of this run alone; of the other nothing is asked for then.
        theirs = self._list(self._other, replace(filters, run=against.id, edit=None))
        only_theirs = not filters.edit
        mine, yours = next(ours, None), next(theirs, None)
        while mine is not None or yours is not None:
            if yours is None or (mine is not None and mine.key < yours.key):
                assert mine is not None
                if mine.meant:
                    self.here.add(mine.name)
                mine = next(ours, None)
            elif mine is None or yours.key < mine.key:
                if yours.meant and only_theirs:
                    self.there.add(yours.name)
                yours = next(theirs, None)
            else:
                if mine.meant:
                    self.shared += 1
                    if mine.final_hash != yours.final_hash:
                        self.differing += 1
                        yield mine.position, mine.id, yours.id
                mine, yours = next(ours, None), next(theirs, None)

    def _list(self, reader: AuditReader, filters: Filters) -> Iterator[_Seen]:
        """The records of a run in the order in which they are matched."""
        where, values = record_condition(filters)
        order = "r.position" if self.by_place else "r.record_key, r.position"
        meant = f"({where})" if filters.of_records or filters.of_items else "1"
        sql = (
            f"SELECT r.id, r.position, r.record_key, r.final_hash, {meant} FROM records r WHERE r.run_id = :run "
            f"ORDER BY {order}"
        )
        last, nth = b"", 0
        for number, position, key, final_hash, is_meant in reader.query(sql, values):
            # As SQLite orders them: by their bytes.
            raw = key if isinstance(key, bytes) else str(key).encode("utf-8", "surrogateescape")
            nth = nth + 1 if raw == last else 0
            last = raw
            place = (position,) if self.by_place else (raw, nth)
            yield _Seen(place, number, position, as_text(key), as_text(final_hash), bool(is_meant))

    def differences(self) -> Iterator[Difference]:
        """The first of the records that differ, as many as were asked for, in the order of the corpus."""
        for _, first, second in self._first:
            (row,) = self._reader.records("r.id = ?", [first])
            (other,) = self._other.records("r.id = ?", [second])
            # A run that changed nothing of a record keeps no text of it; the run that it goes on from does.
            rows = [*_read_before(self._reader, row), *_read_before(self._other, other)]
            yield Difference(row, final_texts(row, *rows), other, final_texts(other, *rows))


def _read_before(reader: AuditReader, row: RecordRow) -> Iterator[RecordRow]:
    """What the runs that a record's run came about by say of it, the last one first."""
    for run in reversed(trace(reader, reader.run(row.run_id))):
        yield from reader.records("r.run_id = ? AND r.position = ?", [run.id, row.position])


def sum_up(reader: AuditReader, run: Run) -> RunSums:
    """A run in some numbers, counted in its log."""
    outcomes: Counter[str] = Counter()
    for _, outcome, records in reader.query(LEDGER, [run.id]):
        outcomes[as_text(outcome)] += records

    def count(sql: str) -> int:
        return int(next(reader.query(sql, [run.id]))[0])

    rejected = count("SELECT count(*) FROM rejected_lines WHERE run_id = ?")
    used = total_usage(usage_by_pass(reader, run.id))
    return RunSums(
        read=outcomes.total() + rejected,
        outcomes=dict(outcomes),
        rejected=rejected,
        edits=_count_standing(reader, run),
        open_findings=(
            None if run.goes_on else count("SELECT coalesce(sum(open_findings), 0) FROM records WHERE run_id = ?")
        ),
        calls=used.calls,
        tokens=used.prompt_tokens + used.completion_tokens,
    )


def _count_standing(reader: AuditReader, run: Run) -> int:
    """The edits that stand behind a run: those of the run that boosted the corpus, without what was undone since."""
    runs = trace(reader, run)
    sql = (
        "SELECT count(*) FROM edits e CROSS JOIN decisions d ON d.id = e.decision_id CROSS JOIN records r "
        f"ON r.id = d.record_id WHERE r.run_id = ? AND {STANDS}"
    )
    total = int(next(reader.query(sql, [runs[0].id]))[0])
    changed = (
        "SELECT DISTINCT position FROM records WHERE run_id IN (SELECT value FROM json_each(?)) "
        "AND final_text IS NOT NULL"
    )
    for (position,) in reader.query(changed, [json.dumps([one.id for one in runs[1:]])]):
        total += len(find_standing_now(reader, runs, position)) - len(find_standing_now(reader, runs[:1], position))
    return total


def final_texts(row: RecordRow, *others: RecordRow) -> Texts | None:
    """A record's final texts; where the log keeps none, as nothing was found in it, ``others`` may have the same."""
    for one in (row, *others):
        for text, digest in ((one.final_text, one.final_hash), (one.original_text, one.original_hash)):
            if text is not None and digest == row.final_hash:
                try:
                    return parse_texts(text)
                except ReplayError:
                    continue
    return None
