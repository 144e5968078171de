"""KV blocks: which sequence holds which, and which hold the KV of which tokens. No torch; it never touches the cache.

A full block is known by a hash of its tokens and of all tokens before them, so a sequence that begins alike finds it.
All blocks that a sequence can ever need are set aside when it is admitted: it never has to give any back midway.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

#: What a full block holds: the hash of the block before it, and its own tokens. The first block of a text has its
#: namespace in place of a hash.
_Key = tuple[int, tuple[int, ...]]


@dataclass(slots=True)
class KVCacheBlock:
    """One block of the KV cache.

    :param ref_count: block tables that it is in.
    :param key: what it holds; None until that is known.
    :param filled: its KV is computed.
    :param writer: the table of the sequence that computes it, until it is filled.
    """

    block_id: int
    ref_count: int = 0
    key: _Key | None = None
    filled: bool = False
    writer: BlockTable | None = None


@dataclass(slots=True, eq=False)
class BlockTable:
    """The blocks of one sequence, in order.

    :param hits: blocks at the beginning that another sequence brought, and that this one shares.
    :param hashed: blocks at the beginning whose content is registered; ``chain`` is the hash of the last of them.
    :param settled: blocks at the beginning that are filled, whichever sequence computed them.
    :ivar block_ids: the ids of all its blocks; ``array`` holds them as well, int32.
    """

    blocks: list[KVCacheBlock]
    hits: int
    hashed: int
    chain: int
    settled: int = 0
    block_ids: list[int] = field(init=False)
    array: NDArray[np.int32] = field(init=False)

    def __post_init__(self) -> None:
        self.block_ids = [block.block_id for block in self.blocks]
        self.array = np.array(self.block_ids, np.int32)


class BlockPool:
    """``num_blocks`` blocks of ``block_size`` tokens.

    A block is *blank* (in no table, content unknown), *held* (in at least one table), or *idle*: in no table, but its
    content is kept for a sequence that begins alike, until the block is needed. The block that was not used for the
    longest time is taken first.
    """

    def __init__(self, num_blocks: int, block_size: int, *, share: bool = True) -> None:
        self.block_size = block_size
        self.share = share
        self.blocks = [KVCacheBlock(block_id) for block_id in range(num_blocks)]
        # A heap, so that neighbours are handed out together: a CPU reads these where they are, without a copy.
        self._blank = list(range(num_blocks))
        self._idle: dict[int, None] = {}  # the longest unused first
        self._by_hash: dict[int, KVCacheBlock] = {}

    @property
    def num_free_blocks(self) -> int:
        """Blocks that can be handed out."""
        return len(self._blank) + len(self._idle)

    def count_blocks(self, tokens: int) -> int:
        """Count the blocks that so many tokens take."""
        return -(-tokens // self.block_size)

    def allocate(self, tokens: Sequence[int], capacity: int, namespace: int = 0) -> BlockTable | None:
        """Set blocks aside for a sequence that begins with ``tokens``; None if too few are free.

        The last of ``tokens`` is never taken from the cache: it has to be computed, for its logits. Full blocks that no
        other sequence has are registered at once, with this table as their writer. A sequence that comes later may
        share them as soon as they are scheduled, see :meth:`count_ready_tokens`.

        :param capacity: most tokens that the sequence will ever have.
        :param namespace: keeps KV of equal tokens apart, such as that of different adapters.
        """
        keys = list(self._chain_keys(tokens, namespace)) if self.share else []
        hits = [self.blocks[block_id] for block_id in self.find_blocks(tokens[:-1], namespace)] if self.share else []
        needed = self.count_blocks(capacity) - len(hits)
        if needed > self.num_free_blocks - sum(block.block_id in self._idle for block in hits):
            return None
        for block in hits:
            self._hold(block)
        fresh = [self._take_free() for _ in range(needed)]
        fresh.sort(key=lambda block: block.block_id)
        table = BlockTable(hits + fresh, len(hits), len(hits), _hash(keys[len(hits) - 1]) if hits else namespace)
        for block, key in zip(fresh, keys[len(hits) :], strict=False):
            if not self._register(block, key, table):
                break
        return table

    def find_blocks(self, tokens: Sequence[int], namespace: int = 0) -> list[int]:
        """Find the blocks that hold, or will hold, a text from its beginning on; it stops at the first unknown one."""
        found: list[int] = []
        for key in self._chain_keys(tokens, namespace):
            block = self._find_block(key)
            if block is None:
                break
            found.append(block.block_id)
        return found

    def count_ready_tokens(self, table: BlockTable, computed: int) -> int | None:
        """Count a sequence's computed tokens, which other sequences may have added to; None: it has to wait for one.

        :param computed: how many were computed before.
        """
        while computed % self.block_size == 0 and (number := computed // self.block_size) < table.hits:
            block = table.blocks[number]
            if not block.filled:
                if block.writer is None:  # the sequence that was to compute it was cancelled
                    block.writer = table
                return computed if block.writer is table else None
            computed += self.block_size
        return computed

    def mark_scheduled(self, table: BlockTable, tokens: Sequence[int], computed: int) -> None:
        """Note that the KV of the first ``computed`` tokens, none of them a draft, will be there in the coming step."""
        full = computed // self.block_size
        if self.share:
            while table.hashed < full:
                start = table.hashed * self.block_size
                key = (table.chain, tuple(tokens[start : start + self.block_size]))
                if not self._register(table.blocks[table.hashed], key, table):
                    break
        for block in table.blocks[table.settled : full]:
            if block.writer is table or (block.writer is None and block.key is not None):
                block.filled, block.writer = True, None
        table.settled = max(table.settled, full)

    def release(self, table: BlockTable) -> None:
        """Give the blocks of a table back; those whose content is known stay idle, for others to find."""
        for block in reversed(table.blocks):  # the end of a text is taken before its beginning, which more texts share
            if block.writer is table:
                block.writer = None
            block.ref_count -= 1
            if block.ref_count:
                continue
            if block.filled:
                self._idle[block.block_id] = None
            else:
                self._forget(block)
                heapq.heappush(self._blank, block.block_id)

    def forget_idle(self) -> None:
        """Drop all content that no sequence holds."""
        for block_id in self._idle:
            self._forget(self.blocks[block_id])
            heapq.heappush(self._blank, block_id)
        self._idle.clear()

    def _chain_keys(self, tokens: Sequence[int], namespace: int) -> Iterator[_Key]:
        chain = namespace
        for start in range(0, len(tokens) - self.block_size + 1, self.block_size):
            key = (chain, tuple(tokens[start : start + self.block_size]))
            chain = _hash(key)
            yield key

    def _find_block(self, key: _Key) -> KVCacheBlock | None:
        block = self._by_hash.get(_hash(key))
        return block if block is not None and block.key == key else None  # other tokens may have the same hash

    def _register(self, block: KVCacheBlock, key: _Key, table: BlockTable) -> bool:
        known = _hash(key)
        if known in self._by_hash:
            # Another sequence computed the same content at the same time, and others find its block. From here on this
            # table registers nothing.
            table.hashed = len(table.blocks)
            return False
        block.key, block.writer = key, table
        self._by_hash[known] = block
        table.hashed += 1
        table.chain = known
        return True

    def _hold(self, block: KVCacheBlock) -> None:
        self._idle.pop(block.block_id, None)
        block.ref_count += 1

    def _take_free(self) -> KVCacheBlock:
        if self._blank:
            block = self.blocks[heapq.heappop(self._blank)]
        else:
            block = self.blocks[next(iter(self._idle))]
            del self._idle[block.block_id]
            self._forget(block)
        block.ref_count = 1
        return block

    def _forget(self, block: KVCacheBlock) -> None:
        if block.key is not None:
            del self._by_hash[_hash(block.key)]
        block.key, block.filled, block.writer = None, False, None


def _hash(key: _Key) -> int:
    return hash(key)
