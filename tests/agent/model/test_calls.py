"""The model as the passes see it: nothing is asked twice, an outage is nobody's fault, and use is counted."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, TypeVar

import pytest
from scripted import Answer, ScriptedEngine
from scripted_pairs import BETTER, PAIR, Script, Store, Through, rewrite_in

from midb.agent.engines.protocol import CallFailed, EngineDown, EngineStopped, FinishReason, TextReply, TextRequest
from midb.agent.model.calls import FEW_TOKENS, LEAST_FAILURES_IN_A_ROW, LEAST_TIMEOUTS_IN_A_ROW, Model, read_finish
from midb.agent.model.settings import Budget, ModelSettings
from midb.agent.model.tasks import Task, rewriting_task
from midb.domain.decisions import Outcome, Pass, Reason
from midb.domain.errors import AuditError
from midb.domain.generations import Generation, GenerationKey, Usage
from midb.domain.pairs import InstructionPair
from midb.locales import load
from midb.prompts import load_prompts

T = TypeVar("T")


def test_an_outage_is_nobodys_fault(through: Through) -> None:
    """While nobody is served nothing is recorded; when the engine is back the pair gets its reply."""
    failures = [CallFailed("connection", "lost")] * 20

    def answer(request: TextRequest) -> Answer:
        return failures.pop() if failures else rewrite_in("content", BETTER)(request)

    result = through(PAIR, answer)
    assert result.outcome is Outcome.IMPROVED
    assert Reason.ENGINE_FAILED not in {d.reason for d in result.decisions}
    assert through.model.usage.calls_failed == 20


def test_an_outage_that_lasts_ends_the_run(through: Through) -> None:
    with pytest.raises(EngineDown):
        through(PAIR, lambda _: CallFailed("http-503", "busy"))


def test_nothing_is_asked_twice(through: Through, store: Store) -> None:
    answer = rewrite_in("content", BETTER)
    first = through(PAIR, answer)
    assert len(through.engine.requests) == 5
    again = through(PAIR, answer)
    assert through.engine.requests == []
    assert again == first
    assert through.model.usage.reused == 5
    assert through.model.usage.tokens == 0


# -- one model, many pairs ---------------------------------------------------------------------------------------------

PROMPTS = load_prompts()


def task_about(text: str, pass_: Pass = Pass.CONTENT) -> Task:
    """A task about a pair of its own."""
    return rewriting_task(PROMPTS, pass_, InstructionPair(instruction=text, response=text), locale=load("de"))


class YieldingEngine(ScriptedEngine):
    """Lets others go on while it answers, as every engine does."""

    async def generate(self, request: TextRequest) -> TextReply:
        await asyncio.sleep(0)
        return await super().generate(request)


@dataclass
class Bench:
    """A model with an engine, a store and a clock that tests turn."""

    answer: Script
    store: Store = field(default_factory=Store)
    engine_type: type[ScriptedEngine] = YieldingEngine
    budget: str | None = None
    answered: Sequence[tuple[str, str]] = ()
    now: float = 0.0
    warnings: list[str] = field(default_factory=list)
    model: Model = field(init=False)
    engine: ScriptedEngine = field(init=False)

    def run(self, work: Callable[[Model], Awaitable[T]]) -> T:
        """Let some work use the model."""

        async def go() -> T:
            engine = self.engine_type(self.answer, concurrency=2)
            await engine.start()
            budget = Budget.parse(self.budget) if self.budget else Budget()
            settings = ModelSettings(prompts=PROMPTS, budget=budget)
            self.model = Model(
                engine, self.store, settings, warn=self.warnings.append, find_answered=lambda _: self.answered,
                clock=lambda: self.now,
            )  # fmt: skip
            self.engine = engine
            return await work(self.model)

        return asyncio.run(go())


def test_two_who_ask_the_same_at_once_share_one_call() -> None:
    bench = Bench(lambda request: "reply")
    task = task_about("a")

    async def both(model: Model) -> list[Generation]:
        return list(await asyncio.gather(*map(model.generate, (task, task, task_about("b")))))

    first, second, third = bench.run(both)
    assert first == second != third
    assert len(bench.engine.requests) == 2
    assert (bench.model.usage.calls, bench.model.usage.reused) == (2, 1)


def test_replies_that_come_together_are_logged_together_before_anybody_has_them() -> None:
    class Counting(Store):
        batches: ClassVar[list[int]] = []

        def add(self, generations: Sequence[Generation]) -> list[Generation]:
            self.batches.append(len(generations))
            return super().add(generations)

    bench = Bench(lambda request: "reply", store=Counting())

    async def several(model: Model) -> list[Generation]:
        return await asyncio.gather(*(model.generate(task_about(text)) for text in "abc"))

    found = bench.run(several)
    assert Counting.batches == [3]
    assert sorted(one.id for one in found) == [1, 2, 3]
    assert all(one.key in bench.store.kept for one in found)


def test_a_log_that_cannot_be_written_fails_everybody_who_waits() -> None:
    class Full(Store):
        def add(self, generations: Sequence[Generation]) -> list[Generation]:
            raise AuditError("the disk is full.")

    bench = Bench(lambda request: "reply", store=Full())

    async def several(model: Model) -> list[Generation | BaseException]:
        return await asyncio.gather(*(model.generate(task_about(text)) for text in "ab"), return_exceptions=True)

    assert [type(one) for one in bench.run(several)] == [AuditError, AuditError]


def test_a_log_that_cannot_be_written_is_no_traceback_where_nobody_waits_any_more() -> None:
    """As on a full disk: the run has ended for the first reply, and those that come behind it have nobody."""

    class Full(Store):
        def add(self, generations: Sequence[Generation]) -> list[Generation]:
            raise AuditError("the disk is full.")

    unheard: list[dict[str, object]] = []

    async def leave(model: Model) -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: unheard.append(context))
        waiting = [asyncio.ensure_future(model.generate(task_about(text))) for text in "ab"]
        while not bench.engine.requests:
            await asyncio.sleep(0)
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        for _ in range(20):  # nobody closes the model, so that its calls come to their end
            await asyncio.sleep(0)
        gc.collect()

    bench = Bench(lambda request: "reply", store=Full())
    bench.run(leave)
    assert len(bench.engine.requests) == 2
    assert unheard == []


def test_use_is_counted_per_pass() -> None:
    reply = TextReply(text="x", finish_reason=FinishReason.STOP, prompt_tokens=70, completion_tokens=5, retries=2)
    bench = Bench(lambda request: reply)

    async def some(model: Model) -> None:
        await model.generate(task_about("a"))
        await model.generate(task_about("a", Pass.TRANSLATION))
        await model.generate(task_about("a"))
        model.count_failed_attempt(Pass.CONTENT)

    bench.run(some)
    assert bench.model.by_pass == {
        Pass.CONTENT: Usage(calls=1, reused=1, prompt_tokens=70, completion_tokens=5, retries=2, attempts_failed=1),
        Pass.TRANSLATION: Usage(calls=1, prompt_tokens=70, completion_tokens=5, retries=2),
    }
    assert bench.model.usage.tokens == 150


def test_a_server_that_counts_nothing_does_not_make_a_budget_endless() -> None:
    silent = TextReply(text="ä" * 40, finish_reason=FinishReason.STOP)
    bench = Bench(lambda request: silent, budget="100000tok")

    async def twice(model: Model) -> None:
        await model.generate(task_about("a"))
        await model.generate(task_about("b"))

    bench.run(twice)
    assert bench.model.usage.completion_tokens == 2 * (80 // 4 + 1)
    assert bench.model.usage.prompt_tokens > 100
    assert len(bench.warnings) == 1, "it is said once"


@pytest.mark.parametrize(
    ("budget", "seconds", "exhausted"), [("2h", 7199, False), ("2h", 7200, True), (None, 1e9, False)]
)
def test_a_budget_of_time_ends(budget: str | None, seconds: float, exhausted: bool) -> None:
    bench = Bench(lambda request: "reply", budget=budget)
    bench.run(lambda model: model.generate(task_about("a")))
    bench.now = seconds
    assert bench.model.exhausted is exhausted
    assert bench.model.seconds == seconds
    assert bool(bench.model.budget_left) is (budget is not None)


def test_a_budget_of_tokens_ends() -> None:
    reply = TextReply(text="x", finish_reason=FinishReason.STOP, prompt_tokens=90, completion_tokens=9)
    bench = Bench(lambda request: reply, budget="198tok")
    bench.run(lambda model: model.generate(task_about("a")))
    assert (bench.model.exhausted, bench.model.budget_left) == (False, "99 tokens")
    bench.run(lambda model: asyncio.wait_for(use_up(model), None))
    assert (bench.model.exhausted, bench.model.budget_left) == (True, "0 tokens")


async def use_up(model: Model) -> None:
    """Two new replies."""
    for text in ("b", "c"):
        await model.generate(task_about(text))


def test_a_call_that_fails_while_others_are_served_is_this_requests_fault() -> None:
    failing = task_about("b")

    def answer(request: TextRequest) -> Answer:
        return CallFailed("http-500", "broke") if request == failing.request else "reply"

    bench = Bench(answer)

    async def some(model: Model) -> Generation:
        first = asyncio.ensure_future(model.generate(failing))
        await model.generate(task_about("a"))
        return await first

    with pytest.raises(CallFailed, match="broke"):
        bench.run(some)
    assert bench.model.usage.calls_failed >= 1


class Overtaken(YieldingEngine):
    """Takes a while for what is late, so that others are served meanwhile."""

    async def generate(self, request: TextRequest) -> TextReply:
        for _ in range(40 if "late" in request.reference else 0):
            await asyncio.sleep(0)
        return await super().generate(request)


@pytest.mark.parametrize("outages", [1, 2])
def test_a_call_that_an_outage_has_met_is_made_once_more(outages: int) -> None:
    """Others were served while it was under way, but only before the engine broke down. Where that happens again, the
    request itself may be what breaks it."""
    left = [CallFailed("connection", "lost", nobody_served=True)] * outages
    bench = Bench(
        lambda request: left.pop() if "late" in request.reference and left else "reply", engine_type=Overtaken
    )

    async def some(model: Model) -> Generation:
        late = asyncio.ensure_future(model.generate(task_about("late")))
        for n in range(99):
            await model.generate(task_about(f"{n}"))
        return await late

    if outages == 1:
        assert bench.run(some).completion == "reply"
    else:
        with pytest.raises(CallFailed, match="lost"):
            bench.run(some)
    assert bench.model.usage.calls_failed == outages


class Poisoned:
    """An engine's answers: what is poison breaks it, whatever it answered once is answered again while it lives."""

    def __init__(self, lives: bool = True, comes_back: bool = False) -> None:
        self.lives = lives
        self.comes_back = comes_back
        self.asked: list[TextRequest] = []

    def __call__(self, request: TextRequest) -> Answer:
        self.asked.append(request)
        if "poison" not in request.messages[-1].content:
            return "reply" if self.lives else CallFailed("http-500", "down")
        if self.comes_back and len(self.asked) > 2:
            return "reply"
        return CallFailed("http-500", "broke")


def test_a_request_that_nobody_is_under_way_with_is_told_from_an_outage_by_what_was_answered_before() -> None:
    """Else the last pair of a corpus could keep its run from ever ending."""
    answer = Poisoned()
    bench = Bench(answer)

    async def some(model: Model) -> Generation:
        await model.generate(task_about("good"))
        return await model.generate(task_about("poison"))

    with pytest.raises(CallFailed, match="broke"):
        bench.run(some)
    good, poison, again, once_more = answer.asked
    assert again.messages == good.messages
    assert (again.room, again.reference) == (FEW_TOKENS, "")
    assert once_more == poison
    assert (bench.model.usage.calls, bench.model.usage.calls_failed) == (2, 2)


def test_an_engine_that_has_come_back_meanwhile_is_asked_once_more() -> None:
    bench = Bench(Poisoned(comes_back=True))

    async def some(model: Model) -> Generation:
        await model.generate(task_about("good"))
        return await model.generate(task_about("poison"))

    assert bench.run(some).completion == "reply"
    assert not bench.model.failing


def test_what_the_log_has_an_answer_to_shows_that_the_engine_lives() -> None:
    """A run that goes on, with a request that breaks its server as the first that is left."""
    for found, end in (((("user", "Was ist das?"),), CallFailed), ((), EngineDown)):
        answer = Poisoned()
        bench = Bench(answer, answered=found)
        with pytest.raises(end):
            bench.run(lambda model: model.generate(task_about("poison")))
        if found:
            assert [message.content for message in answer.asked[1].messages] == ["Was ist das?"]


def test_an_outage_that_meets_a_single_call_is_still_nobodys_fault() -> None:
    answer = Poisoned()
    bench = Bench(answer)

    async def some(model: Model) -> Generation:
        await model.generate(task_about("good"))
        answer.lives = False
        return await model.generate(task_about("other"))

    with pytest.raises(EngineDown):
        bench.run(some)


def test_several_that_break_the_engine_end_no_run_either() -> None:
    bench = Bench(Poisoned())

    async def some(model: Model) -> list[Generation | BaseException]:
        await model.generate(task_about("good"))
        poisons = [model.generate(task_about(f"poison {n}")) for n in range(5)]
        return await asyncio.gather(*poisons, return_exceptions=True)

    assert {type(found) for found in bench.run(some)} == {CallFailed}


@pytest.mark.parametrize(
    ("code", "most"), [("http-503", LEAST_FAILURES_IN_A_ROW), ("timeout", LEAST_TIMEOUTS_IN_A_ROW)]
)
def test_an_outage_ends_the_run_after_so_many_calls(code: str, most: int) -> None:
    """Calls that waited in vain took long, each: fewer are enough."""
    bench = Bench(lambda request: CallFailed(code, "slow", retries=1))
    with pytest.raises(EngineDown, match=f"{most + 1} calls in a row failed; the last: slow") as down:
        bench.run(lambda model: model.generate(task_about("a")))
    assert down.value.retryable
    assert bench.model.usage.calls_failed == bench.model.usage.retries == most + 1


@pytest.mark.parametrize("code", ["http-400", "http-404", "bad-reply", "key-in-reply", "whatever"])
def test_failures_of_any_sort_end_the_run_where_nobody_is_served(code: str) -> None:
    """Each is raised to its own pair; so many in a row without one reply are the engine's fault."""
    bench = Bench(lambda request: CallFailed(code, "no", hint="Look."))

    async def many(model: Model) -> None:
        for n in range(LEAST_FAILURES_IN_A_ROW):
            with pytest.raises(CallFailed):
                await model.generate(task_about(f"{n}"))
            assert model.failing
            assert model.never_served
        await model.generate(task_about("one more"))

    with pytest.raises(EngineDown, match=f"{LEAST_FAILURES_IN_A_ROW + 1} calls in a row failed; the last: no") as down:
        bench.run(many)
    assert down.value.retryable
    assert down.value.hint.startswith("Look. See to the engine")


def test_a_reply_in_between_shows_whose_fault_it_is() -> None:
    bench = Bench(lambda request: CallFailed("http-400", "no") if "bad" in request.reference else "reply")

    async def many(model: Model) -> None:
        for n in range(4 * LEAST_FAILURES_IN_A_ROW):
            good = n % LEAST_FAILURES_IN_A_ROW == 0
            asked = model.generate(task_about(f"{'good' if good else 'bad'} {n}"))
            if good:
                await asked
            else:
                with pytest.raises(CallFailed):
                    await asked
            assert (model.failing, model.never_served) == (not good, False)

    bench.run(many)


@pytest.mark.parametrize("code", ["context-exceeded", "bad-request"])
def test_what_is_about_one_request_says_nothing_about_the_engine(code: str) -> None:
    bench = Bench(lambda request: CallFailed(code, "too long"))

    async def many(model: Model) -> None:
        for n in range(3 * LEAST_FAILURES_IN_A_ROW):
            with pytest.raises(CallFailed):
                await model.generate(task_about(f"{n}"))
        assert not model.failing

    bench.run(many)


@pytest.mark.parametrize("code", ["http-500", "timeout", "http-400", "bad-reply", "context-exceeded"])
def test_a_call_that_fails_while_the_run_stops_is_dropped_unless_the_request_is_to_blame(code: str) -> None:
    """Who stops does not see whose fault it is. Replies that come all the same are kept."""
    bad = task_about("b")
    bench = Bench(lambda request: CallFailed(code, "no") if request == bad.request else "reply")

    async def stop(model: Model) -> Generation:
        model.stop()
        with pytest.raises(CallFailed if code == "context-exceeded" else EngineStopped):
            await model.generate(bad)
        return await model.generate(task_about("a"))

    assert bench.run(stop).completion == "reply"
    assert bench.engine.retrying is False
    assert bench.model.usage.calls_failed == 1


def test_what_was_answered_is_logged_also_when_the_run_is_left() -> None:
    bench = Bench(lambda request: "reply")

    async def leave(model: Model) -> None:
        asked = asyncio.ensure_future(model.generate(task_about("a")))
        while not model._pending:
            await asyncio.sleep(0)
        asked.cancel()
        await model.close()

    bench.run(leave)
    again = Bench(lambda request: "another", store=bench.store)
    found = again.run(lambda model: model.generate(task_about("a")))
    assert (found.completion, found.reused) == ("reply", True)


def test_who_is_cancelled_takes_nobody_along() -> None:
    """Also not who asked first: the call is everybody's."""
    bench = Bench(lambda request: "reply")

    async def leave(model: Model) -> Generation:
        first, second = (asyncio.ensure_future(model.generate(task_about("a"))) for _ in range(2))
        await asyncio.sleep(0)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        return await second

    assert bench.run(leave).completion == "reply"
    assert len(bench.engine.requests) == 1


def test_all_who_wait_for_a_call_that_fails_are_told_and_it_may_be_asked_again() -> None:
    failing = [CallFailed("bad-request", "no")]
    bench = Bench(lambda request: failing.pop() if failing else "reply")

    async def ask(model: Model) -> Generation:
        both = await asyncio.gather(*(model.generate(task_about("a")) for _ in range(2)), return_exceptions=True)
        assert [type(one) for one in both] == [CallFailed, CallFailed]
        return await model.generate(task_about("a"))

    assert bench.run(ask).completion == "reply"
    assert (bench.model.usage.calls_failed, bench.model.usage.reused, bench.model.usage.calls) == (1, 1, 1)


def test_a_call_that_had_not_begun_when_the_model_is_closed_keeps_nobody_waiting() -> None:
    bench = Bench(lambda request: "reply")

    async def close_at_once(model: Model) -> None:
        waiting = asyncio.ensure_future(model.generate(task_about("a")))
        while not model._asked:
            await asyncio.sleep(0)
        await model.close()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert (await model.generate(task_about("a"))).completion == "reply", "nobody waits for a call that is over"

    bench.run(close_at_once)


def test_what_was_not_answered_is_not_waited_for() -> None:
    class Deaf(ScriptedEngine):
        async def generate(self, request: TextRequest) -> TextReply:
            await asyncio.Event().wait()
            raise AssertionError

    async def leave() -> Store:
        engine, store = Deaf(lambda request: "never"), Store()
        model = Model(engine, store, ModelSettings(prompts=PROMPTS))
        asked = asyncio.ensure_future(model.generate(task_about("a")))
        await asyncio.sleep(0)
        await model.close()
        with pytest.raises(asyncio.CancelledError):
            await asked
        return store

    assert asyncio.run(leave()).kept == {}


@pytest.mark.parametrize(
    ("word", "expected"), [("stop", FinishReason.STOP), ("length", FinishReason.LENGTH), ("eos", FinishReason.OTHER)]
)
def test_a_word_of_the_log_that_is_none_of_ours_is_no_whole_reply(word: str, expected: FinishReason) -> None:
    key = GenerationKey("p", "e", "s")
    generation = Generation(key=key, pass_="content", messages=(), completion="x", finish_reason=word)
    assert read_finish(generation) is expected
