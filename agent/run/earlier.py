"""What an earlier run of the log says of records: a run that reads on behind it (`--limit`) takes that over.

Nothing is examined twice: the decisions, findings and edits of the earlier run become those of this one, with rows of
their own, so that each run can be proved alone. The bytes are made anew from the corpus and the edits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from midb.audit.log import AuditLog
from midb.audit.results import logged_pairs
from midb.audit.texts import parse_texts, texts_hash
from midb.corpus.layouts import RecordError
from midb.corpus.raw import RawRecord
from midb.corpus.reading import RecordReader
from midb.corpus.splice import Stages, add_stage
from midb.domain.decisions import Outcome, standing
from midb.domain.results import RecordResult


@dataclass(frozen=True)
class EarlierResults:
    """The results of ``runs`` of a log, the latest first, as those of the records that ``reader`` reads now.

    ``end`` is the position behind the last record that any of them read.
    """

    log: AuditLog
    runs: Sequence[int]
    reader: RecordReader
    end: int

    def find(self, raw: RawRecord) -> RecordResult | None:
        """The result of a record; ``None`` where there is none, or the record is read in another way now.

        That happens where more records say more about the corpus: its usual language, or what its columns hold.
        Raises AuditError where the log was changed by hand.
        """
        if raw.position >= self.end or not (logged := self.log.find_record(self.runs, raw.position)):
            return None
        try:
            parsed = self.reader.parse(raw)
        except RecordError:
            return None
        row = logged.row
        originals = [slot.pair for slot in parsed.slots]
        read = parsed.key, self.reader.language(parsed), texts_hash(originals)
        if read != (row.record_key, row.language, row.original_hash):
            return None
        finals = list(parse_texts(row.final_text)) if row.final_text is not None else originals
        pairs = logged_pairs(logged, originals, finals)
        stages: Stages = {}
        for slot, pair in zip(parsed.slots, pairs, strict=True):
            for _, decision in standing(pair.decisions):
                add_stage(stages, slot.paths, decision.edits)
        body = self.reader.splice(raw.body, stages) if stages else None
        return RecordResult(raw.position, raw.line, parsed.key, row.language, Outcome(row.outcome), pairs, body)
