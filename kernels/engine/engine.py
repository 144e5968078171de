"""The engine: requests in, results out as they finish. It knows token ids only."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from collections.abc import Sequence as Seq
from dataclasses import asdict, dataclass, field
from math import inf
from pathlib import Path

from midb.kernels.config import EngineConfig, ModelConfig
from midb.kernels.dispatch import Ops
from midb.kernels.engine.block_pool import BlockPool, BlockTable
from midb.kernels.engine.cost import StepCost, make_roofline
from midb.kernels.engine.drafting.draft import Drafter
from midb.kernels.engine.drafting.memory import OutputMemory, make_sketch
from midb.kernels.engine.drafting.pacing import PacedDrafter
from midb.kernels.engine.drafting.survival import SurvivalTable
from midb.kernels.engine.drafting.trust import Trust
from midb.kernels.engine.model_runner import ModelRunner
from midb.kernels.engine.outputs.constraining import constrain
from midb.kernels.engine.overlap import Flight, StepOverlap
from midb.kernels.engine.scheduler import Scheduler, Work
from midb.kernels.engine.sequence import Sequence
from midb.kernels.engine.step_plan import plan_step
from midb.kernels.errors import EngineError, RequestError
from midb.kernels.request import Request, Result, SequenceFinishReason, list_ids

#: Requests that ``generate`` holds ready, as a multiple of those that may run: enough to sort them by length and group.
_LOOK_AHEAD = 4

#: Most passes for which drafts are learnt about separately. A run has one for each pass and language.
_MOST_PASSES = 256

#: First tokens of a prompt, by which the requests of a pass are recognised.
_GROUP_TOKENS = 64

#: Rows that cost no more than reading the weights, assumed until steps are measured. For a GPU it is the ratio of FLOPs
#: to bytes: an H200 is bound by arithmetic from 160 to 200 rows on, in bf16. A CPU with a few cores computes hardly
#: faster than it reads.
_FREE_ROWS = {"cuda": 160.0, "cpu": 6.0}

#: A host that waited for less than this share of a step came too late to say how long the device took for it.
_LATE = 0.05

#: What each step on a CPU takes besides its rows, as parameters times rows that are computed in the same time: 25 ms at
#: 10^11 multiplications a second, measured on two cores with 100 million parameters and 16 sequences of 400 tokens.
_CPU_FIXED = 2.5e9


@dataclass(slots=True)
class EngineStats:
    """Totals since the engine was made.

    :param rows: tokens that were computed.
    :param verified: rows from which a token was sampled.
    :param drafted: rows that were draft tokens.
    :param generated: tokens of all outputs.
    :param halved: steps that were launched while another one was computed.
    :param step_seconds: of all steps, the host's part of them included.
    """

    requests: int = 0
    finished: int = 0
    steps: int = 0
    halved: int = 0
    rows: int = 0
    verified: int = 0
    drafted: int = 0
    accepted: int = 0
    generated: int = 0
    prompt_tokens: int = 0
    prefix_hits: int = 0
    step_seconds: float = 0.0

    def as_dict(self) -> dict[str, float]:
        """The totals by name."""
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
    :param clock: counts seconds; only the length of drafts depends on it, never the tokens.
    :raises CheckpointError: if something is wrong with the checkpoint or an adapter.
    :raises EngineError: if the device is missing or has too little memory.
    """

    def __init__(
        self, config: EngineConfig, *, ops: Ops | None = None, clock: Callable[[], float] = time.perf_counter
    ) -> None:
        self.config = config
        self.model_config = ModelConfig.from_checkpoint(Path(config.checkpoint))
        self.runner = self._make_runner(ops)
        self.pool = BlockPool(self.runner.num_blocks, config.block_size, share=config.enable_prefix_caching)
        kind = config.device.partition(":")[0]
        fixed = _CPU_FIXED / self.model_config.num_parameters if kind == "cpu" else 0.0
        self.cost = StepCost(make_roofline(_FREE_ROWS[kind], fixed), self.model_config.head_share)
        self.scheduler = Scheduler(config, self.pool, self.cost)
        self._overlap = StepOverlap(
            make_roofline(_FREE_ROWS[kind]) if kind == "cuda" and config.overlap_steps else None
        )
        self._flight: Flight | None = None
        self._landed = self._arrived = -inf  # when the last step was over, and when its tokens came
        self.stats = EngineStats()
        self._clock = clock
        self._sequences: dict[int, Sequence] = {}
        self._finished: deque[Result] = deque()
        self._passes: dict[int, _Pass] = {}  # by group, the longest unused first
        self._shared_pass = _Pass()  # for groups that only one request has had so far
        self._memory = OutputMemory()
        self._pins: list[BlockTable] = []
        self._pinning: dict[int, Request] = {}  # those that are not computed yet
        self._next_index = 0
        self._next_pin = -1

    def _make_runner(self, ops: Ops | None) -> ModelRunner:
        return ModelRunner(self.config, self.model_config, ops=ops)

    def generate(self, requests: Iterable[Request]) -> Iterator[Result]:
        """Serve requests, and yield each result as it finishes; ``index`` counts from 0 in the order of the requests.

        A request is taken from ``requests`` when the engine has room for it, so there may be any number of them. If the
        caller stops early, what is still in work is cancelled.

        :raises RequestError: for a request that can never be served, before anything of it is computed.
        """
        source = enumerate(requests)
        order: dict[int, int] = {}
        exhausted = False
        try:
            while True:
                while not exhausted and self.scheduler.num_waiting < _LOOK_AHEAD * self.config.max_num_seqs:
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
                for result in self.take_results():
                    if (number := order.pop(result.index, None)) is None:
                        kept.append(result)  # of a request that was added by ``add``
                    else:
                        yield _renumber(result, number)
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
        sequence = self._make_sequence(index, request)
        if self.config.draft:
            of_pass = self._find_pass(sequence.group)
            reference = () if request.reference_ids is None else list_ids(request.reference_ids)
            sequence.sketch = make_sketch(reference)
            earlier = self._memory.recall(sequence.group, sequence.sketch)
            sequence.drafter = PacedDrafter(Drafter(reference, sequence.token_ids, of_pass.table, earlier))
            sequence.trust = of_pass.trust
        self._start(sequence)
        self.stats.requests += 1
        self.stats.prompt_tokens += len(request.prompt_ids)
        return index

    def _find_pass(self, group: int) -> _Pass:
        """Find what is learnt about a group.

        The first request of a group may stay the only one: it shares what is learnt with all others of that kind.
        """
        found = self._passes.pop(group, None)
        known = self._shared_pass if found is None else _Pass() if found is self._shared_pass else found
        self._passes[group] = known
        if len(self._passes) > _MOST_PASSES:
            del self._passes[next(iter(self._passes))]
        return known

    def _make_sequence(self, index: int, request: Request) -> Sequence:
        token_ids = list_ids(request.prompt_ids)
        group = hash((request.adapter, tuple(token_ids[:_GROUP_TOKENS])))
        return Sequence(index, request, request.make_sampling_params(self.model_config.eos_ids), group, token_ids)

    def _start(self, sequence: Sequence) -> None:
        self._sequences[sequence.index] = sequence
        self.scheduler.add(sequence)

    def step(self) -> bool:
        """Compute one step; False if there was nothing to do.

        Whatever breaks the step off, be it an interrupt from the keyboard or an error of the device, is raised, and the
        engine can go on from what was generated before: no token is lost, and no KV of the broken step is used.
        """
        try:
            return self._step()
        except BaseException:
            self._flight = None
            for sequence in [s for s in self.scheduler.running if s.finish_reason is not None]:
                self._finish(sequence)
            self.scheduler.requeue()
            raise

    def _step(self) -> bool:
        with self.runner.on_device():
            running = len(self.scheduler.running)
            halves = self._overlap.pays(running)
            if self._flight is not None and not halves:
                self._land()
                return True
            flight, before = self._launch(-(-running // 2) if halves else None), self._flight
            if before is not None:
                self.stats.halved += flight is not None
                self._land()
            self._flight = flight
            if flight is not None and (not halves or flight.must_land):
                self._land()
            return flight is not None or before is not None

    def _launch(self, most: int | None) -> Flight | None:
        """Plan a step of at most so many sequences and launch it; None if there is nothing to compute."""
        started = self._clock()
        works = self.scheduler.schedule(most)
        if not works:
            return None
        runner = self.runner
        plan = plan_step(works, self.config.block_size, shared=runner.shared, prefill_rows=runner.prefill_rows)
        before = self._clock()
        runner.capture(plan)
        begun = self._clock()
        copied = runner.launch(plan)
        for work in works:
            work.sequence.awaited = work.samples
        return Flight(plan, copied, started, begun, self._clock(), captured=begun - before)

    def _land(self) -> None:
        """Wait for the step that is computed, and give each sequence what was sampled for it."""
        flight, self._flight = self._flight, None
        assert flight is not None
        plan, waiting = flight.plan, self._clock()
        sampled = self.runner.read_sampled(plan, flight.copied)
        arrived = self._clock()
        constrain(plan, sampled, self.runner)
        self._take_sampled(plan.works, sampled)
        landed = self._clock()
        self._observe(flight, len(sampled), waiting, arrived, landed)
        self._landed = landed

    def _observe(self, flight: Flight, samples: int, waiting: float, arrived: float, landed: float) -> None:
        """Learn what a step took: times of the clock when the host began to wait for it, had its tokens, and was done.

        Proposing drafts and following what came take time as well, and more of it the more is drafted. A capture does
        not count: it happens once. Nor does what another step took meanwhile.
        """
        seconds = landed - max(flight.started, self._landed) - flight.captured
        rows = len(flight.plan.token_ids)
        load = self.cost.compute_load(rows, samples)
        self.cost.observe(load, seconds)
        if samples == rows:
            host = flight.launched - flight.started - flight.captured + landed - arrived
            device = arrived - max(flight.begun, self._arrived)
            late = arrived - waiting < _LATE * device
            self._overlap.observe(len(flight.plan.works), load, host, None if late else device)
        self._arrived = arrived
        stats = self.stats
        stats.steps += 1
        stats.rows += rows
        stats.step_seconds += seconds

    def _take_sampled(self, works: list[Work], sampled: list[int]) -> None:
        """Give each sequence what was sampled for it."""
        stats = self.stats
        stats.verified += len(sampled)
        place = 0
        for work in works:
            if not work.samples:
                continue
            sequence, draft = work.sequence, work.draft
            end = place + len(draft) + 1
            if sequence.finish_reason is None:  # else it was cancelled meanwhile
                self._take(work, sampled[place:end])
            place = end

    def _take(self, work: Work, sampled: list[int]) -> None:
        sequence, draft, stats = work.sequence, work.draft, self.stats
        known = len(sequence.token_ids)
        sequence.awaited = False
        if draft:
            before = sequence.counts["accepted"]
            sequence.take(sampled, draft)
            accepted = sequence.counts["accepted"] - before
            sequence.trust.learn(work.expected, accepted)
            stats.drafted += len(draft)
            stats.accepted += accepted
        else:
            sequence.take(sampled, draft)
        stats.generated += len(sequence.token_ids) - known
        if sequence.finish_reason is not None:
            self._finish(sequence)

    def _finish(self, sequence: Sequence) -> None:
        del self._sequences[sequence.index]
        if sequence.index < 0:
            table = self.scheduler.remove(sequence, keep_blocks=True)
            assert table is not None
            del self._pinning[sequence.index]
            self._pins.append(table)
            return
        self.scheduler.remove(sequence)
        self.stats.finished += 1
        self.stats.prefix_hits += sequence.counts["prefix_hits"]
        result = sequence.make_result()
        self._memory.add(sequence.group, sequence.sketch, result.token_ids)
        self._finished.append(result)

    def take_results(self) -> Iterator[Result]:
        """Take the results since the last call, in the order in which they finished."""
        while self._finished:
            yield self._finished.popleft()

    def cancel(self, index: int) -> bool:
        """Stop a request; its result holds what it has generated. False if it has finished or was never added."""
        sequence = self._sequences.get(index)
        if sequence is None or index < 0:
            return False
        sequence.finish_reason = SequenceFinishReason.CANCELLED
        self._finish(sequence)
        return True

    @property
    def busy(self) -> bool:
        """Requests are waiting or running."""
        return not self.scheduler.idle

    def pin(self, prefix_ids: Seq[int], adapter: str | None = None, *, wait: bool = True) -> int:
        """Compute the KV of a common beginning and keep it for good, in full blocks; returns the number of tokens kept.

        :param wait: compute steps until it is there. Else the steps to come compute it, beside everything else.
        :raises EngineError: if too little room would be left for one sequence of the greatest length.
        """
        blocks = len(prefix_ids) // self.config.block_size
        if blocks == 0 or not self.config.enable_prefix_caching:
            return 0
        kept = list_ids(prefix_ids)[: blocks * self.config.block_size]
        if self.pool.find_blocks(kept, hash(adapter)) in [pin.block_ids for pin in self._pins]:
            return len(kept)
        request = Request(kept, max_new_tokens=1, adapter=adapter, ignore_eos=True)
        index = next((i for i, one in self._pinning.items() if (one.prompt_ids, one.adapter) == (kept, adapter)), None)
        if index is None:
            index = self._start_pin(request)
        while wait and index in self._sequences:
            self.step()
        return len(kept)

    def _start_pin(self, request: Request) -> int:
        held = len({block_id for pin in self._pins for block_id in pin.block_ids})
        wanted = sum(self.pool.count_blocks(len(one.prompt_ids)) for one in (*self._pinning.values(), request))
        if self.runner.num_blocks - held - wanted < self.pool.count_blocks(self.runner.max_model_len):
            raise EngineError(
                f"Pinning {len(request.prompt_ids):,} tokens would leave too little KV for one sequence of "
                f"{self.runner.max_model_len:,} tokens.",
                hint="Raise num_kv_tokens, or set max_model_len.",
            )
        request.check(self.model_config.vocab_size, self.runner.max_model_len + 1)
        index, self._next_pin = self._next_pin, self._next_pin - 1
        self._pinning[index] = request
        self._start(self._make_sequence(index, request))
        return index


def _renumber(result: Result, index: int) -> Result:
    if result.index == index:
        return result
    fields = {name: getattr(result, name) for name in Result.__dataclass_fields__}
    return Result(**(fields | {"index": index}))
