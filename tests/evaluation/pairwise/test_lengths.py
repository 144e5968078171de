"""Length taken out of a win rate: what wins by length alone has none left, what wins by itself keeps it."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from midb.evaluation.pairwise.lengths import find_bin, fit_lengths, measure_spread


def fit(outcomes: list[int], differences: list[float]) -> tuple[float, float]:
    effect = fit_lengths(outcomes, differences, measure_spread(differences))
    return effect.win_rate, effect.slope


def test_what_wins_by_length_alone_has_nothing_left() -> None:
    """Four of five are longer: without control it wins 80 %."""
    differences = [100.0 + number % 7 for number in range(80)] + [-100.0 - number % 7 for number in range(20)]
    rate, slope = fit([1 if difference > 0 else -1 for difference in differences], differences)
    assert 0.3 < rate < 0.7
    assert slope > 2


def test_what_wins_at_any_length_keeps_its_wins() -> None:
    chance = random.Random(3)
    differences = [chance.gauss(0, 100) for _ in range(200)]
    rate, slope = fit([1] * 200, differences)
    assert rate > 0.99
    assert abs(slope) < 1


def test_the_coefficients_are_those_that_made_the_outcomes() -> None:
    from math import exp, tanh

    chance = random.Random(5)
    differences = [chance.gauss(60, 100) for _ in range(4000)]
    spread = measure_spread(differences)
    outcomes = [
        1 if chance.random() < 1 / (1 + exp(-(0.4 + 1.5 * tanh(difference / spread)))) else -1
        for difference in differences
    ]
    rate, slope = fit(outcomes, differences)
    assert rate == pytest.approx(1 / (1 + exp(-0.4)), abs=0.03)
    assert slope == pytest.approx(1.5, abs=0.2)


def test_where_all_are_alike_there_is_nothing_to_control() -> None:
    assert fit([1, -1, 0, 1] * 10, [5.0] * 40)[0] == pytest.approx(0.625, abs=0.01)
    assert measure_spread([3.0]) == 0


@given(st.lists(st.tuples(st.sampled_from([-1, 0, 1]), st.floats(-1e6, 1e6)), min_size=1, max_size=40))
def test_any_outcomes_have_a_rate(items: list[tuple[int, float]]) -> None:
    rate, _ = fit([outcome for outcome, _ in items], [difference for _, difference in items])
    assert 0 <= rate <= 1


@given(st.integers(0, 999), st.integers(0, 999))
def test_bins_mirror(one: int, other: int) -> None:
    if find_bin((one, other)) == "longer":
        assert other > one
    if one == other:
        assert find_bin((one, other)) == "alike"
