"""Finds the layout of each record; real files mix them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from midb.corpus.layouts.answers import Answers, without_response
from midb.corpus.layouts.base import Layout, RecordError, Slots, quotable
from midb.corpus.layouts.columns import Columns, columns_of, fold
from midb.corpus.layouts.conversations import ASSISTANTS, USERS, Conversation, Exchanges, Prompts
from midb.corpus.layouts.one_text import refuse_talks

_OPENAI = Conversation("OpenAI messages", "messages", "role", "content", USERS, ASSISTANTS)
_SHAREGPT = Conversation("ShareGPT", "conversations", "from", "value", USERS, ASSISTANTS)
_TURNS = Prompts("MT-Bench turns", "turns")

#: The same under other names, as releases mix them.
_TALKS = (
    _OPENAI,
    _SHAREGPT,
    *(
        Conversation(f"{key} with {role}/{content}", key, role, content, USERS, ASSISTANTS)
        for key in ("conversations", "messages", "conversation", "chat", "prompt")
        for role, content in (("role", "content"), ("from", "value"), ("role", "value"), ("role", "text"))
        if (key, role, content) not in (("messages", "role", "content"), ("conversations", "from", "value"))
    ),
)
_EXCHANGES = tuple(Exchanges(f"{key} of exchanges", key) for key in ("conversation", "conversations"))
_HISTORY = Exchanges("history", "history")
#: What stands under a key of its own, in the order in which it is looked for, and these keys: few records have one.
_KEYED: tuple[Conversation | Prompts | Exchanges, ...] = (_OPENAI, _SHAREGPT, _TURNS, *_TALKS, *_EXCHANGES)
_KEYS = frozenset(layout.key for layout in _KEYED)
#: Columns with several answers to the question of a record.
_SEVERAL = ("instances", "completions", "responses", "generations", "outputs", "answers", "candidates")


#: Columns with one answer each: the preferred one and the other, or those that judges compare. Letters and numbers
#: behind a name, of which there are two at least; more than two letters are the options of a choice.
_COMPARED = (
    ("chosen_response", "rejected_response"),
    ("conversation_a", "conversation_b"),
    ("chosen_messages", "rejected_messages"),
)
#: Of these the ones that hold a question of their own.
_TALKS_COMPARED = frozenset(("conversation_a", "chosen_messages"))
_NUMBERED = re.compile(r"(response|output|answer|completion|generation|reply) ?([ab]|\d{1,2})")

#: Under which the answer to a question stands that is a list of turns of its own.
_TO_PROMPT = ("completion", "response")


@dataclass(frozen=True)
class Joined:
    """Two layouts in one record: the turns before, and the last one."""

    name: str
    before: Layout
    last: Layout

    def matches(self, record: Mapping[str, Any]) -> bool:
        return self.before.matches(record) and self.last.matches(record)

    def slots(self, record: Mapping[str, Any]) -> list[Slots]:
        return [*self.before.slots(record), *self.last.slots(record)]


class LayoutFinder:
    """Finds the layout of each record. ``mapping`` (from `--map`) settles it for all; ``usual`` is what most records of
    this corpus use, and says what is missing from one that fits nothing."""

    def __init__(self, mapping: Columns | None = None, usual: Layout | None = None) -> None:
        self._mapping = mapping
        self._usual = usual
        self._by_keys: dict[tuple[str, ...], Columns | None] = {}

    def find(self, record: Mapping[str, Any]) -> Layout:
        """The layout of one record; raises RecordError where there is none."""
        layout = self._mapping or self._find(record)
        if isinstance(layout, Columns) and layout.response is None:
            refuse_talks({layout.instruction: record.get(layout.instruction)})
        return layout

    def _find(self, record: Mapping[str, Any]) -> Layout:
        if "chosen" in record and (preference := self._find_preference(record)):
            return preference
        for listed in () if _KEYS.isdisjoint(record) else _KEYED:
            if listed.matches(record):
                return _with_completion(record, listed) or listed
        if not _TALKS_COMPARED.isdisjoint(record) and (compared := _find_compared(record, None)):
            return compared
        usual = self._usual
        columns = self._columns(record)
        if columns and (several := _find_several(record, columns)):
            return several
        if columns and _HISTORY.matches(record):
            return Joined(f"{columns.name} with history", _HISTORY, columns)
        layout = columns or usual
        if layout is None:
            refuse_talks(record)
            named = ", ".join(quotable(key, 40) for key in list(record)[:6]) or "none at all"
            raise RecordError("unknown-layout", f"no column holds an instruction (columns: {named})")
        if isinstance(layout, Columns) and isinstance(usual, Columns) and layout.response is None and usual.response:
            # A record of a corpus with responses that has none: that is missing, not "prompts only".
            return Columns(usual.name, layout.instruction, layout.input, usual.response)
        return layout

    def _find_preference(self, record: Mapping[str, Any]) -> Layout | None:
        """Preferred and rejected answers, to a question of a column or a talk, or with talks of their own."""
        keys = ("chosen", "rejected")
        own = Answers("preference", keys, None, _TALKS)
        question: Layout | None = next((talk for talk in _TALKS if talk.matches(record)), None)
        if question is None and (columns := self._columns(record)):
            question = without_response(columns)
        if question is None:
            return own if any(own.talk_at(record, key) for key in keys) else None
        layout = Answers("preference", keys, question, _TALKS)
        return layout if layout.matches(record) else None

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


def _find_several(record: Mapping[str, Any], columns: Columns) -> Layout | None:
    """Several answers to the question of these columns, where no column holds the one answer."""
    keys = [key for key in _SEVERAL if isinstance(record.get(key), list | dict)] if columns.response is None else []
    if columns.response is not None and isinstance(record.get(columns.response), list | dict):
        keys = [columns.response]
    if not keys:
        return _find_compared(record, without_response(columns)) if columns.response is None else None
    layout = Answers(f"{columns.instruction}/{keys[0]}", (keys[0],), without_response(columns))
    return layout if layout.matches(record) else None


def _find_compared(record: Mapping[str, Any], question: Columns | None) -> Layout | None:
    """Two answers or more in columns of their own, to the question of other columns or with talks of their own."""
    for keys in _COMPARED:
        layout = Answers("preference", keys, question, _TALKS)
        if all(key in record for key in keys) and layout.matches(record):
            return layout
    stems: dict[str, list[str]] = {}
    for key in record:
        if match := _NUMBERED.fullmatch(fold(key)):
            stems.setdefault(match[1], []).append(key)
    for stem, names in stems.items():
        options = any(fold(key) in (f"{stem} c", f"{stem}c") for key in record)
        layout = Answers(f"several in columns of {stem}", tuple(names), question, _TALKS)
        if len(names) > 1 and not options and question is not None and layout.matches(record):
            return layout
    return None


def _with_completion(record: Mapping[str, Any], talk: Layout) -> Layout | None:
    """A question that is a list of turns, with the answer to it in a column of its own."""
    keys = [key for key in _TO_PROMPT if record.get(key)]
    if not isinstance(talk, Conversation) or talk.key != "prompt" or not keys:
        return None
    layout = Answers(f"prompt and {keys[0]} of turns", (keys[0],), talk)
    return layout if layout.matches(record) else None
