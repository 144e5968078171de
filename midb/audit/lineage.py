"""Runs that go on from others, as reverts do and what was done of a review: which edits stand behind each of them.

A revert does not change the run that it starts from: it adds edits that lead back. So an edit stands as long as no
later run has undone it; and where a later run undid that undoing, it stands again.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Generator, Iterable, Sequence
from dataclasses import dataclass

from midb.audit.reader import AuditReader
from midb.audit.rows import LoggedRecord, RecordRow
from midb.audit.run_rows import Run
from midb.audit.verdict_rows import Item
from midb.domain.decisions import Decision, Pass, standing
from midb.domain.edits import Edit, apply
from midb.domain.pairs import Field, InstructionPair
from midb.domain.undo import Applied, UndonePair, lead, undo

#: The passes of runs that go on. Their edits are undone only where they are asked for: else a second revert of a kind
#: would bring back what the first one undid.
BACKWARDS = (Pass.REVERT, Pass.REVIEW)

_LIST = r"(?:e-\d+-\d+|f-\d+)(?:, (?:e-\d+-\d+|f-\d+))*"

#: The names at the end of the detail of such a decision: what it undid, and what stands again by it.
_NAMES = re.compile(rf"(?:^|: )(?:({_LIST})(?:; again ({_LIST}))?|again ({_LIST}))$")


def write_detail(words: str, undone: Iterable[Item], again: Iterable[Item] = ()) -> str:
    """The detail of a decision that undoes edits: why, which, and which ones stand again.

    >>> write_detail("kind mojibake", [Item(12, 0)])
    'kind mojibake: e-12-0'
    """
    went, came = (", ".join(item.name for item in items) for items in (undone, again))
    told = "; ".join([*([went] if went else []), *([f"again {came}"] if came else [])])
    return f"{words}: {told}" if told else words


def read_detail(detail: str) -> tuple[str, tuple[Item, ...] | None, tuple[Item, ...]]:
    """The words of such a detail, what was undone, and what stands again. None, where it was written by a version that
    did not name edits.

    >>> read_detail("kind mojibake: e-12-0, f-3; again e-7-0")[1:]
    ((Item(decision=12, number=0), Item(decision=None, number=3)), (Item(decision=7, number=0),))
    >>> read_detail("kind mojibake")
    ('kind mojibake', None, ())
    """
    found = _NAMES.search(detail)
    if found is None:
        return detail, None, ()
    undone, again = (
        tuple(Item.parse(name) for name in (names or "").split(", ") if name)
        for names in (found[1], found[2] or found[3])
    )
    return detail[: found.start()], undone, again


def trace(reader: AuditReader, run: Run) -> tuple[Run, ...]:
    """The runs that a run's output came about by, from the one that boosted the corpus to the run itself."""
    found = [run]
    while found[0].goes_on and found[0].parent_run is not None and found[0].parent_run < found[0].id:
        found.insert(0, reader.run(found[0].parent_run))
    return tuple(found)


def list_later(reader: AuditReader, run: Run) -> list[Run]:
    """The finished runs that go on from a run, or from one that does, in the order in which they began."""
    found: list[Run] = []
    known = {run.id}
    for other in reader.runs():
        if other.goes_on and other.parent_run in known and other.status == "finished":
            known.add(other.id)
            found.append(other)
    return found


def read_chain(reader: AuditReader, runs: Sequence[Run]) -> Generator[tuple[RecordRow, ...]]:
    """The rows of each record in all of some runs that go on from one another, in the order of the corpus.

    Ends where the first of them ends that has no such record.
    """
    streams = [reader.records("r.run_id = ?", [run.id]) for run in runs]
    for row in streams[0]:
        rows = [row]
        for stream in streams[1:]:
            if (one := next(stream, None)) is None or one.position != row.position:
                return
            rows.append(one)
        yield tuple(rows)


def read_at(reader: AuditReader, runs: Sequence[Run], position: int) -> list[LoggedRecord]:
    """What some runs say of the record at a position, in their order."""
    found = []
    for run in runs:
        found += [reader.parts(row) for row in reader.records("r.run_id = ? AND r.position = ?", [run.id, position])]
    return found


@dataclass(frozen=True, slots=True)
class _Stage:
    """The edits of one decision that can be undone, each with its name; they fit the text that the stages before it
    leave of the original."""

    number: int
    edits: tuple[Edit, ...]
    names: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class UndoneMore:
    """What is done to undo edits behind all that was done to a pair.

    :param net: leads from the text as it is to the new one, as the edits of one decision.
    :param undone: the edits that go, ``again`` those that come back; ``edits`` of both, as they were logged.
    """

    net: tuple[Edit, ...]
    undone: tuple[Item, ...]
    again: tuple[Item, ...]


class PairHistory:
    """The decisions on one pair that stand, through all runs of a lineage, and which of their edits still do.

    Whatever was undone and came back: the text is always the one that the edits which stand make of the original.

    :ivar stages: number of the decision's row (0 for one that is not logged yet) and the decision, in their order.
    :ivar edits: each edit, as it was logged, with the pass that made it.
    :ivar pair: the pair behind them.
    """

    def __init__(self, original: InstructionPair) -> None:
        self.pair = self._original = original
        self.stages: list[tuple[int, Decision]] = []
        self.edits: dict[Item, tuple[Pass, Edit]] = {}
        self._base: list[_Stage] = []
        self._gone: frozenset[Item] = frozenset()  # of the base
        self._sealed: set[Item] = set()  # undone before a review was carried out, which builds on that
        self._rejected: dict[Item, Item] = {}  # an edit -> that of a review which took its place
        self._undid: dict[Item, set[Item]] = {}  # an edit of a revert -> what it undid
        self._restored: dict[Item, set[Item]] = {}  # the same -> what it brought back
        self._places: dict[Item, tuple[int, int]] = {}  # in the text as it is now

    @classmethod
    def of(cls, records: Sequence[LoggedRecord], pair: int, original: InstructionPair) -> PairHistory:
        """What some runs did to one pair of a record, given what each of them says of it; ReplayError where its edits
        do not fit the original."""
        history = cls(original)
        for logged in records:
            rows = [row for row in logged.decisions if row.pair == pair]
            for index, decision in standing([row.decision() for row in rows]):
                history.add(rows[index].id, decision, [edit.ordinal for edit in rows[index].edits])
        return history

    def add(self, number: int, decision: Decision, ordinals: Sequence[int] | None = None) -> None:
        """A decision behind all others."""
        numbers = range(len(decision.edits)) if ordinals is None else ordinals
        own = [(Item(number, n), edit) for n, edit in zip(numbers, decision.edits, strict=True)]
        left = apply(self.pair, decision.edits)
        stage = _Stage(number, tuple(edit for _, edit in own), tuple(item for item, _ in own))
        if decision.pass_ not in BACKWARDS:
            self._base.append(stage)
        else:
            _, named, again = read_detail(decision.detail)
            undone = self._find_undone(own) if named is None else {item for item in named if item in self.edits}
            self._link(own, undone, again)
            gone = (self._gone | undone) - set(again)
            if decision.pass_ is Pass.REVERT and self._without(gone).pair == left:
                self._gone = gone
            else:
                # People's own texts fit the text as it is: what is undone so far is undone for good behind them.
                self._settle(stage)
                if decision.pass_ is Pass.REVERT:  # of a log that does not say what was undone
                    self._sealed |= undone
                else:
                    self._rejected |= {item: self._find_cover(item, own) for item in undone}
        self._move(own)
        self.edits |= {item: (decision.pass_, edit) for item, edit in own}
        self.stages.append((number, decision))
        self.pair = left

    def _without(self, gone: Collection[Item]) -> UndonePair:
        """The original with all edits of the base but these."""
        names = self._list_names()
        applied = [Applied(stage.number, stage.edits) for stage in self._base]
        return undo(self._original, applied, lambda number, edit: names[number, edit] in gone)

    def _list_names(self) -> dict[tuple[int, Edit], Item]:
        """The edits of the base by their decision, as they stand there."""
        return {
            (stage.number, edit): item
            for stage in self._base
            for item, edit in zip(stage.names, stage.edits, strict=True)
        }

    def _settle(self, stage: _Stage) -> None:
        """Leave out of the base for good what is undone, and go on with another stage."""
        kept = {applied.decision: applied.edits for applied in self._without(self._gone).kept}
        order = list(Field)
        base = []
        for before in self._base:
            pairs = sorted(
                ((edit, item) for edit, item in zip(before.edits, before.names, strict=True) if item not in self._gone),
                key=lambda one: (order.index(one[0].field), one[0].start, one[0].end),
            )
            if pairs:
                base.append(_Stage(before.number, kept[before.number], tuple(item for _, item in pairs)))
        self._sealed |= self._gone
        self._base, self._gone = [*base, stage], frozenset()

    def undo_more(self, meant: Collection[Item]) -> UndoneMore:
        """Undo edits that stand, and those that build on them. To undo an edit of a revert brings back what it undid,
        and one that brought something back is undone by undoing that."""
        going, coming = set[Item](), set[Item]()
        base = {item for stage in self._base for item in stage.names}
        for item in meant:
            coming |= self._undid.get(item, set()) & self._gone
            # Both ways at once, as all edits of a pass are: what it brought back stays.
            going |= {
                one for one in self._restored.get(item, ())
                if not any(one in self._undid.get(other, ()) for other in meant)
            } & base  # fmt: skip
            if item in base and self.stands(item):
                going.add(item)
        gone = self._without((self._gone | going) - coming)
        listed = self._list_names()
        names = frozenset(listed[one.decision, one.edit] for one in gone.undone)
        net = lead(self._without(frozenset()).pair, self._without(self._gone).net, gone.net)
        return UndoneMore(net, tuple(sorted(names - self._gone)), tuple(sorted(self._gone - names)))

    def _link(self, own: Sequence[tuple[Item, Edit]], undone: Collection[Item], again: Collection[Item]) -> None:
        """Note which edit of a decision undid what, and brought back what: so can each of them be undone alone."""
        for items, links in ((undone, self._undid), (again, self._restored)):
            for item in items:
                if own and item in self.edits:
                    links.setdefault(self._find_cover(item, own), set()).add(item)

    def _find_cover(self, item: Item, own: Sequence[tuple[Item, Edit]]) -> Item:
        """The edit of a decision in whose place another lies; the first, where none covers it."""
        start, end = self._places[item]
        for name, edit in own:
            if edit.field is self.edits[item][1].field and edit.start <= start and end <= edit.end:
                return name
        return own[0][0] if own else item

    def _find_undone(self, own: Sequence[tuple[Item, Edit]]) -> set[Item]:
        """What a decision undid, by the places alone. What left nothing may stand just beside an edit: it must lie
        within."""
        found = set()
        for item, (start, end) in self._places.items():
            for _, edit in own:
                covers = edit.field is self.edits[item][1].field and edit.start <= start and end <= edit.end
                if covers and (start < end or edit.start < start < edit.end or edit.start == edit.end):
                    found.add(item)
        return found

    def _move(self, own: Sequence[tuple[Item, Edit]]) -> None:
        """Follow the places of all edits through those of a decision, and add these."""
        for item, (start, end) in self._places.items():
            first, last, before, within = start, end, 0, 0
            for _, edit in own:
                if edit.field is not self.edits[item][1].field:
                    continue
                grown = len(edit.after) - len(edit.before)
                if edit.end <= start:
                    before += grown
                elif edit.start < end:
                    first, last = min(first, edit.start), max(last, edit.end)
                    within += grown
            self._places[item] = (first + before, last + before + within)
        moved = dict.fromkeys(Field, 0)
        for item, edit in sorted(own, key=lambda one: (one[1].start, one[1].end)):
            start = edit.start + moved[edit.field]
            self._places[item] = (start, start + len(edit.after))
            moved[edit.field] += len(edit.after) - len(edit.before)

    def stands(self, item: Item) -> bool:
        """Whether an edit is in the text now."""
        if item in self._gone or item in self._sealed:
            return False
        by = self._rejected.get(item)
        return by is None or not self.stands(by)

    def standing(self) -> frozenset[Item]:
        """The edits that are in the text now, without those that only lead back."""
        return frozenset(item for item in self.edits if not self._leads_back(item) and self.stands(item))

    def _leads_back(self, item: Item) -> bool:
        """Whether an edit only undoes others; one of a review may also hold a person's own text."""
        pass_, edit = self.edits[item]
        if pass_ is not Pass.REVIEW:
            return pass_ is Pass.REVERT
        undone = [self.edits[other][1] for other, by in self._rejected.items() if by == item]
        return len(undone) > 1 or any((one.before, one.after) == (edit.after, edit.before) for one in undone)
