"""Kills evaluations with SIGKILL at random moments, and gives the same command again until it ends.

    python tests/soak/evaluations.py --kills 60 --seed 1

The models and the judge are a server of this program. In the end the figures must be those of an undisturbed
evaluation, the log must verify, and no request may have been sent whose reply was in the log already. Exit code 1, and
a folder that is kept, where one is not. Needs Linux.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import hashlib
import importlib.util
import json
import random
import shutil
import sqlite3
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from blend_files import write_blend
from compared_corpora import is_right, make_sides, write_sides
from disturbed import (
    Step,
    Wrong,
    end,
    finish,
    keep_in,
    kill_group,
    said,
    shows_traceback,
    start,
    verify_log,
    wait_until,
)
from replay_server import Body, ChatMessage, ReplayServer
from scripted import request_of
from scripted_judges import judge_by, prefers_any

#: An evaluation is killed up to so many times.
MOST_KILLS = 6

#: Seconds that a reply takes at most: kills are to meet some that are under way.
SLOWEST = 0.03

MODELS = ("judge", "candidate", "baseline")

#: A request as it is paid for: which model, and what was said to it; of the system's part the hash, as in a log.
Paid = tuple[str, tuple[str, ...]]


class Models:
    """Answers as two models and a judge, each time the same to the same request, and takes its time."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)

    async def __call__(self, messages: list[ChatMessage], body: Body) -> str:
        """What is sent back."""
        await asyncio.sleep(self._chance.uniform(0, SLOWEST))
        if body["model"] == "judge":
            return judge_by(
                lambda one, other: int(is_right(other)) if is_right(one + other) else prefers_any(one, other)
            )(request_of(messages, body))
        said = messages[-1]["content"]
        return f"{body['model']} {len(messages)}: answer{sum(map(ord, said)) % 24}"


class EvaluationKills:
    """Makes evaluations and kills them. All it does at random comes from the seed; moments depend on the machine."""

    def __init__(self, folder: Path, server: ReplayServer, seed: int) -> None:
        self._folder, self._server = folder, server
        self._chance = random.Random(seed)
        self._calm: dict[str, tuple[float, object]] = {}
        self.steps = make_steps(server)
        self.kills: Counter[str] = Counter()
        self.cases = self.requests = self.again = 0
        self.failed: list[str] = []

    def one(self, most: int) -> None:
        """One evaluation: killed up to ``most`` times, given again, and compared with the undisturbed one."""
        name = list(self.steps)[self.cases % len(self.steps)]
        seconds, expected = self._undisturbed(name)
        self.cases += 1
        folder = self._make_folder(f"{self.cases:03}-{name}")
        begun = len(self._server.requests)
        try:
            self._disturb(name, folder, min(most, self._chance.randint(1, MOST_KILLS)), seconds)
            if (found := read_figures(folder)) != expected:
                raise Wrong(f"the figures are not those of an undisturbed evaluation: {found}")
            verify_log(folder, "e.audit.db")
            if shows_traceback(said(folder)):
                raise Wrong("a traceback was shown")
        except Wrong as wrong:
            self.failed.append(f"{folder.name}: {wrong}")
            print(f"FAILED {folder}: {wrong}\n{said(folder)[-3000:]}", flush=True)
            return
        asked = [paid_for(request.body) for request in self._server.requests[begun:]]
        self.requests += len(asked)
        self.again += len(asked) - len(set(asked))
        shutil.rmtree(folder)

    def _disturb(self, name: str, folder: Path, kills: int, seconds: float) -> None:
        for number in range(kills + 1):
            logged, before = read_paid(folder / "e.audit.db"), len(self._server.requests)
            process = start(self.steps[name], folder)
            if number < kills:
                wait_until(process, self._moment(before, seconds))
                if process.poll() is None:
                    kill_group(process)
                    self.kills[name] += 1
            code = finish(process)
            for request in self._server.requests[before:]:
                if paid_for(request.body) in logged:
                    raise Wrong(f"paid twice, after {number} kills: {json.dumps(request.body['messages'])[-300:]}")
            if not code:
                return
            if number == kills:
                raise Wrong(f"it ends with {code} after {kills} kills")

    def _moment(self, before: int, seconds: float) -> Callable[[], bool]:
        """The moment of a kill: some time after the start, or once so many requests came."""
        if self._chance.random() < 0.4:
            until = time.monotonic() + self._chance.uniform(0, 1.1 * seconds)
            return lambda: time.monotonic() >= until
        target = before + self._chance.randint(1, 60)
        return lambda: len(self._server.requests) >= target

    def _undisturbed(self, name: str) -> tuple[float, object]:
        """How long an evaluation takes that nothing happens to, and its figures; made when it is first asked for."""
        if name not in self._calm:
            folder, begun = self._make_folder(f"calm-{name}"), time.monotonic()
            if code := finish(start(self.steps[name], folder)):
                raise Wrong(f"undisturbed, {name} ends with {code}: {said(folder)[-2000:]}")
            self._calm[name] = time.monotonic() - begun, read_figures(folder)
        return self._calm[name]

    def _make_folder(self, name: str) -> Path:
        folder = self._folder / name
        folder.mkdir()
        write_sides(folder, *make_sides(20, same_every=5, languages=("de", "fr")))
        questions = [{"question_id": n, "turns": [f"Was weißt du von Punkt {n}?", "Und nun?"]} for n in range(20)]
        (folder / "q.json").write_text(json.dumps(questions, ensure_ascii=False), encoding="utf-8")
        write_blend(folder / "blend", 20)
        return folder


def make_steps(server: ReplayServer) -> dict[str, Step]:
    """The commands that are killed, by their names."""
    models = {name: f"openai:{name}@{server.url}" for name in MODELS}
    sides = ["--candidate", models["candidate"], "--baseline", models["baseline"]]
    common = ["--db", "e.audit.db", "--resamples", "100", "--concurrency", "4", "-o", "f.json"]
    listed = {
        "pairwise": ["raw.jsonl", "boosted.jsonl", "--judge", models["judge"]],
        "judge": ["--judge", models["judge"], "--languages", "de", "--cases", "3"],
        "model": ["q.json", *sides, "--judge", models["judge"]],
    }
    if importlib.util.find_spec("simplemma"):
        listed["blend"] = ["blend", *sides]
    return {name: Step(["evaluate", name, *words, *common], "e.audit.db") for name, words in listed.items()}


def read_figures(folder: Path) -> object:
    """What an evaluation came to; None where it came to nothing."""
    path = folder / "f.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


def paid_for(body: Body) -> Paid:
    """What makes a request the same as another one."""
    said = [(one["role"], one["content"]) for one in body["messages"]]
    hidden = (hashlib.sha256(text.encode()).hexdigest() if role == "system" else text for role, text in said)
    return body["model"], tuple(hidden)


def read_paid(db: Path) -> set[Paid]:
    """The requests whose replies are in a log."""
    if not db.exists():
        return set()
    try:
        with contextlib.closing(sqlite3.connect(f"file:{db}?mode=ro", uri=True, timeout=5)) as log:
            rows = log.execute("SELECT engine, prompt FROM generations").fetchall()
    except sqlite3.OperationalError:
        return set()  # it was killed before the log had its tables
    return {
        (engine.split(" ")[1].partition("@")[0],
         tuple(one["sha256" if one["role"] == "system" else "content"] for one in json.loads(prompt)))
        for engine, prompt in rows
    }  # fmt: skip


def main() -> int:
    """Kill, give the command again, compare; print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=60, help="how many")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", type=Path, help="where; default: a temporary one. What fails is kept there")
    options = parser.parse_args()
    folder = keep_in(options.folder, "evaluations")
    begun = time.monotonic()
    with ReplayServer(Models(options.seed), models=[{"id": name} for name in MODELS]) as server:
        kills = EvaluationKills(folder, server, options.seed)
        while kills.kills.total() < options.kills:
            kills.one(options.kills - kills.kills.total())
            print(f"{kills.kills.total()} kills, {kills.cases} cases, {len(kills.failed)} failed", flush=True)
    minutes = (time.monotonic() - begun) / 60
    print(f"{kills.kills.total()} kills in {kills.cases} evaluations, {minutes:.0f} minutes, seed {options.seed}")
    print(f"  requests {kills.requests:,}, of them sent again as no reply was logged {kills.again:,}")
    print("  kills    ", ", ".join(f"{name} {count}" for name, count in sorted(kills.kills.items())))
    return end(folder, kills.failed)


if __name__ == "__main__":
    sys.exit(main())
