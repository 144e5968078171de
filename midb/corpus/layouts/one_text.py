"""A whole talk in one text: "### Human: ... ### Assistant: ...", as templates of chats write it.

Such a text is no instruction and no response. Where nothing else of a record is one, the record is not examined: what
is said by whom would have to be cut out of the text first.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from midb.corpus.layouts.base import RecordError, quotable

#: The mark of who asks and that of who answers. Marks that are words of a language count at the beginning alone: what
#: follows them may be a line of a play.
_MARKS = tuple(
    (re.compile(asks), re.compile(answers))
    for asks, answers in (
        (r"###\s*(?:Human|User):", r"###\s*Assistant:"),
        (r"###\s*Instruction:", r"###\s*Response:"),
        (r"<\|im_start\|>\s*user\b", r"<\|im_start\|>\s*assistant\b"),
        (r"<\|(?:user|prompter)\|>", r"<\|assistant\|>"),
        (r"<\|start_header_id\|>user<", r"<\|start_header_id\|>assistant<"),
        (r"<start_of_turn>user\b", r"<start_of_turn>model\b"),
        (r"\[INST\]", r"\[/INST\]"),
        (r"\A\s*(?:Human|User|USER):", r"\n\s*Assistant:|\bASSISTANT:"),
    )
)


def find_talk(text: str) -> str:
    """The mark of who asks, where a text holds a question and the answer to it; else an empty text.

    >>> find_talk("### Human: Was ist das?### Assistant: Ein Haus."), find_talk("Human: Was ist das?")
    ('### Human:', '')
    """
    for asks, answers in _MARKS:
        asked = asks.search(text)
        answered = answers.search(text, asked.end()) if asked else None
        if asked and answered and text[answered.end() :].strip():
            return asked.group().strip()
    return ""


def refuse_talks(record: Mapping[str, Any]) -> None:
    """Raise RecordError where a column of a record holds a whole talk."""
    for key, value in record.items():
        if isinstance(value, str) and (mark := find_talk(value)):
            raise RecordError("talk-in-one-text", f'"{quotable(key, 40)}" holds a whole talk in one text ({mark} ...)')
