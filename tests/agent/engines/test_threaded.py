"""The adapter between an event loop and an engine thread, with an engine that counts instead of computing."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any, TypeVar

import hypothesis.strategies as st
import pytest
from fake_engine import BOUND, END, FakeEngine, Letters, ids_of, text_of
from hypothesis import given, settings

from midb.agent.engines.protocol import (
    CallFailed,
    EngineDown,
    FinishReason,
    Message,
    Sampling,
    TextReply,
    TextRequest,
)
from midb.agent.engines.threaded import ThreadedEngine
from midb.agent.engines.tokens import TokenRequest
from midb.domain.errors import UsageError

T = TypeVar("T")


def make(fake: FakeEngine, **settings_: Any) -> ThreadedEngine:
    return ThreadedEngine(
        lambda: fake,
        Letters(),
        described="fake",
        concurrency=8,
        **({"fingerprint": lambda: "fake 1"} | settings_),
    )


def ask(text: str, system: str = "", **more: Any) -> TextRequest:
    head = (Message("system", system),) if system else ()
    return TextRequest(messages=(*head, Message("user", text)), **more)


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(asyncio.wait_for(coroutine, BOUND))


def with_engine(fake: FakeEngine, use: Callable[[ThreadedEngine], Awaitable[T]], **settings_: Any) -> T:
    async def whole() -> T:
        engine = make(fake, **settings_)
        await engine.start()
        try:
            return await use(engine)
        finally:
            fake.gate.set()
            await engine.close()
            assert not any(thread.name == "midb-engine" for thread in threading.enumerate())

    return run(whole())


async def until(event: threading.Event) -> None:
    """Wait for a thread's event without blocking the loop."""
    assert await asyncio.to_thread(event.wait, BOUND)


def test_a_reply_carries_text_and_counts() -> None:
    times = iter([10.0, 12.5])
    fake = FakeEngine()
    reply = with_engine(
        fake,
        lambda e: e.generate(ask("grüße", reference="Grüße!", sampling=Sampling(temperature=0.5, seed=7))),
        clock=lambda: next(times),
    )
    assert reply == TextReply(
        text="GRÜSSE",
        finish_reason=FinishReason.STOP,
        prompt_tokens=5,
        completion_tokens=7,
        cached_tokens=2,
        drafted=5,
        accepted=3,
        steps=6,
        seconds=2.5,
    )
    assert fake.added == [
        TokenRequest(
            prompt_ids=ids_of("grüße"),
            reference_ids=[*ids_of("Grüße!"), END],
            max_new_tokens=2 * 7 + 256,
            temperature=0.5,
            seed=7,
            stop_ids=[END],
        )
    ]
    assert threading.get_ident() not in fake.threads
    assert len(fake.threads) == 1


@pytest.mark.parametrize(
    ("reference", "growth", "length", "expected"),
    [
        ("", 2.0, 4_000, 256),
        ("abc", 1.1, 4_000, 5 + 256),  # 4 x 1.1, rounded up
        ("abc", 0.0, 4_000, 256),
        ("abc", 2.0, 100, 97),
        ("abc", 2.0, 7, 4),
        ("", 2.0, 4, 1),
    ],
)
def test_the_bound_on_new_tokens(reference: str, growth: float, length: int, expected: int) -> None:
    fake = FakeEngine(max_model_len=length)
    with_engine(fake, lambda e: e.generate(ask("abc", reference=reference, growth=growth)))
    assert fake.added[0].max_new_tokens == expected


def test_what_is_no_copy_gets_room_as_far_as_the_length_goes() -> None:
    """An answer, which copies nothing, gets what was asked for and no more."""
    for reference, length, expected in (("", 4_000, 1_000), ("abc", 4_000, 8 + 256 + 1_000), ("", 300, 297)):
        fake = FakeEngine(max_model_len=length)
        with_engine(fake, lambda e, text=reference: e.generate(ask("abc", reference=text, room=1_000)))
        assert fake.added[0].max_new_tokens == expected


@pytest.mark.parametrize(("reference", "length"), [("", 3), ("abc", 6), ("", 1)])
def test_what_does_not_fit_fails_before_it_costs_anything(reference: str, length: int) -> None:
    fake = FakeEngine(max_model_len=length)
    with pytest.raises(CallFailed) as failed:
        with_engine(fake, lambda e: e.generate(ask("abc", reference=reference)))
    assert failed.value.code == "context-exceeded"
    assert not fake.added


def test_a_reply_that_reaches_the_bound_says_so() -> None:
    reply = with_engine(FakeEngine(stops=False), lambda e: e.generate(ask("x" * 300)))
    assert reply.finish_reason is FinishReason.LENGTH
    assert reply.text == "X" * 256


@pytest.mark.parametrize(
    ("stop", "text", "reason"),
    [
        (("</REPLY>",), "ab", FinishReason.STOP_STRING),
        (("Q", "</REPLY>", "B<"), "a", FinishReason.STOP_STRING),
        (("Q",), "ab</reply>c", FinishReason.LENGTH),
        (("", "nowhere"), "ab</reply>c", FinishReason.LENGTH),
    ],
)
def test_stop_strings_cut_the_text(stop: tuple[str, ...], text: str, reason: FinishReason) -> None:
    fake = FakeEngine(stops=False)
    reply = with_engine(fake, lambda e: e.generate(ask("ab</reply>c", stop=stop)))
    assert (reply.text, reply.finish_reason) == (text.upper(), reason)
    complete = {"</REPLY>": 10, "B<": 3}  # nothing is generated behind the token that completes a stop string
    assert reply.completion_tokens == min((complete.get(string, 11) for string in stop), default=11)
    assert fake.added[0].stop_ids == [END, *([ord("Q")] if "Q" in stop else [])]


def test_hundreds_at_once_get_each_its_own() -> None:
    fake = FakeEngine()
    texts = [f"text {number} " + "x" * (number % 13) for number in range(500)]

    async def use(engine: ThreadedEngine) -> list[TextReply]:
        return await asyncio.gather(*(engine.generate(ask(text)) for text in texts))

    replies = with_engine(fake, use)
    assert [reply.text for reply in replies] == [text.upper() for text in texts]
    assert [text_of(request.prompt_ids) for request in fake.added] == texts  # taken in the order of asking


def test_it_wakes_after_idling_and_never_steps_while_idle() -> None:
    fake = FakeEngine()

    async def use(engine: ThreadedEngine) -> None:
        for number in range(20):
            assert (await engine.generate(ask("abcdefg"))).text == "ABCDEFG"
            assert fake.steps == number + 1

    with_engine(fake, use)


def test_cancelling_the_task_cancels_the_sequence() -> None:
    fake = FakeEngine()

    async def use(engine: ThreadedEngine) -> str:
        fake.gate.clear()
        first, second = (asyncio.create_task(engine.generate(ask(text))) for text in ("abcdef", "ghijkl"))
        await until(fake.stepping)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        fake.gate.set()
        return (await second).text

    assert with_engine(fake, use) == "GHIJKL"
    assert fake.cancelled == [0]


def test_cancelling_what_has_finished_does_no_harm() -> None:
    fake = FakeEngine()

    async def use(engine: ThreadedEngine) -> str:
        task = asyncio.create_task(engine.generate(ask("abcdefg")))
        await asyncio.sleep(0)  # asked, not answered: the answer needs the loop
        while fake.steps == 0:
            await asyncio.to_thread(lambda: None)
        task.cancel()
        await asyncio.wait([task])
        return (await engine.generate(ask("more"))).text

    assert with_engine(fake, use) == "MORE"


def test_a_request_that_is_refused_fails_alone() -> None:
    async def use(engine: ThreadedEngine) -> list[Any]:
        texts = ("one", "refuse me", "break add", "two")
        bad = TextRequest(messages=(Message("bad", "role"),))
        asked = [*map(ask, texts), bad]
        return await asyncio.gather(*map(engine.generate, asked), return_exceptions=True)

    one, refused, broken, two, bad = with_engine(FakeEngine(), use)
    assert (one.text, two.text) == ("ONE", "TWO")
    assert (refused.code, refused.message, refused.hint) == ("refused", "it is refused.", "Ask otherwise.")
    assert (broken.code, broken.message) == ("engine-error", "the engine failed: ValueError: a bug.")
    assert bad.code == "refused"
    assert all(error.retryable for error in (refused, broken, bad))


def test_a_step_that_fails_costs_only_those_in_flight() -> None:
    fake = FakeEngine(errors={2: RuntimeError("a hiccup\nwith details")})

    async def use(engine: ThreadedEngine) -> list[Any]:
        # "abcdefg" is done after the first step, "abc" would take four.
        asked = [engine.generate(ask(text)) for text in ("abcdefg", "abc")]
        found: list[Any] = await asyncio.gather(*asked, return_exceptions=True)
        return [*found, await engine.generate(ask("later"))]

    done, failed, later = with_engine(fake, use)
    assert (done.text, later.text) == ("ABCDEFG", "LATER")
    assert isinstance(failed, CallFailed)
    assert (failed.code, failed.message) == ("engine-error", "the engine failed: RuntimeError: a hiccup.")
    assert fake.cancelled == [1]


def test_who_finished_before_the_step_broke_off_has_a_reply() -> None:
    fake = FakeEngine(late_errors={1: RuntimeError("too late")})

    async def use(engine: ThreadedEngine) -> list[Any]:
        asked = [engine.generate(ask(text)) for text in ("abcdefg", "abc")]
        return await asyncio.gather(*asked, return_exceptions=True)

    done, failed = with_engine(fake, use)
    assert done.text == "ABCDEFG"
    assert isinstance(failed, CallFailed)


class DeviceLost(Exception):
    """What a GPU says before it says nothing more."""


@pytest.mark.parametrize(
    "errors",
    [
        {2: DeviceLost("CUDA error")},
        {2: MemoryError()},
        {2: KeyboardInterrupt()},
        {number: ValueError("again") for number in (1, 2, 3)},
    ],
)
def test_an_engine_that_is_lost_is_down_for_good(errors: dict[int, BaseException]) -> None:
    fake = FakeEngine(errors=errors, fatal=(DeviceLost,))

    async def use(engine: ThreadedEngine) -> None:
        for _ in range(2):
            if 1 in errors:
                with pytest.raises(CallFailed):
                    await engine.generate(ask("abc"))
        found = await asyncio.gather(*(engine.generate(ask("abc")) for _ in range(9)), return_exceptions=True)
        assert [type(error) for error in found] == [EngineDown] * 9
        assert len({id(error) for error in found}) == 9
        with pytest.raises(EngineDown, match="the engine failed: "):
            await engine.generate(ask("more"))

    with_engine(fake, use)


def test_failures_that_are_far_apart_do_not_add_up() -> None:
    fake = FakeEngine(errors={number: ValueError("once more") for number in range(1, 40, 2)})

    async def use(engine: ThreadedEngine) -> int:
        asked = [await asyncio.gather(engine.generate(ask("abcdefg")), return_exceptions=True) for _ in range(40)]
        return sum(isinstance(reply, TextReply) for (reply,) in asked)

    assert with_engine(fake, use) == 20


def test_closing_fails_what_is_in_flight() -> None:
    fake = FakeEngine()

    async def use(engine: ThreadedEngine) -> None:
        fake.gate.clear()
        tasks = [asyncio.create_task(engine.generate(ask(f"text {number}"))) for number in range(50)]
        await until(fake.stepping)
        closing = asyncio.create_task(engine.close())
        found = await asyncio.gather(*tasks, return_exceptions=True)  # before the step at hand is through
        assert [type(error) for error in found] == [EngineDown] * 50
        fake.gate.set()
        await closing
        with pytest.raises(EngineDown, match="closed"):
            await engine.generate(ask("more"))

    with_engine(fake, use)  # which closes once more


def test_what_is_not_started_says_so() -> None:
    async def use() -> None:
        engine = make(FakeEngine())
        await engine.close()
        with pytest.raises(RuntimeError, match="not started"):
            await engine.generate(ask("x"))

    run(use())


@pytest.mark.parametrize(
    ("error", "message", "hint"),
    [
        (UsageError("the checkpoint is cut short.", hint="Fetch it again."), "the checkpoint is cut short.", "Fetch"),
        (OSError("odd"), "the engine failed: OSError: odd.", ""),
    ],
)
def test_an_engine_that_cannot_be_made_is_down(error: Exception, message: str, hint: str) -> None:
    def fail() -> FakeEngine:
        raise error

    async def use() -> None:
        engine = ThreadedEngine(fail, Letters(), described="", concurrency=1, fingerprint=str)
        for call in (engine.start, lambda: engine.generate(ask("x"))):
            with pytest.raises(EngineDown) as down:
                await call()
            assert down.value.message == message
            assert down.value.hint.startswith(hint)
        await engine.close()

    run(use())


def test_a_loop_that_ends_first_ends_the_thread_at_the_next_outcome() -> None:
    fake = FakeEngine()
    loop = asyncio.new_event_loop()
    engine = make(fake)
    loop.run_until_complete(engine.start())
    fake.gate.clear()
    forgotten = loop.create_task(engine.generate(ask("abcdefg")))
    loop.run_until_complete(until(fake.stepping))
    loop.run_until_complete(loop.shutdown_default_executor())
    loop.close()
    (thread,) = (t for t in threading.enumerate() if t.name == "midb-engine")
    fake.gate.set()
    thread.join(BOUND)
    assert not thread.is_alive()
    assert not forgotten.done()


def test_a_system_part_that_comes_back_is_pinned_once() -> None:
    fake = FakeEngine()

    async def use(engine: ThreadedEngine) -> None:
        for text in ("a", "b", "c"):
            await engine.generate(ask(text, "be brief"))
        await engine.generate(ask("a", "comes once"))
        await engine.generate(ask("a"))
        await engine.generate(ask("a"))

    with_engine(fake, use)
    assert [text_of(ids) for ids in fake.pinned] == ["be brief\n"]


def test_a_system_part_is_pinned_for_each_adapter_that_reads_it() -> None:
    fake = FakeEngine()

    async def use(engine: ThreadedEngine) -> None:
        for name in ("", "style", "style", "", "style", "other"):
            await engine.generate(ask("a", "be brief", adapter=name))

    with_engine(fake, use)
    assert [text_of(ids) for ids in fake.pinned] == ["be brief\n"] * 2
    assert fake.pinned_for == ["style", None]
    assert [request.adapter for request in fake.added] == [None, "style", "style", None, "style", "other"]


def test_an_adapter_is_part_of_the_fingerprint_of_what_it_answers() -> None:
    engine = make(FakeEngine(), adapters={"style 1": ("style", "sha256:12"), "style 3": ("style", "sha256:34")})
    assert engine.fingerprint() == "fake 1"
    assert engine.fingerprint("style 3") == "fake 1 + adapter style sha256:34"


def test_pins_are_bounded() -> None:
    fake = FakeEngine()

    async def use(engine: ThreadedEngine) -> None:
        for number in range(400):
            for text in ("a", "b"):
                await engine.generate(ask(text, f"{number:06}"))

    with_engine(fake, use)
    assert len(fake.pinned) == 64


def test_failing_to_pin_is_no_error() -> None:
    fake = FakeEngine(pin_error=ValueError("no room"))

    async def use(engine: ThreadedEngine) -> list[str]:
        return [(await engine.generate(ask(text, "be brief"))).text for text in ("a", "b", "c")]

    assert with_engine(fake, use) == ["A", "B", "C"]


def test_the_fingerprint_is_computed_once() -> None:
    calls: list[int] = []

    def compute() -> str:
        calls.append(1)
        return "fake 1"

    engine = make(FakeEngine(), fingerprint=compute)
    assert not calls
    assert [engine.fingerprint() for _ in range(3)] == ["fake 1"] * 3
    assert len(calls) == 1


@dataclass(frozen=True)
class Plan:
    """What one caller does: turns of the loop before it asks, and before it gives up (None: never)."""

    text: str
    waits: int
    gives_up: int | None


plans = st.lists(
    st.builds(
        Plan,
        text=st.sampled_from(["a", "bc", "refuse me", "defghij", "klmno"]),
        waits=st.integers(0, 5),
        gives_up=st.none() | st.integers(0, 6),
    ),
    min_size=1,
    max_size=25,
)


@settings(max_examples=60)
@given(plans=plans, failing=st.sets(st.integers(1, 20), max_size=4))
def test_whatever_happens_each_caller_hears_exactly_once(plans: list[Plan], failing: set[int]) -> None:
    """Random askings, cancellations and failing steps: nobody hangs, gets another's reply, or is left in the engine."""
    fake = FakeEngine(errors={number: ValueError("odd") for number in failing})

    async def call(engine: ThreadedEngine, plan: Plan, number: int) -> TextReply:
        for _ in range(plan.waits):
            await asyncio.sleep(0)
        return await engine.generate(ask(f"{plan.text} {number}"))

    async def give_up(task: asyncio.Task[TextReply], turns: int) -> None:
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()

    async def use(engine: ThreadedEngine) -> list[Any]:
        tasks = [asyncio.create_task(call(engine, plan, number)) for number, plan in enumerate(plans)]
        quitters = [give_up(t, p.gives_up) for t, p in zip(tasks, plans, strict=True) if p.gives_up is not None]
        found: list[Any] = await asyncio.gather(*tasks, *quitters, return_exceptions=True)
        return found[: len(tasks)]

    outcomes = with_engine(fake, use)
    lost = any({first, first + 1, first + 2} <= failing for first in failing)
    for number, (plan, outcome) in enumerate(zip(plans, outcomes, strict=True)):
        if isinstance(outcome, TextReply):
            assert outcome.text == f"{plan.text} {number}".upper()
        elif isinstance(outcome, asyncio.CancelledError):
            assert plan.gives_up is not None
        elif isinstance(outcome, CallFailed):
            assert outcome.code == "refused" if plan.text == "refuse me" else failing
        else:
            assert isinstance(outcome, EngineDown)
            assert lost
    if not lost:
        assert not fake.busy
    assert len(fake.added) <= len(plans)
