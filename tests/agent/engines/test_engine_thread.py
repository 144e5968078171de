"""What the engine's thread does with commands, run here on the thread of the test."""

from __future__ import annotations

import asyncio
import queue
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest
from fake_engine import END, FakeEngine, FakeResult, ids_of, text_of

from midb.agent.engines.engine_thread import CLOSED, Cancel, Close, Command, Failure, Job, Pin, Worker
from midb.agent.engines.protocol import CallFailed, EngineDown
from midb.agent.engines.tokens import TokenEngine, TokenRequest, TokenResult
from midb.domain.errors import UsageError


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    """A loop that futures can belong to; it never runs."""
    made = asyncio.new_event_loop()
    yield made
    made.close()


@dataclass
class Desk:
    """The worker's other side: it closes the worker once so many outcomes have come."""

    loop: asyncio.AbstractEventLoop
    expected: int = 0
    commands: queue.SimpleQueue[Command] = field(default_factory=queue.SimpleQueue)
    heard: list[str] = field(default_factory=list)
    jobs: list[Job] = field(default_factory=list)
    outcomes: dict[int, TokenResult | Failure] = field(default_factory=dict)
    end: Failure | None = None

    def ask(self, text: str) -> Job:
        """Put a request."""
        prompt = ids_of(text)
        request = TokenRequest(
            prompt_ids=prompt, reference_ids=[], max_new_tokens=9, temperature=0.0, seed=0, stop_ids=[END]
        )
        job = Job(request, self.loop.create_future())
        self.jobs.append(job)
        self.commands.put(job)
        return job

    def run(self, make: Callable[[], TokenEngine]) -> Desk:
        """Run a worker to its end."""
        if self.expected == 0:
            self.commands.put(Close())
        Worker(make, self.commands, self._on_ready, self._on_outcomes, self._on_end).run()
        return self

    def replies(self) -> list[str]:
        """What became of each request: its text, its error, or nothing."""
        return [self._show(self.outcomes.get(number)) for number in range(len(self.jobs))]

    def _show(self, outcome: TokenResult | Failure | None) -> str:
        if outcome is None:
            return ""
        return f"{outcome.code}: {outcome.message}" if isinstance(outcome, Failure) else text_of(outcome.token_ids[:-1])

    def _on_ready(self, max_model_len: int) -> None:
        self.heard.append(f"ready {max_model_len}")

    def _on_outcomes(self, outcomes: list[tuple[asyncio.Future[TokenResult | Failure], TokenResult | Failure]]) -> None:
        self.heard.append(f"{len(outcomes)} outcomes")
        futures = [job.future for job in self.jobs]
        for future, outcome in outcomes:
            number = futures.index(future)
            assert number not in self.outcomes, "told twice"
            self.outcomes[number] = outcome
        if len(self.outcomes) == self.expected:
            self.commands.put(Close())

    def _on_end(self, failure: Failure) -> None:
        self.heard.append("end")
        assert self.end is None
        self.end = failure


def test_a_beginning_is_pinned_for_an_adapter(loop: asyncio.AbstractEventLoop) -> None:
    desk = Desk(loop, expected=1)
    for adapter in (None, "style"):
        desk.commands.put(Pin([7, 8], adapter))
    desk.ask("hi")
    fake = FakeEngine()
    desk.run(lambda: fake)
    assert (fake.pinned, fake.pinned_for) == ([[7, 8], [7, 8]], [None, "style"])


def test_requests_are_served_and_each_gets_its_own(loop: asyncio.AbstractEventLoop) -> None:
    """Prompts of 7 tokens take one step, those of 2 three."""
    desk = Desk(loop, expected=3)
    for text in ("abcdefg", "hi", "hijklmn"):
        desk.ask(text)
    fake = FakeEngine()
    assert desk.run(lambda: fake).replies() == ["ABCDEFG", "HI", "HIJKLMN"]
    assert desk.heard == ["ready 4000", "2 outcomes", "1 outcomes", "end"]
    assert desk.end is CLOSED
    assert (fake.steps, fake.busy) == (3, False)


def test_commands_are_taken_before_each_step_in_their_order(loop: asyncio.AbstractEventLoop) -> None:
    desk = Desk(loop, expected=1)
    desk.commands.put(Pin([7, 8]))
    stuck = desk.ask("ab")
    desk.ask("cd")
    desk.commands.put(Cancel(stuck))
    desk.commands.put(Cancel(stuck))
    desk.commands.put(Pin([9]))
    fake = FakeEngine()
    assert desk.run(lambda: fake).replies() == ["", "CD"]
    assert fake.pinned == [[7, 8], [9]]
    assert fake.cancelled == [0]


def test_told_to_close_it_ends_before_the_next_step(loop: asyncio.AbstractEventLoop) -> None:
    desk = Desk(loop)
    desk.ask("ab")
    fake = FakeEngine()
    assert desk.run(lambda: fake).replies() == [""]
    assert (desk.end, fake.steps) == (CLOSED, 0)


def test_a_request_that_fails_to_be_added_fails_alone(loop: asyncio.AbstractEventLoop) -> None:
    desk = Desk(loop, expected=3)
    for text in ("refuse me", "break add", "fine"):
        desk.ask(text)
    assert desk.run(FakeEngine).replies() == [
        "refused: it is refused.",
        "engine-error: the engine failed: ValueError: a bug.",
        "FINE",
    ]
    refused = desk.outcomes[0]
    assert isinstance(refused, Failure)
    assert refused.hint == "Ask otherwise."


def test_a_step_that_fails_fails_those_in_it(loop: asyncio.AbstractEventLoop) -> None:
    desk = Desk(loop, expected=2)
    desk.ask("abcdefg")
    desk.ask("hi")
    fake = FakeEngine(errors={2: ValueError("odd\nand more")})
    assert desk.run(lambda: fake).replies() == ["ABCDEFG", "engine-error: the engine failed: ValueError: odd."]
    assert fake.cancelled == [1]
    assert desk.end is CLOSED


def test_who_finished_before_the_step_broke_off_has_a_reply(loop: asyncio.AbstractEventLoop) -> None:
    desk = Desk(loop, expected=2)
    desk.ask("abcdefg")
    desk.ask("hi")
    fake = FakeEngine(late_errors={1: ValueError("too late")})
    assert desk.run(lambda: fake).replies() == ["ABCDEFG", "engine-error: the engine failed: ValueError: too late."]


class Recorder(queue.SimpleQueue[Command]):
    """Notes whether it was waited for."""

    def __init__(self) -> None:
        self.waits: list[bool] = []

    def get(self, block: bool = True, timeout: float | None = None) -> Command:
        self.waits.append(block)
        return super().get(block, timeout)


def test_it_waits_for_commands_only_while_it_has_nothing_to_do(loop: asyncio.AbstractEventLoop) -> None:
    """Else it would spin, or let a request wait for the next command."""
    recorder = Recorder()
    desk = Desk(loop, expected=1, commands=recorder)
    desk.ask("hi")
    desk.run(FakeEngine)
    assert recorder.waits == [True, False, False, True]  # a request of three steps, and the end


class Idle(FakeEngine):
    """Takes requests and does nothing."""

    def step(self) -> bool:
        return False


class Dying(Exception):
    """An error that the fake engine does not survive."""


def step_for_ever(loop: asyncio.AbstractEventLoop, fake: FakeEngine) -> Desk:
    """Ask again whenever a request has failed, until the engine is lost."""
    desk = Desk(loop, expected=99)
    report = desk._on_outcomes

    def ask_again(outcomes: list[tuple[asyncio.Future[TokenResult | Failure], TokenResult | Failure]]) -> None:
        report(outcomes)
        desk.ask("ab")

    desk._on_outcomes = ask_again  # type: ignore[method-assign]
    desk.ask("ab")
    return desk.run(lambda: fake)


def test_an_engine_that_does_nothing_is_lost_after_three_steps(loop: asyncio.AbstractEventLoop) -> None:
    desk = step_for_ever(loop, Idle())
    sentence = "the engine failed: RuntimeError: it has requests and does nothing."
    assert desk.replies() == [f"engine-error: {sentence}"] * 2 + [""]
    assert desk.end == Failure(sentence)


@pytest.mark.parametrize("error", [Dying("gone"), MemoryError(), KeyboardInterrupt()])
def test_an_engine_that_does_not_survive_is_lost_at_once(error: BaseException, loop: asyncio.AbstractEventLoop) -> None:
    desk = step_for_ever(loop, FakeEngine(errors={1: error}, fatal=(Dying,)))
    assert desk.replies() == [""]
    assert desk.end is not None
    assert type(error).__name__ in desk.end.message
    assert desk.heard[-1] == "end"


def test_a_good_step_forgives_the_bad_ones_before(loop: asyncio.AbstractEventLoop) -> None:
    fake = FakeEngine(errors={step: ValueError("odd") for step in (1, 2, 4, 5, 7, 8, 9)})
    desk = step_for_ever(loop, fake)
    assert fake.steps == 9
    assert desk.end == Failure("the engine failed: ValueError: odd.")


def test_a_pin_that_fails_is_nobodys_loss_unless_the_engine_is_lost(loop: asyncio.AbstractEventLoop) -> None:
    desk = Desk(loop, expected=1)
    desk.commands.put(Pin([7]))
    desk.ask("hi")
    assert desk.run(lambda: FakeEngine(pin_error=ValueError("no room"))).replies() == ["HI"]
    lost = Desk(loop, expected=1)
    lost.commands.put(Pin([7]))
    lost.run(lambda: FakeEngine(pin_error=Dying("gone"), fatal=(Dying,)))
    assert lost.end == Failure("the engine failed: Dying: gone.")


def test_an_engine_that_cannot_be_made_says_why(loop: asyncio.AbstractEventLoop) -> None:
    def fail() -> FakeEngine:
        raise UsageError("it is cut short.", hint="Fetch it again.")

    desk = Desk(loop).run(fail)
    assert desk.heard == ["end"]
    assert desk.end == Failure("it is cut short.", hint="Fetch it again.")


def test_results_that_nobody_asked_for_go_nowhere(loop: asyncio.AbstractEventLoop) -> None:
    fake = FakeEngine()
    fake._finished.append(FakeResult(77, [1, END], "stop", 1))
    desk = Desk(loop, expected=1)
    desk.ask("hi")
    assert desk.run(lambda: fake).replies() == ["HI"]


def test_an_error_is_made_for_each_who_waits() -> None:
    down, failed = Failure("it is gone.", hint="Start anew."), Failure("odd.", "engine-error", "Try again.")
    assert isinstance(down.make_error(), EngineDown)
    error = failed.make_error()
    assert isinstance(error, CallFailed)
    assert (error.code, error.message, error.hint) == ("engine-error", "odd.", "Try again.")
    assert failed.make_error() is not error
