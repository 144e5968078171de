"""False equations in a response: found unless something says that they are meant, repaired where that is proved."""

from __future__ import annotations

from fractions import Fraction

import pytest
from examining import Examine, evidence, respond
from hypothesis import given
from hypothesis import strategies as st

from midb.detectors.content.equations.detector import FALSE_EQUATION, EquationWords
from midb.domain.pairs import InstructionPair
from midb.locales import LANGUAGES, load

KIND = [FALSE_EQUATION.name]


def sums() -> st.SearchStrategy[tuple[str, Fraction]]:
    """Expressions with their value, computed beside the parser under test."""
    numbers = st.integers(2, 99).map(lambda number: (str(number), Fraction(number)))

    def join(parts: tuple[tuple[str, Fraction], str, tuple[str, Fraction]]) -> tuple[str, Fraction]:
        (left, a), operator, (right, b) = parts
        value = {"+": a + b, "-": a - b, "*": a * b}[operator]
        sign = {"+": "+", "-": "-", "*": "×"}[operator]
        return f"({left} {sign} {right})", value

    return st.recursive(numbers, lambda inner: st.tuples(inner, st.sampled_from("+-*"), inner).map(join), max_leaves=5)


@given(left=sums(), right=sums(), change=st.integers(1, 9))
def test_true_sums_are_left_alone_and_false_ones_found(
    examine: Examine, left: tuple[str, Fraction], right: tuple[str, Fraction], change: int
) -> None:
    value = left[1] + right[1]
    said = f"{left[0]} + {right[0]} = "
    assert examine(respond(f"{said}{value}", "Rechne."), "de", kinds=KIND)[0] == []
    wrong = value + change
    if value > 20 and wrong % 100:  # round results of products pass for rounded ones
        findings, repaired = examine(respond(f"{said}{wrong}", "Rechne."), "de", kinds=KIND)
        assert len(findings) == 1
        assert repaired.response == f"{said}{wrong}", "its numbers were not given: which is wrong cannot be told"


@given(a=st.integers(21, 60), b=st.integers(61, 98), wrong=st.integers(200, 300))
def test_a_repair_restores_the_sum(examine: Examine, a: int, b: int, wrong: int) -> None:
    findings, repaired = examine(respond(f"{a} + {b} = {wrong}", f"Addiere {a} und {b}."), "de", kinds=KIND)
    assert len(findings) == 1
    assert repaired.response == f"{a} + {b} = {a + b}"


def test_evidence_names_both_results_and_the_source(examine: Examine) -> None:
    pair = respond("**17 + 25 = 43**")
    (finding,), _ = examine(pair, "de", source=pair, kinds=KIND)
    assert finding.evidence == "17 + 25 is 42, not 43; the English source has the same error"


@pytest.mark.parametrize(
    ("code", "text"), [("ja", "合計は17＋25＝43です。"), ("ar", "المجموع: ١٧ + ٢٥ = ٤٣"), ("vi", "17 + 25 = 43")]
)
def test_equations_are_found_in_every_script(code: str, text: str, examine: Examine) -> None:
    findings, _ = examine(respond(text, "…"), code, kinds=KIND)
    assert [item.partition(",")[0].endswith("is 42") for item in evidence(findings)] == [True]


@pytest.mark.parametrize(
    ("instruction", "response"),
    [
        ("Rechne.", "2 + 2 = 5"),  # a saying
        ("Rechne.", "10 + 11 = 111"),  # binary
        ("Rechne.", "x = 3; 17 + 25 = 43;"),  # code
        ("Rechne.", "`17 + 25 = 43`"),
        ("Rechne.", "17 + 25 = 43 falsch"),  # says so itself
        ("Rechne.", "60 + 60 = 2 Stunden"),  # another unit
        ("Rechne.", "90-100 = 1"),  # a legend
        ("Rechne.", "9:30 + 1 = 10:30"),
        ("Rechne.", "5 + 3 = 8 * 2 = 16"),  # loose, but every step is right
        ("Rechne.", "17 + 25 = 43\n+ 2"),  # goes on
        ("Finde den Fehler: 17 + 25 = 43", "17 + 25 = 43"),
        ("Wie ist es im Binärsystem?", "17 + 25 = 43"),
    ],
)
def test_what_may_be_meant_is_left_alone(instruction: str, response: str, examine: Examine) -> None:
    assert examine(respond(response, instruction), "de", kinds=KIND)[0] == []


def test_what_the_task_shows_is_no_error_of_the_response(examine: Examine) -> None:
    pair = InstructionPair(instruction="Sag, was dasteht.", input="17+25=43", response="Da steht 17 + 25 = 43.")
    assert examine(pair, "de", kinds=KIND)[0] == []


def test_the_source_may_say_that_it_is_wrong_on_purpose(examine: Examine) -> None:
    pair, source = respond("17 + 25 = 43", "Rechne."), respond("17 + 25 = 43", "Find the mistake.")
    assert len(examine(pair, "de", kinds=KIND)[0]) == 1
    assert examine(pair, "de", source=source, kinds=KIND)[0] == []


@pytest.mark.parametrize("code", LANGUAGES)
def test_every_language_says_when_a_sum_is_none(code: str, examine: Examine) -> None:
    words = load(code).get(EquationWords)
    assert words is not None
    for word in words.not_sums:
        assert examine(respond("17 + 25 = 43", f"… {word} …"), code, kinds=KIND)[0] == [], word
