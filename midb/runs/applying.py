"""Doing what a review said: a new corpus without the rejected edits and with people's own texts, and a run of its own.

It starts, as a revert does, from the corpus and the logged edits. What was accepted, or not reviewed, stays as the run
left it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from midb.audit.log import AuditLog
from midb.audit.reader import AuditReader
from midb.audit.rows import DecisionRow, LoggedRecord, RecordRow, VerdictRow
from midb.audit.run_rows import Run
from midb.audit.texts import parse_texts
from midb.audit.verdict_rows import Item
from midb.corpus.opened import OpenedCorpus
from midb.domain.decisions import Outcome, Pass, Reason, standing
from midb.domain.edits import Edit, apply
from midb.domain.pairs import Field, InstructionPair
from midb.domain.undo import Applied, UndoneEdit, UndonePair, undo
from midb.runs.revert import UndoChoice, Undoer


@dataclass(frozen=True)
class ReviewCorrections:
    """What is to be done: the standing verdicts of a run, by their items.

    :ivar edits: (decision, number of the edit in it) -> verdict, of edits that are rejected or changed.
    :ivar findings: record -> verdicts with a right text for a finding.
    """

    edits: Mapping[tuple[int, int], VerdictRow]
    findings: Mapping[int, Sequence[VerdictRow]]
    _records: frozenset[int] = field(default_factory=frozenset)

    @classmethod
    def of(cls, standing: Mapping[str, VerdictRow]) -> ReviewCorrections:
        """Those that change anything."""
        edits: dict[tuple[int, int], VerdictRow] = {}
        findings: defaultdict[int, list[VerdictRow]] = defaultdict(list)
        for row in standing.values():
            item = Item.parse(row.item)
            if item.decision is not None and row.verdict in ("reject", "change"):
                edits[item.decision, item.number] = row
            elif item.decision is None and row.verdict == "change":
                findings[row.record_id].append(row)
        records = {row.record_id for row in edits.values()} | set(findings)
        return cls(edits, findings, frozenset(records))

    def __bool__(self) -> bool:
        return bool(self._records)

    def wants(self, row: RecordRow) -> bool:
        """Whether anything was said of the record that changes it."""
        return row.id in self._records

    def find(self, decision: DecisionRow, edit: Edit) -> VerdictRow | None:
        """The verdict that changes an edit, if there is one."""
        number = next((row.ordinal for row in decision.edits if row.edit() == edit), None)
        return None if number is None else self.edits.get((decision.id, number))

    def takes(self, decision: DecisionRow, edit: Edit) -> bool:
        """Whether an edit is to go, be it that something else comes in its place."""
        return self.find(decision, edit) is not None

    def described(self) -> str:
        """As it is logged."""
        return f"reviewed by {', '.join(sorted({row.reviewer for row in self.rows()}))}"

    def rows(self) -> Iterator[VerdictRow]:
        """All verdicts of which something comes."""
        yield from self.edits.values()
        for rows in self.findings.values():
            yield from rows


@dataclass(frozen=True)
class Settled:
    """The edits that lead from what a run left of a pair to what people say.

    :param written: own texts of people, by kind.
    :param unplaced: items whose right text has no place any more, as other edits build on it; they are undone.
    """

    edits: tuple[Edit, ...]
    written: Counter[str]
    unplaced: tuple[str, ...]


class Applier(Undoer):
    """Does what a review said about a finished run."""

    kind = "apply"
    changed_outcome = Outcome.CORRECTED
    pass_ = Pass.REVIEW
    reason = Reason.REVIEWED

    def __init__(
        self, log: AuditLog, reader: AuditReader, parent: Run, corpus: OpenedCorpus, corrections: ReviewCorrections
    ) -> None:
        super().__init__(log, reader, parent, corpus)
        self._corrections = corrections
        self.written: Counter[str] = Counter()
        self.unplaced: list[str] = []

    def _describe(self, selection: UndoChoice) -> dict[str, Any]:
        return {"applies": sorted(row.id for row in self._corrections.rows()), "parent": self._parent.id}

    def _concerns(self, row: RecordRow) -> bool:
        return row.outcome == Outcome.IMPROVED.value or self._corrections.wants(row)

    def _settle(
        self, undone: UndonePair, left: InstructionPair, logged: LoggedRecord, number: int, selection: UndoChoice
    ) -> tuple[Edit, ...]:
        settled = settle(undone, left, logged, number, self._corrections)
        self.written += settled.written
        self.unplaced += settled.unplaced
        return settled.edits


def settle(
    undone: UndonePair, left: InstructionPair, logged: LoggedRecord, number: int, corrections: ReviewCorrections
) -> Settled:
    """Put right texts where rejected edits and findings stood.

    :param undone: the pair without the edits that go.
    :param left: the pair as the run left it.
    :param number: of the pair in its record.
    """
    net, written, unplaced = list(undone.net), Counter[str](), list[str]()
    for place, row in _match(undone, logged, corrections):
        if place is None:
            unplaced.append(row.item)
        else:
            net[place] = replace(net[place], after=row.text or "")
            written[net[place].kind] += 1
    for row in corrections.findings.get(logged.row.id, ()):
        finding = next(one for one in logged.findings if one.id == Item.parse(row.item).number)
        if finding.pair != number:
            continue
        field_, start, end = Field(finding.field), finding.start, finding.end
        edit = Edit(field_, start, end, (left.text(field_) or "")[start:end], row.text or "", finding.kind)
        if any(edit.overlaps(other) for other in net):
            unplaced.append(row.item)
        elif edit.before != edit.after:
            net.append(edit)
            written[edit.kind] += 1
    order = list(Field)
    net.sort(key=lambda edit: (order.index(edit.field), edit.start, edit.end))
    return Settled(tuple(edit for edit in net if edit.before != edit.after), written, tuple(unplaced))


def _match(
    undone: UndonePair, logged: LoggedRecord, corrections: ReviewCorrections
) -> Iterator[tuple[int | None, VerdictRow]]:
    """Each right text of an edit, with the place (in ``undone.net``) where it belongs; None where that is not sure.

    An undone edit that nothing else touched comes back as one edit with its sides exchanged. Where several are alike,
    those of one decision come back in their order.
    """
    rows = {row.id: row for row in logged.decisions}
    alike: defaultdict[tuple[Field, str, str], list[UndoneEdit]] = defaultdict(list)
    for one in undone.undone:
        alike[one.edit.field, one.edit.before, one.edit.after].append(one)
    for (of_field, before, after), members in alike.items():
        places = [n for n, e in enumerate(undone.net) if (e.field, e.before, e.after) == (of_field, after, before)]
        sure = len(places) == len(members) and len({one.decision for one in members}) == 1
        for position, one in enumerate(members):
            row = corrections.find(rows[one.decision], one.edit)
            if row is not None and row.verdict == "change":
                yield (places[position] if sure else None), row


def correct_pairs(
    logged: LoggedRecord, corrections: ReviewCorrections
) -> list[tuple[InstructionPair, InstructionPair]]:
    """Each pair of a record as it was, and as it is after what people said; from the log alone."""
    originals = parse_texts(logged.row.original_text or "[]")
    finals = parse_texts(logged.row.final_text or logged.row.original_text or "[]")
    rows = {row.id: row for row in logged.decisions}
    found = []
    for number, (original, left) in enumerate(zip(originals, finals, strict=True)):
        own = [row for row in logged.decisions if row.pair == number]
        stood = standing([row.decision() for row in own])
        applied = [Applied(own[index].id, decision.edits) for index, decision in stood]
        undone = undo(original, applied, lambda decision, edit: corrections.takes(rows[decision], edit))
        found.append((original, apply(left, settle(undone, left, logged, number, corrections).edits)))
    return found
