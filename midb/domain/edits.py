"""Edits: the smallest unit of change, and their exact replay.

An edit's offsets count Unicode code points in the text that its decision *read*. All edits of one decision refer to
that one text and never overlap, so that replaying them needs nothing but the text and the edits.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from midb.domain.errors import ReplayError
from midb.domain.pairs import Field, InstructionPair


@dataclass(frozen=True, slots=True)
class Edit:
    """Replace ``before`` at ``[start, end)`` of ``field`` by ``after``; ``kind`` names the defect it repairs."""

    field: Field
    start: int
    end: int
    before: str
    after: str
    kind: str

    def overlaps(self, other: Edit) -> bool:
        """Whether both touch the same characters. Two insertions at one point overlap: their order would be a guess.

        >>> a = Edit(Field.RESPONSE, 2, 4, "xx", "", "k")
        >>> a.overlaps(Edit(Field.RESPONSE, 4, 5, "y", "", "k")), a.overlaps(Edit(Field.RESPONSE, 3, 3, "", "z", "k"))
        (False, True)
        """
        if self.field is not other.field:
            return False
        if self.start == other.start:
            return True
        return self.start < other.end and other.start < self.end


def sort_edits(edits: Iterable[Edit]) -> list[Edit]:
    """The edits of one field in text order; those at one point stay in the order given."""
    return sorted(edits, key=lambda edit: (edit.start, edit.end))


def apply_to_text(text: str, edits: Iterable[Edit]) -> str:
    """Apply the edits of one decision to the text of one field.

    Raises ReplayError where an edit does not fit: wrong ``before``, offsets outside the text, or overlapping edits.
    What is inserted at one point comes in the order given.

    >>> apply_to_text("1 , 2", [Edit(Field.RESPONSE, 1, 2, " ", "", "k")])
    '1, 2'
    """
    parts: list[str] = []
    position = 0
    for edit in sort_edits(edits):
        inside = position <= edit.start <= edit.end <= len(text)
        if not inside or text[edit.start : edit.end] != edit.before:
            raise ReplayError(
                f"edit {edit.kind} at {edit.start}-{edit.end} of {edit.field} does not fit the text",
                hint="the text or the edit was changed after the run",
            )
        parts += (text[position : edit.start], edit.after)
        position = edit.end
    parts.append(text[position:])
    return "".join(parts)


def apply(pair: InstructionPair, edits: Sequence[Edit]) -> InstructionPair:
    """Apply the edits of one decision to a pair; raises ReplayError as ``apply_to_text`` does."""
    texts: dict[Field, str] = {}
    for field in {edit.field for edit in edits}:
        text = pair.text(field)
        if text is None:
            raise ReplayError(f"an edit names the field {field}, which this pair does not have")
        texts[field] = apply_to_text(text, [edit for edit in edits if edit.field is field])
    return pair.replaced(texts)


@dataclass(frozen=True, slots=True)
class NetEdit:
    """What several decisions together did to one place, ``[start, end)`` of the original.

    ``[after_start, after_end)`` is what stands there in the final text. ``kinds`` names every defect whose repair had a
    part in it.
    """

    field: Field
    start: int
    end: int
    after_start: int
    after_end: int
    kinds: frozenset[str]


def compose(text: str, field: Field, stages: Sequence[Sequence[Edit]]) -> list[NetEdit]:
    """Compose the edits of successive decisions on one field into net edits against the first text.

    Each character remembers the original offset it came from; what does not come from the original, and the gaps it
    leaves, are the net edits. ``stages`` holds one list of edits per decision, each relative to the text after the
    decision before it.
    """
    origin: list[int | None] = list(range(len(text)))
    kinds: list[frozenset[str]] = [frozenset()] * (len(text) + 1)  # kinds[i]: what was deleted or inserted before i
    for edits in stages:
        origin, kinds = _after(origin, kinds, sort_edits(edit for edit in edits if edit.field is field))
    net: list[NetEdit] = []
    start = after_start = position = 0
    while after_start <= len(origin):
        after_end = after_start
        while after_end < len(origin) and origin[after_end] is None:
            after_end += 1
        end = len(text) if after_end == len(origin) else origin[after_end]
        assert end is not None
        if after_end > after_start or end > start:
            touched = frozenset().union(*kinds[after_start : after_end + 1])
            net.append(NetEdit(field, start, end, after_start, after_end, touched))
        if after_end == len(origin):
            break
        position = after_end
        while position + 1 < len(origin) and origin[position + 1] == origin[position] + 1:  # type: ignore[operator]
            position += 1
        start = origin[position] + 1  # type: ignore[operator]
        after_start = position + 1
    return net


def _after(
    origin: list[int | None], kinds: list[frozenset[str]], edits: Sequence[Edit]
) -> tuple[list[int | None], list[frozenset[str]]]:
    """Where each character comes from, and what touched the gap before it, after the edits of one decision."""
    new_origin: list[int | None] = []
    new_kinds: list[frozenset[str]] = []
    position = 0
    carried: frozenset[str] = frozenset()  # what the edit before did to the gap that stands next
    for edit in edits:
        new_origin += origin[position : edit.start]
        new_kinds += kinds[position : edit.start]
        touched = frozenset((edit.kind,)).union(*kinds[edit.start : edit.end + 1])
        if edit.start == position:
            touched |= carried
        elif carried:
            new_kinds[-(edit.start - position)] = carried
        new_origin += [None] * len(edit.after)
        new_kinds += [touched] * len(edit.after)
        position, carried = edit.end, touched
    rest = kinds[position:]
    if carried:
        rest[0] = carried
    return new_origin + origin[position:], new_kinds + rest
