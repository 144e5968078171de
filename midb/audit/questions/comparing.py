"""Two runs side by side: which records came out differently, and both texts of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from midb.audit.questions.filters import Filters, record_condition
from midb.audit.reader import AuditReader
from midb.audit.rows import RecordRow
from midb.audit.run_rows import Run
from midb.audit.texts import parse_texts
from midb.domain.errors import ReplayError
from midb.domain.pairs import InstructionPair

Texts = tuple[InstructionPair, ...]

# A record of the first run belongs to the one of the same place in the corpus; of another corpus to the one with the
# same id, and where several have it to the one that is as many-th among them.
_SAME_CORPUS = "FROM records r JOIN records o ON o.run_id = :against AND o.position = r.position WHERE {where}"
_OTHER_CORPUS = (
    "FROM records r JOIN (SELECT id, row_number() OVER (PARTITION BY record_key ORDER BY position) AS nth FROM records "
    "WHERE run_id = :run) rn ON rn.id = r.id JOIN (SELECT *, row_number() OVER (PARTITION BY record_key ORDER BY "
    "position) AS nth FROM records WHERE run_id = :against) o ON o.record_key = r.record_key AND o.nth = rn.nth "
    "WHERE {where}"
)


@dataclass(frozen=True, slots=True)
class Difference:
    """A record that came out differently; a text is None where the log does not hold it."""

    row: RecordRow
    texts: Texts | None
    other: RecordRow
    other_texts: Texts | None


class Comparison:
    """What differs between the final texts of two runs, as far as the filters mean the records of the first."""

    def __init__(self, reader: AuditReader, filters: Filters, against: Run) -> None:
        self._reader = reader
        where, values = record_condition(filters)
        same = reader.run(filters.run).corpus_sha256 == against.corpus_sha256
        self._from = (_SAME_CORPUS if same else _OTHER_CORPUS).format(where=where)
        self._values = values | {"against": against.id}
        self._differs = f"{self._from} AND r.final_hash <> o.final_hash"

    def shared(self) -> int:
        """How many records both runs have."""
        return int(next(self._reader.query(f"SELECT count(*) {self._from}", self._values))[0])

    def count(self) -> int:
        """How many of them came out differently."""
        return int(next(self._reader.query(f"SELECT count(*) {self._differs}", self._values))[0])

    def differences(self, limit: int) -> Iterator[Difference]:
        """Those records, in the order of the corpus."""
        sql = f"SELECT r.id, o.id {self._differs} ORDER BY r.position LIMIT {int(limit)}"
        for first, second in self._reader.query(sql, self._values):
            (row,) = self._reader.records("r.id = ?", [first])
            (other,) = self._reader.records("r.id = ?", [second])
            yield Difference(row, final_texts(row, other), other, final_texts(other, row))


def final_texts(row: RecordRow, other: RecordRow) -> Texts | None:
    """A record's final texts; where the log keeps none, as nothing was found in it, ``other`` may have the same."""
    for text, digest in (
        (row.final_text, row.final_hash),
        (row.original_text, row.original_hash),
        (other.original_text, other.original_hash),
        (other.final_text, other.final_hash),
    ):
        if text is not None and digest == row.final_hash:
            try:
                return parse_texts(text)
            except ReplayError:
                continue
    return None
