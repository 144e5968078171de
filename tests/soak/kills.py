"""Kills runs with SIGKILL at random moments, over every format, and resumes them until they end.

    python tests/soak/kills.py --kills 200 --seed 1

In the end each folder must be, byte for byte, that of an undisturbed run, and each log must verify. Exit code 1, and a
folder that is kept, where one is not. Needs Linux and an installation with pyarrow.
"""

from __future__ import annotations

import argparse
import random
import shutil
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

import composed
from disturbed import (
    Case,
    Step,
    Wrong,
    check_like,
    check_nobody_left,
    committed,
    end,
    finish,
    keep_in,
    kill_group,
    run_calmly,
    said,
    start,
    wait_until,
)

#: Records of a corpus that is examined by worker processes, and of one that is not: below 400 none are started.
WITH_WORKERS, WITHOUT = 430, 120

#: A case is disturbed up to so many times.
MOST_KILLS = 8

MOMENTS = ("time", "records", "records", "end")


class Kills:
    """Makes cases and kills them. All it does at random comes from the seed; moments depend on the machine as well."""

    def __init__(self, folder: Path, seed: int) -> None:
        self._folder = folder
        self._seed = seed
        self._chance = random.Random(seed)
        self._calm: dict[str, tuple[Case, set[str]]] = {}
        self.kills: Counter[str] = Counter()
        self.formats: Counter[str] = Counter()
        self.cases = self.records = self.resumed = 0
        self.failed: list[str] = []

    @property
    def total(self) -> int:
        """Kills so far."""
        return sum(self.kills.values())

    def one(self, most: int) -> None:
        """One case: killed up to ``most`` times, resumed, and compared with the undisturbed one."""
        chance = self._chance
        format = composed.FORMATS[self.cases % len(composed.FORMATS)]
        calm, inputs = self._undisturbed(format, variant=chance.randrange(2))
        self.cases += 1
        case = calm.copied_to(self._folder / f"{self.cases:03}-{calm.name}", inputs)
        left = min(most, chance.randint(1, MOST_KILLS))
        try:
            for number, step in enumerate(case.steps):
                share = left if number == len(case.steps) - 1 else chance.randint(0, left)
                left -= self._disturb(case, step, share, calm.seconds[number], calm)
            check_like(case, calm)
        except Wrong as wrong:
            self.failed.append(f"{case.name}: {wrong}")
            print(f"FAILED {case.folder}: {wrong}\n{said(case.folder)[-3000:]}", flush=True)
            return
        self.formats[format] += 1
        self.records += sum(committed(case.folder / db) for db in case.dbs)
        shutil.rmtree(case.folder)

    def _disturb(self, case: Case, step: Step, kills: int, seconds: float, calm: Case) -> int:
        """Kill a step so many times, then let it end; returns how often it was killed."""
        done = 0
        while done < kills:
            process = start(step, case.folder, options=self._workers(step))
            moment = self._wait(process, case, step, seconds, calm)
            if process.poll() is not None:
                break
            if self._chance.random() < 0.5:
                process.kill()  # its workers are left to themselves, and must end
                process.wait()
            else:
                kill_group(process)
            done += 1
            self.kills[f"{step.arguments[0]}, by {moment}"] += 1
            if self._chance.random() < 0.3:
                check_nobody_left(process.pid)
        else:
            process = start(step, case.folder, options=self._workers(step))
            self.resumed += bool(done)
        if code := finish(process):
            raise Wrong(f"{step.arguments[0]} ends with {code} after {done} kills")
        check_nobody_left(process.pid)
        return done

    def _wait(self, process: subprocess.Popen[bytes], case: Case, step: Step, seconds: float, calm: Case) -> str:
        """Wait for the moment of a kill; returns what it goes by."""
        chance = self._chance
        moment = chance.choice(MOMENTS) if step.db and step.arguments[0] == "run" else "time"
        if moment == "time":
            until = time.monotonic() + chance.uniform(0, seconds * 1.1)
            wait_until(process, lambda: time.monotonic() >= until)
            return moment
        assert step.db
        db, total = case.folder / step.db, committed(calm.folder / step.db)
        target = total if moment == "end" else chance.randint(min(committed(db) + 1, total), total)
        wait_until(process, lambda: committed(db) >= target)
        until = time.monotonic() + chance.uniform(0, 0.03)
        wait_until(process, lambda: time.monotonic() >= until)
        return moment

    def _workers(self, step: Step) -> list[str]:
        return ["--workers", str(self._chance.choice((0, 1, 2)))] if step.arguments[0] == "run" else []

    def _undisturbed(self, format: str, variant: int) -> tuple[Case, set[str]]:
        """A case that ended undisturbed, and the names of what it was given; made when it is first asked for."""
        name = f"{format}-{variant}"
        if name not in self._calm:
            folder = self._folder / f"calm-{name}"
            folder.mkdir()
            chance = random.Random(f"{name} {self._seed}")
            count = chance.choice((WITH_WORKERS, WITHOUT))
            corpus, *options = composed.compose(
                folder, format, self._seed + variant, count, rejected=bool(variant), sources=chance.random() < 0.5
            )
            inputs = {path.name for path in folder.iterdir()}
            case = Case(name, folder, steps_of(format, corpus, options))
            run_calmly(case)
            self._calm[name] = case, inputs
        return self._calm[name]


def steps_of(format: str, corpus: str, options: list[str]) -> list[Step]:
    """The commands that boost a corpus: one, or, for shards, the whole way from split to merge."""
    if format == "stdin":
        return [Step(["run", "-", "-o", "out.jsonl", "--quiet"], "out.jsonl.audit.db", corpus)]
    if format == "shards":
        names = [f"c.shard-{number}-of-2" for number in (1, 2)]
        dbs = [f"{name}.boosted.jsonl.audit.db" for name in names]
        runs = [Step(["run", f"{name}.jsonl", "--quiet"], db) for name, db in zip(names, dbs, strict=True)]
        merge = Step(["merge", corpus, *dbs, "-o", "whole.jsonl"], "whole.jsonl.audit.db")
        return [Step(["split", corpus, "--shards", "2"]), *runs, merge]
    stem, dot, ending = corpus.partition(".")
    return [Step(["run", corpus, "--quiet", *options], f"{stem}.boosted{dot}{ending}.audit.db")]


def main() -> int:
    """Kill, resume, compare; print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=200, help="how many")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", type=Path, help="where; default: a temporary one. What fails is kept there")
    options = parser.parse_args()
    folder = keep_in(options.folder, "kills")
    kills, begun = Kills(folder, options.seed), time.monotonic()
    while kills.total < options.kills:
        kills.one(options.kills - kills.total)
        print(f"{kills.total} kills, {kills.cases} cases, {len(kills.failed)} failed", flush=True)
    minutes = (time.monotonic() - begun) / 60
    print(f"{kills.total} kills in {kills.cases} cases, {minutes:.0f} minutes, seed {options.seed}")
    print(f"  resumed to the end {kills.resumed}, records and rejected lines compared {kills.records:,}")
    print("  kills   ", ", ".join(f"{name} {count}" for name, count in sorted(kills.kills.items())))
    print("  formats ", ", ".join(f"{name} {count}" for name, count in sorted(kills.formats.items())))
    return end(folder, kills.failed)


if __name__ == "__main__":
    sys.exit(main())
