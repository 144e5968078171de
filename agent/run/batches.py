"""A corpus in batches: the records that are examined, written and logged together."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from midb.corpus.layouts import RecordError
from midb.corpus.opened import OpenedCorpus
from midb.corpus.raw import RawRecord, Start, Tail
from midb.corpus.records import too_long
from midb.domain.results import RecordResult, RejectedLine

#: Most records of a batch, transaction and checkpoint. A kill loses the work on at most the batches that are out.
BATCH = 64

#: Bytes after which a batch takes no further record: a bound on memory, whatever is in a corpus.
FULL = 1 << 20

#: A record to be examined, with its English original in a source file, if it has one there.
Item = tuple[RawRecord, bytes | None]

#: What became of a record.
Result = RecordResult | RejectedLine


@dataclass(frozen=True)
class Batch:
    """Records that are examined and logged together.

    ``settled`` is what became of records that need no examination (by position); ``tail`` comes with the last batch.
    """

    records: Sequence[RawRecord]
    items: Sequence[Item]
    settled: Mapping[int, Result]
    tail: Tail | None = None

    def answers(self, results: Sequence[Result]) -> Iterator[tuple[RawRecord, Result]]:
        """Each record with what became of it, in order."""
        examined = iter(results)
        for raw in self.records:
            settled = self.settled.get(raw.position)
            yield raw, settled if settled else next(examined)


def batches_of(
    corpus: OpenedCorpus,
    start: Start = Start(),  # noqa: B008  (frozen)
    find: Callable[[RawRecord], Result | None] | None = None,
    most: Callable[[], int] | None = None,
) -> Iterator[Batch]:
    """A corpus in batches from ``start`` on; the last one has the tail.

    :param find: gives results that are known.
    :param most: gives the number of records of the batch that is made next, if that is less than ``BATCH``.
    """
    reading = corpus.container.read(start)
    tail: Tail | None = None
    while tail is None:
        records: list[RawRecord] = []
        size = 0
        for item in itertools.islice(reading, max(1, min(BATCH, most())) if most else BATCH):
            if isinstance(item, Tail) or item.position == corpus.limit:
                tail = item if isinstance(item, Tail) else corpus.container.cut()
                break
            records.append(item)
            size += len(item.body)
            if size >= FULL:
                break
        # What lies in a spool is too long to be examined, and cannot be sent to a worker.
        settled: dict[int, Result] = {}
        for raw in records:
            if result := reject(raw, too_long(raw)) if raw.spool else find(raw) if find else None:
                settled[raw.position] = result
        items = [(raw, corpus.source_of(raw)) for raw in records if raw.position not in settled]
        yield Batch(records, items, settled, tail)


def reject(raw: RawRecord, error: RecordError) -> RejectedLine:
    """The rejected line for a record that cannot be read."""
    return RejectedLine(
        position=raw.position,
        line=raw.line,
        offset=raw.offset_in_file,
        length=raw.length,
        sha256=raw.sha256(),
        reason=error.reason,
        message=f"{raw.file}: {error.message}" if raw.file else error.message,
    )
