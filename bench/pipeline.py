"""The main job on the embedded default: pairs per second, where the time goes, and how memory behaves."""

from __future__ import annotations

import contextlib
import functools
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Self
from unittest.mock import patch

from registry import Row, benchmark

from midb.domain.defects import Finding
from midb.text.inspection import Inspection

#: Whole runs that are timed; the median is quoted.
RUNS = 3


def whole(corpora: Path, folder: Path, limit: int | None = None) -> Path:
    """All corpora in one file, or an even sample of them."""
    lines = [line for path in sorted(corpora.glob("*.jsonl")) for line in path.open("rb")]
    if limit:
        lines = lines[:: max(len(lines) // limit, 1)][:limit]
    target = folder / "all.jsonl"
    target.write_bytes(b"".join(lines))
    return target


def command(corpus: Path, workers: int) -> list[str]:
    """The main job as a user starts it."""
    return [
        str(Path(sys.executable).with_name("midb-agent")),
        *("run", str(corpus), "--workers", str(workers), "--fresh", "--json"),
    ]  # fmt: skip


@benchmark("pipeline-throughput", "pairs/s of whole runs with 1 and 2 workers, logging included")
def throughput(corpora: Path) -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as name:
        corpus = whole(corpora, Path(name))
        for workers in (1, 2):
            rates: list[float] = []
            walls: list[float] = []
            for _ in range(RUNS):
                started = time.perf_counter()
                done = subprocess.run(command(corpus, workers), capture_output=True, text=True, check=True)
                walls.append(time.perf_counter() - started)
                end = json.loads(done.stdout.splitlines()[-1])
                rates.append(end["read"] / end["seconds"])
            yield {
                "workers": workers,
                "pairs": end["read"],
                "pairs_per_s_median": round(statistics.median(rates), 1),
                "pairs_per_s_range": [round(min(rates), 1), round(max(rates), 1)],
                "wall_s_median": round(statistics.median(walls), 2),
            }


def resident(pid: int, share: str = "Rss") -> float:
    """Memory of a process in MiB, 0 where it is gone; ``Pss`` counts what processes share once, each its part."""
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith(f"{share}:"):
                return int(line.split()[1]) / 1024
    except OSError:
        pass
    return 0.0


def children_of(pid: int) -> list[int]:
    """The processes that one has started, oldest first (Python's resource tracker is none)."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return [int(c) for c in children if "spawn_main" in Path(f"/proc/{c}/cmdline").read_text()]
    except OSError:
        return []


def peaks_of(corpus: Path) -> Row:
    """The highest memory of a run's processes in MiB: its own, that of what forks its workers, that of each worker, and
    that of all together at one time."""
    process = subprocess.Popen(command(corpus, 2), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    peaks: dict[int, float] = {}
    workers: set[int] = set()
    together = 0.0
    while process.poll() is None:
        nurseries = children_of(process.pid)
        workers.update(worker for nursery in nurseries for worker in children_of(nursery))
        alive = (process.pid, *nurseries, *workers)
        for pid in alive:
            peaks[pid] = max(peaks.get(pid, 0.0), resident(pid))
        together = max(together, sum(resident(pid, "Pss") for pid in alive))
        time.sleep(0.1)
    return {
        "parent_MiB": round(peaks.pop(process.pid)),
        "workers_MiB": [round(peaks.pop(worker)) for worker in sorted(workers)],
        "nursery_MiB": round(max(peaks.values(), default=0.0)),
        "together_MiB": round(together),
    }


@benchmark("pipeline-memory", "peak resident memory of the parent and of each worker at 2k, 8k and all pairs")
def memory(corpora: Path) -> Iterator[Row]:
    if not Path("/proc/self/smaps_rollup").exists():
        print("pipeline-memory: this system has no /proc, so nothing is measured", file=sys.stderr)
        return
    with tempfile.TemporaryDirectory() as name:
        for limit in (2_000, 8_000, None):
            corpus = whole(corpora, Path(name), limit)
            with corpus.open("rb") as file:
                pairs = sum(1 for _ in file)
            yield {"pairs": pairs, **peaks_of(corpus)}


class Stopwatch:
    """Seconds by part, nested calls counted where they are made, without the watch's own parts inside them.

    What is watched is as it was at the end of ``with``.
    """

    def __init__(self) -> None:
        # Seconds are no whole numbers, which is all that the type of a Counter knows.
        self.seconds: dict[str, float] = {}
        self._inner = [0.0]
        self._undo = contextlib.ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._undo.close()

    def watch(self, owner: Any, attribute: str, part: str) -> None:
        """Measure every call of ``owner.attribute``."""
        function: Callable[..., Any] = getattr(owner, attribute)
        self.seconds.setdefault(part, 0.0)
        self._undo.callback(setattr, owner, attribute, function)

        @functools.wraps(function)
        def timed(*arguments: Any, **keywords: Any) -> Any:
            self._inner.append(0.0)
            started = time.perf_counter()
            try:
                return function(*arguments, **keywords)
            finally:
                took = time.perf_counter() - started
                self.seconds[part] += took - self._inner.pop()
                self._inner[-1] += took

        setattr(owner, attribute, timed)

    def reset(self) -> None:
        """Forget what was measured so far."""
        self.seconds = dict.fromkeys(self.seconds, 0.0)

    def shares(self, total: float, pairs: int) -> Iterator[Row]:
        """A row for each part, the longest first."""
        for part, seconds in sorted(self.seconds.items(), key=lambda item: -item[1]):
            yield {"part": part, "share": f"{seconds / total:.1%}", "ms_per_pair": round(seconds / pairs * 1e3, 3)}


def list_findings(detect: Callable[[Inspection], Iterator[Finding]], inspection: Inspection) -> list[Finding]:
    """What a detector finds, all of it found when this returns: a generator would work only while it is read."""
    return list(detect(inspection))


@benchmark("pipeline-shares", "where the time of one process goes: LangGraph, detectors, verification, SQLite, ...")
def shares(corpora: Path) -> Iterator[Row]:
    """Runs in this process, one pair at a time, with a stopwatch around every part; LangGraph is what is left of the
    state machine after the nodes' own work."""
    from midb.agent import state
    from midb.agent.passes import nodes, rewriting
    from midb.agent.record_clock import RecordClock
    from midb.agent.run import examine, runner, session
    from midb.audit.log import AuditLog
    from midb.corpus.formats.containers import open_container
    from midb.corpus.output import GrowingFile
    from midb.corpus.reading import RecordReader
    from midb.detectors import detectors
    from midb.runs.config import load_config

    by_detector: dict[str, Stopwatch] = {}
    with Stopwatch() as watch, contextlib.ExitStack() as stack:
        watch.watch(examine.Examiner, "examine_batch", "LangGraph and event loop")
        watch.watch(RecordClock, "_run", "decisions, and the rest of the nodes")
        watch.watch(examine.Examiner, "_open", "opening and closing records")
        watch.watch(examine.Examiner, "_close", "opening and closing records")
        watch.watch(RecordReader, "parse", "parsing")
        watch.watch(examine.Examiner, "_spliced", "splicing")
        watch.watch(state, "look", "detectors")
        watch.watch(rewriting, "check_rewrite", "verification")
        watch.watch(nodes, "check_rewrite", "verification")
        watch.watch(AuditLog, "write_batch", "SQLite")
        watch.watch(GrowingFile, "sync", "output to disk")
        for detector in detectors():
            listed = functools.partial(list_findings, detector.detect)
            stack.enter_context(patch.object(detector, "detect", listed))
            by_detector[detector.__name__] = single = stack.enter_context(Stopwatch())
            single.watch(detector, "detect", "detect")
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        corpus = whole(corpora, folder, 6_000)
        config = load_config(None, {"corpus": corpus, "workers": 0})
        opened = session.open_session(config, open_container(corpus), ["run"])
        for one in (watch, *by_detector.values()):
            one.reset()  # the survey reads records too
        started = time.perf_counter()
        ended = runner.Runner(opened, lambda event: None, lambda: False).run()
        total = time.perf_counter() - started
        opened.log.close()
    pairs = ended.read
    yield from watch.shares(total, pairs)
    rest = total - sum(watch.seconds.values())
    yield {"part": "reading, events, rest", "share": f"{rest / total:.1%}", "ms_per_pair": round(rest / pairs * 1e3, 3)}
    for name, single in sorted(by_detector.items(), key=lambda item: -item[1].seconds["detect"]):
        row_name = name.rpartition(".")[2]
        yield {"detector": row_name, "ms_per_pair": round(single.seconds["detect"] / pairs * 1e3, 4)}
