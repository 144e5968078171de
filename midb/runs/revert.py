"""Undoing edits of a finished run: a new corpus without them, and a run of its own in the log that says so.

The new output is made from the corpus itself and the logged edits, so that nothing but the undone places differs from
the run's output. In the log the revert's records start from the texts that the run left.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import orjson

from midb.audit.log import AuditLog
from midb.audit.reader import AuditReader
from midb.audit.rows import DecisionRow, LoggedRecord, RecordRow
from midb.audit.run_rows import Run, utc_now
from midb.audit.texts import parse_texts
from midb.corpus.opened import OpenedCorpus
from midb.corpus.places import OutputPlaces, access_of
from midb.corpus.raw import RawRecord, Tail
from midb.corpus.records import ParsedRecord
from midb.corpus.splice import Stages, add_stage
from midb.corpus.writer import OutputFiles
from midb.domain.decisions import Action, Decision, Outcome, PairResult, Pass, Reason, standing
from midb.domain.edits import Edit, apply
from midb.domain.errors import AuditError, UsageError
from midb.domain.pairs import InstructionPair
from midb.domain.results import RecordResult, RejectedLine
from midb.domain.undo import Applied, UndonePair, undo
from midb.runs.config import config_hash
from midb.runs.writer import CorpusWriter

#: Records per transaction.
BATCH = 256


@dataclass(frozen=True, kw_only=True)
class Selection:
    """Which edits are undone: those that fit everything that is named."""

    kinds: frozenset[str] = frozenset()
    passes: frozenset[str] = frozenset()
    languages: frozenset[str] = frozenset()
    records: frozenset[str] = frozenset()

    def wants(self, row: RecordRow) -> bool:
        """Whether edits of this record may be meant."""
        return (not self.languages or row.language in self.languages) and (
            not self.records or bool({row.record_key, f"#{row.position}"} & self.records)
        )

    def takes(self, decision: DecisionRow, edit: Edit) -> bool:
        """Whether an edit of a wanted record is meant."""
        return (not self.kinds or edit.kind in self.kinds) and (not self.passes or decision.pass_ in self.passes)

    def described(self) -> str:
        """The selection in words, as it is logged."""
        named = (("kind", self.kinds), ("pass", self.passes), ("language", self.languages), ("record", self.records))
        return "; ".join(f"{name} {', '.join(sorted(words))}" for name, words in named if words)


class UndoChoice(Protocol):
    """Which edits of which records are meant, and why."""

    def wants(self, row: RecordRow) -> bool:
        """Whether edits of this record may be meant."""
        ...

    def takes(self, decision: DecisionRow, edit: Edit) -> bool:
        """Whether an edit of a wanted record is meant."""
        ...

    def described(self) -> str:
        """The choice in words, as it is logged."""
        ...


@dataclass(frozen=True, kw_only=True)
class UndoReport:
    """What a revert did. ``cascaded`` edits went because they built on one that was undone."""

    records: int
    changed: int
    rejected: int
    edits: Counter[str]
    cascaded: int
    run: int


class Undoer:
    """Undoes edits of one finished run of a log into a new corpus."""

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
        self._container = corpus.container
        self._records = corpus.reader()
        self._edits: Counter[str] = Counter()
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
            cascaded=self._cascaded,
            run=run.id,
        )

    def _fill(self, selection: UndoChoice, writer: CorpusWriter) -> Tail:
        """Write every record that the run wrote; returns what follows them."""
        logged = self._reader.records("r.run_id = ?", [self._parent.id])
        due = next(logged, None)
        lines = self._rejected()
        line = next(lines, None)
        for item in self._container.read():
            if isinstance(item, Tail):
                return item
            if line is not None and line.position == item.position:
                writer.drop(item, line)
                line = next(lines, None)
            elif due is not None and due.position == item.position:
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

    def _concerns(self, row: RecordRow) -> bool:
        """Whether anything of a record may change."""
        return row.outcome == Outcome.IMPROVED.value

    def _rejected(self) -> Iterator[RejectedLine]:
        names = [field.name for field in dataclasses.fields(RejectedLine)]
        sql = "SELECT * FROM rejected_lines WHERE run_id = ? ORDER BY position"
        return (RejectedLine(**{n: row[n] for n in names}) for row in self._reader.query(sql, [self._parent.id]))

    def _record(self, raw: RawRecord, row: RecordRow, selection: UndoChoice) -> RecordResult:
        """One record as it will be, and the decisions that lead there from what the run left."""
        parsed = self._records.parse(raw)
        finals = [slot.pair for slot in parsed.slots]
        stages: Stages = {}
        pairs: list[PairResult] = []
        if self._concerns(row) and row.original_text is not None:
            logged = self._reader.parts(row)
            if list(parse_texts(row.original_text)) != finals:
                raise AuditError(
                    f"record {row.record_key} does not read as it did in the run.",
                    hint="Give the corpus of that run with --corpus; audit verify checks the log.",
                )
            for number in range(len(parsed.slots)):
                pairs.append(self._pair(number, parsed, logged, selection, stages))
        else:
            pairs = [PairResult(pair, pair, Outcome.UNCHANGED, (), ()) for pair in finals]
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

    def _pair(
        self,
        number: int,
        parsed: ParsedRecord,
        logged: LoggedRecord,
        selection: UndoChoice,
        stages: Stages,
    ) -> PairResult:
        rows = [row for row in logged.decisions if row.pair == number]
        stood = [(rows[index], decision) for index, decision in standing([row.decision() for row in rows])]
        by_id = {row.id: row for row, _ in stood}
        wanted: Callable[[int, Edit], bool] = lambda decision, edit: (  # noqa: E731
            selection.wants(logged.row) and selection.takes(by_id[decision], edit)
        )
        slot = parsed.slots[number]
        undone = undo(slot.pair, [Applied(row.id, decision.edits) for row, decision in stood], wanted)
        left = parse_texts(logged.row.final_text or logged.row.original_text or "[]")[number]
        net = self._settle(undone, left, logged, number, selection)
        for edits in (*(decision.edits for _, decision in stood), net):
            add_stage(stages, slot.paths, edits)
        if not undone.undone and not net:
            return PairResult(left, left, Outcome.UNCHANGED, (), ())
        self._edits.update(one.edit.kind for one in undone.undone)
        self._cascaded += sum(one.cascaded for one in undone.undone)
        after = apply(left, net)
        decision = Decision(
            pass_=self.pass_,
            action=Action.APPLIED,
            reason=self.reason,
            detail=selection.described(),
            before_hash=left.content_hash(),
            after_hash=after.content_hash(),
            edits=net,
        )
        return PairResult(left, after, self.changed_outcome, (decision,), ())

    def _settle(
        self, undone: UndonePair, left: InstructionPair, logged: LoggedRecord, number: int, selection: UndoChoice
    ) -> tuple[Edit, ...]:
        """The edits that lead from what the run left of a pair to what it will be."""
        return undone.net


def checked_parent(reader: AuditReader, number: int | None) -> Run:
    """The run that is reverted: a finished one of kind `run`, the latest unless named."""
    runs = [run for run in reader.runs() if run.kind == "run"]
    parent = reader.run(number) if number is not None else (runs[-1] if runs else reader.run())
    if parent.kind != "run":
        hint = "Name all that is to be undone in one command." if parent.kind == "revert" else "Name another --run."
        raise UsageError(f"run {parent.id} is itself a {parent.kind}.", hint=hint)
    if parent.status != "finished":
        raise UsageError(f"run {parent.id} is not finished ({parent.status}).", hint="Finish it first: run it again.")
    return parent
