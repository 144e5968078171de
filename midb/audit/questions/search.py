"""Looking for words in a log: a search that knows more letters than ASCII's, as functions of SQL."""

from __future__ import annotations

import sqlite3
import unicodedata

import orjson


def fold(text: str) -> str:
    """The text as it is compared in a search: neither case nor width nor the dots of Turkish i count.

    >>> fold("ΣΊΣΥΦΟΣ") == fold("σίσυφος"), fold("ISPARTA") == fold("Isparta") == fold("ısparta")
    (True, True)
    """
    plain = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return plain.replace("i\u0307", "i").replace("ı", "i")


def add_search(connection: sqlite3.Connection) -> None:
    """Give a connection the functions that `search_column` calls."""

    # Both take bytes: SQLite could not hand on what is no UTF-8, and ends a text at its first NUL.
    def holds(text: bytes | None, needle: str) -> bool:
        return text is not None and needle in fold(text.decode(errors="backslashreplace"))

    def holds_texts(json: bytes | None, needle: str) -> bool:
        try:
            pairs = orjson.loads(json or b"")
            return any(isinstance(text, str) and needle in fold(text) for pair in pairs for text in pair)
        except (orjson.JSONDecodeError, TypeError):
            return holds(json, needle)

    connection.create_function("holds", 2, holds, deterministic=True)
    connection.create_function("holds_texts", 2, holds_texts, deterministic=True)


def search_column(column: str, needle: str, *, texts: bool = False) -> str:
    """The condition, as SQL, that a column holds the parameter ``needle``, which must be folded.

    With ``texts`` the column holds the texts of a record as JSON, whose escapes are undone first.
    """
    return f"{'holds_texts' if texts else 'holds'}(CAST({column} AS BLOB), :{needle})"
