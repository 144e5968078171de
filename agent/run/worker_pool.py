"""Worker processes for the embedded default: batches go out, results come back in the order of the corpus.

Each worker talks through a pipe of its own and ends when its parent does, however that ends. A worker that dies takes
no record with it: its batch is examined again record by record, and the one that kills a second worker stays as it is.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import signal
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess

from midb.agent.run.batches import Batch, Item, Result, batches_of
from midb.agent.run.examine import Examiner, ExaminerSettings
from midb.corpus.opened import OpenedCorpus
from midb.corpus.raw import RawRecord
from midb.domain.decisions import Outcome
from midb.domain.results import RecordResult

#: Batches per worker that may be out or wait for their turn: what a slow batch can hold up, and a bound on memory.
AHEAD = 4


def worker_main(pipe: Connection, settings: ExaminerSettings) -> None:
    """A worker's life: examine what comes through the pipe until it closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent drains and closes
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    examiner = Examiner(settings)
    while True:
        # A parent that ends, however it ends, closes the pipe: there is nobody left to work for.
        try:
            batch = pipe.recv()
            pipe.send(examiner.examine_batch(batch))
        except (EOFError, BrokenPipeError, ConnectionResetError):
            return


class _Worker:
    """One process, and the batch it is working on."""

    def __init__(self, settings: ExaminerSettings) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.process: BaseProcess = context.Process(target=worker_main, args=(theirs, settings), daemon=True)
        self.process.start()
        theirs.close()
        self.task: tuple[int, Sequence[Item]] | None = None

    def send(self, number: int, items: Sequence[Item]) -> None:
        self.task = number, items
        with contextlib.suppress(BrokenPipeError):  # it is dead already: collecting its result will show that
            self.pipe.send(items)

    def close(self) -> None:
        self.pipe.close()
        self.process.join(timeout=10)
        if self.process.is_alive():
            self.process.kill()


class WorkerPool:
    """Examines batches in worker processes, or in this process where ``workers`` is 0."""

    def __init__(
        self, settings: ExaminerSettings, workers: int, *, on_crash: Callable[[RawRecord], None] = lambda _: None
    ) -> None:
        self._settings = settings
        self._size = workers
        self._workers: list[_Worker] = []
        self._on_crash = on_crash
        self._inline = Examiner(settings) if workers == 0 else None

    def __enter__(self) -> WorkerPool:
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self._workers:
            worker.pipe.close()
        for worker in self._workers:
            worker.close()

    def examine(
        self, batches: Iterator[Batch], stopped: Callable[[], bool] = lambda: False
    ) -> Iterator[tuple[Batch, list[Result]]]:
        """Each batch with its results, in order. Once ``stopped`` says so no batch is taken any more; what is out is
        waited for (drained)."""
        if self._inline:
            for batch in batches:
                yield batch, self._inline.examine_batch(batch.items)
                if stopped():
                    return
            return
        out: dict[int, Batch] = {}
        done: dict[int, list[Result]] = {}
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
            if due in done:
                yield out.pop(due), done.pop(due)
                due += 1
            elif out:
                done.update(self._collect())
            else:
                return

    def _idle(self) -> _Worker | None:
        """A worker that waits for work; a new one while there are fewer than allowed."""
        for worker in self._workers:
            if worker.task is None:
                return worker
        if len(self._workers) == self._size:
            return None
        self._workers.append(_Worker(self._settings))
        return self._workers[-1]

    def _collect(self) -> dict[int, list[Result]]:
        """Wait for results of any worker; what a dead one leaves is examined record by record."""
        done: dict[int, list[Result]] = {}
        busy = {worker.pipe: worker for worker in self._workers if worker.task}
        for pipe in wait(list(busy)):
            worker = busy[pipe]  # type: ignore[index]
            assert worker.task is not None
            number, items = worker.task
            try:
                done[number] = worker.pipe.recv()
                worker.task = None
            except (EOFError, OSError):
                self._workers.remove(worker)
                worker.close()
                done[number] = [self._alone(item) for item in items]
        return done

    def _alone(self, item: Item) -> Result:
        """Examine one record in a process of its own; if that dies too, the record stays as it is."""
        worker = _Worker(self._settings)
        try:
            worker.send(0, [item])
            result: Result = worker.pipe.recv()[0]
            return result
        except (EOFError, OSError):
            raw = item[0]
            self._on_crash(raw)
            return RecordResult(raw.position, raw.line, f"#{raw.position}", "und", Outcome.UNCHANGED, (), None)
        finally:
            worker.close()


def examine_corpus(
    corpus: OpenedCorpus, settings: ExaminerSettings, workers: int
) -> Iterator[tuple[RawRecord, Result]]:
    """Each record of a corpus with what becomes of it, in order, without a model; nothing is written anywhere."""
    with WorkerPool(settings, workers) as pool:
        for batch, results in pool.examine(batches_of(corpus)):
            yield from batch.answers(results)
