"""Layouts: where the texts of a record stand. Found out record by record, since real files mix them.

A layout turns a parsed record into slots: per pair, the text of each field and the path it was read from.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from midb.corpus.splice import Path
from midb.domain.errors import UsageError
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
    """One pair of a record, and where each of its texts stands. A text without a path is absent in the record."""

    pair: InstructionPair
    paths: Mapping[Field, Path]


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
    """The text under a key, ``None`` where it is missing or null; RecordError for any other value."""
    value = record.get(key)
    if value is None:
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


@dataclass(frozen=True)
class Columns:
    """Texts in top-level columns: Alpaca, prompt/response, MEB, whatever `--map` says.

    A missing or null response is an empty one (there is something to flag); a missing instruction is an error.
    """

    name: str
    instruction: str
    input: str | None = None
    response: str | None = None

    def matches(self, record: Mapping[str, Any]) -> bool:
        return self.instruction in record and (self.response is None or self.response in record)

    def slots(self, record: Mapping[str, Any]) -> list[Slots]:
        instruction = text_at(record, self.instruction)
        if instruction is None:
            raise RecordError("missing-field", f'"{self.instruction}" is missing or null')
        texts: dict[Field, str] = {Field.INSTRUCTION: instruction}
        paths: dict[Field, Path] = {Field.INSTRUCTION: (self.instruction,)}
        for field, key in ((Field.INPUT, self.input), (Field.RESPONSE, self.response)):
            text = text_at(record, key) if key else None
            if key and text is not None:
                texts[field] = text
                paths[field] = (key,)
        if self.response and Field.RESPONSE not in texts:
            texts[Field.RESPONSE] = ""
        return [Slots(InstructionPair(**{field.value: text for field, text in texts.items()}), paths)]


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
                (part["text"], number)
                for number, part in enumerate(content)
                if isinstance(part, dict) and part.get("type") == "text" and isinstance(part.get("text"), str)
            ]
            if len(parts) == 1:
                return checked_unicode(parts[0][0], self.content), (self.key, index, self.content, parts[0][1], "text")
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


_OPENAI = Conversation("OpenAI messages", "messages", "role", "content", frozenset({"user"}), frozenset({"assistant"}))
_SHAREGPT = Conversation(
    "ShareGPT", "conversations", "from", "value", frozenset({"human", "user"}), frozenset({"gpt", "assistant", "model"})
)  # fmt: skip
_TURNS = Prompts("MT-Bench turns", "turns")
_LISTED: tuple[Layout, ...] = (_OPENAI, _SHAREGPT, _TURNS)

# Column names in the wild, folded (see fold). Real releases translate even the keys: AlpacaEval and MEB do.
_INSTRUCTION = (
    "instruction", "prompt", "question", "query", "raw instruction", "istruzione grezza", "التعليمات", "تعليمات",
    "инструкция",
)  # fmt: skip
_INPUT = ("input", "context", "raw input", "input grezzo")
_RESPONSE = ("output", "response", "answer", "completion", "raw response", "risposta grezza")
_NAMES = {
    ("instruction", "output"): "Alpaca",
    ("prompt", "response"): "prompt/response",
    ("raw instruction", "raw response"): "MEB",
    ("istruzione grezza", "risposta grezza"): "MEB",
}


def fold(key: str) -> str:
    """A column name without case, compatibility forms and outer blanks."""
    return unicodedata.normalize("NFKC", key).strip().casefold().replace("_", " ")


def columns_of(record: Mapping[str, Any]) -> Columns | None:
    """The column layout a record's keys suggest, ``None`` where no column holds an instruction."""
    folded = {fold(key): key for key in reversed(list(record))}

    def first(names: Sequence[str]) -> str | None:
        return next((name for name in names if name in folded), None)

    instruction, response, context = first(_INSTRUCTION), first(_RESPONSE), first(_INPUT)
    if instruction is None:
        return None
    name = _NAMES.get((instruction, response or ""), f"{instruction}/{response}" if response else "prompts only")
    return Columns(name, folded[instruction], context and folded[context], response and folded[response])


class LayoutFinder:
    """Finds the layout of each record. ``mapping`` (from `--map`) settles it for all; ``usual`` is what most records of
    this corpus use, and says what is missing from one that fits nothing."""

    def __init__(self, mapping: Columns | None = None, usual: Layout | None = None) -> None:
        self._mapping = mapping
        self._usual = usual
        self._by_keys: dict[tuple[str, ...], Columns | None] = {}

    def find(self, record: Mapping[str, Any]) -> Layout:
        """The layout of one record; raises RecordError where there is none."""
        if self._mapping:
            return self._mapping
        for listed in _LISTED:
            if listed.matches(record):
                return listed
        usual = self._usual
        layout = self._columns(record) or usual
        if layout is None:
            columns = ", ".join(quotable(key, 40) for key in list(record)[:6]) or "none at all"
            raise RecordError("unknown-layout", f"no column holds an instruction (columns: {columns})")
        if isinstance(layout, Columns) and isinstance(usual, Columns) and layout.response is None and usual.response:
            # A record of a corpus with responses that has none: that is missing, not "prompts only".
            return Columns(usual.name, layout.instruction, layout.input, usual.response)
        return layout

    def _columns(self, record: Mapping[str, Any]) -> Columns | None:
        """What ``columns_of`` says, remembered for records with the same keys."""
        keys = tuple(record)
        if keys not in self._by_keys:
            found = columns_of(record)
            if len(keys) > 100 or sum(map(len, keys)) > 10_000:
                return found
            if len(self._by_keys) > 1000:  # odd corpora with ever new keys must not fill the memory
                self._by_keys.clear()
            self._by_keys[keys] = found
        return self._by_keys[keys]


def parse_mapping(text: str) -> Columns:
    """The layout of `--map instruction=q,input=ctx,response=a`; raises UsageError for anything else."""
    hint = "Write --map instruction=COLUMN,input=COLUMN,response=COLUMN (instruction at least)"
    parts = text.split(",")
    given = dict(part.strip().split("=", 1) for part in parts if "=" in part)
    if len(given) != len(parts) or set(given) - {f.value for f in Field} or not all(given.values()):
        raise UsageError(f'--map "{text}" is not understood.', hint=hint)
    if "instruction" not in given:
        raise UsageError("--map names no instruction column.", hint=hint)
    if len(set(given.values())) != len(given):
        raise UsageError(f'--map "{text}" gives one column two meanings.', hint=hint)
    return Columns("mapped", given["instruction"], given.get("input"), given.get("response"))
