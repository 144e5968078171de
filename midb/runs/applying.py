"""Doing what a review said: a new corpus without the rejected edits and with people's own texts, and a run of its own.

It starts, as a revert does, from the corpus and the logged edits. What was accepted, or not reviewed, stays as the run
left it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from midb.audit.lineage import PairHistory, UndoneMore
from midb.audit.log import AuditLog
from midb.audit.reader import AuditReader
from midb.audit.rows import LoggedRecord, RecordRow, VerdictRow
from midb.audit.run_rows import Run
from midb.audit.texts import parse_texts
from midb.audit.verdict_rows import Item
from midb.corpus.opened import OpenedCorpus
from midb.domain.decisions import Outcome, Pass, Reason, standing
from midb.domain.edits import Edit, apply
from midb.domain.pairs import Field, InstructionPair
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

    def find(self, item: Item) -> VerdictRow | None:
        """The verdict that changes an edit, if there is one."""
        return None if item.decision is None else self.edits.get((item.decision, item.number))

    def pick(self, records: Sequence[LoggedRecord]) -> frozenset[Item]:
        """The edits of a record that are to go, be it that something else comes in their place."""
        items = (Item(d.id, e.ordinal) for logged in records for d in logged.decisions for e in d.edits)
        return frozenset(item for item in items if self.find(item) is not None)

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

    def _concerns(self, rows: Sequence[RecordRow]) -> bool:
        return super()._concerns(rows) or self._corrections.wants(rows[0])

    def _settle(
        self, undone: UndoneMore, records: Sequence[LoggedRecord], history: PairHistory, number: int
    ) -> tuple[Edit, ...]:
        settled = settle(undone, records, history, number, self._corrections)
        self.written += settled.written
        self.unplaced += settled.unplaced
        return settled.edits

    def _more_names(self, records: Sequence[LoggedRecord], number: int) -> Sequence[Item]:
        pairs = {finding.id: finding.pair for finding in records[0].findings}
        told = (Item.parse(row.item) for row in self._corrections.findings.get(records[0].row.id, ()))
        return [item for item in told if pairs.get(item.number) == number and item.name not in self.unplaced]


def settle(
    undone: UndoneMore,
    records: Sequence[LoggedRecord],
    history: PairHistory,
    number: int,
    corrections: ReviewCorrections,
) -> Settled:
    """Put right texts where rejected edits and findings stood.

    :param undone: what undoing the edits that go takes.
    :param records: what each run of the lineage says of the record; findings are those of the first.
    :param history: of the pair, up to what the last of the runs left.
    :param number: of the pair in its record.
    """
    net, written, unplaced = list(undone.net), Counter[str](), list[str]()
    for place, row in _match(undone, history, corrections):
        if place is None:
            unplaced.append(row.item)
        else:
            net[place] = replace(net[place], after=row.text or "")
            written[net[place].kind] += 1
    gone = {(item.decision, item.number) for item in history.edits if not history.stands(item)}
    own = {row.id for row in records[0].decisions if row.pair == number}
    unplaced += [
        row.item for (decision, n), row in corrections.edits.items()
        if decision in own and row.verdict == "change" and (decision, n) in gone
    ]  # fmt: skip
    since = [edits for logged in records[1:] for edits in _edits_of(logged, number)]
    for row in corrections.findings.get(records[0].row.id, ()):
        finding = next(one for one in records[0].findings if one.id == Item.parse(row.item).number)
        if finding.pair != number:
            continue
        field_ = Field(finding.field)
        place_now = _follow(field_, finding.start, finding.end, since)
        if place_now is None:
            unplaced.append(row.item)
            continue
        start, end = place_now
        edit = Edit(field_, start, end, (history.pair.text(field_) or "")[start:end], row.text or "", finding.kind)
        if any(edit.overlaps(other) for other in net):
            unplaced.append(row.item)
        elif edit.before != edit.after:
            net.append(edit)
            written[edit.kind] += 1
    order = list(Field)
    net.sort(key=lambda edit: (order.index(edit.field), edit.start, edit.end))
    return Settled(tuple(edit for edit in net if edit.before != edit.after), written, tuple(unplaced))


def _edits_of(logged: LoggedRecord, pair: int) -> Iterator[tuple[Edit, ...]]:
    """The edits of the decisions on a pair that stand, decision by decision."""
    for _, decision in standing([row.decision() for row in logged.decisions if row.pair == pair]):
        yield decision.edits


def _follow(field_: Field, start: int, end: int, later: Sequence[Sequence[Edit]]) -> tuple[int, int] | None:
    """Where a place lies after later edits; None where one of them touched it."""
    for edits in later:
        moved = 0
        for edit in edits:
            if edit.field is not field_:
                continue
            if edit.end <= start and not edit.start == edit.end == start:
                moved += len(edit.after) - len(edit.before)
            elif edit.start < end or edit.start == start:
                return None
        start, end = start + moved, end + moved
    return start, end


def _match(
    undone: UndoneMore, history: PairHistory, corrections: ReviewCorrections
) -> Iterator[tuple[int | None, VerdictRow]]:
    """Each right text of an edit, with the place (in ``undone.net``) where it belongs; None where that is not sure.

    An undone edit that nothing else touched comes back as one edit with its sides exchanged. Where several are alike,
    those of one decision come back in their order.
    """
    alike: defaultdict[tuple[Field, str, str], list[Item]] = defaultdict(list)
    for item in undone.undone:
        edit = history.edits[item][1]
        alike[edit.field, edit.before, edit.after].append(item)
    for (of_field, before, after), members in alike.items():
        places = [n for n, e in enumerate(undone.net) if (e.field, e.before, e.after) == (of_field, after, before)]
        sure = len(places) == len(members) and len({item.decision for item in members}) == 1
        for position, item in enumerate(members):
            row = corrections.find(item)
            if row is not None and row.verdict == "change":
                yield (places[position] if sure else None), row


def correct_pairs(
    logged: LoggedRecord, corrections: ReviewCorrections
) -> list[tuple[InstructionPair, InstructionPair]]:
    """Each pair of a record as it was, and as it is after what people said; from the log alone."""
    originals = parse_texts(logged.row.original_text or "[]")
    finals = parse_texts(logged.row.final_text or logged.row.original_text or "[]")
    meant = corrections.pick([logged])
    found = []
    for number, (original, left) in enumerate(zip(originals, finals, strict=True)):
        history = PairHistory.of([logged], number, original)
        settled = settle(history.undo_more(meant), [logged], history, number, corrections)
        found.append((original, apply(left, settled.edits)))
    return found
