"""Both sides of a run, record by record: the corpus as it was and the output, held against what the log says of them.

A record whose texts are not those of the log ends it: figures of other files than the run's would be about nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from midb.audit.reader import AuditReader
from midb.audit.rows import as_text
from midb.audit.run_rows import Run
from midb.audit.texts import texts_hash
from midb.corpus.layouts import RecordError
from midb.corpus.opened import OpenedCorpus
from midb.corpus.raw import RawRecord
from midb.corpus.reading import RecordReader
from midb.corpus.records import ParsedRecord
from midb.domain.errors import UsageError
from midb.domain.pairs import Field, InstructionPair
from midb.training.data.revision import identify_row


@dataclass(frozen=True, slots=True, kw_only=True)
class PairSides:
    """One pair before and after a run.

    :param row: what it has in common with its translations.
    :param shared: texts of another pair of the record that this one is about as well.
    :param demands: short texts of the record that may be what a response must hold.
    :param size: bytes of the record, by which its time is measured.
    """

    key: str
    number: int
    row: str
    language: str
    before: InstructionPair
    after: InstructionPair
    source: InstructionPair | None
    shared: Mapping[Field, str]
    demands: tuple[str, ...]
    size: int


#: (position, key, language, hash before, hash after) of the records of a run, in the order of the corpus.
_RECORDS = (
    "SELECT position, record_key, language, original_hash, final_hash FROM records WHERE run_id = ? ORDER BY position"
)


class SidesReader:
    """Reads the pairs of a run. What holds no pair is counted in ``unexamined`` meanwhile.

    :param corpus: as the run read it; ``output`` what it wrote.
    """

    def __init__(self, reader: AuditReader, run: Run, corpus: OpenedCorpus, output: OpenedCorpus) -> None:
        self._reader = reader
        self._run = run
        self._corpus = corpus
        self._output = output
        self.records = self.unexamined = 0

    def read(self) -> Iterator[PairSides]:
        """The pairs in the order of the corpus; UsageError where a file is not that of the run."""
        before, after = self._corpus.reader(), self._output.reader()
        behind = _records_of(self._output)
        logged = self._reader.query(_RECORDS, [self._run.id])
        row = next(logged, None)
        for raw in _records_of(self._corpus):
            source = self._corpus.source_of(raw)
            if row is None or raw.position != row["position"]:
                continue  # a line that the run rejected
            made = next(behind, None)
            key = as_text(row["record_key"])
            if made is None:
                raise self._refuse(key, "it ends before this record")
            parsed = self._parse(before, raw, source, key, as_text(row["original_hash"]), "the corpus")
            left = self._parse(after, made, None, key, as_text(row["final_hash"]), "the output")
            self.records += 1
            if parsed.unexamined:
                self.unexamined += 1
            else:
                yield from _pair_up(parsed, left, as_text(row["language"]), len(raw.body))
            row = next(logged, None)
        if row is not None:
            raise self._refuse(as_text(row["record_key"]), "the corpus ends before this record")
        if next(behind, None) is not None:
            raise self._refuse("", "the output goes on behind the last record of the run")

    def _parse(
        self, reader: RecordReader, raw: RawRecord, source: bytes | None, key: str, wanted: str, which: str
    ) -> ParsedRecord:
        try:
            parsed = reader.parse(raw, source)
        except RecordError as error:
            raise self._refuse(key, f"{which} cannot be read there ({error.message})") from error
        # What a revert or a review left starts from the run before it: the corpus is that run's.
        checked = which == "the output" or self._run.kind == "run"
        if checked and texts_hash([slot.pair for slot in parsed.slots]) != wanted:
            raise self._refuse(key, f"{which} has other texts there than the log says")
        return parsed

    def _refuse(self, key: str, why: str) -> UsageError:
        place = f"record {key}: " if key else ""
        return UsageError(
            f"the files are not those of run {self._run.id}: {place}{why}.",
            hint="Name them as the run left them: --corpus FILE, --boosted FILE.",
        )


def _records_of(corpus: OpenedCorpus) -> Iterator[RawRecord]:
    for item in corpus.container.read():
        if not isinstance(item, RawRecord) or item.position == corpus.limit:
            return
        yield item


def _pair_up(parsed: ParsedRecord, left: ParsedRecord, language: str, size: int) -> Iterator[PairSides]:
    first = parsed.slots[0]
    row = identify_row(first.pair.replaced(dict(first.shared)), parsed.sources[0], parsed.key)
    pairs = zip(parsed.slots, left.slots, parsed.sources, strict=True)
    for number, (slot, made, source) in enumerate(pairs):
        yield PairSides(
            key=parsed.key, number=number, row=row, language=language, before=slot.pair, after=made.pair,
            source=source, shared=slot.shared, demands=parsed.demands, size=size,
        )  # fmt: skip


def describe_settings(config: Mapping[str, Any]) -> list[str]:
    """What there is to say of a run that did not look at everything."""
    notes = []
    if config.get("limit"):
        notes.append(
            f"The run stopped after {config['limit']:,} records (--limit): what is behind them is not measured."
        )
    return notes
