"""HTML left in plain text: entities that were never decoded, and line breaks written as tags. Knows no language."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from html.entities import html5

from midb.text.inspection import FieldText

_ENTITY = re.compile(r"&(?:amp;)*(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,30});")
#: Characters of ordinary text that Python does not count as printable: no-break and zero-width space, soft hyphen.
_UNPRINTABLE_TEXT = "\N{NO-BREAK SPACE}\N{ZERO WIDTH SPACE}\N{SOFT HYPHEN}"

_BREAK = re.compile(r"<br ?/?>", re.IGNORECASE)
_OTHER_TAG = re.compile(r"</?(?!br ?/?>)[a-z][a-z0-9]*(?: [^<>\n]{0,200})?/?>", re.IGNORECASE)


def find_entities(field: FieldText) -> Iterator[tuple[int, str, str]]:
    """(offset, entity, character) for every entity outside code, URLs and tags; one escaped twice is decoded twice.

    Entities that stand for nothing, and characters that cannot be printed, are left out.
    """
    text = field.text
    if "&" not in text or ";" not in text:
        return
    for match in _ENTITY.finditer(text):
        entity = match.group()
        # What is left once every "&amp;" before it is read as "&", without its own "&".
        innermost = entity.removeprefix("&").rpartition("amp;" if entity.count(";") > 1 else "&")[2] or "amp;"
        character = html.unescape("&" + innermost)
        known = innermost[0] == "#" or innermost in html5
        usable = len(character) < len(innermost) and (character.isprintable() or character in _UNPRINTABLE_TEXT)
        if known and usable and not field.protected.overlaps(match.start(), match.end()):
            yield match.start(), entity, character


def find_line_break_tags(field: FieldText) -> Iterator[tuple[int, str, str]]:
    """(offset, tag with the blanks around it, line break) for every ``<br>`` in a text that has no other tags.

    At the beginning and the end of the text nothing is put in its place. In a Markdown table ``<br>`` is how a cell has
    two lines, so that a text with columns has none to replace.
    """
    text = field.text
    if "<" not in text or not _BREAK.search(text) or _OTHER_TAG.search(text) or "|" in text:
        return
    begin, finish = len(text) - len(text.lstrip()), len(text.rstrip())
    done = 0
    for match in _BREAK.finditer(text):
        start, end = match.span()
        while start > done and text[start - 1] in " \t":
            start -= 1
        while end < len(text) and text[end] in " \t":
            end += 1
        if text[end : end + 1] == "\n":
            end += 1
        done = end
        edge = start <= begin or end >= finish
        yield start, text[start:end], "" if edge else "\n"
