"""The layout of a pair in prompts and replies: MIDB's sections, each tag with a nonce, and what stands for "no change".

    <|instruction:7f3a2c91|>
    text
    <|response:7f3a2c91|>
    text
    <|end:7f3a2c91|>

The nonce occurs in none of the texts, so that no text can open or close a section.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence

from midb.domain.decisions import Pass
from midb.domain.hashing import digest
from midb.domain.pairs import Field, InstructionPair

#: Stands in place of a text that stays as it is.
SAME = "<|same|>"

#: Hexadecimal digits of a nonce.
NONCE_DIGITS = 8


def make_nonce(*texts: str | None) -> str:
    """A nonce for some texts, the same each time, that occurs in none of them."""
    for attempt in itertools.count():
        nonce = digest("nonce", attempt, texts)[:NONCE_DIGITS]
        if not any(text and nonce in text for text in texts):
            return nonce
    raise AssertionError  # pragma: no cover  (count() does not end)


def make_tag(name: str, nonce: str) -> str:
    """The tag that opens a section, or for ``end`` closes the last one.

    >>> make_tag("end", "7f3a2c91")
    '<|end:7f3a2c91|>'
    """
    return f"<|{name}:{nonce}|>"


def pick_sections(pair: InstructionPair, pass_: Pass) -> tuple[Field, ...]:
    """The sections a prompt shows: every text that is not blank, and a blank response where content is asked for."""
    return tuple(
        field
        for field, text in pair.texts()
        if text.strip() or (field is Field.RESPONSE and pass_ in (Pass.CONTENT, Pass.VERIFICATION))
    )


def lay_out(texts: Iterable[tuple[str, str]], nonce: str) -> str:
    """Named texts as sections; blanks at the ends of a text are not part of it.

    >>> print(lay_out([("instruction", " Hi. ")], "7f3a2c91"))
    <|instruction:7f3a2c91|>
    Hi.
    <|end:7f3a2c91|>
    """
    lines = [line for name, text in texts for line in (make_tag(name, nonce), text.strip())]
    return "\n".join([*lines, make_tag("end", nonce)])


def lay_out_pair(pair: InstructionPair, sections: Sequence[Field], nonce: str) -> str:
    """A pair as sections."""
    return lay_out([(field.value, pair.text(field) or "") for field in sections], nonce)


def keep_outer_blanks(text: str, original: str) -> str:
    """``text`` between the blanks that ``original`` begins and ends with: they are no business of a model.

    >>> keep_outer_blanks("b", " a\\n")
    ' b\\n'
    """
    core = original.strip()
    if not core:
        return text
    start = original.index(core)
    return original[:start] + text + original[start + len(core) :]
