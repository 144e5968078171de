"""Defects of markup: emphasis with blanks inside, what is never closed, escapes in prose, lists misnumbered."""

from __future__ import annotations

import re
from collections.abc import Iterator
from random import Random

from midb.injectors.base import CleanPair, Expectation, Injection, Injector, change, code_ranges, is_outside, rewrite

_BOLD = re.compile(r"\*\*([^*\n]+)\*\*")


def _propose_spaced(clean: CleanPair, random: Random) -> Iterator[Injection]:
    kind = "spaced-emphasis"
    for field, text in clean.texts():
        matches = list(_BOLD.finditer(text))
        for match in matches:
            yield change(kind, "blanks on both sides", field, match.start(), match.group(), f"** {match[1]} **")
            yield change(kind, "blank before the end", field, match.start(), match.group(), f"**{match[1]} **")
        if len(matches) > 1:
            yield rewrite(kind, "every emphasis", field, text, _BOLD.sub(r"** \1 **", text))


def _propose_unclosed(clean: CleanPair, random: Random) -> Iterator[Injection]:
    kind = "unclosed-markup"
    for field, text in clean.texts():
        if text.count("```") == 2 and text.rstrip().endswith("```"):
            # An answer that was cut off when its length was used up, just before the end.
            start = text.rindex("\n```")
            yield change(kind, "fence", field, start, text[start:], "")
        for match in _BOLD.finditer(text):
            end = match.end() - 2
            yield change(kind, "bold", field, end, "**", "", Expectation.FLAGGED)


_BREAK = re.compile(r"\n+")


def _propose_escaped(clean: CleanPair, random: Random) -> Iterator[Injection]:
    kind = "escaped-text"
    for field, text in clean.texts():
        if "\\" in text or "```" in text:
            continue
        if len(_BREAK.findall(text)) >= 2:
            yield rewrite(kind, "line breaks", field, text, text.replace("\n", "\\n"))
            if '"' in text:
                as_json = text.replace('"', '\\"').replace("\n", "\\n")
                yield rewrite(kind, "line breaks and quotes", field, text, as_json)
        if _BOLD.search(text):
            yield rewrite(kind, "stars", field, text, text.replace("*", "\\*"))


_ITEM = re.compile(r"^(\d+)([.)]) ", re.MULTILINE)


def _propose_numbering(clean: CleanPair, random: Random) -> Iterator[Injection]:
    kind = "broken-numbering"
    for field, text in clean.texts():
        items = [match for match in _ITEM.finditer(text) if is_outside(*match.span(), code_ranges(text))]
        numbers = [int(match[1]) for match in items]
        if len(items) < 4 or numbers != list(range(1, len(items) + 1)):
            continue
        for match, number in list(zip(items, numbers, strict=True))[1:-1]:
            if number > 2:  # a second 1 may begin a list inside the list
                yield change(kind, "number repeated", field, match.start(1), match[1], str(number - 1))
            yield change(kind, "another number", field, match.start(1), match[1], str(number + random.randint(3, 6)))
        yield rewrite(kind, "number skipped", field, text, _shifted(text, items))


def _shifted(text: str, items: list[re.Match[str]]) -> str:
    """The text with every number after the second raised by one: an item was taken out, and nobody counted again."""
    parts, position = [], 0
    for match in items[2:]:
        parts += [text[position : match.start(1)], str(int(match[1]) + 1)]
        position = match.end(1)
    return "".join([*parts, text[position:]])


INJECTORS = (
    Injector(
        "spaced-emphasis", "a translator puts blanks around marks, and Markdown no longer shows them", _propose_spaced
    ),
    Injector("unclosed-markup", "an answer is cut off, or one of two marks is lost", _propose_unclosed),
    Injector("escaped-text", "a text went through a program's literals, or JSON inside JSON", _propose_escaped),
    Injector("broken-numbering", "items were moved, added or taken out, and the numbers stayed", _propose_numbering),
)
