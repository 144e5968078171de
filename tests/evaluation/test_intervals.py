"""Intervals over groups of rows: right in 95 of 100 cases, none of too few rows, none of nothing."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from midb.evaluation.intervals import GROUPS, LEAST_ROWS, Figure, GroupedBootstrap, find_group


def by_group(values: dict[str, float]) -> dict[int, float]:
    found: dict[int, float] = {}
    for row, value in values.items():
        found[find_group(row)] = found.get(find_group(row), 0.0) + value
    return found


def measure(values: dict[str, float], size: dict[str, float], *, seed: int = 0, share: bool = False) -> Figure | None:
    groups = by_group(size)
    bootstrap = GroupedBootstrap(sorted(groups), len(size), seed=seed, resamples=200)
    return bootstrap.measure(by_group(values), groups, share=share)


def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    """Findings come in clusters (a row's translations share them), and each corpus is drawn anew."""
    truth, held, times = 0.3, 0, 150
    chance = random.Random(11)
    for seed in range(times):
        found: dict[str, float] = {}
        for row in range(60):
            bad = chance.random() < truth
            found[f"{seed} {row}"] = sum(bad for _ in range(4))
        figure = measure(found, dict.fromkeys(found, 4.0), seed=seed, share=True)
        assert figure is not None
        assert figure.low is not None
        assert figure.high is not None
        held += figure.low <= truth <= figure.high
    assert 0.89 * times <= held <= 0.99 * times


def test_more_rows_than_groups_make_as_narrow_an_interval_as_they_should() -> None:
    """Rows are put together and none is left out: the interval is that of all of them."""
    chance = random.Random(5)
    rows = {f"row {number}": float(chance.random() < 0.5) for number in range(4 * GROUPS)}
    figure = measure(rows, dict.fromkeys(rows, 1.0))
    assert figure is not None
    assert figure.low is not None
    assert figure.high is not None
    usual = 2 * 1.96 * (0.25 / len(rows)) ** 0.5
    assert 0.8 * usual < figure.high - figure.low < 1.2 * usual


def test_too_few_rows_have_no_interval() -> None:
    for rows in (1, LEAST_ROWS - 1, LEAST_ROWS):
        values = {f"row {number}": float(number % 2) for number in range(rows)}
        figure = measure(values, dict.fromkeys(values, 1.0))
        assert figure is not None
        assert (figure.low is None) == (rows < LEAST_ROWS)


def test_nought_of_so_many_is_no_proof_of_none() -> None:
    rows = dict.fromkeys((f"row {number}" for number in range(30)), 1.0)
    none, all_ = measure({}, rows, share=True), measure(rows, rows, share=True)
    assert none is not None
    assert all_ is not None
    assert (none.value, none.low, all_.value, all_.high) == (0.0, 0.0, 1.0, 1.0)
    assert none.high is not None
    assert all_.low is not None
    assert 0.05 < none.high < 0.2
    assert 0.8 < all_.low < 0.95
    assert measure(rows, {}) is None


@given(st.dictionaries(st.text(max_size=3), st.floats(0, 9), min_size=1), st.integers(0, 3))
def test_a_figure_lies_in_its_interval_or_has_none(values: dict[str, float], seed: int) -> None:
    figure = measure(values, dict.fromkeys(values, 1.0), seed=seed)
    assert figure is not None
    if figure.low is not None:
        assert figure.high is not None
        assert figure.low <= figure.high
    assert set(figure.as_json()) == {"value", "low", "high", "rows"}
