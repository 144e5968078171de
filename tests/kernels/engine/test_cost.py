"""What a step costs: as it was measured, and between and beyond that as the prior says."""

from __future__ import annotations

import itertools

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

from midb.kernels.engine.cost import StepCost, make_roofline


@pytest.mark.parametrize(("load", "cost"), [(1, 3 + 8 + 0.1), (8, 3 + 8 + 0.8), (80, 3 + 80 + 0.8)])
def test_a_roofline_is_flat_until_arithmetic_takes_longer(load: float, cost: float) -> None:
    assert make_roofline(8, 3)(load) == pytest.approx(cost)
    assert StepCost(make_roofline(8, 3)).estimate_seconds(load) == pytest.approx(cost)


def test_the_cost_is_what_was_measured() -> None:
    cost = StepCost(make_roofline(8))
    for _ in range(400):
        cost.observe(16, 2.0)
        cost.observe(64, 5.0)
    assert cost.estimate_seconds(16) == pytest.approx(2.0, rel=0.01)
    assert cost.estimate_seconds(40) == pytest.approx(3.5, rel=0.01)
    assert cost.estimate_seconds(64) == pytest.approx(5.0, rel=0.01)
    assert cost.estimate_seconds(128) == pytest.approx(5.0 * make_roofline(8)(128) / make_roofline(8)(64), rel=0.01)
    assert cost.estimate_seconds(1) < 2.0


def test_a_slower_machine_does_not_make_small_steps_dear() -> None:
    """Only large steps are measured while it is slow; small ones keep their share of them."""
    cost = StepCost(lambda rows: 1.0 * rows)
    for _ in range(300):
        cost.observe(16, 1.0)
        cost.observe(128, 4.0)
    for _ in range(50):
        cost.observe(128, 12.0)
    assert cost.estimate_seconds(128) == pytest.approx(12.0, rel=0.1)
    assert cost.estimate_seconds(16) == pytest.approx(3.0, rel=0.3)


def test_one_interrupted_step_changes_little() -> None:
    cost = StepCost(make_roofline(8))
    cost.observe(16, 1.0)
    cost.observe(16, 1000.0)
    assert cost.estimate_seconds(16) <= 2.0
    cost.observe(16, 1.0)
    assert cost.estimate_seconds(16) <= 1.5


def test_a_large_prompt_does_not_make_sampled_rows_look_cheap() -> None:
    """A row that is not sampled spares the head: as prompts are computed, the rows of drafts must not be priced so."""
    cost = StepCost(make_roofline(8), head=0.4)
    assert cost.compute_load(100, 100) == 100
    assert cost.compute_load(100, 0) == pytest.approx(60)
    for _ in range(400):
        cost.observe(cost.compute_load(16, 16), 20.0 + 16)
        cost.observe(cost.compute_load(320, 16), 20.0 + 16 + 0.6 * 304)
    assert cost.estimate_seconds(20) - cost.estimate_seconds(16) == pytest.approx(4.0, rel=0.02)


@given(st.lists(st.tuples(st.floats(0.05, 600), st.floats(1e-5, 10)), max_size=30))
def test_more_rows_never_cost_less(steps: list[tuple[float, float]]) -> None:
    cost = StepCost(make_roofline(20))
    for load, seconds in steps:
        cost.observe(load, seconds)
    costs = [cost.estimate_seconds(load / 4) for load in range(1, 2_800)]
    assert all(b >= a * (1 - 1e-9) for a, b in itertools.pairwise(costs))
    assert costs[0] > 0


@given(
    st.lists(st.tuples(st.floats(1, 500), st.floats(0.001, 5)), max_size=12),
    st.lists(st.floats(0.5, 3000), min_size=1, max_size=20),
)
def test_many_loads_cost_what_each_costs(steps: list[tuple[float, float]], loads: list[float]) -> None:
    cost = StepCost(make_roofline(8, 1))
    for load, seconds in steps:
        cost.observe(load, seconds)
    found = cost.estimate_all(np.array(loads))
    assert found.tolist() == pytest.approx([cost.estimate_seconds(load) for load in loads], rel=1e-12)
