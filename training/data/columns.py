"""Raw and revised texts of one record: the columns of the MEB release, in English or translated, or two objects."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from midb.corpus.layouts import LayoutFinder, RecordError
from midb.corpus.layouts.columns import fold
from midb.domain.pairs import Field, InstructionPair

#: How columns begin or end that hold the pair as it was, and as it was made. The Italian file of MEB translates them.
_RAW = ("raw", "original", "before", "grezza", "grezzo")
_REVISED = ("revised", "corrected", "after", "rivisitata", "rivisitato", "rivista", "rivisto")

#: What the three texts are called.
_FIELDS = {
    "instruction": Field.INSTRUCTION, "prompt": Field.INSTRUCTION, "question": Field.INSTRUCTION,
    "istruzione": Field.INSTRUCTION, "input": Field.INPUT, "context": Field.INPUT,
    "response": Field.RESPONSE, "output": Field.RESPONSE, "answer": Field.RESPONSE, "completion": Field.RESPONSE,
    "risposta": Field.RESPONSE,
}  # fmt: skip


class NoRevisionError(Exception):
    """A record in which no raw and revised pair is found; the message says what is missing."""


def find_revision(record: Mapping[str, Any]) -> tuple[InstructionPair, InstructionPair]:
    """Find the pair as it was and as it was made.

    The columns may be ``Raw Instruction``, ``revised_output`` and the like (a revised text without a marked raw one
    goes with the plain column: ``output`` and ``revised_output``), or ``raw`` and ``revised`` may be objects of any
    layout that corpora have. A text that has only a raw side was not changed.

    :raises NoRevisionError: with what is missing.

    >>> find_revision({"Raw Instruction": "a", "Raw Response": "b", "Revised Response": "c"})[1].response
    'c'
    """
    sides = {_side_of(key): value for key, value in record.items() if isinstance(value, Mapping)}
    if isinstance(sides.get("raw"), Mapping) and isinstance(sides.get("revised"), Mapping):
        return _read_object(sides["raw"]), _read_object(sides["revised"])
    found: dict[str, dict[Field, str]] = {"": {}, "raw": {}, "revised": {}}
    for key, value in record.items():
        side, field = _split(key)
        if field is not None and (value is None or isinstance(value, str)):
            found[side].setdefault(field, value or "")
    raw = found["raw"] or found[""]
    if Field.INSTRUCTION not in raw:
        raise NoRevisionError("no raw instruction")
    if not found["revised"]:
        raise NoRevisionError("no revised text")
    before = InstructionPair(**{field.value: text for field, text in raw.items()})
    return before, before.replaced({field: text for field, text in found["revised"].items() if field in raw})


def _split(key: str) -> tuple[str, Field | None]:
    """The side ("", raw or revised) and the field of a column; no field where it is another column.

    >>> _split("Risposta Rivisitata"), _split("revised_output"), _split("output"), _split("Distance")
    (('revised', <Field.RESPONSE: 'response'>), ('revised', <Field.RESPONSE: 'response'>), \
('', <Field.RESPONSE: 'response'>), ('', None))
    """
    words = fold(key).split()
    sides = {"raw" if word in _RAW else "revised" for word in words if word in (*_RAW, *_REVISED)}
    rest = [word for word in words if word not in (*_RAW, *_REVISED)]
    if len(rest) != 1 or len(sides) > 1:
        return "", None
    return (sides.pop() if sides else ""), _FIELDS.get(rest[0])


def _side_of(key: str) -> str:
    word = fold(key)
    return "raw" if word in _RAW else "revised" if word in _REVISED else ""


def _read_object(value: Mapping[str, Any]) -> InstructionPair:
    record = dict(value)
    try:
        slots = LayoutFinder().find(record).slots(record)
    except RecordError as error:
        raise NoRevisionError(error.message) from None
    if len(slots) != 1:
        raise NoRevisionError("more than one pair")
    return slots[0].pair
