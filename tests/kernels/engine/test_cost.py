"""The gate: worth of drafts against what rows cost."""

from __future__ import annotations

import itertools

import hypothesis.strategies as st
import pytest
from hypothesis import given

from midb.kernels.engine.cost import StepCost, gate, roofline
from midb.kernels.engine.draft import Draft


def draft(*rates: float) -> Draft:
    survival = tuple(itertools.accumulate(rates, lambda a, b: a * b))
    return Draft(tuple(range(len(rates))), survival)


rates = st.lists(st.floats(0.05, 1.0), max_size=6)


@given(st.lists(rates, min_size=1, max_size=4), st.floats(1, 40), st.integers(0, 8), st.integers(0, 30))
def test_the_gate_finds_the_best_rate(drafts: list[list[float]], free: float, more: int, budget: int) -> None:
    """No other choice of heads of the drafts makes more tokens per second."""
    made = [draft(*one) for one in drafts]
    cost = StepCost(roofline(free))
    sampled, rows = len(made), len(made) + more

    def rate(kept: tuple[int, ...] | list[int]) -> float:
        gain = sum(sum(one.survival[:count]) for one, count in zip(made, kept, strict=True))
        return (sampled + gain) / cost.seconds(rows + sum(kept))

    kept = gate(made, sampled, rows, cost, budget)
    assert all(count <= len(one.tokens) for one, count in zip(made, kept, strict=True))
    assert sum(kept) <= budget
    choices = itertools.product(*(range(len(one.tokens) + 1) for one in made))
    assert rate(kept) == pytest.approx(max(rate(choice) for choice in choices if sum(choice) <= budget))


def test_rows_that_cost_nothing_are_taken_and_dear_ones_only_when_they_are_sure() -> None:
    weak, sure = draft(0.3, 0.3), draft(0.99, 0.99, 0.99)
    free = StepCost(lambda rows: 1.0)
    assert gate([weak, sure], 2, 2, free, 99) == [2, 3]
    dear = StepCost(float)
    assert gate([weak, sure], 2, 2, dear, 99) == [0, 0]  # a row costs as much as the token that it may bring
    half = StepCost(lambda rows: 2.0 + rows)
    assert gate([weak, sure], 2, 2, half, 99) == [0, 3]


def test_the_cost_is_what_was_measured() -> None:
    cost = StepCost(roofline(8))
    for _ in range(60):
        cost.observe(16, 2.0)
        cost.observe(64, 5.0)
    assert cost.seconds(16) == pytest.approx(2.0)
    assert cost.seconds(40) == pytest.approx(3.5)
    assert cost.seconds(64) == pytest.approx(5.0)
    assert cost.seconds(128) == pytest.approx(5.0 * roofline(8)(128) / roofline(8)(64))
    assert cost.seconds(1) < 2.0


def test_one_interrupted_step_changes_little() -> None:
    cost = StepCost(roofline(8))
    cost.observe(16, 1.0)
    cost.observe(16, 1000.0)
    assert cost.seconds(16) <= 1.2


@given(st.lists(st.tuples(st.integers(1, 600), st.floats(1e-5, 10)), max_size=30))
def test_more_rows_never_cost_less(steps: list[tuple[int, float]]) -> None:
    cost = StepCost(roofline(20))
    for rows, seconds in steps:
        cost.observe(rows, seconds)
    costs = [cost.seconds(rows) for rows in range(1, 700)]
    assert all(b >= a * (1 - 1e-9) for a, b in itertools.pairwise(costs))
    assert costs[0] > 0
