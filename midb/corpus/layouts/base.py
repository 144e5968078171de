"""What every layout shares: the texts of a record as slots, and the errors of records that cannot be read."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from midb.corpus.splice import Path
from midb.domain.pairs import Field, InstructionPair


class RecordError(Exception):
    """A record that cannot be read: a machine reason and a sentence for people, which may quote the record a little."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = quotable(message, 300)


def quotable(text: str, longest: int) -> str:
    """A text out of a record as a message or a log may hold it: not too long, and without half surrogate pairs."""
    quoted = text if len(text) <= longest else text[:longest] + "..."
    return quoted.encode("utf-8", "backslashreplace").decode("utf-8")


@dataclass(frozen=True, slots=True)
class Slots:
    """One pair of a record, and where each of its texts stands. A text without a path is absent in the record.

    ``shared`` are texts of another pair of the record that this one is about as well: the question of a second answer.
    They are read, and edited with that pair alone. ``skipped`` says of columns that hold no text what they hold.
    """

    pair: InstructionPair
    paths: Mapping[Field, Path]
    skipped: tuple[str, ...] = ()
    shared: Mapping[Field, str] = field(default_factory=dict)


class Layout(Protocol):
    """A way to store pairs in a record."""

    @property
    def name(self) -> str: ...

    def matches(self, record: Mapping[str, Any]) -> bool:
        """Whether a record looks like this layout, by its keys alone."""
        ...

    def slots(self, record: Mapping[str, Any]) -> list[Slots]:
        """The record's pairs; raises RecordError for what is missing or no text."""
        ...


#: What JSON values are to people.
VALUE_NAMES = {
    type(None): "null", bool: "true or false", int: "a number", float: "a number", str: "a text", list: "a list",
    dict: "an object",
}  # fmt: skip


def text_at(record: Mapping[str, Any], key: str) -> str | None:
    """The text under a key, ``None`` where it is missing, null or NaN; RecordError for any other value."""
    value = record.get(key)
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    if not isinstance(value, str):
        raise RecordError("field-not-text", f'"{key}" holds {VALUE_NAMES[type(value)]}, not text')
    return checked_unicode(value, key)


def checked_unicode(text: str, key: str) -> str:
    """The text itself; RecordError where it holds half of a surrogate pair, which no file can."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise RecordError("invalid-unicode", f'"{key}" holds half of a surrogate pair') from error
    return text
