"""HTML left in plain text: entities that were never decoded, line breaks and paragraphs as tags. Knows no language."""

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

#: Tags of plain prose, without attributes; with them, or beside other tags, it is the source of a page.
_PLAIN_TAG = re.compile(r"</?(?P<name>p|div|span|center|h[1-6]|ul|ol|li|strong|em|b|i|u|br|hr) ?/?>", re.IGNORECASE)
_ANY_TAG = re.compile(r"<[/!?]?[a-z][^<>]{0,300}>", re.IGNORECASE)
#: A run of tags that part paragraphs and lines, and the blanks around it.
_PARTING = re.compile(r"\s*(?:<(?:/?(?:p|div)|br ?/?)>\s*)+", re.IGNORECASE)
_PARAGRAPH = re.compile(r"<(/?)(p|div)>", re.IGNORECASE)
#: Characters of prose between tags; less is a line of code or of a table.
_LEAST_PROSE = 20


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
    if "<" not in text or not _BREAK.search(text) or _OTHER_TAG.search(text) or _has_columns(text):
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


def _has_columns(text: str) -> bool:
    """Whether a text may have a table; the bars of a chat template's tokens (``<|end|>``) are no columns."""
    return "|" in text.replace("<|", "").replace("|>", "")


def find_plain_tags(field: FieldText) -> tuple[list[tuple[int, str]], list[tuple[int, str, str]]]:
    """Tags in prose that has nothing but such tags, each with its offset, and their repairs.

    A repair is (offset, tags with the blanks around them, line breaks), where all tags part paragraphs and lines, and
    each that is opened is closed. A text whose only tags are ``<br>`` is find_line_break_tags' business.
    """
    text = field.text
    if "</" not in text and "<p>" not in text and "<P>" not in text:
        return [], []
    found = list(_PLAIN_TAG.finditer(text))
    names = [match["name"].lower() for match in found]
    if len(found) < 2 or len(found) != sum(1 for _ in _ANY_TAG.finditer(text)) or set(names) <= {"br", "hr"}:
        return [], []
    prose = len(text) - sum(len(match.group()) for match in found)
    if prose < _LEAST_PROSE or any(field.code.overlaps(*match.span()) for match in found):
        return [], []
    places = [(match.start(), match.group()) for match in found]
    if not set(names) <= {"p", "div", "br"} or not _are_closed(text):
        return places, []
    return places, list(_part_paragraphs(text))


def _are_closed(text: str) -> bool:
    """Whether every paragraph that a text opens is closed, and none inside another of its name."""
    opened: list[str] = []
    for match in _PARAGRAPH.finditer(text):
        name = match[2].lower()
        if not match[1]:
            if name in opened:
                return False
            opened.append(name)
        elif not opened or opened.pop() != name:
            return False
    return not opened


def _part_paragraphs(text: str) -> Iterator[tuple[int, str, str]]:
    """What stands in the place of each run of tags: nothing at the ends of the text, else one line break or two."""
    for match in _PARTING.finditer(text):
        at_edge = match.start() == 0 or match.end() == len(text)
        parted = "\n\n" if _PARAGRAPH.search(match.group()) else "\n"
        yield match.start(), match.group(), "" if at_edge else parted
