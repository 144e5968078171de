"""Which sequences take part in a step, with which rows. No torch: it deals in numbers of tokens and pages.

A running sequence never loses its pages, so nothing is ever computed twice and no step can run out of memory.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass

from midb.kernels.config import EngineConfig
from midb.kernels.engine.block_pool import BlockPool, BlockTable
from midb.kernels.engine.cost import StepCost, gate
from midb.kernels.engine.drafting.draft import NOTHING, Draft
from midb.kernels.engine.sequence import Sequence, SequenceStatus

#: Admissions that may pass the longest waiting sequence before it is served first.
PATIENCE = 512


@dataclass(slots=True)
class Work:
    """The rows of one sequence in a step: ``count`` known tokens from ``start``, then the draft."""

    sequence: Sequence
    start: int
    count: int
    samples: bool
    draft: tuple[int, ...] = ()
    expected: float = 0.0  # tokens of the draft, by the survival that it states

    @property
    def rows(self) -> int:
        """Rows in all."""
        return self.count + len(self.draft)


class Scheduler:
    """Admission and step planning over a block pool."""

    def __init__(self, config: EngineConfig, pool: BlockPool, cost: StepCost) -> None:
        self.config, self.pool, self.cost = config, pool, cost
        self.running: list[Sequence] = []
        self._waiting: dict[int, Sequence] = {}  # by age
        # Heaps of (-capacity, index), of each group and of all; who was admitted meanwhile is dropped when it comes up.
        self._groups: dict[int, list[tuple[int, int]]] = {}
        self._all: list[tuple[int, int]] = []
        self._group: int | None = None

    @property
    def waiting(self) -> int:
        """Sequences that are not admitted yet."""
        return len(self._waiting)

    @property
    def idle(self) -> bool:
        """Nothing to do."""
        return not self.running and not self._waiting

    def add(self, sequence: Sequence) -> None:
        """Let a sequence wait for admission."""
        self._waiting[sequence.index] = sequence
        entry = (-sequence.capacity, sequence.index)
        heapq.heappush(self._groups.setdefault(sequence.group, []), entry)
        heapq.heappush(self._all, entry)

    def remove(self, sequence: Sequence, *, keep_pages: bool = False) -> BlockTable | None:
        """Take a sequence out, finished or cancelled; its pages go back, or are returned if they are to be kept."""
        if sequence.status is SequenceStatus.WAITING:
            self._leave(sequence)
        else:
            self.running.remove(sequence)
        sequence.status = SequenceStatus.FINISHED
        table, sequence.table = sequence.table, None
        if table is not None and not keep_pages:
            self.pool.release(table)
            return None
        return table

    def requeue(self) -> None:
        """Let all that run wait again with what they have generated: a step broke off, so its KV cannot be trusted."""
        for sequence in self.running:
            if sequence.table is not None:
                self.pool.release(sequence.table)
            sequence.table, sequence.computed, sequence.status = None, 0, SequenceStatus.WAITING
        interrupted, self.running = self.running, []
        for sequence in interrupted:
            self.add(sequence)
        self.pool.forget_idle()

    def schedule(self) -> list[Work]:
        """The next step's work; empty only when there is nothing to do."""
        self._admit()
        # Each sequence that decodes has its row for certain; prompts share what is left, first come first served.
        left = self.config.step_tokens - sum(sequence.decoding for sequence in self.running)
        works = []
        for sequence in self.running:
            table, decoding = sequence.table, sequence.decoding
            assert table is not None
            ready = self.pool.ready(table, sequence.computed)
            if ready is None:
                continue
            sequence.counts["prefix_hits"] += ready - sequence.computed
            sequence.computed = ready
            pending = len(sequence.tokens) - ready
            count = 1 if decoding else min(pending, left)
            if count == 0:
                continue
            if not decoding:
                left -= count
            works.append(Work(sequence, ready, count, count == pending))
            sequence.computed += count
            sequence.counts["rows"] += count
            self.pool.scheduled(table, sequence.tokens, sequence.computed)
        if self.config.draft and left > 0:
            self._draft(works, left)
        return works

    def _draft(self, works: list[Work], left: int) -> None:
        drafts = [self._proposal(work) for work in works]
        for trust in {id(work.sequence.trust): work.sequence.trust for work in works}.values():
            trust.fade()
        if not any(draft.tokens for draft in drafts):
            return
        sampled = sum(work.samples for work in works)
        load = self.cost.load(sum(work.count for work in works), sampled)
        factors = [work.sequence.trust.factor for work in works]
        kept = gate(drafts, factors, sampled, load, self.cost, left)
        for work, draft, keep in zip(works, drafts, kept, strict=True):
            work.draft, work.expected = draft.tokens[:keep], sum(draft.survival[:keep])
            work.sequence.counts["rows"] += keep

    def _proposal(self, work: Work) -> Draft:
        limit = min(self.config.max_draft, work.sequence.remaining - 1)
        if not work.samples or work.sequence.drafter is None or limit <= 0:
            return NOTHING
        return work.sequence.drafter.propose(limit)

    def _admit(self) -> None:
        while self._waiting and len(self.running) < self.config.max_sequences:
            sequence = self._next()
            table = self.pool.allocate(sequence.tokens, sequence.capacity, namespace=hash(sequence.request.adapter))
            if table is None:
                return
            # An interruption between any two of these lines loses nobody: see requeue.
            sequence.table, sequence.status = table, SequenceStatus.RUNNING
            self.running.append(sequence)
            self._leave(sequence)
            self._group = sequence.group
            if self._waiting:
                next(iter(self._waiting.values())).bypassed += 1

    def _next(self) -> Sequence:
        """The one that has waited too long; else the longest of the group at hand; else the longest of all.

        Long ones first, so that no long one is left to decode alone at the end; groups together, so that the KV of
        their beginning is computed once.
        """
        oldest = next(iter(self._waiting.values()))
        if oldest.bypassed >= PATIENCE:
            return oldest
        heap = self._groups.get(self._group, self._all) if self._group is not None else self._all
        found = self._longest(heap)
        assert found is not None
        return found

    def _leave(self, sequence: Sequence) -> None:
        self._waiting.pop(sequence.index, None)
        if self._longest(self._groups.get(sequence.group, [])) is None:
            self._groups.pop(sequence.group, None)

    def _longest(self, heap: list[tuple[int, int]]) -> Sequence | None:
        while heap and heap[0][1] not in self._waiting:
            heapq.heappop(heap)
        return self._waiting[heap[0][1]] if heap else None
