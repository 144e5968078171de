"""From the bytes of a record to its pairs: parsing, key, declared language, English source."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from midb.corpus.layouts import VALUE_NAMES, LayoutFinder, RecordError, Slots, quotable
from midb.corpus.raw import MAX_RECORD_BYTES, RawRecord
from midb.corpus.source_fit import find_misfit
from midb.domain.pairs import InstructionPair
from midb.text.languages import join_samples, parse_language, parse_other_language

_KEYS = ("id", "uid", "uuid", "record_id", "question_id", "idx")
_LANGUAGE = ("lang", "language", "lang_code", "language_code", "locale")

#: Names of an English source object inside a record.
_SOURCE = "source"
#: Finds the layout of originals, whatever that of their records is; remembers columns that it has seen.
_SOURCE_FINDER = LayoutFinder()


@dataclass(frozen=True, slots=True)
class ParsedRecord:
    """A record, understood. ``declared`` is the code of the language it says it is in, if it says so and there is such
    a language; ``sources`` are the English originals, one per pair, where the record has them; ``demands`` short texts
    of its other fields, which may be what a response must hold word for word; ``misfit`` says why an original that the
    record has is not used: it is that of another; ``unexamined`` why no pair was found in it: then its one slot holds
    no text, and the record stays as it is."""

    key: str
    declared: str | None
    slots: tuple[Slots, ...]
    sources: tuple[InstructionPair | None, ...]
    demands: tuple[str, ...] = ()
    misfit: str = ""
    unexamined: str = ""


#: What stands for the pair of a record in which none was found.
_NO_PAIR = Slots(InstructionPair(), {})


def too_long(raw: RawRecord) -> RecordError:
    """The error for a record beyond MAX_RECORD_BYTES."""
    size, limit = raw.length / 2**20, MAX_RECORD_BYTES / 2**20
    return RecordError("too-long", f"the record has {size:,.0f} MiB, more than {limit:.0f} MiB")


def load_object(raw: RawRecord) -> dict[str, Any]:
    """Parse a record's bytes; raises RecordError with a machine reason for whatever is no JSON object."""
    if raw.spool is not None or len(raw.body) > MAX_RECORD_BYTES:
        raise too_long(raw)
    if raw.fault is not None:
        raise RecordError(*raw.fault)
    try:
        value = orjson.loads(raw.body)
    except orjson.JSONDecodeError:
        value = _load_leniently(raw.body)
    if not isinstance(value, dict):
        raise RecordError("not-an-object", f"a record must be a JSON object, this is {VALUE_NAMES[type(value)]}")
    return value


def _load_leniently(body: bytes) -> Any:
    """NaN and lone surrogates in fields that do not concern us are no reason to lose a record."""
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise RecordError("not-utf8", f"not UTF-8 (byte {error.start} is 0x{body[error.start]:02x})") from error
    try:
        return json.loads(text, parse_int=_parse_int)
    except json.JSONDecodeError as error:
        message = error.msg[0].lower() + error.msg[1:].removesuffix(" starting at")
        line = f" of its line {error.lineno}" if error.lineno > 1 else ""  # an element of an array may have several
        raise RecordError("invalid-json", f"not valid JSON ({message} at column {error.colno}{line})") from error
    except RecursionError as error:
        raise RecordError("invalid-json", "not readable JSON (nested too deeply)") from error


def _parse_int(digits: str) -> int | float:
    """Python refuses to read an integer of thousands of digits, for that takes long; nobody needs its value."""
    return int(digits) if len(digits) <= 4000 else float(digits)


def record_key(record: Mapping[str, Any], position: int) -> str:
    """What auditors call a record: its id, or ``#`` and its position.

    >>> record_key({"id": "de-1"}, 0), record_key({}, 4)
    ('de-1', '#4')
    """
    for name in _KEYS:
        value = record.get(name)
        if type(value) is int or (isinstance(value, str) and value.strip()):
            return str(value).encode("utf-8", "replace").decode()
    return f"#{position}"


def declared_language(record: Mapping[str, Any]) -> str | None:
    """The language a record declares, also one that is not ours; ``None`` where it declares none that is known."""
    values = [value for name in _LANGUAGE if isinstance(value := record.get(name), str)]
    for parse in (parse_language, parse_other_language):
        for value in values:
            if code := parse(value):
                return code
    return None


def undeclared_spelling(record: Mapping[str, Any]) -> str | None:
    """What a record's language column says, where that is no language of the world by any name; shortened."""
    for name in _LANGUAGE:
        value = record.get(name)
        if isinstance(value, str) and value.strip() and not (parse_language(value) or parse_other_language(value)):
            return quotable(value, 40)
    return None


#: Pairs of a record whose texts its language is judged by: as many as a talk needs to show it.
_JUDGED_PAIRS = 3


def sample_of(slots: Sequence[Slots]) -> str:
    """What the language of a record with these pairs is judged by: the beginnings of its first texts."""
    return join_samples(
        text
        for slot in slots[:_JUDGED_PAIRS]
        for text in (slot.pair.response, slot.pair.instruction, slot.pair.input)
        if text
    )


def parse_record(
    raw: RawRecord, finder: LayoutFinder, source: bytes | None = None, *, texts_alone: bool = False
) -> ParsedRecord:
    """Parse one record; ``source`` is the matching record of a `--source` file. With ``texts_alone`` nobody asks what
    its texts are held against: its originals, and what else it says of them.

    Raises RecordError for what is no JSON object. One in which no pair is found is a record all the same.
    """
    record = load_object(raw)
    key = record_key(record, raw.position)
    try:
        slots = finder.find(record).slots(record)
    except RecordError as error:
        return ParsedRecord(key, declared_language(record), (_NO_PAIR,), (None,), unexamined=error.message)
    if texts_alone:
        return ParsedRecord(key, declared_language(record), tuple(slots), (None,) * len(slots))
    sources, misfit = _fitting(slots, _sources(record, slots, source))
    demands = tuple(find_demands(record, slots))
    return ParsedRecord(key, declared_language(record), tuple(slots), sources, demands, misfit)


#: Longer texts of other fields are no phrases, and more of them are data.
_LONGEST_DEMAND = 200
_MOST_DEMANDS = 50
#: Values of a record that are looked at; the rest may be an embedding.
_MOST_VALUES = 1_000


def find_demands(record: Mapping[str, Any], slots: Sequence[Slots]) -> Iterator[str]:
    """Short texts of a record beside those of its pairs, wherever they stand: ``kwargs`` of a check, answers to find.

    A text with no mark in it is left out: no repair of a mark can touch it.
    """
    texts = {text for slot in slots for _, text in slot.pair.texts()}
    waiting: list[Any] = [value for name, value in record.items() if name not in (_SOURCE, *_KEYS, *_LANGUAGE)]
    seen: set[str] = set()
    for _ in range(_MOST_VALUES):
        if not waiting or len(seen) == _MOST_DEMANDS:
            return
        value = waiting.pop()
        if isinstance(value, Mapping):
            waiting += value.values()
        elif isinstance(value, list):
            waiting += value[:_MOST_DEMANDS]
        elif isinstance(value, str) and _may_be_demand(value) and value not in texts and value not in seen:
            seen.add(value)
            yield value


def _may_be_demand(text: str) -> bool:
    """Whether a text is short, and holds a mark that a repair could touch."""
    return 1 < len(text) <= _LONGEST_DEMAND and not text.isalpha()


def _fitting(
    slots: Sequence[Slots], sources: tuple[InstructionPair | None, ...]
) -> tuple[tuple[InstructionPair | None, ...], str]:
    """The originals of a record; none, and why, where one of them is that of another record."""
    for slot, source in zip(slots, sources, strict=True):
        if source is not None and (misfit := find_misfit(slot.pair.replaced(dict(slot.shared)), source)):
            return (None,) * len(slots), misfit
    return sources, ""


def _sources(record: Mapping[str, Any], slots: list[Slots], source: bytes | None) -> tuple[InstructionPair | None, ...]:
    """The English originals, aligned with the pairs; none where their number or shape does not fit."""
    original = record.get(_SOURCE)
    if source is not None:
        try:
            original = orjson.loads(source)
        except orjson.JSONDecodeError:
            original = None
    if isinstance(original, dict):
        try:
            found = _SOURCE_FINDER.find(original).slots(original)
        except RecordError:
            found = []
        if len(found) == len(slots):
            return tuple(slot.pair for slot in found)
    return (None,) * len(slots)
