"""Worker processes that die, as of a segmentation fault in a library, or because the system has no memory left."""

from __future__ import annotations

import contextlib
import os
import signal
from multiprocessing.connection import Connection
from pathlib import Path

from midb.agent import record_clock
from midb.agent.run.examine import Examiner, ExaminerSettings
from midb.agent.run.worker_pool import READY, worker_main
from midb.agent.state import PairContext
from midb.domain.defects import Finding
from midb.domain.pairs import InstructionPair


def deadly_worker(pipe: Connection, settings: ExaminerSettings) -> None:
    """A worker that each record kills which says so."""
    examiner = Examiner(settings)
    pipe.send(READY)
    while True:
        try:
            batch = pipe.recv()
        except EOFError:
            return
        if any(b'"kill"' in raw.body for raw, _ in batch):
            os.kill(os.getpid(), signal.SIGKILL)
        pipe.send(examiner.examine_batch(batch))


def killed_worker(pipe: Connection, settings: ExaminerSettings) -> None:
    """A worker that is killed from outside, with whatever it had, if it is among the first to begin.

    MIDB_DEATHS names a folder; each file in it stands for one death to come.
    """
    for death in sorted(Path(os.environ["MIDB_DEATHS"]).iterdir()):
        try:
            death.unlink()
        except FileNotFoundError:
            continue  # another process took it
        pipe.send(READY)
        pipe.recv()
        os.kill(os.getpid(), signal.SIGKILL)
    worker_main(pipe, settings)


def worker_without_a_start(pipe: Connection, settings: ExaminerSettings) -> None:
    """A worker that ends before it has begun, with the exit code in MIDB_EXIT or, if that is below 0, by that signal,
    as often as there are files in MIDB_DEATHS."""
    code = int(os.environ["MIDB_EXIT"])
    for death in sorted(Path(os.environ["MIDB_DEATHS"]).iterdir()):
        with contextlib.suppress(FileNotFoundError):  # another process took it
            death.unlink()
            if code < 0:
                os.kill(os.getpid(), -code)
            os._exit(code)
    worker_main(pipe, settings)


def stuck(seconds: float) -> None:
    """Compute without end, deaf to the alarm, as a library does that is written in C; the process has ``seconds``."""
    record_clock.GRACE, record_clock.GRACE_SHARE = 0.0, 0.0
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGALRM])
    record_clock.limit_process(seconds)
    while True:
        pass


def stuck_worker(pipe: Connection, settings: ExaminerSettings) -> None:
    """A worker that gets stuck at each record which says so."""
    inspect = PairContext.inspect

    def slow(self: PairContext, pair: InstructionPair) -> list[Finding]:
        if pair.instruction == "kill":
            stuck(0.01)
        return inspect(self, pair)

    PairContext.inspect = slow  # type: ignore[method-assign]
    worker_main(pipe, settings)
