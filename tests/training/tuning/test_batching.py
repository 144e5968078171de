"""Batches by length, and their order: every example once an epoch, the same for the same seed, shared by processes."""

from __future__ import annotations

import itertools
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from midb.training.tuning.batching import BatchOrder, cut_batches


@given(st.lists(st.integers(1, 50), min_size=1, max_size=60), st.integers(1, 120), st.integers(0, 3))
def test_each_example_is_in_one_batch_that_keeps_to_the_budget(lengths: list[int], budget: int, seed: int) -> None:
    batches = cut_batches(lengths, budget, seed)
    assert Counter(itertools.chain(*batches)) == Counter(range(len(lengths)))
    for batch in batches:
        assert len(batch) == 1 or len(batch) * max(lengths[number] for number in batch) <= budget
    assert batches == cut_batches(lengths, budget, seed)


def test_no_batch_could_take_the_next_example() -> None:
    lengths = [number % 9 + 1 for number in range(50)]
    batches = cut_batches(lengths, 20, 0)
    for batch, following in itertools.pairwise(batches):
        assert (len(batch) + 1) * lengths[following[0]] > 20


def test_each_epoch_has_all_batches_in_another_order() -> None:
    batches = [[number] for number in range(12)]
    order = list(BatchOrder(batches, 3.0, seed=1))
    epochs = [order[start : start + 12] for start in (0, 12, 24)]
    assert len(order) == 36 == len(BatchOrder(batches, 3.0, seed=1))
    assert all(sorted(epoch) == batches for epoch in epochs)
    assert epochs[0] != epochs[1] != epochs[2]
    assert order == list(BatchOrder(batches, 3.0, seed=1))
    assert order != list(BatchOrder(batches, 3.0, seed=2))
    assert list(BatchOrder(batches, 1.5, seed=1)) == order[:18]


def test_a_fraction_of_nothing_is_still_a_batch() -> None:
    assert len(BatchOrder([[0], [1]], 0.01, seed=0)) == 1
    assert list(BatchOrder([], 1.0, seed=0)) == []


def test_processes_share_the_batches() -> None:
    batches = [[number] for number in range(7)]
    alone = list(BatchOrder(batches, 2.0, seed=5))
    shares = [list(BatchOrder(batches, 2.0, seed=5, share=(number, 2))) for number in range(2)]
    assert [batch for pair in zip(*shares, strict=True) for batch in pair] == alone
