"""Many records under way at once: in order all the same, no more than asked for, and none left behind."""

from __future__ import annotations

import asyncio
import contextlib
import gc
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from scripted import Answer, ScriptedEngine, left_alone
from small_runs import NothingKept, write_lines

from midb.agent import waves
from midb.agent.engines.protocol import CallFailed, EngineDown, FinishReason, TextReply, TextRequest
from midb.agent.model.calls import Model
from midb.agent.model.settings import Budget, ModelSettings
from midb.agent.run import batches, model_pool
from midb.agent.run.batches import Batch, Result, batches_of
from midb.agent.run.examine import ExaminerSettings
from midb.agent.run.model_pool import DRAIN, ModelPool
from midb.corpus.formats.containers import open_container
from midb.corpus.opened import OpenedCorpus, open_corpus
from midb.detectors import KindSelection
from midb.domain.decisions import Pass
from midb.domain.events import ModelUsed
from midb.domain.results import RecordResult
from midb.prompts import load_prompts

COUNT = 30

#: Turns of the loop after which those who are waited for will not come: the test must end, whatever is broken.
TURNS = 20_000


@dataclass
class GatedEngine(ScriptedEngine):
    """Keeps the requests of some records waiting until so many others were answered, and all of them until so many are
    there ``together``."""

    slow: str = "no record"
    until: int = 0
    together: int = 1
    under_way: int = 0
    most: int = 0
    answered: int = 0
    moved: asyncio.Event = field(default_factory=asyncio.Event)

    async def generate(self, request: TextRequest) -> TextReply:
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        try:
            for _ in range(TURNS):
                if self.most >= self.together:
                    break
                await asyncio.sleep(0)  # the others get their turn
            while self.slow in request.messages[-1].content and self.answered < self.until:
                self.moved.clear()
                await self.moved.wait()
            reply = await super().generate(request)
            self.answered += 1
            return reply
        finally:
            self.under_way -= 1
            self.moved.set()


@pytest.fixture
def corpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> OpenedCorpus:
    """Records by number, in batches of four."""
    monkeypatch.setattr(batches, "BATCH", 4)
    lines = ({"id": f"{n}", "instruction": f"Erkläre Satz {n}.", "output": f"Das ist Satz {n}."} for n in range(COUNT))
    return open_corpus(open_container(write_lines(tmp_path / "c.jsonl", *lines)), language="de")


@pytest.fixture
def loop() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


@dataclass
class Pools:
    """Makes pools for an engine."""

    loop: asyncio.Runner
    rules: ExaminerSettings
    told: list[ModelUsed] = field(default_factory=list)
    now: float = 0.0

    def __call__(self, engine: ScriptedEngine, concurrency: int, budget: str = "") -> ModelPool:
        self.loop.run(engine.start())
        limit = Budget.parse(budget) if budget else Budget()
        model = Model(
            engine, NothingKept(), ModelSettings(prompts=load_prompts(), budget=limit), clock=lambda: self.now
        )
        return ModelPool(self.rules, model, concurrency, self.loop, report=self.told.append)


@pytest.fixture
def pools(corpus: OpenedCorpus, loop: asyncio.Runner) -> Pools:
    return Pools(loop, ExaminerSettings(rules=corpus.rules, selection=KindSelection(frozenset())))


def keys(done: list[tuple[Batch, list[Result]]]) -> list[str]:
    return [result.key for _, results in done for result in results if isinstance(result, RecordResult)]


def examined(
    pool: ModelPool, corpus: OpenedCorpus, stopped: Callable[[], bool] = lambda: False
) -> list[tuple[Batch, list[Result]]]:
    with pool:
        return [(batch, list(results)) for batch, results in pool.examine(batches_of(corpus), stopped)]


@pytest.mark.parametrize("concurrency", [1, 3, 100])
def test_results_come_in_order_and_no_more_is_under_way_than_asked_for(
    concurrency: int, pools: Pools, corpus: OpenedCorpus
) -> None:
    engine = GatedEngine(left_alone, together=min(concurrency, COUNT))
    done = examined(pools(engine, concurrency), corpus)
    assert keys(done) == [str(n) for n in range(COUNT)]
    assert done[-1][0].tail is not None
    assert engine.most == min(concurrency, COUNT)


def test_a_slow_record_holds_up_nobody_behind_it(pools: Pools, corpus: OpenedCorpus) -> None:
    engine = GatedEngine(left_alone, slow="Satz 0.", until=COUNT - 1)
    assert keys(examined(pools(engine, 4), corpus)) == [str(n) for n in range(COUNT)]
    assert engine.requests[-1].messages[-1].content.count("Satz 0.")


def test_but_only_so_many_go_ahead(pools: Pools, corpus: OpenedCorpus, monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory does not grow with the corpus: two batches of four in hand, and no third."""
    monkeypatch.setattr(model_pool, "AHEAD", 2)
    engine = GatedEngine(left_alone, slow="Satz 0.", until=7)
    taken: list[int] = []

    def counted() -> Iterator[Batch]:
        for batch in batches_of(corpus):
            taken.append(engine.answered)
            yield batch

    with pools(engine, 4) as pool:
        done = [(batch, list(results)) for batch, results in pool.examine(counted())]
    assert keys(done) == [str(n) for n in range(COUNT)]
    assert taken[2] >= 8, "the third was taken once the first record was done"


@pytest.mark.parametrize("how", ["stopped", "budget"])
def test_stopping_drains(how: str, pools: Pools, corpus: OpenedCorpus) -> None:
    """No batch is begun any more, and those that are under way are whole."""
    engine = GatedEngine(left_alone)
    pool = pools(engine, 2, budget="1tok" if how == "budget" else "")
    done = examined(pool, corpus, lambda: how == "stopped" and engine.answered > 0)
    assert 0 < len(done) < 4
    assert keys(done) == [str(n) for n in range(4 * len(done))]
    assert engine.under_way == 0


def test_an_engine_that_is_down_ends_it_at_once(pools: Pools, corpus: OpenedCorpus) -> None:
    def answer(request: TextRequest) -> Answer:
        return EngineDown("nobody there.") if "Satz 9." in request.messages[-1].content else left_alone(request)

    engine = GatedEngine(answer, slow="Satz 1.", until=10**6)  # which would wait for ever
    with pytest.raises(EngineDown):
        examined(pools(engine, 50), corpus)
    assert engine.under_way == 0, "what was under way is cancelled"


@pytest.mark.parametrize("concurrency", [1, 3, 100])
def test_where_no_call_succeeds_nothing_is_handed_on(concurrency: int, pools: Pools, corpus: OpenedCorpus) -> None:
    """Fewer calls than an outage takes: the corpus is small, and the run must not end as if all were well."""
    engine = GatedEngine(lambda request: CallFailed("http-404", "no such page"))
    pool = pools(engine, concurrency)
    done: list[object] = []
    with pytest.raises(EngineDown, match="failed; the last: no such page"), pool:
        done += pool.examine(batches_of(corpus))
    assert done == []


def test_records_are_to_blame_once_others_were_served(pools: Pools, corpus: OpenedCorpus) -> None:
    """The first records fail, the last one does not: all are handed on, in order."""

    def answer(request: TextRequest) -> Answer:
        last = f"Satz {COUNT - 1}." in request.messages[-1].content
        return left_alone(request) if last else CallFailed("http-400", "no")

    assert keys(examined(pools(GatedEngine(answer), 2), corpus)) == [str(n) for n in range(COUNT)]


def test_stopping_while_no_call_succeeds_hands_nothing_on(pools: Pools, corpus: OpenedCorpus) -> None:
    engine = GatedEngine(lambda request: CallFailed("http-404", "no"))
    assert examined(pools(engine, 2), corpus, lambda: bool(engine.requests)) == []


def test_stopping_in_an_outage_waits_for_nobody(
    pools: Pools, corpus: OpenedCorpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that was there and is gone is not asked again and again by a run that is to stop."""
    monkeypatch.setattr(model_pool, "TICK", 0.0)
    served = 6
    failed = 0

    def answer(request: TextRequest) -> Answer:
        nonlocal failed
        if engine.answered < served:
            return left_alone(request)
        failed += 1
        return CallFailed("http-503", "busy")

    class YieldingEngine(GatedEngine):
        async def generate(self, request: TextRequest) -> TextReply:
            await asyncio.sleep(0)  # as every call of a server: the others get their turn
            return await super().generate(request)

    engine = YieldingEngine(answer)
    done = examined(pools(engine, 2), corpus, lambda: failed > 0)
    assert keys(done) == [str(n) for n in range(4)], "what was whole before is kept"
    assert failed > 0, "and the run is stopped, not failed"


@dataclass
class RetryingEngine(ScriptedEngine):
    """Tries one record's request again and again, until it is told not to."""

    pausing: str = "Satz 5."
    told: asyncio.Event = field(default_factory=asyncio.Event)

    async def generate(self, request: TextRequest) -> TextReply:
        if self.pausing in request.messages[-1].content:
            await self.told.wait()
            raise CallFailed("http-503", "busy", retries=1)
        return await super().generate(request)

    def stop_retrying(self) -> None:
        self.told.set()


@pytest.mark.parametrize("how", ["stopped", "budget"])
def test_where_the_run_stops_a_call_that_fails_is_no_fault_of_its_record(
    how: str, pools: Pools, corpus: OpenedCorpus
) -> None:
    """It is dropped with its batch, and asked when the run goes on; what stands before it is kept."""
    engine = RetryingEngine(left_alone)
    pool = pools(engine, 8, "1tok" if how == "budget" else "")
    done = examined(pool, corpus, lambda: how == "stopped" and len(engine.requests) > 6)
    assert keys(done) == [str(n) for n in range(4)]


@dataclass
class DeafEngine(GatedEngine):
    """Answers so many requests, each in some seconds of the model's clock, and no other ever."""

    deaf: str = "Satz 5."
    seconds: float = 0.0

    async def generate(self, request: TextRequest) -> TextReply:
        self.under_way += 1
        try:
            if self.deaf in request.messages[-1].content:
                self.moved.set()
                await asyncio.Event().wait()
            await asyncio.sleep(0)
            self.answered += 1
            return TextReply(
                text=str(left_alone(request)), finish_reason=FinishReason.STOP, seconds=self.seconds,
                prompt_tokens=50, completion_tokens=50,
            )  # fmt: skip
        finally:
            self.under_way -= 1


@pytest.mark.parametrize(
    ("how", "seconds", "drained"),
    [("stopped", 1.0, DRAIN), ("stopped", 500.0, DRAIN), ("budget", 1.0, DRAIN), ("budget", 500.0, 500.0)],
)
def test_where_the_run_stops_a_server_that_never_replies_is_left_in_time(
    pools: Pools, corpus: OpenedCorpus, monkeypatch: pytest.MonkeyPatch, how: str, seconds: float, drained: float
) -> None:
    """A budget gives a slow model the time of its slowest reply: what it drops each time would never be done."""
    monkeypatch.setattr(model_pool, "TICK", 0.0)
    monkeypatch.setattr(waves, "PAUSE", 0.0)  # the model's clock stands still meanwhile
    engine = DeafEngine(left_alone, seconds=seconds)
    stopping = False

    def stopped() -> bool:
        nonlocal stopping
        stopping = stopping or engine.answered > 6
        if stopping and count_under_way() == 1:  # the others have come to their end
            pools.now += drained / 1000
        return stopping and how == "stopped"

    done = examined(pools(engine, 8, "1tok" if how == "budget" else ""), corpus, stopped)
    assert keys(done) == [str(n) for n in range(4)]
    assert engine.under_way == 0
    assert drained <= pools.now <= 3 * drained + 20


def count_under_way() -> int:
    """Records of a pool that are not done, on the loop that asks."""
    names = (getattr(task.get_coro(), "__qualname__", "") for task in asyncio.all_tasks())
    return sum(name == "ModelPool._examine" for name in names)


class RefusingEngine(GatedEngine):
    """Refuses the first record once the run stops; what the second waits for comes a while later."""

    stopping: bool = False
    late: int = 0

    async def generate(self, request: TextRequest) -> TextReply:
        text = request.messages[-1].content
        if first := "Satz 0." in text or "Satz 1." in text:
            while not self.stopping:
                await asyncio.sleep(0)
        if "Satz 0." in text:
            raise CallFailed("http-400", "no")
        for _ in range(300 if first else 0):
            await asyncio.sleep(0)
        self.late += first
        return TextReply(text=str(left_alone(request)), finish_reason=FinishReason.STOP, prompt_tokens=50)


@pytest.mark.parametrize("how", ["stopped", "budget"])
def test_where_a_record_is_dropped_what_is_being_answered_is_still_waited_for(
    pools: Pools, corpus: OpenedCorpus, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    """It is paid for: thrown away, it would be paid for again when the run goes on."""
    monkeypatch.setattr(model_pool, "TICK", 0.0)
    engine = RefusingEngine(left_alone)

    def stopped() -> bool:
        engine.stopping = engine.stopping or pool._model.usage.calls >= 2
        return engine.stopping and how == "stopped"

    pool = pools(engine, 4, "1tok" if how == "budget" else "")
    assert examined(pool, corpus, stopped) == []
    assert engine.late == 1


def test_a_budget_that_is_over_before_the_first_reply_waits_for_it(
    pools: Pools, corpus: OpenedCorpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise a budget below what one reply takes would never come to an end of the corpus."""
    monkeypatch.setattr(model_pool, "TICK", 0.0)
    engine = GatedEngine(left_alone, slow="Satz", until=1)

    def stopped() -> bool:
        pools.now += 100.0 * engine.under_way
        if pools.now > 10 * DRAIN * 100:
            engine.slow = "no record"
            engine.moved.set()
        return False

    assert keys(examined(pools(engine, 1, "1s"), corpus, stopped)) == [str(n) for n in range(4)]


def test_what_the_model_did_is_told(pools: Pools, corpus: OpenedCorpus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model_pool, "REPORT_EVERY", -1.0)
    examined(pools(GatedEngine(left_alone), 3, budget="1e9tok"), corpus)
    last = pools.told[-1]
    assert (last.usage.calls, last.by_pass[Pass.CONTENT].calls) == (COUNT, COUNT)
    assert (last.in_flight, last.ahead) == (0, 0)
    assert last.budget_left.endswith(" tokens")
    assert 1 <= max(told.in_flight for told in pools.told) <= 3
    calls = [told.usage.calls for told in pools.told]
    assert calls == sorted(calls)


def test_the_garbage_collector_is_left_as_it_was(pools: Pools, corpus: OpenedCorpus) -> None:
    before = gc.get_threshold()
    seen: list[tuple[int, int, int]] = []
    with pytest.raises(RuntimeError), pools(GatedEngine(left_alone), 2):
        seen.append(gc.get_threshold())
        raise RuntimeError
    assert seen == [model_pool.COLLECT]
    assert gc.get_threshold() == before
    assert gc.get_freeze_count() == 0


def test_the_garbage_collector_is_left_as_it_was_by_pools_that_overlap(pools: Pools) -> None:
    """Those of a program with threads: the first to begin is the first to end."""
    before = gc.get_threshold()
    with asyncio.Runner() as another:
        first = pools(GatedEngine(left_alone), 2)
        second = Pools(another, pools.rules)(GatedEngine(left_alone), 2)
        with contextlib.ExitStack() as outer:
            with contextlib.ExitStack() as inner:
                inner.enter_context(first)
                outer.enter_context(second)
            assert gc.get_threshold() == model_pool.COLLECT
    assert gc.get_threshold() == before
    assert gc.get_freeze_count() == 0
