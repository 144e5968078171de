"""Steps as tensors: each row has its token, its place and its slot; each sequence finds its keys, shared or not."""

from __future__ import annotations

import hypothesis.strategies as st
import numpy as np
import torch
from hypothesis import given
from steps import prepare

from midb.kernels import Request
from midb.kernels.engine.block_pool import BlockPool
from midb.kernels.engine.sampling import make_noise_key
from midb.kernels.engine.scheduler import Work
from midb.kernels.engine.sequence import Sequence
from midb.kernels.engine.step_batch import KeySpan, Readback, Staging
from midb.kernels.engine.step_plan import plan_step

CPU = torch.device("cpu")
SIZE = 4


def make_work(
    pool: BlockPool,
    index: int,
    tokens: list[int],
    start: int,
    count: int,
    draft: tuple[int, ...] = (),
    *,
    group: int = 0,
    adapter: str | None = None,
    temperature: float = 0.0,
    samples: bool = True,
) -> Work:
    """A sequence of whose tokens all before ``start`` are computed."""
    request = Request(tokens, max_new_tokens=40, adapter=adapter, temperature=temperature, seed=index)
    sequence = Sequence(index, request, request.make_sampling_params(()), group, list(tokens))
    sequence.block_table = pool.allocate(tokens, len(tokens) + 40, namespace=hash(adapter))
    assert sequence.block_table is not None
    pool.mark_scheduled(sequence.block_table, tokens, start + count)
    return Work(sequence, start, count, samples, draft)


def list_keys(span: KeySpan) -> list[list[int]]:
    """The slots that the rows of each sequence attend to."""
    found = []
    for blocks, length in zip(span.block_tables.tolist(), span.seqlens_k.tolist(), strict=True):
        found.append([blocks[place // SIZE] * SIZE + place % SIZE for place in range(length)])
    return found


def test_a_step_in_full() -> None:
    """The end of a prompt of five tokens, and a sequence that decodes with a draft of two."""
    pool = BlockPool(40, SIZE)
    prompt = make_work(pool, 0, [10, 11, 12, 13, 14], 2, 3)
    decoding = make_work(pool, 1, [20, 21], 1, 1, (22, 23), temperature=0.5)
    tables = [work.sequence.block_table for work in (prompt, decoding)]
    assert tables[0] is not None
    assert tables[1] is not None
    (a, b, *_), (c, *_) = tables[0].block_ids, tables[1].block_ids
    batch = prepare([prompt, decoding], SIZE, CPU, cascade=False)
    assert batch.works == [prompt, decoding]
    assert batch.token_ids.tolist() == [12, 13, 14, 21, 22, 23]
    assert batch.positions.tolist() == [2, 3, 4, 1, 2, 3]
    assert batch.slots.tolist() == [4 * a + 2, 4 * a + 3, 4 * b, 4 * c + 1, 4 * c + 2, 4 * c + 3]
    assert batch.sample_rows.tolist() == [2, 3, 4, 5]
    assert batch.temperatures.tolist() == [0.0, 0.5, 0.5, 0.5]
    keys = [(0, 0), *(make_noise_key(1, position) for position in range(3))]
    assert batch.noise_keys.tolist() == [list(key) for key in keys]
    assert batch.all_keys.cu_seqlens_q.tolist() == [0, 3, 6]
    assert batch.all_keys.block_tables.tolist() == [[a, b], [c, 0]]
    assert batch.all_keys.seqlens_k.tolist() == [5, 4]
    assert batch.all_keys.max_seqlen_q == 3
    assert (batch.prefix_keys, batch.prefill) == (None, None)
    assert batch.own_keys is batch.all_keys
    assert list(batch.adapters) == []


def test_all_integers_lie_in_one_buffer() -> None:
    pool = BlockPool(40, SIZE)
    batch = prepare([make_work(pool, 0, [1, 2, 3], 0, 3), make_work(pool, 1, [4, 5], 1, 1)], SIZE, CPU)
    tensors = [batch.token_ids, batch.positions, batch.slots, batch.sample_rows, batch.noise_keys]
    tensors += [batch.all_keys.cu_seqlens_q, batch.all_keys.block_tables, batch.all_keys.seqlens_k]
    assert batch.temperatures.untyped_storage().data_ptr() == tensors[0].untyped_storage().data_ptr()
    assert len({tensor.untyped_storage().data_ptr() for tensor in tensors}) == 1
    assert {tensor.dtype for tensor in tensors} == {torch.int32}


def test_what_is_not_sampled_has_no_sample_row() -> None:
    pool = BlockPool(40, SIZE)
    batch = prepare([make_work(pool, 0, [1] * 9, 0, 5, samples=False)], SIZE, CPU)
    assert batch.sample_rows.numel() == batch.temperatures.numel() == batch.noise_keys.numel() == 0


def test_a_common_beginning_is_attended_to_once() -> None:
    """Three of a pass share two blocks; one of another pass shares none, and comes last."""
    pool = BlockPool(200, SIZE)
    common = [7] * 8
    alone = make_work(pool, 0, [1, 2, 3], 0, 3, group=1)
    members = [make_work(pool, index, [*common, 50 + index], 8, 1, group=2) for index in range(1, 4)]
    batch = prepare([alone, *members], SIZE, CPU)
    assert batch.works == [*members, alone]
    assert batch.prefix_keys is not None
    assert batch.prefix_keys.cu_seqlens_q.tolist() == [0, 3, 6]
    assert batch.prefix_keys.seqlens_k.tolist() == [8, 0]
    shared = list_keys(batch.prefix_keys)[0]
    whole, own = list_keys(batch.all_keys), list_keys(batch.own_keys)
    assert [shared + rest for rest in own[:3]] == whole[:3]
    assert [len(rest) for rest in own] == [1, 1, 1, 3]
    assert own[3] == whole[3]


def test_a_row_within_the_beginning_keeps_it_from_being_shared() -> None:
    """A block is shared only if it lies before every row: a row must not see keys behind its own."""
    pool = BlockPool(200, SIZE)
    common = [7] * 8
    first = make_work(pool, 0, [*common, 1], 8, 1)
    second = make_work(pool, 1, [*common, 2], 5, 4)
    batch = prepare([first, second], SIZE, CPU)
    assert batch.prefix_keys is not None
    assert batch.prefix_keys.seqlens_k.tolist() == [4]


def test_one_of_a_kind_shares_nothing() -> None:
    pool = BlockPool(200, SIZE)
    batch = prepare([make_work(pool, 0, [7] * 9, 8, 1, group=1), make_work(pool, 1, [8] * 9, 8, 1, group=2)], SIZE, CPU)
    assert batch.prefix_keys is None


def test_adapters_stand_together() -> None:
    pool = BlockPool(200, SIZE)
    works = [
        make_work(pool, index, [index] * 3, 0, 3 - index % 2, adapter=adapter)
        for index, adapter in enumerate(("b", None, "a", "b", "a"))
    ]
    batch = prepare(works, SIZE, CPU)
    assert [work.sequence.index for work in batch.works] == [1, 2, 4, 0, 3]
    assert list(batch.adapters) == [("a", 2, 8), ("b", 8, 13)]


def test_long_runs_of_rows_are_laid_out_for_another_kernel() -> None:
    pool = BlockPool(200, SIZE)
    long = make_work(pool, 0, list(range(11)), 2, 9)
    short = make_work(pool, 1, list(range(20, 27)), 6, 1)
    other = make_work(pool, 2, list(range(40, 46)), 0, 6)
    batch = prepare([long, short, other], SIZE, CPU, prefill_rows=6)
    assert batch.prefill is not None
    assert batch.prefill.rows.tolist() == [*range(9), *range(10, 16)]
    assert batch.prefill.cu_seqlens_q.tolist() == [0, 9, 15]
    assert batch.prefill.cu_seqlens_k.tolist() == [0, 11, 17]
    assert (batch.prefill.max_q, batch.prefill.max_k) == (9, 11)
    assert batch.prefill.other_seqlens_k.tolist() == [0, 7, 0]
    keys = list_keys(batch.all_keys)
    assert batch.prefill.slots.tolist() == [*keys[0], *keys[2]]
    assert prepare([long, short, other], SIZE, CPU, prefill_rows=10).prefill is None


@given(
    st.lists(
        st.tuples(st.integers(0, 2), st.integers(0, 3), st.integers(1, 9), st.integers(0, 4), st.booleans()),
        min_size=1,
        max_size=8,
    )
)
def test_shared_keys_and_own_keys_are_all_keys(plans: list[tuple[int, int, int, int, bool]]) -> None:
    """Passes, lengths, chunks and drafts at random: each row stands in its own slot and each sequence sees its text."""
    pool = BlockPool(2_000, SIZE)
    works = []
    for index, (group, blocks, own, drafted, computed) in enumerate(plans):
        tokens = [group] * (SIZE * blocks) + [100 + index] * own
        start = len(tokens) - 1 if computed else 0
        works.append(make_work(pool, index, tokens, start, len(tokens) - start, (9,) * drafted, group=group))
    batch = prepare(works, SIZE, CPU)
    assert sorted(work.sequence.index for work in batch.works) == list(range(len(plans)))
    whole, own_keys = list_keys(batch.all_keys), list_keys(batch.own_keys)
    shared: list[list[int]] = [[] for _ in batch.works]
    if batch.prefix_keys is not None:
        ends = batch.all_keys.cu_seqlens_q.tolist()
        bounds = batch.prefix_keys.cu_seqlens_q.tolist()
        for number, keys in enumerate(list_keys(batch.prefix_keys)):
            for member in range(len(batch.works)):
                if bounds[number] <= ends[member] < bounds[number + 1]:
                    shared[member] = keys
    row = 0
    for work, keys, common, rest in zip(batch.works, whole, shared, own_keys, strict=True):
        assert common + rest == keys
        assert len(common) <= work.start
        table = work.sequence.block_table
        assert table is not None
        assert keys == [table.block_ids[place // SIZE] * SIZE + place % SIZE for place in range(work.start + work.rows)]
        assert batch.slots[row : row + work.rows].tolist() == keys[work.start :]
        assert batch.positions[row : row + work.rows].tolist() == list(range(work.start, work.start + work.rows))
        row += work.rows
    assert row == batch.token_ids.numel()


def test_a_step_stays_where_it_was_put_while_the_next_one_is_put() -> None:
    """A GPU may read it yet."""
    pool = BlockPool(400, SIZE)
    staging = Staging(CPU)
    works = [make_work(pool, number, [number] * 9, 0, 9) for number in range(4)]
    plans = [plan_step([work], SIZE) for work in works]
    plans[2] = plan_step(works[2:], SIZE)  # a larger one
    put = [(plan, staging.put(plan)) for plan in plans[:2]]
    for plan in plans[2:]:
        for earlier, numbers in put:
            assert numbers.tolist() == np.concatenate([array.ravel() for array in earlier.arrays]).tolist()
        put = [put[-1], (plan, staging.put(plan))]


def test_sampled_tokens_come_back() -> None:
    assert Readback(CPU, 8).send(torch.tensor([5, 3, 9], dtype=torch.int32)).read() == [5, 3, 9]
