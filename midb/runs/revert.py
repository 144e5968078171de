"""Undoing edits of a finished run: a new corpus without them, and a run of its own in the log that says so.

The new output is made from the corpus itself and the logged edits, so that nothing but the undone places differs from
the run's output. In the log the revert's records start from the texts that the run left.
"""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Protocol

import orjson

from midb.audit.lineage import BACKWARDS, PairHistory, UndoneMore, list_later, read_chain, trace, write_detail
from midb.audit.log import AuditLog
from midb.audit.questions.filters import Filters, edit_condition, parameters, scope_condition, split_words
from midb.audit.reader import AuditReader
from midb.audit.rows import LoggedRecord, RecordRow
from midb.audit.run_rows import Run, utc_now
from midb.audit.texts import parse_texts, texts_hash
from midb.audit.verdict_rows import Item
from midb.corpus.opened import OpenedCorpus
from midb.corpus.places import OutputPlaces, access_of
from midb.corpus.raw import RawRecord, Tail
from midb.corpus.records import ParsedRecord
from midb.corpus.splice import Stages, add_stage
from midb.corpus.writer import OutputFiles
from midb.domain.decisions import Action, Decision, Outcome, PairResult, Pass, Reason
from midb.domain.edits import Edit, apply
from midb.domain.errors import AuditError, ReplayError, UsageError
from midb.domain.results import RecordResult, RejectedLine
from midb.runs.config import config_hash
from midb.runs.writer import CorpusWriter

#: Records per transaction.
BATCH = 256


class UndoChoice(Protocol):
    """Which edits of a record are undone, and why."""

    def pick(self, records: Sequence[LoggedRecord]) -> frozenset[Item]:
        """The edits that are meant of a record, given what each run of its lineage says of it; those that do not stand
        any more may be among them."""
        ...

    def described(self) -> str:
        """The choice in words, as it is logged."""
        ...


class FilteredEdits:
    """Edits that filters mean, of whatever run of a lineage made them.

    Filters of records are held against what the first of the runs says. Edits that undo others, and texts of people,
    are meant only where their pass or their name says so.
    """

    def __init__(self, reader: AuditReader, filters: Filters) -> None:
        self._reader, self._filters = reader, filters
        self._scope = f"SELECT 1 FROM records r WHERE r.id = :of AND {scope_condition(filters)}"
        backwards = filters.edit or set(split_words(filters.pass_)) & {pass_.value for pass_ in BACKWARDS}
        forwards = "" if backwards else " AND d.\"pass\" NOT IN ('revert', 'review')"
        self._edits = (
            "SELECT e.decision_id, e.ordinal FROM json_each(:records) j CROSS JOIN decisions d "
            "ON d.record_id = j.value CROSS JOIN edits e ON e.decision_id = d.id "
            f"WHERE {edit_condition(filters)}{forwards}"
        )
        self._values = parameters(filters)

    def pick(self, records: Sequence[LoggedRecord]) -> frozenset[Item]:
        """The edits of a record."""
        values = self._values | {"of": records[0].row.id, "records": json.dumps([one.row.id for one in records])}
        if self._filters.of_records and next(self._reader.query(self._scope, values), None) is None:
            return frozenset()
        return frozenset(Item(row[0], row[1]) for row in self._reader.query(self._edits, values))

    def described(self) -> str:
        """The filters in words."""
        return self._filters.described()


@dataclass(frozen=True, kw_only=True)
class UndoReport:
    """What a revert did.

    :param edits: by kind, what was undone; ``cascaded`` of them went because they built on one that was meant.
    :param again: by kind, edits that stand again because what had undone them was undone.
    """

    records: int
    changed: int
    rejected: int
    edits: Counter[str]
    again: Counter[str]
    cascaded: int
    run: int


class Undoer:
    """Undoes edits behind one finished run of a log into a new corpus.

    ``parent`` is the run that is started from: one that boosted the corpus, or one that goes on from such a run. What
    the runs before it did, and undid, stays as it is.
    """

    #: What its run in the log is called, and what becomes of a record that it changes.
    kind = "revert"
    changed_outcome = Outcome.UNDONE

    #: Under which words its decisions stand there.
    pass_ = Pass.REVERT
    reason = Reason.REVERT_REQUESTED

    def __init__(self, log: AuditLog, reader: AuditReader, parent: Run, corpus: OpenedCorpus) -> None:
        self._log = log
        self._reader = reader
        self._parent = parent
        self._runs = trace(reader, parent)
        self._container = corpus.container
        self._records = corpus.reader()
        self._edits: Counter[str] = Counter()
        self._again: Counter[str] = Counter()
        self._changed = self._cascaded = 0

    def revert(self, selection: UndoChoice, places: OutputPlaces) -> UndoReport:
        """Write the output and log the revert; raises AuditError where log and corpus do not fit together.

        Then nothing is left of the output, and the log says that the revert failed.
        """
        places.refuse_others(ours=self._log.knows(places.logged(places.output)))
        with OutputFiles(self._container, places, None, mode=access_of(self._container.path)) as files:
            try:
                run, checkpoint = self._log.begin(self._run(selection, places))
                with CorpusWriter(files, self._log, run, checkpoint, failed="failed") as writer:
                    tail = self._fill(selection, writer)
                    writer.publish(writer.seal(tail))
            except BaseException:
                files.remove()
                raise
        return UndoReport(
            records=writer.checkpoint.records,
            changed=self._changed,
            rejected=writer.checkpoint.rejected_lines,
            edits=self._edits,
            again=self._again,
            cascaded=self._cascaded,
            run=run.id,
        )

    def _fill(self, selection: UndoChoice, writer: CorpusWriter) -> Tail:
        """Write every record that the run wrote; returns what follows them."""
        # Closed whatever happens: who ends the log would wait for a query that an error has left in the middle.
        with closing(read_chain(self._reader, self._runs)) as logged, closing(self._rejected()) as lines:
            return self._write(selection, writer, logged, lines)

    def _write(
        self,
        selection: UndoChoice,
        writer: CorpusWriter,
        logged: Iterator[tuple[RecordRow, ...]],
        lines: Iterator[RejectedLine],
    ) -> Tail:
        due, line = next(logged, None), next(lines, None)
        for item in self._container.read():
            if isinstance(item, Tail):
                return item
            if line is not None and line.position == item.position:
                writer.drop(item, line)
                line = next(lines, None)
            elif due is not None and due[0].position == item.position:
                writer.keep(item, self._record(item, due, selection))
                due = next(logged, None)
            else:
                break  # the run was limited
            if writer.waiting >= BATCH:
                writer.commit()
        return self._container.cut()

    def _run(self, selection: UndoChoice, places: OutputPlaces) -> Run:
        config = self._describe(selection)
        return dataclasses.replace(
            self._parent,
            kind=self.kind,
            parent_run=self._parent.id,
            started_at=utc_now(),
            finished_at=None,
            status="running",
            output=places.logged(places.output),
            output_sha256=None,
            config=orjson.dumps(config).decode(),
            config_hash=config_hash(config),
        )

    def _describe(self, selection: UndoChoice) -> dict[str, Any]:
        """The settings of the run, as the log keeps them."""
        return {"reverts": selection.described(), "parent": self._parent.id}

    def _concerns(self, rows: Sequence[RecordRow]) -> bool:
        """Whether anything of a record may change: some run changed it."""
        return any(row.final_text is not None for row in rows)

    def _rejected(self) -> Generator[RejectedLine]:
        names = [field.name for field in dataclasses.fields(RejectedLine)]
        sql = "SELECT * FROM rejected_lines WHERE run_id = ? ORDER BY position"
        return (RejectedLine(**{n: row[n] for n in names}) for row in self._reader.query(sql, [self._parent.id]))

    def _record(self, raw: RawRecord, rows: Sequence[RecordRow], selection: UndoChoice) -> RecordResult:
        """One record as it will be, and the decisions that lead there from what the run left."""
        parsed = self._records.parse(raw)
        row = rows[-1]
        stages: Stages = {}
        if self._concerns(rows):
            records = [self._reader.parts(one) for one in rows]
            pairs = self._pairs(parsed, records, selection, stages)
        else:
            pairs = [PairResult(slot.pair, slot.pair, Outcome.UNCHANGED, (), ()) for slot in parsed.slots]
        if texts_hash([pair.original for pair in pairs]) != row.final_hash:
            raise AuditError(
                f"record {row.record_key} does not read as it did in the run.",
                hint="Give the corpus of that run with --corpus; audit verify checks the log.",
            )
        changed = any(pair.decisions for pair in pairs)
        self._changed += changed
        body = self._records.splice(raw.body, stages) if stages else None
        outcome = self.changed_outcome if changed else Outcome.UNCHANGED
        return RecordResult(
            position=raw.position,
            line=raw.line,
            key=row.record_key,
            language=row.language,
            outcome=outcome,
            pairs=tuple(pairs),
            body=body,
        )

    def _pairs(
        self, parsed: ParsedRecord, records: Sequence[LoggedRecord], selection: UndoChoice, stages: Stages
    ) -> list[PairResult]:
        first = records[0].row
        try:
            if first.original_text is not None and list(parse_texts(first.original_text)) != [
                slot.pair for slot in parsed.slots
            ]:
                raise ReplayError("its texts are others")
            meant = selection.pick(records)
            return [
                self._pair(number, parsed, records, meant, selection, stages) for number in range(len(parsed.slots))
            ]
        except (ReplayError, ValueError) as error:
            raise AuditError(
                f"record {first.record_key} does not read as it did in the run.",
                hint="Give the corpus of that run with --corpus; audit verify checks the log.",
            ) from error

    def _pair(
        self,
        number: int,
        parsed: ParsedRecord,
        records: Sequence[LoggedRecord],
        meant: frozenset[Item],
        selection: UndoChoice,
        stages: Stages,
    ) -> PairResult:
        slot = parsed.slots[number]
        history = PairHistory.of(records, number, slot.pair)
        left = history.pair
        undone = history.undo_more(meant)
        net = self._settle(undone, records, history, number)
        for edits in (*(decision.edits for _, decision in history.stages), net):
            add_stage(stages, slot.paths, edits)
        if not net:
            return PairResult(left, left, Outcome.UNCHANGED, (), ())
        after = apply(left, net)
        names = [*undone.undone, *self._more_names(records, number)]
        decision = Decision(
            pass_=self.pass_,
            action=Action.APPLIED,
            reason=self.reason,
            detail=write_detail(selection.described(), names, undone.again),
            before_hash=left.content_hash(),
            after_hash=after.content_hash(),
            edits=net,
        )
        self._count(history, decision, meant)
        return PairResult(left, after, self.changed_outcome, (decision,), ())

    def _count(self, history: PairHistory, decision: Decision, meant: frozenset[Item]) -> None:
        """Count what a decision changes: edits that stood and do not any more, and the other way round."""
        before = history.standing()
        history.add(0, decision)
        after = history.standing() - {Item(0, number) for number in range(len(decision.edits))}
        self._edits.update(history.edits[item][1].kind for item in before - after)
        self._again.update(history.edits[item][1].kind for item in after - before)
        self._cascaded += len(before - after - meant)

    def _settle(
        self, undone: UndoneMore, records: Sequence[LoggedRecord], history: PairHistory, number: int
    ) -> tuple[Edit, ...]:
        """The edits that lead from what the run left of a pair to what it will be."""
        return undone.net

    def _more_names(self, records: Sequence[LoggedRecord], number: int) -> Sequence[Item]:
        """What else than undone edits the decision on a pair is about."""
        return ()


#: Kinds of runs that write an output.
WRITING = ("run", "revert", "apply")


def checked_parent(reader: AuditReader, number: int | None) -> Run:
    """The run that is started from, finished: the one named, else the last one that goes on from the latest run.

    Raises UsageError for a run that has no output of its own or is not finished.
    """
    if number is not None:
        parent = reader.run(number)
    else:
        runs = [run for run in reader.runs() if run.kind == "run"]
        parent = runs[-1] if runs else reader.run()
        if parent.status == "finished":
            parent = [parent, *list_later(reader, parent)][-1]
    if parent.kind not in WRITING:
        have = [run.id for run in reader.runs() if run.kind in WRITING and run.status == "finished"]
        hint = f"Runs with one are {', '.join(map(str, have))}." if have else ""
        raise UsageError(f"run {parent.id} is a {parent.kind}, which has no output.", hint=hint)
    if parent.status != "finished":
        raise UsageError(f"run {parent.id} is not finished ({parent.status}).", hint="Finish it first: run it again.")
    return parent
