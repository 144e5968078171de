"""Everything around the model: pairs per second through all four passes with an engine that answers at once."""

from __future__ import annotations

import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pipeline import Stopwatch, whole
from registry import ROOT, Row, benchmark

#: Records of a run, and runs whose median is quoted.
RECORDS, RUNS = 2_000, 3


def editor() -> Any:
    """An engine that puts a word behind each response in the content pass, leaves the rest alone, and accepts."""
    sys.path.insert(0, str(ROOT / "tests" / "support"))
    import scripted

    def answer(request: Any) -> str:
        if scripted.pass_of(request) == "verification":
            return str(scripted.prefer(request, "…!"))
        response = scripted.read_sections(request).get("response", "")
        if scripted.pass_of(request) == "content" and response:
            return str(scripted.reply(request, response=f"{response} …!"))
        return str(scripted.left_alone(request))

    return scripted.ScriptedEngine(answer, concurrency=64)


def run(corpora: Path, folder: Path) -> tuple[Any, float, Any]:
    """One run over an even sample of the corpora: its end, seconds, usage."""
    from midb.agent.run import runner, session
    from midb.corpus.formats.containers import open_container
    from midb.runs.config import load_config

    corpus = whole(corpora, folder, RECORDS)
    config = load_config(None, {"corpus": corpus, "model": "scripted", "route": "all", "fresh": True})
    with asyncio.Runner() as loop:
        opened = session.open_session(config, open_container(corpus), ["run"], session.RunEngine(editor(), loop))
        started = time.perf_counter()
        ended = runner.Runner(opened, lambda event: None, lambda: False).run()
        seconds = time.perf_counter() - started
        opened.log.close()
    return ended, seconds, ended.usage


@benchmark("pipeline-model", "pairs/s through all four passes, one process, with an engine that answers at once")
def throughput(corpora: Path) -> Iterator[Row]:
    rates, cpu = [], []
    for _ in range(RUNS):
        with tempfile.TemporaryDirectory() as name:
            before = time.process_time()
            ended, seconds, usage = run(corpora, Path(name))
            cpu.append((time.process_time() - before) / ended.read)
            rates.append(ended.read / seconds)
    yield {
        "pairs": ended.read,
        "improved": sum(n for (_, outcome), n in ended.outcomes.items() if outcome == "improved"),
        "calls_per_pair": round((usage.calls + usage.reused) / ended.read, 2),
        "pairs_per_s_median": round(statistics.median(rates), 1),
        "pairs_per_s_range": [round(min(rates), 1), round(max(rates), 1)],
        "cpu_ms_per_pair_median": round(1e3 * statistics.median(cpu), 2),
    }


@benchmark("pipeline-model-shares", "where that time goes: LangGraph, detectors, prompts, parsing, checks, SQLite, ...")
def shares(corpora: Path) -> Iterator[Row]:
    """With a stopwatch around every part; LangGraph and the event loop are what is left of the loop's own turns."""
    from midb.agent import state
    from midb.agent.passes import judging, modelling, nodes
    from midb.agent.run import examine, model_pool
    from midb.audit.log import AuditLog
    from midb.corpus.reading import RecordReader

    watch = Stopwatch()
    watch.watch(model_pool.asyncio.Runner, "run", "LangGraph and event loop")
    watch.watch(RecordReader, "parse", "reading records")
    watch.watch(examine.Examiner, "_spliced", "splicing")
    watch.watch(state, "inspect", "detectors")
    watch.watch(state, "find_steering_passage", "steering")
    watch.watch(modelling, "rewriting_task", "prompts")
    watch.watch(judging, "verdict_task", "prompts")
    watch.watch(modelling, "parse_rewrite", "parsing replies")
    watch.watch(modelling, "_refuse_leak", "parsing replies")
    watch.watch(judging, "parse_verdict", "parsing replies")
    watch.watch(modelling, "find_edits", "diffs")
    watch.watch(modelling, "check_model_rewrite", "checks")
    watch.watch(nodes, "check_whole_pair", "checks")
    watch.watch(nodes, "check_rewrite", "checks")
    watch.watch(AuditLog, "find_generation", "SQLite")
    watch.watch(AuditLog, "add_generations", "SQLite")
    watch.watch(AuditLog, "write_batch", "SQLite")
    with tempfile.TemporaryDirectory() as name:
        ended, total, _ = run(corpora, Path(name))
    for part, seconds in watch.seconds.most_common():
        yield {"part": part, "share": f"{seconds / total:.1%}", "ms_per_pair": round(seconds / ended.read * 1e3, 3)}
