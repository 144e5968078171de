"""The engine: requests in, results out as they finish. It knows token ids only."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from collections.abc import Sequence as Seq
from dataclasses import asdict, dataclass, field
from pathlib import Path

from midb.kernels.config import EngineConfig, ModelConfig
from midb.kernels.dispatch import Ops
from midb.kernels.engine.block_pool import BlockPool, BlockTable
from midb.kernels.engine.cost import StepCost, Trust, roofline
from midb.kernels.engine.drafting.draft import Drafter
from midb.kernels.engine.drafting.pacing import PacedDrafter
from midb.kernels.engine.drafting.survival import SurvivalTable
from midb.kernels.engine.runner import Runner
from midb.kernels.engine.scheduler import Scheduler, Work
from midb.kernels.engine.sequence import Sequence
from midb.kernels.engine.step_batch import prepare
from midb.kernels.errors import EngineError, RequestError
from midb.kernels.request import FinishReason, Request, Result, ids

#: Requests that ``generate`` holds ready beyond those that run: enough to sort them by length and group.
_LOOK_AHEAD = 4

#: Passes whose drafts are learnt about apart.
_GROUPS = 256

#: First tokens that tell which pass a request belongs to.
_GROUP_TOKENS = 64

#: Rows that cost no more than reading the weights, before anything is measured: a GPU's ratio of FLOPs to bytes (an
#: H200 turns compute-bound at 160 to 200 rows in bf16); a CPU of a few cores computes hardly faster than it reads.
_FREE_ROWS = {"cuda": 160.0, "cpu": 6.0}

#: Parameters times rows that a CPU computes in the time that a step takes besides: 25 ms at 10^11 multiplications a
#: second, measured on two cores with 100 million parameters and 16 sequences of 400 tokens.
_CPU_FIXED = 2.5e9


@dataclass(slots=True)
class EngineStats:
    """Totals since the engine was made.

    :param rows: tokens computed; ``verified`` those of them that were sampled; ``drafted`` those that were drafts.
    """

    requests: int = 0
    finished: int = 0
    steps: int = 0
    rows: int = 0
    verified: int = 0
    drafted: int = 0
    accepted: int = 0
    generated: int = 0
    prompt_tokens: int = 0
    prefix_hits: int = 0
    model_seconds: float = 0.0

    def as_dict(self) -> dict[str, float]:
        """By name."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class _Pass:
    """What is learnt about the drafts of one pass."""

    table: SurvivalTable = field(default_factory=SurvivalTable)
    trust: Trust = field(default_factory=Trust)


class Engine:
    """Batched decoding of one checkpoint on one device. Not thread-safe: one thread owns it.

    >>> engine = Engine(EngineConfig(checkpoint="models/rewriter"))  # doctest: +SKIP
    >>> [r.token_ids for r in engine.generate([Request([1, 2, 3], max_new_tokens=8)])]  # doctest: +SKIP

    :param ops: other ops than those of the device, for tests.
    :param clock: seconds that pass; only the drafts' length depends on it, never the tokens.
    :raises CheckpointError: for what is wrong with the checkpoint or an adapter.
    :raises EngineError: for a device that is not there or has too little memory.
    """

    def __init__(
        self, config: EngineConfig, *, ops: Ops | None = None, clock: Callable[[], float] = time.perf_counter
    ) -> None:
        self.config = config
        self.model_config = ModelConfig.from_checkpoint(Path(config.checkpoint))
        self.runner = self._make_runner(ops)
        self.pool = BlockPool(self.runner.num_pages, config.page_size, share=config.prefix_cache)
        kind = config.device.partition(":")[0]
        fixed = _CPU_FIXED / self.model_config.parameters if kind == "cpu" else 0.0
        self.cost = StepCost(roofline(_FREE_ROWS[kind], fixed), self.model_config.head_share)
        self.scheduler = Scheduler(config, self.pool, self.cost)
        self.stats = EngineStats()
        self._clock = clock
        self._sequences: dict[int, Sequence] = {}
        self._finished: deque[Result] = deque()
        self._passes: dict[int, _Pass] = {}  # by group, the longest unused first
        self._common = _Pass()
        self._pins: list[BlockTable] = []
        self._next_index = 0
        self._next_pin = -1

    def _make_runner(self, ops: Ops | None) -> Runner:
        return Runner(self.config, self.model_config, ops=ops)

    def generate(self, requests: Iterable[Request]) -> Iterator[Result]:
        """Serve requests, yielding each result as it finishes; ``index`` counts from 0 in their order.

        Requests are drawn as the engine has room, so they may come from a source without end. What is left when the
        caller stops early is cancelled.

        :raises RequestError: for a request that can never be served, before anything of it is computed.
        """
        source = enumerate(requests)
        order: dict[int, int] = {}
        exhausted = False
        try:
            while True:
                while not exhausted and self.scheduler.waiting < _LOOK_AHEAD * self.config.max_sequences:
                    try:
                        position, request = next(source)
                    except StopIteration:
                        exhausted = True
                        break
                    order[self.add(request)] = position
                if exhausted and not order:
                    return
                self.step()
                kept = []
                for result in self.results():
                    if (number := order.pop(result.index, None)) is None:
                        kept.append(result)  # of a request that was added by hand
                    else:
                        yield _numbered(result, number)
                self._finished.extend(kept)
        finally:
            for index in order:
                self.cancel(index)
            if order:
                self._finished = deque(r for r in self._finished if r.index not in order)

    def add(self, request: Request) -> int:
        """Take a request; its index comes back with its result. Raises RequestError if it can never be served."""
        request.check(self.model_config.vocab_size, self.runner.max_model_len)
        if request.adapter is not None and request.adapter not in self.config.adapters:
            known = ", ".join(self.config.adapters) or "none"
            raise RequestError(f'The adapter "{request.adapter}" is unknown.', hint=f"Known: {known}.")
        index, self._next_index = self._next_index, self._next_index + 1
        sequence = self._sequence(index, request)
        if self.config.draft:
            of_pass = self._pass(sequence.group)
            reference = () if request.reference_ids is None else ids(request.reference_ids)
            sequence.drafter = PacedDrafter(Drafter(reference, sequence.tokens, of_pass.table))
            sequence.trust = of_pass.trust
        self._start(sequence)
        self.stats.requests += 1
        self.stats.prompt_tokens += len(request.prompt_ids)
        return index

    def _pass(self, group: int) -> _Pass:
        """What is learnt about a group; for the first of one, which may stay the only one, about all such."""
        found = self._passes.pop(group, None)
        known = self._common if found is None else _Pass() if found is self._common else found
        self._passes[group] = known
        if len(self._passes) > _GROUPS:
            del self._passes[next(iter(self._passes))]
        return known

    def _sequence(self, index: int, request: Request) -> Sequence:
        tokens = ids(request.prompt_ids)
        group = hash((request.adapter, tuple(tokens[:_GROUP_TOKENS])))
        return Sequence(index, request, request.sampling(self.model_config.eos_ids), group, tokens)

    def _start(self, sequence: Sequence) -> None:
        self._sequences[sequence.index] = sequence
        self.scheduler.add(sequence)

    def step(self) -> bool:
        """Compute one step; False if there was nothing to do.

        Whatever breaks it off (an interrupt from the keyboard, an error of the device) passes through, and the engine
        goes on from what was generated before: no token is lost, and no KV of the broken step is used.
        """
        try:
            return self._step()
        except BaseException:
            for sequence in [s for s in self.scheduler.running if s.finish_reason is not None]:
                self._finish(sequence)
            self.scheduler.requeue()
            raise

    def _step(self) -> bool:
        works = self.scheduler.schedule()
        if not works:
            return False
        started = self._clock()
        batch = prepare(
            works,
            self.config.page_size,
            self.runner.device,
            cascade=self.config.cascade,
            long=self.runner.long_rows,
        )
        sampled = self.runner.run(batch)
        seconds = self._clock() - started
        rows = sum(work.rows for work in works)
        self.cost.observe(self.cost.load(rows, len(sampled)), seconds)
        stats = self.stats
        stats.steps += 1
        stats.rows += rows
        stats.model_seconds += seconds
        place = 0
        for work in batch.works:
            if work.samples:
                count = len(work.draft) + 1
                self._take(work, sampled[place : place + count])
                place += count
        return True

    def _take(self, work: Work, sampled: list[int]) -> None:
        sequence = work.sequence
        before = sequence.generated, sequence.counts["accepted"]
        sequence.take(sampled, work.draft)
        if work.draft:
            sequence.trust.learn(work.expected, sequence.counts["accepted"] - before[1])
        stats = self.stats
        stats.verified += len(sampled)
        stats.drafted += len(work.draft)
        stats.generated += sequence.generated - before[0]
        stats.accepted += sequence.counts["accepted"] - before[1]
        if sequence.finish_reason is not None:
            self._finish(sequence)

    def _finish(self, sequence: Sequence) -> None:
        del self._sequences[sequence.index]
        if sequence.index < 0:
            table = self.scheduler.remove(sequence, keep_pages=True)
            assert table is not None
            self._pins.append(table)
            return
        self.scheduler.remove(sequence)
        self.stats.finished += 1
        self.stats.prefix_hits += sequence.counts["prefix_hits"]
        self._finished.append(sequence.result())

    def results(self) -> Iterator[Result]:
        """The results since the last call, in the order in which they finished."""
        while self._finished:
            yield self._finished.popleft()

    def cancel(self, index: int) -> bool:
        """Stop a request; its result holds what there is. False if it has finished or was never there."""
        sequence = self._sequences.get(index)
        if sequence is None or index < 0:
            return False
        sequence.finish_reason = FinishReason.CANCELLED
        self._finish(sequence)
        return True

    @property
    def busy(self) -> bool:
        """Requests are waiting or running."""
        return not self.scheduler.idle

    def pin(self, prefix_ids: Seq[int], adapter: str | None = None) -> int:
        """Compute the KV of a common beginning and keep it for good, in whole pages; returns the tokens kept.

        :raises EngineError: if too little room would be left for one sequence of the greatest length.
        """
        pages = len(prefix_ids) // self.config.page_size
        if pages == 0 or not self.config.prefix_cache:
            return 0
        kept = ids(prefix_ids)[: pages * self.config.page_size]
        if self.pool.find(kept, hash(adapter)) in [pin.indices for pin in self._pins]:
            return len(kept)
        pinned = len({page for pin in self._pins for page in pin.indices})
        if self.runner.num_pages - pinned - pages < self.pool.pages_for(self.runner.max_model_len):
            raise EngineError(
                f"Pinning {len(kept):,} tokens would leave too little KV for one sequence of "
                f"{self.runner.max_model_len:,} tokens.",
                hint="Raise kv_tokens, or set max_model_len.",
            )
        request = Request(kept, max_new_tokens=1, adapter=adapter, ignore_eos=True)
        request.check(self.model_config.vocab_size, self.runner.max_model_len + 1)
        index, self._next_pin = self._next_pin, self._next_pin - 1
        self._start(self._sequence(index, request))
        while index in self._sequences:
            self.step()
        return len(kept)


def _numbered(result: Result, index: int) -> Result:
    if result.index == index:
        return result
    fields = {name: getattr(result, name) for name in Result.__dataclass_fields__}
    return Result(**(fields | {"index": index}))
