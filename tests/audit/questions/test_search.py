"""Texts are found in any script, whatever their case, their width and what a column holds."""

from __future__ import annotations

from pathlib import Path

import pytest
from log_fixtures import Tamper

from midb.audit.questions.filters import Filters
from midb.audit.questions.finding import find_records
from midb.audit.questions.search import add_search, fold, search_column
from midb.audit.reader import AuditReader


def positions(reader: AuditReader, text: str) -> list[int]:
    """The positions of the records of run 1 that hold a text."""
    return [row.position for row in find_records(reader, Filters(run=1, text=text))]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("thanksgiving", [0]),
        ("THANKSGIVING", [0]),
        ("σίσυφος", [7]),
        ("ΣΊΣΥΦΟΣ", [7]),
        ("isparta", [10]),
        ("İKİ", [10]),
        ("лет", [6]),
        ("首都", [1]),
        ("１４００万", [1]),  # full width
        ("대한", []),
        ("a US holiday", [0]),  # evidence
        ("2٫5", [2]),  # only in the text after the edit
        ("\x00\u200b", [8]),
        ("'; DROP TABLE records;--", [8]),
        ("%", []),
        ("_", []),
        ("original_text", []),
        ("\\u001b", []),  # how JSON spells it is not in the text
        ("TWICE", [11, 12]),  # the id
    ],
)
def test_texts_are_found_whatever_their_case_and_their_signs(
    reader: AuditReader, text: str, expected: list[int]
) -> None:
    assert positions(reader, text=text) == expected


def test_a_column_that_holds_no_text_does_not_stop_a_search(tampered: Tamper) -> None:
    path = tampered("UPDATE findings SET evidence = CAST(X'FF' AS TEXT)", "UPDATE edits SET before = X'FF'")
    with AuditReader(path) as reader:
        add_search(reader.connection)
        assert positions(reader, text="首都") == [1]


def test_folding_forgets_case_width_and_dots() -> None:
    assert fold("ＡＢＣ") == fold("abc")
    assert fold("Straße") == fold("STRASSE")
    assert fold("İSTANBUL") == fold("istanbul") == fold("ıstanbul")
    assert fold("한국") != fold("한국어")


def test_a_text_ends_at_no_nul_and_escapes_of_json_are_undone(finished_log: Path) -> None:
    with AuditReader(finished_log) as reader:
        add_search(reader.connection)

        def ask(text: object, needle: str, *, texts: bool = False) -> bool:
            sql = f"SELECT {search_column(':column', 'text', texts=texts)}"
            return bool(next(reader.query(sql, {"column": text, "text": needle}))[0])

        assert ask("a\0b", "b")
        assert not ask(None, "a")
        assert ask('[["\\u00e4\\n", null, "x"]]', "ä\n", texts=True)
        assert not ask('[["a", "b"]]', '", "', texts=True), "what separates texts is in none of them"
        assert ask("no JSON: ä", "json: ä", texts=True), "what somebody made something else is searched as it stands"
        assert ask(b"\xff!", "\\xff!")
