"""Editing texts inside the bytes of a JSON record: what no edit touches keeps its escaping, order and spacing."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence

import orjson

from midb.domain.edits import Edit, sort_edits
from midb.domain.pairs import Field

#: Where a text stands in a record: object keys and array indexes from the outside in.
Path = tuple[str | int, ...]

#: Edits by the place of their text, a list for each decision that made some there, in the order of the decisions.
Stages = dict[Path, list[list[Edit]]]

_TOKEN = re.compile(rb'"(?:[^"\\]+|\\.)*+"|[{}\[\]:,]', re.DOTALL)
# One code point of a JSON string: a surrogate pair, an escape, or the character itself.
_PAIR = r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
_CODE_POINT = re.compile(rf"{_PAIR}|\\u[0-9a-fA-F]{{4}}|\\.|[^\\]", re.DOTALL)
# An escape of a character that is not ASCII. Behind an escaped backslash it is none.
_ESCAPED = re.compile(rb"(?<!\\)(?:\\\\)*+\\u(?!00[0-7])[0-9a-fA-F]{4}")


def add_stage(stages: Stages, paths: Mapping[Field, Path], edits: Sequence[Edit]) -> None:
    """Add the edits of one decision on a pair whose texts stand at ``paths``."""
    for field, path in paths.items():
        if here := [edit for edit in edits if edit.field is field]:
            stages.setdefault(path, []).append(here)


def find_strings(body: bytes, wanted: set[Path]) -> dict[Path, tuple[int, int]]:
    """Byte spans of the string values at the wanted paths, quotes included. The last of duplicate keys wins, as it
    does in parsers."""
    spans: dict[Path, tuple[int, int]] = {}
    path: list[str | int] = []  # one entry per open container: its present key or index
    depths = {len(path) for path in wanted}
    expects_key = False
    for match in _TOKEN.finditer(body):
        mark = match.group()
        if len(mark) > 1:  # a string
            if expects_key:
                path[-1] = json.loads(mark) if b"\\" in mark else mark[1:-1].decode("utf-8")
            elif len(path) in depths and tuple(path) in wanted:
                spans[tuple(path)] = match.span()
        elif mark == b"{":
            path.append("")
            expects_key = True
        elif mark == b"[":
            path.append(0)
            expects_key = False
        elif mark in (b"}", b"]"):
            path.pop()
            expects_key = False
        elif mark == b",":
            top = path[-1]
            expects_key = not isinstance(top, int)
            if isinstance(top, int):
                path[-1] = top + 1
        elif mark == b":":
            expects_key = False
    return spans


def splice(body: bytes, stages: Mapping[Path, Sequence[Sequence[Edit]]], *, ascii_only: bool) -> bytes:
    """Apply edits to the texts of a record, given as bytes.

    ``stages`` holds, for each text, one list of edits per decision, each relative to the text before that decision.
    New characters are escaped as the record escapes its own; where that cannot be seen, ``ascii_only`` decides.
    """
    if not body.isascii():
        ascii_only = False
    elif _ESCAPED.search(body):
        ascii_only = True
    spans = find_strings(body, set(stages))
    parts: list[bytes] = []
    position = 0
    for path, (start, end) in sorted(spans.items(), key=lambda item: item[1]):
        text = body[start + 1 : end - 1].decode("utf-8")
        points: list[str] = _CODE_POINT.findall(text) if "\\" in text else list(text)
        for edits in stages[path]:
            points = _edited(points, edits, ascii_only)
        parts += (body[position : start + 1], "".join(points).encode("utf-8"))
        position = end - 1
    return b"".join((*parts, body[position:]))


def has_escapes(text: bytes) -> bool:
    """Whether some JSON writes a character beyond ASCII as an escape."""
    return _ESCAPED.search(text) is not None


def write_string(text: str, *, like: bytes, ascii_only: bool) -> bytes:
    """A text as a JSON string, escaped as the string ``like`` is; where that shows nothing, ``ascii_only`` decides."""
    escaping = like.isascii() and (ascii_only or has_escapes(like))
    return json.dumps(text).encode() if escaping else orjson.dumps(text)


def _edited(points: list[str], edits: Sequence[Edit], ascii_only: bool) -> list[str]:
    """The code points of a text, as the record writes them, after the edits of one decision."""
    edited: list[str] = []
    position = 0
    for edit in sort_edits(edits):
        edited += points[position : edit.start]
        edited += (_escape(character, ascii_only) for character in edit.after)
        position = edit.end
    return edited + points[position:]


def _escape(character: str, ascii_only: bool) -> str:
    if ascii_only:
        return json.dumps(character)[1:-1]
    return orjson.dumps(character).decode()[1:-1]
