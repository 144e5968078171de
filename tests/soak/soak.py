"""Runs without end, with faults at random, for so many minutes; at each end output, chain and ledger must be right.

    python tests/soak/soak.py --minutes 30 --seed 1

Faults: the run or its workers killed, one signal or two, to the process or the group, a full disk (a limit on the size
of files; with ``--small-disk FOLDER``, a folder on a file system of some megabytes, also a disk that is really full), a
partial output or a corpus that somebody changes between two starts, a second run of the same command, a model server
that hangs up, takes its time, refuses, fails, or sends what is no reply. Exit code 1, and a folder that is kept, where
something is wrong. Needs Linux.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

import composed
import replay_server
from disturbed import (
    Case,
    Step,
    Wrong,
    check_like,
    check_nobody_left,
    children,
    committed,
    count_orphans,
    end,
    finish,
    is_finished,
    keep_in,
    kill_group,
    names_in,
    run_calmly,
    said,
    shows_traceback,
    start,
    verify,
    wait_until,
)
from model_runs import improving
from server_modes import ServerModes

#: Records of the corpus without a model, and with one.
RECORDS, WITH_MODEL = 2000, 240

#: Starts of one round that something happens to; then it is let end.
MOST_FAULTS = 24

DB = "c.boosted.jsonl.audit.db"
OUTPUT = "c.boosted.jsonl"
PARTIAL = "c.boosted.jsonl.partial"

Process = subprocess.Popen[bytes]

#: What a fault makes of a run: the exit codes that are right, and what must be said where it is not 0.
Expected = tuple[Collection[int], str]


class Soak:
    """One soak: what is tried, and its figures."""

    def __init__(self, folder: Path, seed: int, seconds: float, small_disk: Path | None) -> None:
        self._folder, self._small_disk = folder, small_disk
        self._chance = random.Random(seed)
        self._ends = time.monotonic() + seconds
        self.faults: Counter[str] = Counter()
        self.rounds: Counter[str] = Counter()
        self.starts = self.records = self.logs = self.orphans = 0
        self.exits: Counter[int] = Counter()
        self.answered: Counter[str] = Counter()
        self.failed: list[str] = []
        self._tick: Callable[[], None] = lambda: None

    @property
    def over(self) -> bool:
        """Whether the time is up."""
        return time.monotonic() >= self._ends

    def run(self, seed: int) -> None:
        """Rounds without and with a model, in turn, until the time is up."""
        plain = self._calm("plain", seed, RECORDS, [])
        alone = self._calm("alone", seed, WITH_MODEL, [])
        with replay_server.ReplayServer(modes := ServerModes(improving(), seed)) as server:
            served = self._calm("served", seed, WITH_MODEL, ["--model", server.spec])
            if (alone.folder / OUTPUT).read_bytes() == (served.folder / OUTPUT).read_bytes():
                raise Wrong("the model changes nothing")
            while not self.over:
                self._round("without a model", plain, lambda case: check_like(case, plain))
                if self.over:
                    break
                self._tick = modes.tick
                self._round("with a model", served, lambda case: check_served(case, served, alone), modes)
                self._tick = lambda: None
            self.answered = modes.answered

    def _calm(self, name: str, seed: int, records: int, options: list[str]) -> Case:
        folder = self._folder / name
        folder.mkdir()
        composed.compose(folder, "lines", seed, records, rejected=True, sources=True)
        case = Case(name, folder, [Step(["run", "c.jsonl", "--quiet", *options], DB)])
        run_calmly(case)
        return case

    def _round(self, name: str, calm: Case, check: Callable[[Case], None], modes: ServerModes | None = None) -> None:
        """One run, disturbed and resumed until it ends."""
        number = sum(self.rounds.values()) + 1
        full = self._small_disk if self._small_disk and self._chance.random() < 0.5 else None
        case = calm.copied_to((full or self._folder) / f"{number:03}-{calm.name}", {"c.jsonl"})
        try:
            left = self._chance.randint(MOST_FAULTS // 2, MOST_FAULTS)
            while True:
                quiet = left <= 0 or self.over
                left -= 1
                if modes:
                    modes.shaky = not quiet
                if self._start(case, None if quiet else self._chance.choice(self._possible(case, bool(full))), modes):
                    break
            check(case)
        except Wrong as wrong:
            self.failed.append(f"{case.folder.name}: {wrong}")
            print(f"FAILED {case.folder}: {wrong}\n{said(case.folder)[-3000:]}", flush=True)
            if full:
                shutil.copytree(case.folder, self._folder / case.folder.name)
        else:
            self.records += committed(case.folder / DB)
            self.logs += 1
        if full or not self.failed or not self.failed[-1].startswith(case.folder.name):
            shutil.rmtree(case.folder)
        self.rounds[name] += 1
        print(
            f"{number} rounds, {self.starts} starts, {sum(self.faults.values())} faults, {len(self.failed)} failed",
            flush=True,
        )

    def _possible(self, case: Case, full: bool) -> list[str]:
        """What may happen to the next start."""
        names = ["kill", "kill the group", "signal", "signal the group", "two signals", "full disk", "a second run"]
        if full:
            names += ["really full disk"] * 2
        if checkpoint(case.folder)[1]:
            names += ["partial edited", "partial cut", "partial longer", "corpus longer"]
        return names

    def _start(self, case: Case, fault: str | None, modes: ServerModes | None) -> bool:
        """Start the command once, with a fault; returns whether the run has ended."""
        self.starts += 1
        before = len(said(case.folder))
        if fault and fault.startswith(("partial", "corpus")):
            with changed(case.folder, fault, self._chance) as expected:
                code = finish(start(case.steps[0], case.folder))
        else:
            workers = [] if modes else ["--workers", str(self._chance.randint(0, 3))]
            process = start(case.steps[0], case.folder, options=workers)
            if not modes and fault:
                self._kill_workers(process, case)
            expected = self._happen(process, case, fault)
            while process.poll() is None:
                wait_until(process, self._moment(5))
            code = finish(process)
            free_disk(case.folder)
            check_nobody_left(process.pid)
        if fault:
            self.faults[fault] += 1
        self.exits[code] += 1
        told = said(case.folder)[before:]
        codes, sentence = expected
        self.orphans += count_orphans(told)
        if shows_traceback(told) or (count_orphans(told) and code != -signal.SIGKILL):
            raise Wrong(f"a traceback after: {fault}")
        # A server that fails ends a run, resumably, whatever else happens to it.
        if modes and modes.shaky and code == 1 and "error:" in told:
            return False
        if code not in codes:
            raise Wrong(f"exit code {code} after: {fault}")
        if code > 0 and sentence not in " ".join(told.split()):
            raise Wrong(f"after {fault} it does not say: {sentence}")
        return code == 0

    def _moment(self, seconds: float) -> Callable[[], bool]:
        until = time.monotonic() + self._chance.uniform(0, seconds)

        def come() -> bool:
            self._tick()
            return time.monotonic() >= until

        return come

    def _wait(self, process: Process, case: Case) -> None:
        """Wait for a moment: soon after the start, or after some records more."""
        if self._chance.random() < 0.3:
            wait_until(process, self._moment(6))
            return
        total = len((case.folder / "c.jsonl").read_bytes().splitlines())
        target = committed(case.folder / DB) + self._chance.randint(1, total // 12)

        def come() -> bool:
            self._tick()
            return committed(case.folder / DB) >= target

        wait_until(process, come)

    def _kill_workers(self, process: Process, case: Case) -> None:
        """Kill up to two workers. A third could be the second that dies of one record, which would be blamed."""
        for _ in range(self._chance.randint(0, 2)):
            self._wait(process, case)
            if found := children(process.pid):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(self._chance.choice(found), signal.SIGKILL)
                    self.faults["worker killed"] += 1

    def _happen(self, process: Process, case: Case, fault: str | None) -> Expected:
        """Have a fault happen to a running process."""
        if fault is None:
            return (0,), ""
        self._wait(process, case)
        if fault in ("kill", "kill the group"):
            process.kill() if fault == "kill" else kill_group(process)
            return (0, -signal.SIGKILL), ""
        if "signal" in fault:
            return self._signal(process, fault)
        if fault == "full disk":
            room = self._chance.randint(0, 60_000)
            largest = (
                max(path.stat().st_size for path in case.folder.glob("c.boosted*"))
                if committed(case.folder / DB)
                else 0
            )
            with contextlib.suppress(ProcessLookupError):
                _, hard = resource.prlimit(process.pid, resource.RLIMIT_FSIZE)
                resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (largest + room, hard))
            return (0, 1), "error:"
        if fault == "really full disk":
            fill_disk(case.folder)
            return (0, 1), "error:"
        second = finish(start(case.steps[0], case.folder))
        # The first may have ended meanwhile, or be about to: then there was nothing to write. Otherwise only one may.
        if process.poll() is None and second not in (1, 2) and not (second == 0 and is_finished(case.folder / DB)):
            raise Wrong(f"a second run of the same output ends with {second}")
        return (0, 1, 2), ""

    def _signal(self, process: Process, fault: str) -> Expected:
        number = self._chance.choice((signal.SIGINT, signal.SIGTERM))
        for _ in range(2 if fault == "two signals" else 1):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, number) if "group" in fault else process.send_signal(number)
            if fault == "two signals":
                wait_until(process, self._moment(0.5))
        return (0, 128 + number, -number), ""


def checkpoint(folder: Path) -> tuple[int, int]:
    """Records read, and bytes of the output, of an interrupted run; zeros where there is none."""
    try:
        with contextlib.closing(sqlite3.connect(f"file:{folder / DB}?mode=ro", uri=True)) as log:
            found = log.execute("SELECT position, output_bytes FROM checkpoints ORDER BY run_id DESC").fetchone()
            return (int(found[0]), int(found[1])) if found and (folder / PARTIAL).exists() else (0, 0)
    except sqlite3.Error:
        return 0, 0


@contextlib.contextmanager
def changed(folder: Path, fault: str, chance: random.Random) -> Any:
    """Change a file as somebody might between two starts; gives what a start must say; puts it back."""
    path = folder / ("c.jsonl" if fault.startswith("corpus") else PARTIAL)
    whole = path.read_bytes()
    _, length = checkpoint(folder)
    expected: Expected
    if fault == "partial edited":
        at = chance.randrange(length)
        data = whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :]
        expected = (1,), "was changed since its run was interrupted"
    elif fault == "partial cut":
        data, expected = whole[: chance.randrange(length)], ((1,), "is shorter than the audit log says")
    elif fault == "partial longer":
        data, expected = whole[:length] + b"rest of a batch that was never logged", ((0,), "")
    else:
        data, expected = (
            whole + b'{"id": "new", "instruction": "Ciao", "output": "Ciao"}\n',
            ((2,), "has changed since"),
        )
    path.write_bytes(data)
    try:
        yield expected
    finally:
        if path.exists() and fault != "partial longer":
            path.write_bytes(whole)


def fill_disk(folder: Path) -> None:
    """Take all room that a file system still has."""
    with (folder.parent / "filler").open("ab", buffering=0) as filler, contextlib.suppress(OSError):
        for size in (65536, 512):
            with contextlib.suppress(OSError):
                while filler.write(bytes(size)) == size:
                    pass


def free_disk(folder: Path) -> None:
    """Give it back."""
    (folder.parent / "filler").unlink(missing_ok=True)


def check_served(case: Case, served: Case, alone: Case) -> None:
    """Raise Wrong unless each record is as the model made it or, where the server failed, as no model made it."""
    names, expected = names_in(case.folder), names_in(served.folder)
    if names != expected:
        raise Wrong(f"stray files {sorted(names - expected)}, missing files {sorted(expected - names)}")
    made, with_model, without = ((each.folder / OUTPUT).read_bytes().splitlines() for each in (case, served, alone))
    if len(made) != len(with_model):
        raise Wrong(f"{len(made)} records instead of {len(with_model)}")
    for number, line in enumerate(made):
        if line not in (with_model[number], without[number]):
            raise Wrong(f"record {number} of the output is neither the model's nor the rules': {line!r}")
    with contextlib.closing(sqlite3.connect(case.folder / DB)) as log:
        position, records, rejected = log.execute(
            "SELECT position, records, rejected_lines FROM checkpoints ORDER BY run_id DESC"
        ).fetchone()
        keys = log.execute("SELECT count(*), count(DISTINCT position) FROM records").fetchone()
    if position != records + rejected or keys != (records, records):
        raise Wrong(f"the ledger does not balance: {position} read, {records} kept, {rejected} rejected, {keys} logged")
    verify(case.folder, DB)


def main() -> int:
    """Soak, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", type=Path, help="where; default: a temporary one. What fails is kept there")
    parser.add_argument("--small-disk", type=Path, metavar="FOLDER", help="a folder on a file system of some megabytes")
    options = parser.parse_args()
    folder = keep_in(options.folder, "soak")
    begun = time.monotonic()
    soak = Soak(folder, options.seed, options.minutes * 60, options.small_disk)
    soak.run(options.seed)
    print(
        f"{(time.monotonic() - begun) / 60:.0f} minutes, seed {options.seed}: {soak.starts} starts, {dict(soak.rounds)}"
    )
    print(
        f"  faults   {sum(soak.faults.values())}: "
        + ", ".join(f"{name} {n}" for name, n in sorted(soak.faults.items()))
    )
    print(
        f"  server   {sum(soak.answered.values())}: "
        + ", ".join(f"{name} {n}" for name, n in sorted(soak.answered.items()))
    )
    print(f"  exits    {dict(sorted(soak.exits.items()))}")
    print(f"  compared {soak.records:,} records and rejected lines, {soak.logs} logs; failed {len(soak.failed)}")
    print(f"  kill -9 in the moment in which a worker is started, which Python itself tells of: {soak.orphans}")
    return end(folder, soak.failed)


if __name__ == "__main__":
    sys.exit(main())
