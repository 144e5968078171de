"""Blocks over thousands of histories: none is lost, none has two owners, and what is found is what was written."""

from __future__ import annotations

from dataclasses import dataclass

import hypothesis.strategies as st
from hypothesis import given, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from midb.kernels.engine.block_pool import BlockPool, BlockTable


@dataclass(eq=False)
class Live:
    """A sequence in the model: its tokens, how many of them are computed, how many it may have, and its namespace."""

    tokens: list[int]
    table: BlockTable
    most: int
    space: int
    computed: int = 0


class Histories(RuleBasedStateMachine):
    """Sequences come, are computed chunk by chunk, finish or are cancelled; a model says what stands where."""

    @initialize(blocks=st.integers(1, 12), size=st.sampled_from([1, 2, 4]), share=st.booleans())
    def start(self, blocks: int, size: int, share: bool) -> None:
        self.pool = BlockPool(blocks, size, share=share)
        self.live: list[Live] = []
        self.cache: dict[int, tuple[int, ...]] = {}  # slot -> the tokens whose KV stands there

    # Few ids, so that texts often begin alike.
    @rule(tokens=st.lists(st.integers(0, 1), min_size=1, max_size=14), extra=st.integers(0, 6), space=st.integers(0, 1))
    def admit(self, tokens: list[int], extra: int, space: int) -> None:
        before = self.pool.num_free_blocks
        table = self.pool.allocate(tokens, len(tokens) + extra, namespace=space)
        if table is None:
            assert self.pool.num_free_blocks == before
            # Only a want of blocks refuses: without sharing so many are needed, and sharing needs no more.
            assert self.pool.count_blocks(len(tokens) + extra) > before
            return
        assert len(table.blocks) == self.pool.count_blocks(len(tokens) + extra)
        assert table.hits * self.pool.block_size < len(tokens)
        self.live.append(Live(list(tokens), table, len(tokens) + extra, space))

    @precondition(lambda self: self.live)
    @rule(data=st.data(), chunk=st.integers(1, 6))
    def compute(self, data: st.DataObject, chunk: int) -> None:
        one = data.draw(st.sampled_from(self.live))
        self._compute(one, chunk)

    def _compute(self, one: Live, chunk: int) -> bool:
        table, tokens = one.table, one.tokens
        ready = self.pool.count_ready_tokens(table, one.computed)
        if ready is None:
            return False
        assert ready < len(tokens) or one.computed == len(tokens)
        end = min(ready + chunk, len(tokens))
        for position in range(ready, end):
            self.cache[self._slot(table, position)] = (one.space, *tokens[: position + 1])
        one.computed = end
        self.pool.mark_scheduled(table, tokens, end)
        # Every key that the sequence attends to is its own text's.
        for position in range(end):
            assert self.cache[self._slot(table, position)] == (one.space, *tokens[: position + 1])
        return True

    @precondition(lambda self: self.live)
    @rule(data=st.data(), token=st.integers(0, 1))
    def grow(self, data: st.DataObject, token: int) -> None:
        one = data.draw(st.sampled_from(self.live))
        if one.computed == len(one.tokens) < one.most:
            one.tokens.append(token)

    @precondition(lambda self: self.live)
    @rule(data=st.data())
    def leave(self, data: st.DataObject) -> None:
        one = data.draw(st.sampled_from(self.live))
        self.live.remove(one)
        self.pool.release(one.table)

    @precondition(lambda self: self.live)
    @rule()
    def nobody_waits_for_ever(self) -> None:
        """Rounds in order of admission compute everybody's text, whoever was cancelled before."""
        for _ in range(sum(len(one.tokens) for one in self.live) + 1):
            for one in self.live:
                self._compute(one, 1)
        assert all(one.computed == len(one.tokens) for one in self.live)

    @rule()
    def forget(self) -> None:
        self.pool.forget_idle()

    @invariant()
    def every_block_is_accounted_for(self) -> None:
        if not hasattr(self, "pool"):
            return
        held: dict[int, int] = {}
        for one in self.live:
            assert len(set(one.table.block_ids)) == len(one.table.block_ids)
            for index in one.table.block_ids:
                held[index] = held.get(index, 0) + 1
        for block in self.pool.blocks:
            assert block.ref_count == held.get(block.block_id, 0)
        blank, idle = set(self.pool._blank), set(self.pool._idle)
        assert len(blank) == len(self.pool._blank)
        assert not blank & idle
        assert blank | idle | set(held) == set(range(len(self.pool.blocks)))
        assert not (blank | idle) & set(held)
        # A block that two sequences hold was registered, so its content is that of both.
        assert all(self.pool.blocks[index].key is not None for index, count in held.items() if count > 1)

    def _slot(self, table: BlockTable, position: int) -> int:
        return (
            table.block_ids[position // self.pool.block_size] * self.pool.block_size + position % self.pool.block_size
        )


TestHistories = Histories.TestCase
TestHistories.settings = settings(max_examples=400, stateful_step_count=40, deadline=None)


def filled(pool: BlockPool, tokens: list[int], **names: int) -> BlockTable:
    table = pool.allocate(tokens, len(tokens), **names)
    assert table is not None
    pool.mark_scheduled(table, tokens, len(tokens))
    return table


def test_a_common_beginning_is_found_in_full_blocks() -> None:
    pool = BlockPool(8, 4)
    first = filled(pool, [1, 2, 3, 4, 5, 6, 7, 8, 9])
    second = pool.allocate([1, 2, 3, 4, 5, 6, 7, 8, 5, 5], 10)
    assert second is not None
    assert second.block_ids[:2] == first.block_ids[:2]
    assert (second.hits, pool.count_ready_tokens(second, 0)) == (2, 8)


def test_the_last_token_is_always_computed() -> None:
    pool = BlockPool(8, 4)
    filled(pool, [1, 2, 3, 4])
    again = pool.allocate([1, 2, 3, 4], 8)
    assert again is not None
    assert again.hits == 0


def test_namespaces_do_not_share() -> None:
    pool = BlockPool(8, 2)
    filled(pool, [1, 2, 3], namespace=1)
    other = pool.allocate([1, 2, 3], 3, namespace=2)
    assert other is not None
    assert other.hits == 0


def test_who_comes_second_waits_for_the_first_and_takes_over_when_it_is_cancelled() -> None:
    pool = BlockPool(8, 2)
    tokens = [1, 2, 3, 4, 5]
    first, second = pool.allocate(tokens, 5), pool.allocate(tokens, 5)
    assert first is not None
    assert second is not None
    assert pool.count_ready_tokens(first, 0) == 0
    assert pool.count_ready_tokens(second, 0) is None
    pool.mark_scheduled(first, tokens, 2)
    assert pool.count_ready_tokens(second, 0) is None  # its second block is still to come
    pool.release(first)
    assert pool.count_ready_tokens(second, 0) == 2
    pool.mark_scheduled(second, tokens, 5)
    third = pool.allocate(tokens, 5)
    assert third is not None
    assert pool.count_ready_tokens(third, 0) == 4


def test_the_longest_unused_content_goes_first() -> None:
    pool = BlockPool(4, 2)
    old, new = filled(pool, [1, 1, 0]), filled(pool, [2, 2, 0])
    pool.release(old)
    pool.release(new)
    taken = pool.allocate([9, 9, 9, 9, 9], 5)  # two blank blocks and the older content
    assert taken is not None
    assert pool.find_blocks([1, 1]) == []
    assert pool.find_blocks([2, 2]) == [new.block_ids[0]]


def test_an_equal_hash_is_not_taken_for_an_equal_text() -> None:
    pool = BlockPool(4, 2)
    filled(pool, [1, 2, 3])
    (known,) = pool._by_hash
    pool._by_hash[known].key = (0, (8, 8))  # as if another text had this hash
    assert pool.find_blocks([1, 2]) == []


@given(st.lists(st.lists(st.integers(0, 1), min_size=1, max_size=10), max_size=6), st.integers(1, 4))
def test_available_is_what_can_be_had(texts: list[list[int]], size: int) -> None:
    pool = BlockPool(10, size)
    for tokens in texts:
        if (table := pool.allocate(tokens, len(tokens))) is not None:
            pool.mark_scheduled(table, tokens, len(tokens))
            pool.release(table)
    assert pool.num_free_blocks == 10
    assert pool.allocate([5] * 10 * size, 10 * size) is not None
    assert pool.num_free_blocks == 0
