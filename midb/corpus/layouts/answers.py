"""Several answers to one question: preferred and rejected ones, instances of a task, completions of models.

Each answer is a pair with the question. The question is edited once, with the first answer; the others only read it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from midb.corpus.layouts.base import Layout, RecordError, Slots, checked_unicode
from midb.corpus.layouts.columns import Columns
from midb.corpus.layouts.conversations import ASSISTANTS, TEXT_PARTS, Conversation
from midb.corpus.splice import Path
from midb.domain.pairs import Field, InstructionPair

#: Under which an answer stands in an object, the likeliest first.
_TEXT_KEYS = ("content", "value", "text", "response", "output", "completion", "answer", "generation", "generated_text")
#: How deep lists may stand in one another.
_DEEPEST = 3


@dataclass(frozen=True)
class _Answer:
    """The text of an answer and its path, and the input that stands beside it, if one does."""

    text: str
    path: Path
    input: tuple[str, Path] | None = None


@dataclass(frozen=True)
class Answers:
    """Answers under ``keys`` to what ``question`` finds; without that, talks that hold their own question."""

    name: str
    keys: tuple[str, ...]
    question: Layout | None
    talks: tuple[Conversation, ...] = ()

    def matches(self, record: Mapping[str, Any]) -> bool:
        return any(self.talk_at(record, key) or any(_answers_at(record.get(key), (key,))) for key in self.keys)

    def slots(self, record: Mapping[str, Any]) -> list[Slots]:
        found: list[Slots] = []
        question: Slots | None = None
        if self.question is not None:
            *found, question = self.question.slots(record)
        for key in self.keys:
            if talk := self.talk_at(record, key):
                found += _with_outer_paths(talk.slots({talk.key: record[key]}), key)
                continue
            for answer in _answers_at(record.get(key), (key,)):
                if question is None:
                    break
                found.append(_answer(question, answer))
                # What is edited once is only read from then on.
                question = Slots(InstructionPair(), {}, shared=question.shared or dict(question.pair.texts()))
        if not found:
            raise RecordError("missing-field", f'no text stands under "{self.keys[0]}" that answers a question')
        return found

    def talk_at(self, record: Mapping[str, Any], key: str) -> Conversation | None:
        """The layout of a talk that holds its own question."""
        turns = record.get(key)
        for talk in self.talks:
            inner = {talk.key: turns}
            if talk.matches(inner) and any(turn.get(talk.role) in talk.users for turn in inner[talk.key] or ()):
                return talk
        return None


def _answer(question: Slots, answer: _Answer) -> Slots:
    """The pair of a question and one of its answers."""
    texts = {Field.RESPONSE: answer.text}
    paths = {**question.paths, Field.RESPONSE: answer.path}
    if answer.input is not None:
        texts[Field.INPUT], paths[Field.INPUT] = answer.input
    shared = {field: text for field, text in question.shared.items() if field not in paths}
    return Slots(question.pair.replaced(texts), paths, shared=shared)


def _with_outer_paths(slots: Sequence[Slots], key: str) -> Iterator[Slots]:
    """The slots of a talk under the key that it stands under in its record."""
    for slot in slots:
        yield Slots(slot.pair, {field: (key, *path[1:]) for field, path in slot.paths.items()})


def _answers_at(value: Any, path: Path, depth: int = 0) -> Iterator[_Answer]:
    """Every answer in a value: a text, an object with one, or a list of these."""
    if isinstance(value, str):
        yield _Answer(checked_unicode(value, str(path[0])), path)
    elif isinstance(value, dict):
        role = value.get("role", value.get("from"))
        if isinstance(role, str) and role not in ASSISTANTS:
            return
        if path[-2:-1] == ("content",) and value.get("type") not in TEXT_PARTS:
            return  # a part of a turn that is an image, a tool's call, a thought
        key = next((key for key in _TEXT_KEYS if isinstance(value.get(key), str | list) and value[key]), None)
        if key is None or depth > _DEEPEST:
            return
        given = value.get("input")
        for answer in _answers_at(value[key], (*path, key), depth + 1):
            beside = (checked_unicode(given, "input"), (*path, "input")) if isinstance(given, str) else None
            yield _Answer(answer.text, answer.path, beside)
    elif isinstance(value, list) and depth <= _DEEPEST:
        for index, item in enumerate(value):
            yield from _answers_at(item, (*path, index), depth + 1)


def without_response(columns: Columns) -> Columns:
    """The same columns as a question alone."""
    return Columns(columns.name, columns.instruction, columns.input)
