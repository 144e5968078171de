"""Talks: lists of turns with roles, of questions with their answers, or of questions alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from midb.corpus.layouts.base import RecordError, Slots, checked_unicode, text_at
from midb.corpus.splice import Path
from midb.domain.pairs import Field, InstructionPair

#: What those who ask and those who answer are called.
USERS = frozenset({"user", "human", "prompter"})
ASSISTANTS = frozenset({"assistant", "gpt", "model", "bot", "chatgpt", "ai"})

#: What a part of a turn is called that is text, and where it stands in it: OpenAI's two forms, LLaMA-Factory's.
TEXT_PARTS = ("text", "input_text", "output_text")
_PART_KEYS = ("text", "value")

#: How a question and its answer are called where they stand together, for each pair of names.
_EXCHANGES = (("input", "output"), ("human", "assistant"), ("instruction", "output"), ("prompt", "response"),
              ("question", "answer"), ("user", "assistant"), ("user", "bot"))  # fmt: skip


@dataclass(frozen=True)
class Conversation:
    """A list of turns; each user turn and the assistant turn that answers it are a pair."""

    name: str
    key: str
    role: str
    content: str
    users: frozenset[str]
    assistants: frozenset[str]

    def matches(self, record: Mapping[str, Any]) -> bool:
        turns = record.get(self.key)
        return (
            isinstance(turns, list)
            and bool(turns)
            and all(isinstance(turn, dict) and self.role in turn for turn in turns)
            and any(self.content in turn for turn in turns)
        )

    def slots(self, record: Mapping[str, Any]) -> list[Slots]:
        turns = record.get(self.key)
        if not isinstance(turns, list):
            raise RecordError("missing-field", f'"{self.key}" is missing or no list of turns')
        found: list[Slots] = []
        question: tuple[str, Path] | None = None
        for index, turn in enumerate(turns):
            if not isinstance(turn, dict):
                raise RecordError("field-not-text", f'"{self.key}" holds a turn that is no object')
            role = turn.get(self.role)
            if not isinstance(role, str) or role not in self.users | self.assistants:
                continue  # what the system or a tool says is not examined, whatever it is
            text, path = self._text(turn, index)
            if role in self.users:
                question = None if text is None else (text, path)
            elif text is not None and question is not None:
                pair = InstructionPair(instruction=question[0], response=text)
                found.append(Slots(pair, {Field.INSTRUCTION: question[1], Field.RESPONSE: path}))
                question = None
        if not found and question is None:
            raise RecordError("missing-field", f'"{self.key}" holds no user turn with text')
        if question is not None:
            # The last question was never answered: an empty response, which cannot be written to.
            pair = InstructionPair(instruction=question[0], response="")
            found.append(Slots(pair, {Field.INSTRUCTION: question[1]}))
        return found

    def _text(self, turn: Mapping[str, Any], index: int) -> tuple[str | None, Path]:
        """The text of a turn and its path; of content parts (multimodal), the only text part."""
        content = turn.get(self.content)
        if isinstance(content, list):
            parts = [
                (part[key], number, key)
                for number, part in enumerate(content)
                if isinstance(part, dict) and part.get("type") in TEXT_PARTS
                for key in _PART_KEYS
                if isinstance(part.get(key), str)
            ]
            if len(parts) == 1:
                text, number, key = parts[0]
                return checked_unicode(text, self.content), (self.key, index, self.content, number, key)
            return None, ()
        return text_at(turn, self.content), (self.key, index, self.content)


@dataclass(frozen=True)
class Prompts:
    """A list of user turns without answers, as MT-Bench has them."""

    name: str
    key: str

    def matches(self, record: Mapping[str, Any]) -> bool:
        turns = record.get(self.key)
        return isinstance(turns, list) and bool(turns) and all(isinstance(turn, str) for turn in turns)

    def slots(self, record: Mapping[str, Any]) -> list[Slots]:
        turns = record.get(self.key)
        if not isinstance(turns, list) or not turns or not all(isinstance(turn, str) for turn in turns):
            raise RecordError("missing-field", f'"{self.key}" is missing or no list of texts')
        return [
            Slots(InstructionPair(instruction=checked_unicode(turn, self.key)), {Field.INSTRUCTION: (self.key, index)})
            for index, turn in enumerate(turns)
        ]


@dataclass(frozen=True)
class Exchanges:
    """A list of questions with their answers: `[{"input": ..., "output": ...}]`, or `[["question", "answer"]]`."""

    name: str
    key: str

    def matches(self, record: Mapping[str, Any]) -> bool:
        turns = record.get(self.key)
        return isinstance(turns, list) and bool(turns) and all(map(_names_of_exchange, turns))

    def slots(self, record: Mapping[str, Any]) -> list[Slots]:
        turns = record.get(self.key)
        if not isinstance(turns, list):
            raise RecordError("missing-field", f'"{self.key}" is missing or no list of exchanges')
        found = []
        for index, turn in enumerate(turns):
            names = _names_of_exchange(turn)
            if names is None:
                continue
            (asked, answered), place = names, (self.key, index)
            question, answer = (checked_unicode(turn[name], self.key) for name in names)
            paths = {Field.INSTRUCTION: (*place, asked), Field.RESPONSE: (*place, answered)}
            found.append(Slots(InstructionPair(instruction=question, response=answer), paths))
        return found


def _names_of_exchange(turn: Any) -> tuple[Any, Any] | None:
    """Under which keys (or indexes) question and answer stand in a turn; ``None`` where it is no exchange."""
    if isinstance(turn, list):
        return (0, 1) if len(turn) == 2 and all(isinstance(text, str) for text in turn) else None
    if not isinstance(turn, dict):
        return None
    return next((pair for pair in _EXCHANGES if all(isinstance(turn.get(name), str) for name in pair)), None)
