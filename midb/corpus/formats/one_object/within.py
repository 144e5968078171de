"""A JSON array inside an object, such as ``{"version": 1, "data": [...]}``: what stands around it is kept."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import orjson

from midb.corpus.formats.array import CLOSING, read_array
from midb.corpus.formats.text import JsonArray
from midb.corpus.raw import RawRecord, Start, Tail
from midb.domain.errors import CorpusError

#: What the lists of records of a data set are called.
_USUAL = frozenset(
    ("data", "records", "rows", "examples", "items", "entries", "samples", "dataset", "train", "test", "validation",
     "dev")
)  # fmt: skip
#: What the lists of a single record are called: turns, answers, tools.
_OF_ONE_RECORD = frozenset(
    ("messages", "conversations", "conversation", "chat", "turns", "history", "chosen", "rejected", "choices", "tools",
     "instances", "completions", "responses", "generations", "answers", "candidates", "prompt", "functions")
)  # fmt: skip

_TOKEN = re.compile(rb'"(?:[^"\\]++|\\.)*+"|[{}\[\]]', re.DOTALL)
_KEY = re.compile(rb'("(?:[^"\\]++|\\.)*+")\s*:\s*\[\s*\Z', re.DOTALL)


def find_opening(head: bytes) -> tuple[bytes, str] | None:
    """How an object begins up to the bracket of its list of records, and the key of the list; ``None`` where it has
    none. ``head`` is the beginning of a file from its first brace on.

    >>> find_opening(b'{"v": [1], "data": [{"a": 1}]}'), find_opening(b'{"messages": [{"role": "user"}]}')
    ((b'{"v": [1], "data": [', 'data'), None)
    """
    spread = _is_spread(head)
    depth = 0
    for match in _TOKEN.finditer(head):
        mark = match.group()
        if mark in (b"{", b"["):
            depth += 1
            if mark == b"[" and depth == 2 and head[match.end() : match.end() + 64].lstrip()[:1] == b"{":
                named = _KEY.search(head[: match.end()])
                key = orjson.loads(named[1]) if named else ""
                if key in _USUAL or (spread and key and key not in _OF_ONE_RECORD):
                    return head[: match.end()], key
        elif mark in (b"}", b"]"):
            depth -= 1
            if not depth:
                return None
    return None


def _is_spread(head: bytes) -> bool:
    """Whether the object goes on behind its first line."""
    return re.match(rb"\{[ \t\r]*\n", head) is not None


class ArrayWithin(JsonArray):
    """The elements of a list in an object. ``opening`` is everything up to the list's bracket."""

    def __init__(self, path: Path, opening: bytes, key: str, compression: str = "") -> None:
        super().__init__(path, compression)
        self.name = f'JSON array under "{key}"'
        self._opening = opening
        self._rest: Tail | None = None

    def parse(self, stream: BinaryIO, start: Start) -> Iterator[RawRecord | Tail]:
        for item in read_array(stream, start, within=self._opening):
            if isinstance(item, Tail):
                self._refuse_second_list(item)
                self._rest = item
            yield item

    def kept(self, record: RawRecord, body: bytes | None, *, first: bool) -> bytes:
        before = record.before
        if first and record.position:
            before = self._opening + before.replace(b",", b"")
        return before + (record.body if body is None else body)

    def tail(self, tail: Tail, *, first: bool) -> bytes:
        opening = self._opening if first and not tail.data.startswith(self._opening) else b""
        return opening + tail.data

    def cut(self) -> Tail:
        """The end of the list and what follows it, for which the file has to be read to its end once."""
        if self._rest is None:
            for _ in self.read():
                pass
        assert self._rest is not None
        return Tail(CLOSING + self._rest.data.partition(b"]")[2])

    def _refuse_second_list(self, tail: Tail) -> None:
        """Raise CorpusError where another list of records follows, which nobody would have looked at."""
        try:
            others = orjson.loads(b'{"":0' + tail.data.partition(b"]")[2])
        except orjson.JSONDecodeError:
            return
        if any(isinstance(value, list) and value and isinstance(value[0], dict) for value in others.values()):
            raise CorpusError(
                f"{self.path} holds more than one list of records.",
                hint="Write each list to a file of its own, for example: jq '.train' FILE > train.json",
            )
