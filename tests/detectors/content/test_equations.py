"""Equations: exact arithmetic, every reading of a number, and no eval."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from midb.detectors.content.equations import detector as equations
from midb.domain.pairs import InstructionPair
from midb.text.quantities import arithmetic as _arithmetic
from midb.text.quantities.arithmetic import plain, tokens, values

KIND = [equations.FALSE_EQUATION.name]


def value_of(text: str) -> set[str] | None:
    text = plain(text)
    found = values(tokens(text, 0, len(text)))
    return None if found is None else {str(value) for value in found}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2 + 3 × 4", {"14"}),
        ("(2 + 3) · 4", {"20"}),
        ("20 ÷ 2 ÷ 5", {"2"}),
        ("2^3 + 3²", {"17"}),
        ("2 ** 3", None),
        ("2**3", {"8"}),
        ("-5 + 3", {"-2"}),
        ("1.500 + 1", {"5/2", "1501"}),
        ("10^-2", {"1/100"}),
        ("2^3^2", None),
        ("-3^2", None),
        ("2^(1/2)", None),
        ("9^999999999", None),
        ("1 / 0", None),
        ("6 (1 + 2)", None),
        ("2 1/2", None),
        ("(1 + 2", None),
        ("", None),
        ("(" * 50 + "1" + ")" * 50, None),
    ],
)
def test_values(text: str, expected: set[str] | None) -> None:
    assert value_of(text) == expected


def sums() -> st.SearchStrategy[tuple[str, Fraction]]:
    """Expressions with their value, computed beside the parser under test."""
    numbers = st.integers(2, 99).map(lambda number: (str(number), Fraction(number)))

    def join(parts: tuple[tuple[str, Fraction], str, tuple[str, Fraction]]) -> tuple[str, Fraction]:
        (left, a), operator, (right, b) = parts
        value = {"+": a + b, "-": a - b, "*": a * b}[operator]
        sign = {"+": "+", "-": "-", "*": "×"}[operator]
        return f"({left} {sign} {right})", value

    return st.recursive(numbers, lambda inner: st.tuples(inner, st.sampled_from("+-*"), inner).map(join), max_leaves=5)


@settings(deadline=None)
@given(left=sums(), right=sums(), change=st.integers(1, 9))
def test_true_sums_are_left_alone_and_false_ones_found(
    examine: Any, left: tuple[str, Fraction], right: tuple[str, Fraction], change: int
) -> None:
    value = left[1] + right[1]
    said = f"{left[0]} + {right[0]} = "
    pair = InstructionPair(instruction="Rechne.", response=f"{said}{value}")
    assert examine(pair, "de", kinds=KIND)[0] == []
    wrong = value + change
    if value > 20 and wrong % 100:  # round results of products pass for rounded ones
        findings, repaired = examine(pair.model_copy(update={"response": f"{said}{wrong}"}), "de", kinds=KIND)
        assert len(findings) == 1
        assert repaired.response == f"{said}{wrong}", "its numbers were not given: which is wrong cannot be told"


@given(a=st.integers(21, 60), b=st.integers(61, 98), wrong=st.integers(200, 300))
def test_a_repair_restores_the_sum(examine: Any, a: int, b: int, wrong: int) -> None:
    pair = InstructionPair(instruction=f"Addiere {a} und {b}.", response=f"{a} + {b} = {wrong}")
    findings, repaired = examine(pair, "de", kinds=KIND)
    assert len(findings) == 1
    assert repaired.response == f"{a} + {b} = {a + b}"


def test_evidence_names_both_results_and_the_source(examine: Any) -> None:
    pair = InstructionPair(instruction="?", response="**17 + 25 = 43**")
    (finding,), _ = examine(pair, "de", source=pair, kinds=KIND)
    assert finding.evidence == "17 + 25 is 42, not 43; the English source has the same error"


def test_an_expression_beyond_all_bounds_is_no_expression() -> None:
    text = " + ".join(["1"] * 100)
    assert values(tokens(text, 0, len(text))) is None
    assert _arithmetic.plain("２－１") == "2-1"
