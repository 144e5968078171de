"""Worker processes for the embedded default: batches go out, results come back in the order of the corpus.

Each worker talks through a pipe of its own and ends when its parent does, however that ends. A worker that dies takes
no record with it: the records it had are examined again one by one, and the one that kills two more processes, each
time alone, stays as it is; so does one that takes too long (midb.agent.record_clock). Signals are the parent's
business: workers never see Ctrl-C or SIGTERM.
"""

from __future__ import annotations

import contextlib
import functools
import gc
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.connection import Connection, wait

from midb.agent.forking import Nursery
from midb.agent.processes import ignore_signals
from midb.agent.record_clock import ended_by_limit
from midb.agent.run.batches import Batch, Item, Result, batches_of
from midb.agent.run.examine import Examiner, ExaminerSettings, batch_runner, leave_slow
from midb.corpus.opened import OpenedCorpus
from midb.corpus.raw import RawRecord
from midb.detectors import kinds
from midb.domain.decisions import Outcome
from midb.domain.results import RecordResult
from midb.runs.config import RunConfig
from midb.runs.privacy import turn_off_telemetry

#: Batches per worker that may be out or wait for their turn: what a slow batch can hold up, and a bound on memory.
AHEAD = 4

#: Seconds between two looks at whether the user wants to stop, while results are waited for.
TICK = 0.25

#: Processes that a record must kill, being alone in them, before it is blamed: one may have been killed from outside.
DEATHS = 2

#: Bytes of a corpus, and records of a limit, from which on workers load before anybody has counted the records.
LONG = 1 << 20
MANY = 1_000

#: Seconds that a worker without work gets to end by itself.
PATIENCE = 1.0


def worker_main(pipe: Connection, settings: ExaminerSettings) -> None:
    """A worker's life: examine what comes through the pipe until it closes."""
    ignore_signals()
    turn_off_telemetry()
    gc.disable()  # there is no garbage in what is loaded, and it stays: nobody need look through it again and again
    examiner = Examiner(settings, in_worker=True)
    gc.freeze()
    gc.enable()
    while True:
        # A parent that ends, however it ends, closes the pipe: there is nobody left to work for.
        try:
            batch = pipe.recv()
            pipe.send(examiner.examine_batch(batch))
        except (EOFError, BrokenPipeError, ConnectionResetError):
            return


def open_nursery(*, rewrite: bool = True) -> Nursery:
    """What starts worker processes; it loads while its parent goes on. ``rewrite`` as of the settings to come."""
    return Nursery(functools.partial(load_workers, rewrite))


def expect_workers(config: RunConfig) -> contextlib.AbstractContextManager[Nursery | None]:
    """What starts the workers of a run, opened before its corpus is surveyed; nothing where it may need none."""
    early = config.workers and not config.model and config.dry_run is None and (config.limit or MANY) >= MANY
    if early and config.corpus.is_file() and config.corpus.stat().st_size >= LONG:
        return open_nursery()
    return contextlib.nullcontext()


def load_workers(rewrite: bool) -> None:
    """Load what every worker needs."""
    turn_off_telemetry()
    kinds()
    if rewrite:
        batch_runner()


class _Worker:
    """One process, and the batch it is working on."""

    def __init__(self, nursery: Nursery, settings: ExaminerSettings) -> None:
        self.process, self.pipe = nursery.start(worker_main, settings)
        self.task: tuple[int, Sequence[Item]] | None = None

    def send(self, number: int, items: Sequence[Item]) -> None:
        self.task = number, items
        with contextlib.suppress(BrokenPipeError):  # it is dead already: collecting its result will show that
            self.pipe.send(items)

    def receive(self) -> list[Result] | None:
        """The results of its batch; ``None`` where it died of it."""
        try:
            results: list[Result] = self.pipe.recv()
        except (EOFError, OSError):
            return None
        self.task = None
        return results

    def close(self) -> None:
        """End it. What it may still be working on, nobody waits for."""
        self.pipe.close()
        self.process.join(timeout=PATIENCE if self.task is None else 0)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()


class WorkerPool:
    """Examines batches in worker processes, or in this process where ``workers`` is 0."""

    def __init__(
        self,
        settings: ExaminerSettings,
        workers: int,
        *,
        nursery: Nursery | None = None,
        on_crash: Callable[[RawRecord], None] = lambda _: None,
    ) -> None:
        self._settings = settings
        self._size = workers
        self._workers: list[_Worker] = []
        self._on_crash = on_crash
        self._inline = Examiner(settings) if workers == 0 else None
        self._own = open_nursery(rewrite=settings.rewrite) if workers and not nursery else None
        self._nursery = nursery or self._own

    def __enter__(self) -> WorkerPool:
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self._workers:
            worker.pipe.close()  # all of them first: they end side by side
        for worker in self._workers:
            worker.close()
        if self._own:
            self._own.close()

    def _start(self) -> _Worker:
        assert self._nursery
        return _Worker(self._nursery, self._settings)

    def examine(
        self, batches: Iterator[Batch], stopped: Callable[[], bool] = lambda: False
    ) -> Iterator[tuple[Batch, list[Result]]]:
        """Each batch with its results, in order. Once ``stopped`` says so no batch is taken any more; what is out is
        waited for, but for what a dead worker left: that is examined when the run goes on."""
        if self._inline:
            for batch in batches:
                yield batch, self._inline.examine_batch(batch.items)
                if stopped():
                    return
            return
        out: dict[int, Batch] = {}
        done: dict[int, list[Result]] = {}
        lost: dict[int, Sequence[Item]] = {}
        number = due = 0
        exhausted = False
        while True:
            # Only an idle worker is written to: it reads at once, so that neither side can block the other.
            while not exhausted and len(out) < self._size * AHEAD and (worker := self._idle()):
                upcoming = None if stopped() else next(batches, None)
                if upcoming is None:
                    exhausted = True
                    break
                out[number] = upcoming
                worker.send(number, upcoming.items)
                number += 1
            if due in lost:
                results = self._one_by_one(lost.pop(due), stopped)
                if results is None:
                    return
                done[due] = results
            if due in done:
                yield out.pop(due), done.pop(due)
                due += 1
            elif out:
                self._collect(done, lost)
                stopped()  # says so while it drains
            else:
                return

    def _idle(self) -> _Worker | None:
        """A worker that waits for work; a new one while there are fewer than allowed."""
        for worker in self._workers:
            if worker.task is None:
                return worker
        if len(self._workers) == self._size:
            return None
        self._workers.append(self._start())
        return self._workers[-1]

    def _collect(self, done: dict[int, list[Result]], lost: dict[int, Sequence[Item]]) -> None:
        """Wait a little for results of any worker, or for the end of one."""
        busy = {worker.pipe: worker for worker in self._workers if worker.task}
        for pipe in wait(list(busy), TICK):
            worker = busy[pipe]  # type: ignore[index]
            assert worker.task is not None
            number, items = worker.task
            results = worker.receive()
            if results is None:
                self._workers.remove(worker)
                worker.close()
                lost[number] = items
            else:
                done[number] = results

    def _one_by_one(self, items: Sequence[Item], stopped: Callable[[], bool]) -> list[Result] | None:
        """Examine what a dead worker left, in one process as long as that lives; ``None`` where the user stops it."""
        results: list[Result] = []
        worker: _Worker | None = None
        try:
            for item in items:
                if stopped():
                    return None
                result: Result | None = None
                for _ in range(DEATHS):
                    worker = worker or self._start()
                    worker.send(0, [item])
                    while not wait([worker.pipe], TICK):
                        if stopped():
                            return None
                    if found := worker.receive():
                        result = found[0]
                        break
                    worker.close()
                    slow, worker = ended_by_limit(worker.process.exitcode), None
                    if slow:
                        result = leave_slow(self._settings, *item)
                        break
                results.append(result or self._blame(item[0]))
        finally:
            if worker:
                worker.close()
        return results

    def _blame(self, raw: RawRecord) -> RecordResult:
        """The result for a record that kills whoever examines it: it stays as it is."""
        self._on_crash(raw)
        return RecordResult(raw.position, raw.line, f"#{raw.position}", "und", Outcome.UNCHANGED, (), None)


def examine_corpus(
    corpus: OpenedCorpus, settings: ExaminerSettings, workers: int
) -> Iterator[tuple[RawRecord, Result]]:
    """Each record of a corpus with what becomes of it, in order, without a model; nothing is written anywhere."""
    with WorkerPool(settings, workers) as pool:
        for batch, results in pool.examine(batches_of(corpus)):
            yield from batch.answers(results)
