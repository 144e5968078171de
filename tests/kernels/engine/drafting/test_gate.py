"""The gate: the worth of drafts against what their rows cost."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import hypothesis.strategies as st
import pytest
from hypothesis import given

from midb.kernels.engine.cost import StepCost, make_roofline
from midb.kernels.engine.drafting.draft import NO_DRAFT, Draft
from midb.kernels.engine.drafting.gate import choose_lengths, find_least_survival


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
    cost = StepCost(make_roofline(free))
    sampled, rows = len(made), len(made) + more

    def gain(kept: Sequence[int]) -> float:
        return sum(t * sum(one.survival[:count]) for one, t, count in zip(made, trust, kept, strict=True))

    kept = choose_lengths(made, trust, sampled, rows, cost, budget)
    assert all(count <= len(one.tokens) for one, count in zip(made, kept, strict=True))
    assert sum(kept) <= budget
    heads = itertools.product(*(range(len(one.tokens) + 1) for one in made))
    choices = [choice for choice in heads if sum(choice) <= budget]
    price = min(cost.estimate_seconds(sampled + sum(choice)) / (sampled + gain(choice)) for choice in choices)

    def worth(kept: Sequence[int]) -> float:
        return gain(kept) * price - cost.estimate_seconds(rows + sum(kept))

    assert worth(kept) == pytest.approx(max(map(worth, choices)))
    if rows == sampled:  # nothing but decoding: the most tokens per second
        assert cost.estimate_seconds(rows + sum(kept)) / (sampled + gain(kept)) == pytest.approx(price)


def test_rows_that_cost_nothing_are_taken_and_dear_ones_only_when_they_are_sure() -> None:
    weak, sure = draft(0.3, 0.3), draft(0.99, 0.99, 0.99)
    free = StepCost(lambda rows: 1.0)
    assert choose_lengths([weak, sure], [1, 1], 2, 2, free, 99) == [2, 3]
    dear = StepCost(lambda rows: 1.0 * rows)  # a row costs as much as the token that it may bring
    assert choose_lengths([weak, sure], [1, 1], 2, 2, dear, 99) == [0, 0]
    half = StepCost(lambda rows: 2.0 + rows)
    assert choose_lengths([weak, sure], [1, 1], 2, 2, half, 99) == [0, 3]


def test_a_prompt_in_the_step_does_not_make_poor_drafts_look_cheap() -> None:
    cost = StepCost(lambda rows: 4.0 + rows)
    assert choose_lengths([draft(0.6, 0.5)], [1], 1, 1, cost, 9) == [2]  # a token costs 5 / 1 without drafts
    many = [draft(0.6, 0.5)] * 16
    assert choose_lengths(many, [1] * 16, 16, 16, cost, 99) == [0] * 16  # 20 / 16: a row must bring 0.8
    assert choose_lengths(many, [1] * 16, 16, 1000, cost, 99) == [0] * 16
    assert choose_lengths([draft(0.6)], [1], 0, 100, cost, 9) == [0]


def test_a_draft_that_is_not_trusted_gives_way() -> None:
    cost = StepCost(lambda rows: 2.0 + rows)
    sure = draft(0.9, 0.9)
    assert choose_lengths([sure, sure], [1.0, 0.1], 2, 2, cost, 99) == [2, 0]


@given(
    st.lists(rates, min_size=1, max_size=4), st.floats(0.1, 1), st.floats(0, 9), st.integers(1, 30), st.integers(0, 60)
)
def test_no_draft_that_is_less_likely_than_the_least_survival_is_verified(
    drafts: list[list[float]], trust: float, fixed: float, budget: int, more: int
) -> None:
    made = [draft(*one) for one in drafts]
    cost = StepCost(lambda rows: fixed + rows)  # every row costs the same
    load = len(made) + more
    least = find_least_survival(len(made), load, cost, budget)
    kept = choose_lengths(made, [trust] * len(made), len(made), load, cost, budget)
    for one, count in zip(made, kept, strict=True):
        assert all(trust * survival >= least * (1 - 1e-9) for survival in one.survival[:count])


def test_the_least_survival_is_what_a_row_costs_in_tokens() -> None:
    assert find_least_survival(8, 8, StepCost(lambda rows: 1.0), 99) == 0, "rows are free"
    assert find_least_survival(8, 8, StepCost(lambda rows: 24.0 + rows), 99) == pytest.approx(0.25)
    assert find_least_survival(8, 8, StepCost(make_roofline(100)), 4) < 0.1, "up to 100 rows they nearly are"
    steps = StepCost(lambda rows: 8.0 + 4 * (rows > 8))
    assert find_least_survival(8, 8, steps, 64) < find_least_survival(8, 8, steps, 8) < 1, "many share the step"
    assert find_least_survival(0, 9, StepCost(lambda rows: 1.0 + rows), 9) == 0, "no token has a price"
    assert find_least_survival(8, 8, StepCost(lambda rows: 1.0 + rows), 0) == 0, "no row is left"


def test_nothing_to_verify_is_no_row() -> None:
    assert choose_lengths([NO_DRAFT, NO_DRAFT], [1.0, 1.0], 2, 2, StepCost(lambda rows: 1.0), 9) == [0, 0]
    assert choose_lengths([draft(0.9)], [1.0], 1, 1, StepCost(lambda rows: 1.0), 0) == [0]
