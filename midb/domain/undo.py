"""Undoing single edits: the text as it would be had they never been made, everything else kept.

Pure functions of a pair's original text and its standing decisions; knows no log and no file.

Each decision's text is followed twice: as it was, and as it is without the undone edits. The two differ only in
*places*: what an undone edit left on the one side, what it found on the other. An edit outside all places is carried
over, shifted; one that touches a place builds on what is not there any more and has to go as well (a cascade), and its
range becomes part of the place.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from midb.domain.edits import Edit, apply_to_text
from midb.domain.errors import ReplayError
from midb.domain.pairs import Field, InstructionPair


@dataclass(frozen=True, slots=True)
class Applied:
    """The edits of one standing decision; ``decision`` is whatever its caller knows it by (an index, a row's id)."""

    decision: int
    edits: tuple[Edit, ...]


@dataclass(frozen=True, slots=True)
class UndoneEdit:
    """An edit that was undone; ``cascaded`` where nobody asked for it but it built on one that was."""

    decision: int
    edit: Edit
    cascaded: bool


@dataclass(frozen=True, slots=True)
class UndonePair:
    """One pair without some of its edits, which are in ``undone``.

    ``net`` leads from the text as it was to ``pair``, as the edits of one decision; each has the kind of a selected
    edit that was undone there. ``kept`` are the decisions that still stand, with offsets in the new texts, and their
    edits in the order of the text.
    """

    pair: InstructionPair
    undone: tuple[UndoneEdit, ...]
    net: tuple[Edit, ...]
    kept: tuple[Applied, ...]


#: Whether an edit of a decision is to be undone.
Select = Callable[[int, Edit], bool]


#: An edit's decision and its place in it, counted from 0.
_Key = tuple[int, int]


@dataclass(frozen=True, slots=True)
class _Place:
    """Where the texts differ: ``[start, end)`` as it was, ``[new_start, new_end)`` without the undone edits."""

    start: int
    end: int
    new_start: int
    new_end: int
    kind: str

    @property
    def shift(self) -> int:
        """How much longer the new text is because of this place."""
        return (self.new_end - self.new_start) - (self.end - self.start)

    def touched_by(self, edit: Edit) -> bool:
        """Whether an edit builds on this place.

        Where a place is empty (a deletion was undone), an insertion at that point could go before or after what
        comes back; that would be a guess, so it counts as touching. A replacement beside it does not.
        """
        if self.start == self.end == edit.start == edit.end:
            return True
        return edit.start < self.end and self.start < edit.end


@dataclass(slots=True)
class _Group:
    """What changes together in one step: undone edits and the places they touch, or one edit that is kept."""

    edits: list[Edit]
    places: list[_Place]
    kept: bool = False

    def joins(self, other: _Group) -> bool:
        """Whether the two have to be one group."""
        if self.kept or other.kept:
            return False
        pairs = [(place, edit) for a, b in ((self, other), (other, self)) for place in a.places for edit in b.edits]
        return any(place.touched_by(edit) for place, edit in pairs)

    @property
    def start(self) -> int:
        """Where it begins in the text as it was."""
        return min([edit.start for edit in self.edits] + [place.start for place in self.places])

    @property
    def end(self) -> int:
        """Where it ends in the text as it was."""
        return max([edit.end for edit in self.edits] + [place.end for place in self.places])


def undo(original: InstructionPair, decisions: Sequence[Applied], select: Select) -> UndonePair:
    """Undo the selected edits of one pair, and those that build on them.

    ``decisions`` are those whose edits stand, in order. Raises ReplayError where they do not fit the original.

    >>> first = Applied(0, (Edit(Field.RESPONSE, 0, 1, "a", "xyz", "k"),))
    >>> later = Applied(1, (Edit(Field.RESPONSE, 3, 4, "b", "c", "l"),))
    >>> undo(InstructionPair(response="ab"), [first, later], lambda decision, _: decision == 0).pair.response
    'ac'
    """
    texts: dict[Field, str] = {}
    gone: dict[_Key, UndoneEdit] = {}
    kept: list[list[Edit]] = [[] for _ in decisions]
    net: list[Edit] = []
    edited = {edit.field for applied in decisions for edit in applied.edits}
    for field in (field for field in Field if field in edited):
        text = original.text(field)
        if text is None:
            raise ReplayError(f"an edit names the field {field}, which this pair does not have")
        follower = _Follower(text, field)
        for number, applied in enumerate(decisions):
            follower.step(number, applied, select)
        texts[field] = follower.new
        gone |= follower.gone
        for edits, carried in zip(kept, follower.carried, strict=True):
            edits += carried
        net += follower.net()
    return UndonePair(
        original.replaced(texts),
        tuple(gone[key] for key in sorted(gone)),
        tuple(net),
        tuple(Applied(applied.decision, tuple(e)) for applied, e in zip(decisions, kept, strict=True) if e),
    )


def lead(pair: InstructionPair, there: Sequence[Edit], target: Sequence[Edit]) -> tuple[Edit, ...]:
    """The edits that lead from one text to another, given the edits that lead to each of them from ``pair``.

    Edits of both that touch are one, since what is inserted where they meet belongs to neither.
    """
    if not there:
        return tuple(target)
    found: list[Edit] = []
    for field in Field:
        text = pair.text(field) or ""
        sides = [[edit for edit in edits if edit.field is field] for edits in (there, target)]
        # Of those that begin at one place, those of the target name the kind.
        every = sorted((*sides[1], *sides[0]), key=lambda edit: (edit.start, edit.end))
        regions: list[tuple[int, int, str]] = []
        for edit in every:
            if regions and edit.start <= regions[-1][1]:
                start, end, kind = regions.pop()
                regions.append((start, max(end, edit.end), kind))
            else:
                regions.append((edit.start, edit.end, edit.kind))
        moved = 0
        for start, end, kind in regions:
            before, after = (_rewrite(text, start, end, side) for side in sides)
            if before != after:
                found.append(Edit(field, start + moved, start + moved + len(before), before, after, kind))
            moved += len(before) - (end - start)
    return tuple(found)


def _rewrite(text: str, start: int, end: int, edits: Sequence[Edit]) -> str:
    """A part of a text after the edits that lie in it."""
    here = [replace(e, start=e.start - start, end=e.end - start) for e in edits if start <= e.start and e.end <= end]
    return apply_to_text(text[start:end], here)


class _Follower:
    """Follows one field through the decisions, as it was (``old``) and without the undone edits (``new``)."""

    def __init__(self, text: str, field: Field) -> None:
        self.old = self.new = text
        self.gone: dict[_Key, UndoneEdit] = {}
        self.carried: list[list[Edit]] = []  # the kept edits of each decision, in the order of the text
        self._field = field
        self._places: list[_Place] = []

    def step(self, number: int, applied: Applied, select: Select) -> None:
        """Take one decision."""
        edits = {(number, m): edit for m, edit in enumerate(applied.edits) if edit.field is self._field}
        groups: list[_Group] = [_Group([], [place]) for place in self._places]
        for key, edit in edits.items():
            selected = select(applied.decision, edit)
            cascaded = not selected and any(place.touched_by(edit) for place in self._places)
            if selected or cascaded:
                self.gone[key] = UndoneEdit(applied.decision, edit, cascaded)
            groups.append(_Group([edit], [], kept=key not in self.gone))
        # Sorting is stable: what stands at one point keeps the order in which it came there, as in apply_to_text.
        groups.sort(key=lambda group: (group.start, group.end))
        shift = old_moved = new_moved = 0
        places: list[_Place] = []
        stage: list[Edit] = []
        for group in _joined(groups):
            grown = sum(len(edit.after) - len(edit.before) for edit in group.edits)
            if group.kept:
                (edit,) = group.edits
                stage.append(replace(edit, start=edit.start + shift, end=edit.end + shift))
                new_moved += grown
            else:
                start, new_start = group.start + old_moved, group.start + shift + new_moved
                shift += sum(place.shift for place in group.places)
                kind = group.places[0].kind if group.places else group.edits[0].kind
                end, new_end = group.end + old_moved + grown, group.end + shift + new_moved
                places.append(_Place(start, end, new_start, new_end, kind))
            old_moved += grown
        self.carried.append(stage)
        self.old = apply_to_text(self.old, edits.values())
        self.new = apply_to_text(self.new, stage)
        # What was changed there and back again is no difference: what builds on it may stay.
        self._places = [p for p in places if self.old[p.start : p.end] != self.new[p.new_start : p.new_end]]

    def net(self) -> list[Edit]:
        """The edits that lead from the text as it was to the one without the undone edits."""
        merged: list[_Place] = []
        for place in self._places:
            if merged and merged[-1].start == place.start:  # two edits at one point would overlap
                before = merged.pop()
                place = replace(place, new_start=before.new_start, kind=before.kind)
            merged.append(place)
        edits = [
            Edit(self._field, p.start, p.end, self.old[p.start : p.end], self.new[p.new_start : p.new_end], p.kind)
            for p in merged
        ]
        return [edit for edit in edits if edit.before != edit.after]


def _joined(groups: Sequence[_Group]) -> list[_Group]:
    """Groups in order, with those that touch made one."""
    joined: list[_Group] = []
    for group in groups:
        while joined and joined[-1].joins(group):
            before = joined.pop()
            group = _Group(before.edits + group.edits, before.places + group.places)
        joined.append(group)
    return joined
