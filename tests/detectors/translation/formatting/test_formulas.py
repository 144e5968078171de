"""LaTeX that translation changed: restored from the source, flagged where it can be none, left where it may be."""

from __future__ import annotations

import pytest
from examining import Examine, evidence, respond

from midb.detectors.translation.formatting.formulas import ALTERED_FORMULA
from midb.domain.pairs import InstructionPair

KIND = [ALTERED_FORMULA.name]


def source(text: str) -> InstructionPair:
    return InstructionPair(instruction="?", response=text)


@pytest.mark.parametrize(
    ("original", "translated"),
    [
        ("So $x^2$ and $x^2$.", "Also $ x ^ 2 $ und $ x ^ 2 $."),
        ("So \\(\\frac{1}{2}\\).", "Also \\( \\ frac {1} {2} \\)."),
        ("So $\\frac{1}{2}\\sqrt{2}$.", "Also $\\Bruch{1}{2}\\Wurzel{2}$."),
        ("So \\begin{cases}1\\end{cases}.", "Also \\begin{Fälle}1\\end{Fälle}."),
    ],
)
def test_the_source_restores(original: str, translated: str, examine: Examine) -> None:
    pair = respond(translated)
    findings, repaired = examine(pair, "de", source=source(original), kinds=KIND)
    assert findings
    assert repaired.response == original.replace("So", "Also").replace("and", "und")
    assert examine(repaired, "de", source=source(original), kinds=KIND)[0] == []


@pytest.mark.parametrize(
    ("original", "translated"),
    [
        # one name for two of the source
        ("$\\frac{1}{2}\\sqrt{2}$", "$\\zlomek{1}{2}\\zlomek{2}$"),
        # one more command
        ("$\\frac{1}{2}$", "$\\Bruch{1}{2}\\Wurzel{2}$"),
        # another formula altogether
        ("$\\frac{1}{2}\\alpha$", "$\\Bruch{1}{2}\\beta$"),
    ],
)
def test_what_the_source_does_not_settle_is_flagged(original: str, translated: str, examine: Examine) -> None:
    pair = respond(translated)
    findings, repaired = examine(pair, "de", source=source(original), kinds=KIND)
    assert repaired == pair
    assert all(text.startswith("LaTeX has no command") for text in evidence(findings))
    assert findings


def test_amounts_of_money_are_no_formulas(examine: Examine) -> None:
    pair = respond("Es kostet $ 5 oder $ 10 am Tag.")
    assert examine(pair, "de", source=source("It costs $5 or $10 a day."), kinds=KIND)[0] == []


def test_many_blanks_and_backslashes_take_no_longer_than_they_are_long(examine: Examine) -> None:
    formula = "$x^2$"
    examine(respond("$ x ^ 2 " * 20_000 + "\\ frac {" * 9_000), "de", source=source(formula), kinds=KIND)
