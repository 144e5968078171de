"""Texts of a record that no pair holds: what stays as it is without anybody having looked at it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from midb.corpus.layouts.base import Slots
from midb.corpus.splice import Path
from midb.text.words import count_ideographs, count_letters

#: Shorter texts are names, labels and keys.
_LEAST_LETTERS = 30
_LEAST_WORDS = 4
#: Values of a record that are looked at; the rest may be an embedding.
_MOST_VALUES = 1_000


def find_unexamined(record: Mapping[str, Any], slots: Sequence[Slots], but: Collection[str] = ()) -> set[str]:
    """Where texts stand that are nobody's: `system`, `messages[].content of system`. ``but``: columns left out."""
    taken = {path for slot in slots for path in slot.paths.values()}
    texts = {text for slot in slots for _, text in slot.pair.texts()}
    return {
        _name(record, path)
        for path, text in _texts_in(record, but)
        if path not in taken and text not in texts and (_is_prose(text) or _is_of_system(record, path, text))
    }


def _texts_in(record: Mapping[str, Any], but: Collection[str]) -> Iterator[tuple[Path, str]]:
    waiting: list[tuple[Path, Any]] = [((key,), value) for key, value in record.items() if key not in but]
    for _ in range(_MOST_VALUES):
        if not waiting:
            return
        path, value = waiting.pop()
        if isinstance(value, str):
            yield path, value
        elif isinstance(value, Mapping):
            waiting += [((*path, key), inner) for key, inner in value.items()]
        elif isinstance(value, list):
            waiting += [((*path, index), inner) for index, inner in enumerate(value[:_MOST_VALUES])]


def _is_prose(text: str) -> bool:
    text = text[:1_000]
    if count_ideographs(text) * 2 >= _LEAST_LETTERS:
        return True
    return count_letters(text) >= _LEAST_LETTERS and len(text.split()) >= _LEAST_WORDS


def _is_of_system(record: Mapping[str, Any], path: Path, text: str) -> bool:
    """Whether a text is what the system says, however short: "You are a helpful assistant." has 23 letters."""
    return len(text.split()) > 1 and "system" in _name(record, path).replace("_", " ").split()


def _name(record: Mapping[str, Any], path: Path) -> str:
    """What people call a place in a record: its keys, with the role of the turn that it belongs to."""
    name, role, value = str(path[0]), "", record[path[0]]  # type: ignore[index]
    for step in path[1:]:
        name += "[]" if isinstance(step, int) else f".{step}"
        value = value[step]
        if isinstance(value, Mapping):
            found = value.get("role", value.get("from"))
            role = f" of {found}" if isinstance(found, str) else role
    return name + role
