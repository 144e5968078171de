"""Editing texts inside the bytes of a JSON record: what an edit does not touch keeps its escaping, order and spacing."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence

import orjson

from midb.edits import Edit

#: Where a text stands in a record: object keys and array indexes from the outside in.
Path = tuple[str | int, ...]

_TOKEN = re.compile(rb'"(?:[^"\\]+|\\.)*+"|[{}\[\]:,]', re.DOTALL)
# One code point of a JSON string: a surrogate pair, an escape, or the character itself.
_CODE_POINT = re.compile(r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|\\.|[^\\]", re.S)
_ESCAPED = re.compile(rb"\\u(?!00[0-7])[0-9a-fA-F]{4}")


def find_strings(body: bytes, wanted: set[Path]) -> dict[Path, tuple[int, int]]:
    """Byte spans of the string values at the wanted paths, quotes included. The last of duplicate keys wins, as it
    does in parsers."""
    spans: dict[Path, tuple[int, int]] = {}
    path: list[str | int | None] = []  # one entry per open container: its present key or index
    expects_key = False
    for match in _TOKEN.finditer(body):
        mark = match.group()
        if mark == b"{":
            path.append(None)
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
        elif expects_key:
            path[-1] = json.loads(mark)
        elif tuple(path) in wanted:
            spans[tuple(path)] = match.span()  # type: ignore[index]
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
    for path, (start, end) in sorted(spans.items(), key=lambda item: item[1], reverse=True):
        points = _CODE_POINT.findall(body[start + 1 : end - 1].decode("utf-8"))
        for edits in stages[path]:
            for edit in sorted(edits, key=lambda edit: edit.start, reverse=True):
                points[edit.start : edit.end] = [_escape(character, ascii_only) for character in edit.after]
        body = body[: start + 1] + "".join(points).encode("utf-8") + body[end - 1 :]
    return body


def _escape(character: str, ascii_only: bool) -> str:
    if ascii_only:
        return json.dumps(character)[1:-1]
    return orjson.dumps(character).decode()[1:-1]
