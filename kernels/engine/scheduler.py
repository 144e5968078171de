"""Chooses which sequences take part in a step, with which rows. No torch: it deals in numbers of tokens and blocks.

A running sequence never loses its blocks, so nothing is ever computed twice and no step can run out of memory.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass

from midb.kernels.config import EngineConfig
from midb.kernels.engine.block_pool import BlockPool, BlockTable
from midb.kernels.engine.cost import StepCost
from midb.kernels.engine.drafting.draft import Draft
from midb.kernels.engine.drafting.gate import choose_lengths, find_least_survival
from midb.kernels.engine.sequence import Sequence, SequenceStatus

#: Sequences that may be admitted before the one that has waited the longest; then it comes first.
PATIENCE = 512


@dataclass(slots=True)
class Work:
    """The rows of one sequence in a step: ``count`` known tokens from ``start`` on, then the draft.

    :param samples: a token is sampled from the last known token, and from each token of the draft.
    :param expected: tokens of the draft that are expected to be accepted, by the survival that it states.
    """

    sequence: Sequence
    start: int
    count: int
    samples: bool
    draft: tuple[int, ...] = ()
    expected: float = 0.0

    @property
    def rows(self) -> int:
        """Rows in all."""
        return self.count + len(self.draft)


class Scheduler:
    """Admission and step planning over a block pool."""

    def __init__(self, config: EngineConfig, pool: BlockPool, cost: StepCost) -> None:
        self.config, self.pool, self.cost = config, pool, cost
        self.running: list[Sequence] = []
        self._waiting: dict[int, Sequence] = {}  # the oldest first
        # Heaps of (-capacity, index), for each group and for all. They still hold sequences that no longer wait, which
        # are dropped when they come to the top.
        self._groups: dict[int, list[tuple[int, int]]] = {}
        self._all: list[tuple[int, int]] = []
        self._group: int | None = None  # of the sequence that was admitted last

    @property
    def num_waiting(self) -> int:
        """Number of sequences that are not admitted yet."""
        return len(self._waiting)

    @property
    def idle(self) -> bool:
        """There is nothing to do."""
        return not self.running and not self._waiting

    def add(self, sequence: Sequence) -> None:
        """Let a sequence wait for admission."""
        self._waiting[sequence.index] = sequence
        entry = (-sequence.capacity, sequence.index)
        heapq.heappush(self._groups.setdefault(sequence.group, []), entry)
        heapq.heappush(self._all, entry)

    def remove(self, sequence: Sequence, *, keep_blocks: bool = False) -> BlockTable | None:
        """Take out a sequence that is finished or cancelled. Its blocks go back to the pool, or to the caller."""
        if sequence.status is SequenceStatus.WAITING:
            self._stop_waiting(sequence)
        else:
            self.running.remove(sequence)
        sequence.status = SequenceStatus.FINISHED
        table, sequence.block_table = sequence.block_table, None
        if table is not None and not keep_blocks:
            self.pool.release(table)
            return None
        return table

    def requeue(self) -> None:
        """Let all running sequences wait again, with what they have generated.

        For a step that broke off: the KV that it wrote cannot be trusted, so all of theirs is computed anew, and what
        follows their outputs begins anew as well.
        """
        for sequence in self.running:
            if sequence.block_table is not None:
                self.pool.release(sequence.block_table)
            sequence.block_table, sequence.num_computed_tokens, sequence.status = None, 0, SequenceStatus.WAITING
            sequence.constraint, sequence.awaited = None, False
        interrupted, self.running = self.running, []
        for sequence in interrupted:
            self.add(sequence)
        self.pool.forget_idle()

    def schedule(self, most: int | None = None) -> list[Work]:
        """Plan the next step; the plan is empty only when there is nothing to do before a step that is computed ends.

        :param most: sequences that take part in it.
        """
        self._admit()
        pool, block_size = self.pool, self.config.block_size
        # Each sequence that decodes is sure of its row. The prompts share what is left, first come, first served.
        ready = [sequence for sequence in self.running if not sequence.awaited][:most]
        left = self.config.max_num_batched_tokens - sum([sequence.decoding for sequence in ready])
        works = []
        for sequence in ready:
            table, computed = sequence.block_table, sequence.num_computed_tokens
            assert table is not None
            pending = len(sequence.token_ids) - computed
            decoding = pending == 1
            if computed < table.hits * block_size:  # others may have computed more of the beginning
                known = pool.count_ready_tokens(table, computed)
                if known is None:
                    continue
                sequence.counts["prefix_hits"] += known - computed
                sequence.num_computed_tokens = computed = known
                pending = len(sequence.token_ids) - computed
            count = 1 if decoding else min(pending, left)
            if count == 0:
                continue
            if not decoding:
                left -= count
            works.append(Work(sequence, computed, count, count == pending))
            computed += count
            sequence.num_computed_tokens = computed
            sequence.counts["rows"] += count
            if computed // block_size > table.settled:  # it fills a block
                pool.mark_scheduled(table, sequence.token_ids, computed)
        if self.config.draft and left > 0:
            self._add_drafts(works, left)
        return works

    def _add_drafts(self, works: list[Work], left: int) -> None:
        most = self.config.num_speculative_tokens
        sampled = sum([work.samples for work in works])
        load = self.cost.compute_load(sum(work.count for work in works), sampled)
        least = find_least_survival(sampled, load, self.cost, left)
        passes = {id(work.sequence.trust): work.sequence.trust for work in works}
        least_of = {name: least / trust.factor for name, trust in passes.items()}
        proposed: list[tuple[Work, Draft]] = []
        for work in works:
            if work.samples and (drafter := work.sequence.drafter) is not None:
                limit = min(most, work.sequence.remaining - 1)
                if limit > 0 and (draft := drafter.propose(limit, least_of[id(work.sequence.trust)])).tokens:
                    proposed.append((work, draft))
        for trust in passes.values():
            trust.fade()
        if not proposed:
            return
        drafts = [draft for _, draft in proposed]
        factors = [work.sequence.trust.factor for work, _ in proposed]
        lengths = choose_lengths(drafts, factors, sampled, load, self.cost, left)
        for (work, draft), length in zip(proposed, lengths, strict=True):
            if length:
                work.draft, work.expected = draft.tokens[:length], sum(draft.survival[:length])
                work.sequence.counts["rows"] += length

    def _admit(self) -> None:
        while self._waiting and len(self.running) < self.config.max_num_seqs:
            sequence = self._choose_next()
            table = self.pool.allocate(sequence.token_ids, sequence.capacity, namespace=hash(sequence.request.adapter))
            if table is None:
                return
            # Whatever interrupts the program between two of these lines, no sequence is lost: see requeue.
            sequence.block_table, sequence.status = table, SequenceStatus.RUNNING
            self.running.append(sequence)
            self._stop_waiting(sequence)
            self._group = sequence.group
            if self._waiting:
                next(iter(self._waiting.values())).bypassed += 1

    def _choose_next(self) -> Sequence:
        """Choose the one that has waited too long; else the longest of the current group; else the longest of all.

        Long ones come first, so that no long one is left to decode alone at the end. Groups stay together, so that the
        KV of their common beginning is computed once.
        """
        oldest = next(iter(self._waiting.values()))
        if oldest.bypassed >= PATIENCE:
            return oldest
        heap = self._groups.get(self._group, self._all) if self._group is not None else self._all
        found = self._find_longest(heap)
        assert found is not None
        return found

    def _stop_waiting(self, sequence: Sequence) -> None:
        self._waiting.pop(sequence.index, None)
        if self._find_longest(self._groups.get(sequence.group, [])) is None:
            self._groups.pop(sequence.group, None)

    def _find_longest(self, heap: list[tuple[int, int]]) -> Sequence | None:
        while heap and heap[0][1] not in self._waiting:
            heapq.heappop(heap)
        return self._waiting[heap[0][1]] if heap else None
