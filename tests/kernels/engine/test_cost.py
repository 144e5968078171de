"""The gate: worth of drafts against what rows cost."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import hypothesis.strategies as st
import pytest
from hypothesis import given

from midb.kernels.engine.cost import StepCost, Trust, gate, roofline
from midb.kernels.engine.drafting.draft import Draft


def draft(*rates: float) -> Draft:
    survival = tuple(itertools.accumulate(rates, lambda a, b: a * b))
    return Draft(tuple(range(len(rates))), survival)


rates = st.lists(st.floats(0.05, 1.0), max_size=6)


@given(
    st.lists(rates, min_size=1, max_size=4), st.lists(st.floats(0.1, 1), min_size=4, max_size=4), st.floats(1, 40),
    st.integers(0, 8), st.integers(0, 30),
)  # fmt: skip
def test_the_gate_finds_the_best_choice(
    drafts: list[list[float]], trusts: list[float], free: float, more: int, budget: int
) -> None:
    """No other choice of heads of the drafts is worth more, at the least price of a token."""
    made = [draft(*one) for one in drafts]
    trust = trusts[: len(made)]
    cost = StepCost(roofline(free))
    sampled, rows = len(made), len(made) + more

    def gain(kept: Sequence[int]) -> float:
        return sum(t * sum(one.survival[:count]) for one, t, count in zip(made, trust, kept, strict=True))

    kept = gate(made, trust, sampled, rows, cost, budget)
    assert all(count <= len(one.tokens) for one, count in zip(made, kept, strict=True))
    assert sum(kept) <= budget
    heads = itertools.product(*(range(len(one.tokens) + 1) for one in made))
    choices = [choice for choice in heads if sum(choice) <= budget]
    price = min(cost.seconds(sampled + sum(choice)) / (sampled + gain(choice)) for choice in choices)

    def worth(kept: Sequence[int]) -> float:
        return gain(kept) * price - cost.seconds(rows + sum(kept))

    assert worth(kept) == pytest.approx(max(map(worth, choices)))
    if rows == sampled:  # nothing but decoding: the most tokens per second
        assert cost.seconds(rows + sum(kept)) / (sampled + gain(kept)) == pytest.approx(price)


def test_rows_that_cost_nothing_are_taken_and_dear_ones_only_when_they_are_sure() -> None:
    weak, sure = draft(0.3, 0.3), draft(0.99, 0.99, 0.99)
    free = StepCost(lambda rows: 1.0)
    assert gate([weak, sure], [1, 1], 2, 2, free, 99) == [2, 3]
    dear = StepCost(float)
    assert gate([weak, sure], [1, 1], 2, 2, dear, 99) == [0, 0]  # a row costs as much as the token that it may bring
    half = StepCost(lambda rows: 2.0 + rows)
    assert gate([weak, sure], [1, 1], 2, 2, half, 99) == [0, 3]


def test_a_prompt_in_the_step_does_not_make_poor_drafts_look_cheap() -> None:
    cost = StepCost(lambda rows: 4.0 + rows)
    assert gate([draft(0.6, 0.5)], [1], 1, 1, cost, 9) == [2]  # a token costs 5 / 1 without drafts
    assert gate([draft(0.6, 0.5)] * 16, [1] * 16, 16, 16, cost, 99) == [0] * 16  # 20 / 16: a row must bring 0.8
    assert gate([draft(0.6, 0.5)] * 16, [1] * 16, 16, 1000, cost, 99) == [0] * 16
    assert gate([draft(0.6)], [1], 0, 100, cost, 9) == [0]


def test_trust_falls_at_once_where_drafts_fail_and_comes_back_with_time() -> None:
    trust = Trust()
    assert trust.factor == 1
    trust.learn(40.0, 0)
    assert trust.factor < 0.2
    for _ in range(300):
        trust.fade()
    assert trust.factor > 0.9
    for _ in range(1000):
        trust.learn(10.0, 10)
    assert trust.factor == pytest.approx(1)
    trust.learn(60.0, 0)  # other texts: a long good record does not count for ever
    assert trust.factor < 0.6


def test_the_cost_is_what_was_measured() -> None:
    cost = StepCost(roofline(8))
    for _ in range(400):
        cost.observe(16, 2.0)
        cost.observe(64, 5.0)
    assert cost.seconds(16) == pytest.approx(2.0, rel=0.01)
    assert cost.seconds(40) == pytest.approx(3.5, rel=0.01)
    assert cost.seconds(64) == pytest.approx(5.0, rel=0.01)
    assert cost.seconds(128) == pytest.approx(5.0 * roofline(8)(128) / roofline(8)(64), rel=0.01)
    assert cost.seconds(1) < 2.0


def test_a_slower_machine_does_not_make_small_steps_dear() -> None:
    """Only large steps are measured while it is slow; small ones keep their share of them."""
    cost = StepCost(float)
    for _ in range(300):
        cost.observe(16, 1.0)
        cost.observe(128, 4.0)
    for _ in range(50):
        cost.observe(128, 12.0)
    assert cost.seconds(128) == pytest.approx(12.0, rel=0.1)
    assert cost.seconds(16) == pytest.approx(3.0, rel=0.3)


def test_one_interrupted_step_changes_little() -> None:
    cost = StepCost(roofline(8))
    cost.observe(16, 1.0)
    cost.observe(16, 1000.0)
    assert cost.seconds(16) <= 2.0
    cost.observe(16, 1.0)
    assert cost.seconds(16) <= 1.5


def test_a_large_prompt_does_not_make_sampled_rows_look_cheap() -> None:
    """A row that is not sampled spares the head: as prompts are computed, the rows of drafts must not be priced so."""
    cost = StepCost(roofline(8), head=0.4)
    assert cost.load(100, 100) == 100
    assert cost.load(100, 0) == pytest.approx(60)
    for _ in range(400):
        cost.observe(cost.load(16, 16), 20.0 + 16)
        cost.observe(cost.load(320, 16), 20.0 + 16 + 0.6 * 304)
    assert cost.seconds(20) - cost.seconds(16) == pytest.approx(4.0, rel=0.02)


@given(st.lists(st.tuples(st.floats(0.05, 600), st.floats(1e-5, 10)), max_size=30))
def test_more_rows_never_cost_less(steps: list[tuple[float, float]]) -> None:
    cost = StepCost(roofline(20))
    for load, seconds in steps:
        cost.observe(load, seconds)
    costs = [cost.seconds(load / 4) for load in range(1, 2_800)]
    assert all(b >= a * (1 - 1e-9) for a, b in itertools.pairwise(costs))
    assert costs[0] > 0
