"""Intervals of the bootstrap: seeded, wider where items come in clusters, right in 95 of 100 cases."""

from __future__ import annotations

import random
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from midb.domain.intervals import ClusterBootstrap, Interval, Part


def shares(values: list[bool]) -> list[Part]:
    return [(float(value), 1.0) for value in values]


def test_the_figure_is_the_ratio_of_the_sums() -> None:
    bootstrap = ClusterBootstrap(list("abcd"))
    found = bootstrap.measure([(10, 4), (2, 1), None, (0, 1)])
    assert found is not None
    assert (found.value, found.items, found.clusters) == (2.0, 3, 3)
    assert bootstrap.measure([None] * 4) is None
    assert bootstrap.measure([(1, 0)] * 4) is None


def test_the_same_seed_draws_the_same() -> None:
    chance = random.Random(3)
    parts: list[Part] = [(chance.gauss(0, 1), 1.0) for _ in range(80)]
    names = [str(number // 2) for number in range(80)]
    one, again, other = (ClusterBootstrap(names, seed=seed).measure(parts) for seed in (1, 1, 2))
    assert one == again
    assert one is not None
    assert other is not None
    assert one.value == other.value
    assert (one.low, one.high) != (other.low, other.high)


def test_one_cluster_says_nothing_beyond_itself() -> None:
    assert ClusterBootstrap(["a", "a"]).measure(shares([True, False])) == Interval(0.5, None, None, 2, 1)
    several = ClusterBootstrap(["a", "a", "b"]).measure([*shares([True, False]), None])
    assert several == Interval(0.5, None, None, 2, 1)


def test_items_that_go_together_make_the_interval_wider() -> None:
    """Ten translations of a row that all succeed or all fail are one observation."""
    chance = random.Random(5)
    rows = [chance.random() < 0.5 for _ in range(40)]
    parts = shares([row for row in rows for _ in range(10)])
    together = ClusterBootstrap([number // 10 for number in range(400)]).measure(parts)
    apart = ClusterBootstrap(list(range(400))).measure(parts)
    assert together is not None
    assert apart is not None
    assert together.low is not None
    assert together.high is not None
    assert apart.low is not None
    assert apart.high is not None
    assert together.high - together.low > 2.5 * (apart.high - apart.low)


def test_a_difference_is_taken_item_by_item() -> None:
    """Where each item gains the same, it is sure, however much the items differ."""
    chance = random.Random(7)
    before: list[Part] = [(chance.random(), 1.0) for _ in range(60)]
    after: list[Part] = [(part[0] + 0.1, 1.0) for part in before if part]
    bootstrap = ClusterBootstrap(list(range(60)))
    gain = bootstrap.compare(after, before)
    assert gain is not None
    assert (gain.value, gain.low, gain.high) == pytest.approx((0.1, 0.1, 0.1))
    half = bootstrap.compare(after, [part if number % 2 else None for number, part in enumerate(before)])
    assert half is not None
    assert half.value == pytest.approx(0.1)
    assert half.items == 30
    assert bootstrap.compare(after, [None] * 60) is None


def test_the_interval_holds_the_truth_about_as_often_as_it_says() -> None:
    """200 samples of 60 clusters each: at 95 % nearly always 180 to 198 of them hold it. The samples are seeded."""
    chance = random.Random(11)
    held = 0
    for sample in range(200):
        parts: list[Part] = [(chance.gauss(0.3, 1.0), 1.0) for _ in range(60)]
        found = ClusterBootstrap(list(range(60)), resamples=200, seed=sample).measure(parts)
        assert found is not None
        assert found.low is not None
        assert found.high is not None
        held += found.low <= 0.3 <= found.high
    assert 175 <= held <= 199


@given(st.lists(st.tuples(st.integers(0, 5), st.floats(-10, 10)), min_size=2, max_size=30), st.integers(0, 9))
def test_the_bounds_stand_around_what_clusters_can_give(items: list[tuple[int, float]], seed: int) -> None:
    clusters = [cluster for cluster, _ in items]
    found = ClusterBootstrap(clusters, resamples=50, seed=seed).measure([(value, 1.0) for _, value in items])
    assert found is not None
    means = [statistics.fmean(v for c, v in items if c == cluster) for cluster in set(clusters)]
    if found.low is None or found.high is None:
        assert len(means) == 1
    else:
        assert min(means) - 1e-9 <= found.low <= found.high <= max(means) + 1e-9


@given(st.lists(st.integers(0, 9), min_size=20, max_size=60), st.integers(0, 99))
def test_what_few_clusters_have_is_summed_as_anything_else(values: list[int], seed: int) -> None:
    """Numbers that few clusters have are summed in another way, and to the same."""
    rare = [(float(value == 0) * 5, 1.0) for value in values]
    bootstrap = ClusterBootstrap(list(range(len(values))), resamples=40, seed=seed)
    found = bootstrap.measure(rare)
    assert found is not None
    shifted = ClusterBootstrap(list(range(len(values))), resamples=40, seed=seed).measure(
        [(first + second, second) for first, second in rare]
    )
    assert shifted is not None
    assert shifted.low == pytest.approx((found.low or 0.0) + 1)
    assert shifted.high == pytest.approx((found.high or 0.0) + 1)
