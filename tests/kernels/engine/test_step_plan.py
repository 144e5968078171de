"""Steps on the host. What they hold is tested as tensors, in ``test_step_batch``; here, what they are made of."""

from __future__ import annotations

import numpy as np

from midb.kernels import Request
from midb.kernels.engine.block_pool import BlockPool
from midb.kernels.engine.scheduler import Work
from midb.kernels.engine.sequence import Sequence
from midb.kernels.engine.step_plan import SharedBounds, plan_step


def make_work(pool: BlockPool, index: int, rows: int, adapter: str | None = None) -> Work:
    tokens = list(range(100 * index, 100 * index + rows))
    request = Request(tokens, max_new_tokens=4, adapter=adapter)
    sequence = Sequence(index, request, request.make_sampling_params(()), index, tokens)
    sequence.block_table = pool.allocate(tokens, rows + 4, namespace=hash(adapter))
    return Work(sequence, 0, rows, True)


def test_every_array_is_of_32_bits_and_in_one_piece() -> None:
    """They are copied to the device as they lie."""
    pool = BlockPool(60, 4)
    plan = plan_step([make_work(pool, number, 3 + number) for number in range(3)], 4, prefill_rows=5)
    assert plan.prefill is not None
    assert {array.dtype for array in plan.arrays} == {np.dtype(np.int32)}
    assert all(array.flags["C_CONTIGUOUS"] for array in plan.arrays)


def test_rows_of_neighbours_with_one_adapter_are_joined() -> None:
    pool = BlockPool(60, 4)
    works = [make_work(pool, number, 2 + number, name) for number, name in enumerate(["b", None, "a", "a", "b"])]
    assert plan_step(works, 4).adapters == [("a", 3, 12), ("b", 12, 20)]


def test_a_step_of_nothing_has_no_rows() -> None:
    plan = plan_step([], 4)
    assert (len(plan.token_ids), len(plan.sample_rows), plan.all_keys.max_seqlen_q) == (0, 0, 0)


def test_a_beginning_is_shared_from_bounds_on() -> None:
    """By as many sequences as that, and as long as that."""
    pool = BlockPool(90, 4)
    works = []
    for index in range(3):
        tokens = [*range(8), 50 + index]
        request = Request(tokens, max_new_tokens=4)
        sequence = Sequence(index, request, request.make_sampling_params(()), 7, tokens)
        sequence.block_table = pool.allocate(tokens, 13)
        assert sequence.block_table is not None
        pool.mark_scheduled(sequence.block_table, tokens, 9)
        works.append(Work(sequence, 8, 1, True))
    for bounds, shares in {(3, 8): True, (4, 8): False, (3, 9): False, (0, 0): False, (1, 1): True}.items():
        assert (plan_step(works, 4, shared=SharedBounds(*bounds)).prefix_keys is not None) is shares
