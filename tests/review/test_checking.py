"""Slips of people are told before they reach the log."""

from __future__ import annotations

from pathlib import Path

import pytest
from review_fixtures import candidates_of

from midb.audit.reader import AuditReader
from midb.domain.errors import UsageError
from midb.domain.pairs import Field, InstructionPair
from midb.review.checking import MOST_CHARACTERS, check_reviewer, check_text
from midb.review.choosing import Candidate
from midb.review.showing import Passage, Shown, show_item


def make_shown(reviewed: Path, passage: Passage) -> Shown:
    with AuditReader(reviewed) as reader:
        shown = show_item(reader, candidates_of(reviewed)["one mojibake"])
    assert isinstance(shown.candidate, Candidate)
    values = {name: getattr(shown, name) for name in Shown.__dataclass_fields__}
    return Shown(**values | {"after": passage, "field": Field.RESPONSE, "pair": InstructionPair(response="x")})


@pytest.mark.parametrize(
    ("passage", "text", "told"),
    [
        (Passage("Hallo ", "{name}", "!"), "Name", "{name} is missing"),
        (Passage("Hallo ", "{name}", "!"), "lieber {name}", None),
        (Passage("", "alles", ""), " \n", "The response would be empty"),
        (Passage("noch ", "etwas", ""), "", None),
        (Passage("a ", "b", " c"), "x\x1b[31m", "control character"),
        (Passage("a ", "b", " c"), "\ud800", "control character"),
        (Passage("a ", "b", " c"), "x" * (MOST_CHARACTERS + 1), "at most 20,000"),
        (Passage("siehe ", "https://a.example/x", ""), "siehe dort", "https://a.example/x is missing"),
        (Passage("a ", "b", " c"), "zwei\nZeilen\tund mehr", None),
        (Passage("kostet 3", ",", "5 Euro"), "3,25", 'would read "kostet 33,255 Euro"'),
        (Passage("3", ",", "5"), "3,25", 'in the place of ","'),
        (Passage("kostet 3", ",", "5 Euro"), ",2", None),
        (Passage("kostet 3", ",", "5 Euro"), "kostet 3,25 Euro", "repeats what stands beside"),
        (Passage("Er ist ", "grün", " und gut"), "Er ist blau und gut", "repeats what stands beside"),
        (Passage("Er ist ", "grün", " und gut"), "ist blau und", "repeats what stands beside"),
        (Passage("Er ist ", "grün", " und gut"), "sehr grün", None),
        (Passage("Er ist sehr ", "gut", ""), "sehr gut", None),
        (Passage("viele Gruße", "", "\nCiti"), "Grußes", "repeats what stands beside"),
        (Passage("ha", "h", "!"), "haha", None),
        (Passage("", "alles", ""), "alles und mehr", None),
    ],
)
def test_a_text(passage: Passage, text: str, told: str | None, reviewed: Path) -> None:
    found = check_text(make_shown(reviewed, passage), text)
    assert (found is None) if told is None else (found is not None and told in found), found


@pytest.mark.parametrize("name", ["", "  ", "a\nb", "x" * 81, "\u202eanA"])
def test_a_name_that_is_none(name: str) -> None:
    with pytest.raises(UsageError, match="needs a name"):
        check_reviewer(name)


def test_a_name() -> None:
    assert check_reviewer(" Ayşe Yılmaz ") == "Ayşe Yılmaz"
