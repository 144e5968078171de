"""Many pairs in flight on one event loop, for runs with a model. Results come in the order of the corpus.

A slow or failing call holds up its own pair and nothing else, until ``AHEAD`` times as many records as may be in flight
are done behind it. The loop stands still while its caller writes a batch, which takes milliseconds.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import math
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence

from midb.agent.engines.protocol import EngineStopped
from midb.agent.engines.server.pace import Places
from midb.agent.model.calls import Model
from midb.agent.record_clock import hold_alarm
from midb.agent.run.batches import Batch, Item, Result
from midb.agent.run.examine import Examiner, ExaminerSettings
from midb.corpus.raw import RawRecord
from midb.domain.events import ModelUsed

#: Records taken from the corpus at most, in records in flight: what a slow pair can hold up, and a bound on memory.
AHEAD = 16

#: Thresholds of the garbage collector while pairs are under way: with hundreds of them its usual rounds, over all that
#: was ever loaded, take a sixth to a quarter of the time around the model (bench: pipeline-model).
COLLECT = (20_000, 20, 50)

#: Seconds between two looks at what a run is doing.
TICK = 0.25

#: Seconds that pairs in flight may still take once a run stops. What they lack then is asked when the run goes on;
#: replies that came are in the log, and are not asked for again.
DRAIN = 30.0

#: Seconds between two words about it.
REPORT_EVERY = 1.0


class _Collector:
    """The garbage collector, set for pairs that are under way (``COLLECT``).

    The whole process has one. A program may have several pools at once, in threads; the last puts it back as it was
    before the first.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pools = 0
        self._before = gc.get_threshold()

    @contextlib.contextmanager
    def set(self) -> Iterator[None]:
        """Set it as long as a pool is open."""
        with self._lock:
            if not self._pools:
                self._before = gc.get_threshold()
                gc.freeze()  # what is garbage by now is found once it is unfrozen: to look for it here takes a while
                gc.set_threshold(*COLLECT)
            self._pools += 1
        try:
            yield
        finally:
            with self._lock:
                self._pools -= 1
                if not self._pools:
                    gc.set_threshold(*self._before)
                    gc.unfreeze()


_COLLECTOR = _Collector()


class ModelPool:
    """Examines batches with a model, ``concurrency`` records at once, on the loop that its engine was started on.

    Fewer are under way where the engine serves fewer: begun all together, none would come to its end for long.
    """

    def __init__(
        self,
        settings: ExaminerSettings,
        model: Model,
        concurrency: int,
        loop: asyncio.Runner,
        *,
        report: Callable[[ModelUsed], None] = lambda _: None,
    ) -> None:
        self._model = model
        self._concurrency = concurrency
        self._report = report
        self._examiner = Examiner(settings, model)
        self._runner = loop
        self._out: deque[tuple[Batch, list[asyncio.Task[Result]]]] = deque()
        self._slots = Places(self._allowed)
        self._in_flight = self._begun = self._ended = 0
        self._reported_at = 0.0
        self._moved: asyncio.Event | None = None
        self._failed: list[asyncio.Task[Result]] = []
        self._drained_by = math.inf  # on the model's clock

    def __enter__(self) -> ModelPool:
        with contextlib.ExitStack() as stack:
            stack.enter_context(_COLLECTOR.set())
            self._runner.run(self._start())
            self._collecting = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        with self._collecting:
            self._runner.run(self._close())

    def examine(
        self, batches: Iterator[Batch], stopped: Callable[[], bool] = lambda: False
    ) -> Iterator[tuple[Batch, list[Result]]]:
        """Each batch with its results, in order. Once ``stopped`` says so, or the budget is used up, no batch is taken
        any more; what is in flight is waited for (drained) for a bounded time, unless calls fail. Raises EngineDown
        where all do."""
        while (due := self._take_turns(batches, stopped)) is not None:
            yield due

    def _take_turns(self, batches: Iterator[Batch], stopped: Callable[[], bool]) -> tuple[Batch, list[Result]] | None:
        due: list[tuple[Batch, list[Result]] | None] = []

        # No task returns what it found: asyncio would write out all of it for an error that nobody sees.
        async def take_turns() -> None:
            due.append(await self._next(batches, stopped))

        with hold_alarm():
            self._runner.run(take_turns())
        return due[0]

    async def _start(self) -> None:
        self._moved = asyncio.Event()

    async def _close(self) -> None:
        tasks = [task for _, tasks in self._out for task in tasks]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)  # all of them: none may fail unheard
        await self._model.close()
        self.report_usage()

    async def _next(self, batches: Iterator[Batch], stopped: Callable[[], bool]) -> tuple[Batch, list[Result]] | None:
        """The next batch in order once it is done; None after the last."""
        assert self._moved is not None
        while True:
            if self._model.seconds - self._reported_at >= REPORT_EVERY:
                self.report_usage()
            self._moved.clear()
            self._fill(batches, stopped)
            self._hurry(stopped)
            # Who is not served now would be waited for in vain: it is asked again when the run goes on.
            if not self._out or (self._model.failing and stopped()) or self._model.seconds >= self._drained_by:
                return None
            batch, tasks = self._out[0]
            if any(_was_dropped(task) for task in tasks):
                # Nothing behind it is written any more; but what is being answered is paid for, and comes into the log.
                if self._all_done:
                    return None
            elif all(task.done() for task in tasks):
                # While calls fail and none succeeds, what came of them waits: others may show whose fault it is.
                if self._model.failing and not self._all_done:
                    pass
                elif self._model.never_served:
                    if stopped():
                        return None
                    raise self._model.down()
                else:
                    self._out.popleft()
                    return batch, [task.result() for task in tasks]
            self._raise_failure()
            try:
                await asyncio.wait_for(self._moved.wait(), TICK)
            except TimeoutError:
                stopped()  # says so while it drains

    @property
    def _all_done(self) -> bool:
        """Whether no record is under way."""
        return all(task.done() for _, tasks in self._out for task in tasks)

    @property
    def _allowed(self) -> int:
        """Records that may be under way now: some more than the engine serves, so that it never waits for one."""
        places = self._model.engine.places
        return min(self._concurrency, places + max(1, places // 4))

    def _fill(self, batches: Iterator[Batch], stopped: Callable[[], bool]) -> None:
        """Take batches while somebody would have nothing to do, and not too many are out."""
        self._slots.resize(self._allowed)
        while (
            self._begun - self._ended < self._slots.count
            and sum(max(len(tasks), 1) for _, tasks in self._out) < AHEAD * self._concurrency
            and not (stopped() or self._model.exhausted)
            and (batch := next(batches, None)) is not None
        ):
            self._out.append((batch, self._begin(batch.items)))

    def _hurry(self, stopped: Callable[[], bool]) -> None:
        """Once the run stops, let nobody be asked again and again, and bound how long those in flight may take.

        A budget that is used up is no haste: with a slow model one reply may take longer than ``DRAIN``, and a run that
        drops it each time would never come further.
        """
        model, now = self._model, self._model.seconds
        if stopped():
            self._drained_by = min(self._drained_by, now + DRAIN)
        elif not model.exhausted:
            return
        elif model.slowest and self._drained_by == math.inf:
            self._drained_by = now + max(DRAIN, model.slowest)
        model.stop()

    def _begin(self, items: Sequence[Item]) -> list[asyncio.Task[Result]]:
        tasks = []
        for item in items:
            task = self._runner.get_loop().create_task(self._examine(*item))
            task.add_done_callback(self._done)
            self._begun += 1
            tasks.append(task)
        return tasks

    async def _examine(self, raw: RawRecord, source: bytes | None) -> Result:
        async with self._slots:
            self._in_flight += 1
            try:
                return await self._examiner.examine(raw, source)
            finally:
                self._in_flight -= 1

    def _done(self, task: asyncio.Task[Result]) -> None:
        assert self._moved is not None
        self._ended += 1
        self._moved.set()
        if not task.cancelled() and task.exception() and not _was_dropped(task):
            self._failed.append(task)

    def _raise_failure(self) -> None:
        """Raise what no record can be examined for; there is no use in waiting for the others."""
        for task in self._failed:
            task.result()

    def report_usage(self) -> None:
        """Say what the model has done so far."""
        self._reported_at = self._model.seconds
        activity = self._model.engine.activity()
        self._report(
            ModelUsed(
                usage=self._model.usage,
                by_pass=self._model.by_pass,
                in_flight=self._in_flight,
                calls_in_flight=activity.calls,
                tokens_in_flight=activity.tokens,
                ahead=sum(task.done() for _, tasks in self._out for task in tasks),
                seconds=self._model.seconds,
                budget_left=self._model.budget_left,
            )
        )


def _was_dropped(task: asyncio.Task[Result]) -> bool:
    """Whether a record was given up because the run stops."""
    return task.done() and not task.cancelled() and isinstance(task.exception(), EngineStopped)
