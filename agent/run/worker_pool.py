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
import os
import socket
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.connection import Connection, wait
from multiprocessing.reduction import ForkingPickler

from midb.agent.forking import FORKS, Nursery
from midb.agent.processes import describe_exit, ignore_signals
from midb.agent.record_clock import ended_by_limit
from midb.agent.run.batches import Batch, Item, Result, batches_of
from midb.agent.run.examine import Examiner, ExaminerSettings, leave_slow, load_graph
from midb.corpus.opened import OpenedCorpus
from midb.corpus.raw import RawRecord
from midb.detectors import kinds
from midb.domain.decisions import Outcome
from midb.domain.errors import MidbError
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

#: Objects that a worker makes before Python looks for garbage among them: some dozen pairs, few of which leave any.
GARBAGE = 10_000

#: Seconds that a worker without work gets to end by itself.
PATIENCE = 1.0

#: What a worker says first: it has loaded everything. One that ends before that does so whatever it was given.
READY = "ready"

#: What is raised by sending to a process that is dead.
GONE = (BrokenPipeError, ConnectionResetError)

#: Processes in a row that may be killed before they say so: by who has no memory left, say.
FALSE_STARTS = 5


class NoWorkersError(MidbError):
    """Worker processes end before they have begun."""


def worker_main(pipe: Connection, settings: ExaminerSettings) -> None:
    """A worker's life: examine what comes through the pipe until it closes."""
    ignore_signals()
    turn_off_telemetry()
    gc.disable()  # there is no garbage in what is loaded, and it stays: nobody need look through it again and again
    examiner = Examiner(settings, in_worker=True)
    gc.freeze()
    gc.set_threshold(GARBAGE)
    gc.enable()
    with contextlib.suppress(*GONE):
        pipe.send(READY)
    while True:
        # A parent that ends, however it ends, closes the pipe: there is nobody left to work for.
        try:
            batch = pipe.recv()
        except (EOFError, OSError):  # perhaps in the middle of a batch
            return
        results = examiner.examine_batch(batch)
        try:
            pipe.send(results)
        except GONE:
            return


def open_nursery(*, rewrite: bool = True) -> Nursery:
    """What starts worker processes; it loads while its parent goes on. ``rewrite`` as of the settings to come."""
    return Nursery(functools.partial(load_workers, rewrite))


def expect_workers(config: RunConfig) -> contextlib.AbstractContextManager[Nursery | None]:
    """What starts the workers of a run, opened before its corpus is surveyed; nothing where it may need none."""
    early = config.workers and not config.model and (config.limit or MANY) >= MANY
    if early and config.corpus.is_file() and config.corpus.stat().st_size >= LONG:
        return open_nursery()
    return contextlib.nullcontext()


def load_workers(rewrite: bool) -> None:
    """Load what every worker needs."""
    turn_off_telemetry()
    kinds()
    if rewrite:
        load_graph()


class _Worker:
    """One process, and the batches it has, by their numbers: the one it is working on, and perhaps the next."""

    def __init__(self, nursery: Nursery, settings: ExaminerSettings) -> None:
        self.process, self.pipe = nursery.start(worker_main, settings)
        self.tasks: deque[tuple[int, bytes]] = deque()
        self.ready = False
        self._room = find_room(self.pipe)
        self._ending = False

    def takes(self, batch: bytes) -> bool:
        """Whether a batch can be sent without waiting. Who works reads nothing, and may itself be waiting to be read:
        what it is sent has to fit into what the system keeps."""
        return not self.tasks or (len(self.tasks) == 1 and len(batch) <= self._room)

    def send(self, number: int, batch: bytes) -> None:
        self.tasks.append((number, batch))
        with contextlib.suppress(*GONE):  # it is dead already: collecting its result will show that
            self.pipe.send_bytes(batch)

    def receive(self) -> list[Result] | str | None:
        """The results of its first batch, or ``READY``; ``None`` where it died."""
        try:
            said: list[Result] | str = self.pipe.recv()
        except (EOFError, OSError):
            self._ending = True
            return None
        if isinstance(said, str):
            self.ready = True
        else:
            self.tasks.popleft()
        return said

    def close(self) -> None:
        """End it. What it may still be working on, nobody waits for."""
        self.pipe.close()
        self.process.join(timeout=0 if self.tasks and not self._ending else PATIENCE)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()


def find_room(pipe: Connection) -> int:
    """Bytes that can be sent at least while nobody reads, if nothing else was sent; 0 where the system does not say."""
    if not FORKS:
        return 0
    with socket.socket(fileno=os.dup(pipe.fileno())) as end:
        return end.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF) // 2  # the system counts its own notes as well


def _pack(items: Sequence[Item]) -> bytes:
    """A batch as it goes through a pipe."""
    return bytes(ForkingPickler.dumps(items))


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
        self._false_starts = 0

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
        waited for, but for what a dead worker left: that is examined when the run goes on.

        :raises NoWorkersError: where worker processes cannot even begin, which is no record's fault.
        """
        if self._inline:
            for batch in batches:
                yield batch, self._inline.examine_batch(batch.items)
                if stopped():
                    return
            return
        out: dict[int, Batch] = {}
        done: dict[int, list[Result]] = {}
        lost: set[int] = set()
        waiting: deque[tuple[int, bytes]] = deque()  # out, and not sent yet
        number = due = 0
        exhausted = False
        while True:
            while waiting or not exhausted:
                if not waiting:
                    if len(out) >= self._size * AHEAD or all(len(worker.tasks) > 1 for worker in self._all()):
                        break
                    upcoming = None if stopped() else next(batches, None)
                    if upcoming is None:
                        exhausted = True
                        break
                    out[number] = upcoming
                    waiting.append((number, _pack(upcoming.items)))
                    number += 1
                if not (worker := self._find_taker(waiting[0][1])):
                    break
                worker.send(*waiting.popleft())
            if due in lost:
                results = self._one_by_one(out[due].items, stopped)
                if results is None:
                    return
                done[due] = results
            if due in done:
                yield out.pop(due), done.pop(due)
                due += 1
            elif out:
                self._collect(done, lost, waiting)
                stopped()  # says so while it drains
            else:
                return

    def _all(self) -> list[_Worker]:
        """All workers, of which there is always one that does nothing while there are fewer than allowed."""
        if len(self._workers) < self._size and all(worker.tasks for worker in self._workers):
            self._workers.append(self._start())
        return self._workers

    def _find_taker(self, batch: bytes) -> _Worker | None:
        """The worker with the least to do among those that take a batch now."""
        takers = (worker for worker in self._all() if worker.takes(batch))
        return min(takers, key=lambda worker: len(worker.tasks), default=None)

    def _collect(self, done: dict[int, list[Result]], lost: set[int], waiting: deque[tuple[int, bytes]]) -> None:
        """Wait a little for results of any worker, or for the end of one."""
        busy = {worker.pipe: worker for worker in self._workers if worker.tasks}
        for pipe in wait(list(busy), TICK):
            worker = busy[pipe]  # type: ignore[index]
            number, _ = worker.tasks[0]
            results = worker.receive()
            if results is None:
                self._workers.remove(worker)
                self._bury(worker)
                if worker.ready:
                    lost.add(number)
                    worker.tasks.popleft()
                waiting.extendleft(reversed(worker.tasks))  # it had not begun with the next
            elif isinstance(results, str):
                self._false_starts = 0
            else:
                done[number] = results

    def _bury(self, worker: _Worker) -> None:
        """Let go of a worker that died."""
        worker.close()
        self._false_starts += not worker.ready
        code = worker.process.exitcode
        if worker.ready or (self._false_starts < FALSE_STARTS and (code is None or code < 0)):
            return
        raise NoWorkersError(
            f"worker processes end before they have begun ({describe_exit(code)}).",
            hint="What they printed says why. A script that calls midb does so below "
            '`if __name__ == "__main__":`, for each worker reads it; with --workers 0 there are none.',
        )

    def _one_by_one(self, items: Sequence[Item], stopped: Callable[[], bool]) -> list[Result] | None:
        """Examine what a dead worker left, in one process as long as that lives; ``None`` where the user stops it."""
        results: list[Result] = []
        worker: _Worker | None = None
        try:
            for item in items:
                if stopped():
                    return None
                result: Result | None = None
                deaths = 0
                while deaths < DEATHS:
                    worker = worker or self._start()
                    if not worker.tasks:
                        worker.send(0, _pack([item]))
                    while not wait([worker.pipe], TICK):
                        if stopped():
                            return None
                    found = worker.receive()
                    if isinstance(found, str):
                        self._false_starts = 0
                        continue
                    if found:
                        result = found[0]
                        break
                    self._bury(worker)
                    deaths += worker.ready
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
