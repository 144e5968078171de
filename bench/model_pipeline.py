"""Everything around the model: pairs per second through all four passes with an engine that answers at once."""

from __future__ import annotations

import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from pipeline import Stopwatch, whole
from registry import ROOT, Row, benchmark

from midb.agent.engines.protocol import FinishReason, TextEngine, TextReply, TextRequest
from midb.domain.events import RunEnded

#: Records of a run.
RECORDS = 2_000

#: Runs whose median is quoted.
RUNS = 3


def editor() -> TextEngine:
    """An engine that puts a word behind each response in the content pass, leaves the rest alone, and accepts.

    What it does itself is little, and counts no tokens: that would be taken for time around a model.
    """
    if (support := str(ROOT / "tests" / "support")) not in sys.path:
        sys.path.insert(0, support)
    import scripted

    def answer(request: TextRequest) -> TextReply:
        return TextReply(text=write(request), finish_reason=FinishReason.STOP, prompt_tokens=1, completion_tokens=1)

    def write(request: TextRequest) -> str:
        if scripted.pass_of(request) == "verification":
            return scripted.prefer(request, "…!")
        response = scripted.read_sections(request).get("response", "")
        if scripted.pass_of(request) == "content" and response:
            return scripted.reply(request, response=f"{response} …!")
        return scripted.left_alone(request)

    return scripted.ScriptedEngine(answer, concurrency=64)


def run(corpora: Path, folder: Path) -> tuple[RunEnded, float]:
    """One run over an even sample of the corpora: its end, and the seconds it took."""
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
    return ended, seconds


@benchmark("pipeline-model", "pairs/s through all four passes, one process, with an engine that answers at once")
def throughput(corpora: Path) -> Iterator[Row]:
    rates: list[float] = []
    cpu: list[float] = []
    for _ in range(RUNS):
        with tempfile.TemporaryDirectory() as name:
            before = time.process_time()
            ended, seconds = run(corpora, Path(name))
            cpu.append((time.process_time() - before) / ended.read)
            rates.append(ended.read / seconds)
    yield {
        "pairs": ended.read,
        "improved": sum(n for (_, outcome), n in ended.outcomes.items() if outcome == "improved"),
        "calls_per_pair": round((ended.usage.calls + ended.usage.reused) / ended.read, 2),
        "pairs_per_s_median": round(statistics.median(rates), 1),
        "pairs_per_s_range": [round(min(rates), 1), round(max(rates), 1)],
        "cpu_ms_per_pair_median": round(1e3 * statistics.median(cpu), 2),
    }


@benchmark("pipeline-model-shares", "where that time goes: LangGraph, detectors, prompts, parsing, checks, SQLite, ...")
def shares(corpora: Path) -> Iterator[Row]:
    """With a stopwatch around every part; LangGraph and the event loop are what is left of the loop's own turns."""
    from midb.agent import state
    from midb.agent.passes import judging, modelling, nodes
    from midb.agent.record_clock import RecordClock
    from midb.agent.run import examine
    from midb.audit.log import AuditLog
    from midb.corpus.reading import RecordReader

    with Stopwatch() as watch, tempfile.TemporaryDirectory() as name:
        watch.watch(asyncio.Runner, "run", "LangGraph and event loop")
        watch.watch(RecordClock, "_run", "decisions, and the rest of the nodes")
        watch.watch(examine.Examiner, "_open", "opening and closing records")
        watch.watch(examine.Examiner, "_close", "opening and closing records")
        watch.watch(RecordReader, "parse", "reading records")
        watch.watch(examine.Examiner, "_spliced", "splicing")
        watch.watch(state, "look", "detectors")
        watch.watch(state, "holds_steering_passage", "steering")
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
        ended, total = run(corpora, Path(name))
    yield from watch.shares(total, ended.read)
