"""A corpus in batches: the records that are examined, written and logged together."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from midb.corpus.layouts import RecordError
from midb.corpus.opened import OpenedCorpus
from midb.corpus.raw import RawRecord, Start, Tail
from midb.corpus.records import too_long
from midb.domain.results import RecordResult, RejectedLine

#: Records per batch, transaction and checkpoint. A kill loses the work on at most the batches that are out.
BATCH = 32

#: A record to be examined, with its English original in a source file, if it has one there.
Item = tuple[RawRecord, bytes | None]

#: What became of a record.
Result = RecordResult | RejectedLine


@dataclass(frozen=True)
class Batch:
    """Records that are examined and logged together.

    ``refused`` are records that need no examination (by position); ``tail`` comes with the last batch.
    """

    records: Sequence[RawRecord]
    items: Sequence[Item]
    refused: Mapping[int, RejectedLine]
    tail: Tail | None = None

    def answers(self, results: Sequence[Result]) -> Iterator[tuple[RawRecord, Result]]:
        """Each record with what became of it, in order."""
        examined = iter(results)
        for raw in self.records:
            refused = self.refused.get(raw.position)
            yield raw, refused if refused else next(examined)


def batches_of(corpus: OpenedCorpus, start: Start = Start()) -> Iterator[Batch]:  # noqa: B008  (frozen)
    """A corpus in batches from ``start`` on; the last one has the tail."""
    reading = corpus.container.read(start)
    tail: Tail | None = None
    while tail is None:
        records: list[RawRecord] = []
        for item in itertools.islice(reading, BATCH):
            if isinstance(item, Tail) or item.position == corpus.limit:
                tail = item if isinstance(item, Tail) else corpus.container.cut()
                break
            records.append(item)
        # What lies in a spool is too long to be examined, and cannot be sent to a worker.
        refused = {raw.position: reject(raw, too_long(raw)) for raw in records if raw.spool}
        items = [(raw, corpus.source_of(raw)) for raw in records if not raw.spool]
        yield Batch(records, items, refused, tail)


def reject(raw: RawRecord, error: RecordError) -> RejectedLine:
    """The rejected line for a record that cannot be read."""
    return RejectedLine(
        position=raw.position,
        line=raw.line,
        offset=raw.offset,
        length=raw.length,
        sha256=raw.sha256(),
        reason=error.reason,
        message=error.message,
    )
