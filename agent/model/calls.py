"""The model as the passes see it: a task in, a logged generation out. Nothing is asked or paid for twice.

A reply is in the log before anybody acts on it; a prompt that was answered there already, by whatever run, is not sent
again. Knows budgets and failing engines, not what the texts mean.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Protocol

from midb.agent.engines.protocol import (
    CallFailed,
    EngineDown,
    EngineStopped,
    FinishReason,
    TextEngine,
    TextReply,
)
from midb.agent.model.settings import ModelSettings
from midb.agent.model.tasks import Task
from midb.domain.decisions import Pass
from midb.domain.generations import Generation, GenerationKey, Usage

#: Calls in a row that may fail before the engine counts as down. More than are in flight at once: a hiccup of a server
#: fails all of those.
LEAST_FAILURES_IN_A_ROW = 16

#: The same where they waited in vain: each took as long as the user allows a server to be silent.
LEAST_TIMEOUTS_IN_A_ROW = 4

#: Failures that say something about one request, and nothing about the engine.
_REQUEST = frozenset({"context-exceeded", "bad-request"})

#: Failures that may be the engine's rather than the request's.
_OUTAGE = re.compile(r"connection|timeout|http-(?:408|409|425|429|5\d\d)|engine-error")


class GenerationStore(Protocol):
    """Where generations are kept: the audit log, for the run that is under way."""

    def find(self, key: GenerationKey) -> Generation | None:
        """The generation with a key, of whatever run."""
        ...

    def add(self, generations: Sequence[Generation]) -> list[Generation]:
        """Keep some, for good; returns them with their ids."""
        ...


class Model:
    """One engine, shared by all pairs and passes of a run."""

    def __init__(
        self,
        engine: TextEngine,
        store: GenerationStore,
        settings: ModelSettings,
        *,
        warn: Callable[[str], None] = lambda _: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.engine = engine
        self.settings = settings
        self._store = store
        self._fingerprints: dict[str, str] = {}  # by adapter
        self._warn = warn
        self._estimates = False
        self._clock = clock
        self._started = clock()
        self._asked: dict[GenerationKey, asyncio.Task[Generation]] = {}
        self._pending: list[tuple[Generation, asyncio.Future[Generation]]] = []
        self._usage: dict[Pass, Usage] = {}
        self._failures_in_a_row = 0
        self._last_failure: CallFailed | None = None
        self._replies = 0
        self._slowest = 0.0
        self._stopping = False

    async def generate(self, task: Task) -> Generation:
        """The logged reply to a task; raises CallFailed where there is none, EngineDown where there will be none.

        Two pairs that ask the same at once share one call.
        """
        key = GenerationKey(task.prompt_hash, self._fingerprint(task), task.request.sampling.as_json())
        if found := self._store.find(key):
            self._count(task.pass_, Usage(reused=1))
            return found
        if (asked := self._asked.get(key)) is None:
            asked = self._asked[key] = asyncio.ensure_future(self._call(key, task))
            asked.add_done_callback(lambda call: self._done(key, call))
        else:
            self._count(task.pass_, Usage(reused=1))
        return await asyncio.shield(asked)

    def _fingerprint(self, task: Task) -> str:
        """What a reply depends on: the model, and the adapter that is asked, but no other of the run."""
        adapter = task.request.adapter
        if adapter not in self._fingerprints:
            self._fingerprints[adapter] = self.engine.fingerprint(adapter)
        return self._fingerprints[adapter]

    def _done(self, key: GenerationKey, call: asyncio.Task[Generation]) -> None:
        del self._asked[key]
        if not call.cancelled():
            call.exception()  # looked at: who asked has it, or was cancelled and wants nothing any more

    async def _call(self, key: GenerationKey, task: Task) -> Generation:
        reply = await self._ask(task)
        self._failures_in_a_row = 0
        self._replies += 1
        self._slowest = max(self._slowest, reply.seconds)
        if not reply.prompt_tokens:
            reply = self._estimate(task, reply)
        generation = Generation(
            key=key,
            pass_=task.pass_.value,
            messages=tuple((message.role, message.content) for message in task.request.messages),
            completion=reply.text,
            finish_reason=reply.finish_reason.value,
            seconds=reply.seconds,
            **reply.counts(),
        )
        self._count(task.pass_, Usage.of([generation]))
        return await self._keep(generation)

    def _estimate(self, task: Task, reply: TextReply) -> TextReply:
        """A reply with tokens that its server did not count: that must not make a budget of tokens endless."""
        if not self._estimates:
            self._estimates = True
            self._warn(
                "the model's server does not stop at a closing tag, and is hung up on there; the tokens of prompts are "
                "estimated, at four bytes each"
                if reply.completion_tokens
                else "the model's server counts no tokens; they are estimated, at four bytes each"
            )
        prompt = sum(len(message.content.encode()) for message in task.request.messages)
        written = reply.completion_tokens or len(reply.text.encode()) // 4 + 1
        return replace(reply, prompt_tokens=prompt // 4, completion_tokens=written)

    async def _ask(self, task: Task) -> TextReply:
        """A reply, also across an outage: while nobody gets one, a pair is not to blame, and nothing is recorded of it.

        Raises CallFailed where others were served meanwhile, or where the request itself is what cannot be served;
        EngineDown once too many calls in a row have failed, for whatever reason; EngineStopped where a call fails
        while the run stops: it might have been served later.
        """
        while True:
            served = self._replies
            try:
                return await self.engine.generate(task.request)
            except CallFailed as error:
                self._count(task.pass_, Usage(calls_failed=1, retries=error.retries))
                if error.code in _REQUEST:
                    raise
                if self._stopping:
                    raise EngineStopped from error
                if self._replies != served:
                    raise
                self._failures_in_a_row += 1
                self._last_failure = error
                least = LEAST_TIMEOUTS_IN_A_ROW if error.code == "timeout" else LEAST_FAILURES_IN_A_ROW
                if self._failures_in_a_row > max(2 * self.engine.places, least):
                    raise self.down() from error
                if not _OUTAGE.fullmatch(error.code):
                    raise

    def down(self) -> EngineDown:
        """What to raise where calls fail and none succeeds."""
        last = f"; the last: {self._last_failure.message}" if self._last_failure else ""
        calls = "1 call" if self._failures_in_a_row == 1 else f"{self._failures_in_a_row:,} calls in a row"
        hint = self._last_failure.hint if self._last_failure else ""
        more = "See to the engine, then run the same command again: it goes on where this run stopped."
        return EngineDown(f"{calls} failed{last}", hint=f"{hint} {more}".strip(), retryable=True)

    def stop(self) -> None:
        """The run stops: calls that are under way may still be answered, but none is tried again."""
        self._stopping = True
        self.engine.stop_retrying()

    @property
    def slowest(self) -> float:
        """Seconds that the slowest reply so far has taken; 0 if there was none."""
        return self._slowest

    @property
    def failing(self) -> bool:
        """Whether the last calls failed: what came of them may be the engine's fault, and is not to be recorded yet."""
        return self._failures_in_a_row > 0

    @property
    def never_served(self) -> bool:
        """Whether calls failed, and not one was answered, also not by the log."""
        return self.failing and not self._replies and not self.usage.reused

    def _keep(self, generation: Generation) -> asyncio.Future[Generation]:
        """Log it together with what else comes in this turn of the loop."""
        loop = asyncio.get_running_loop()
        if not self._pending:
            loop.call_soon(self._flush)
        future: asyncio.Future[Generation] = loop.create_future()
        self._pending.append((generation, future))
        return future

    def _flush(self) -> None:
        pending, self._pending = self._pending, []
        try:
            written = self._store.add([generation for generation, _ in pending])
        except Exception as error:  # handed to those who wait
            for _, future in pending:
                if not future.done():
                    future.set_exception(error)
            return
        for (_, future), generation in zip(pending, written, strict=True):
            if not future.done():
                future.set_result(generation)

    async def close(self) -> None:
        """End what is still asked and log what was answered, before the loop is left."""
        asked = list(self._asked.values())
        for task in asked:
            task.cancel()
        await asyncio.gather(*asked, return_exceptions=True)
        if self._pending:
            self._flush()

    # -- what it costs -----------------------------------------------------------------------------------------------

    def count_failed_attempt(self, pass_: Pass) -> None:
        """Count a reply that could not be used, or whose rewrite was taken back."""
        self._count(pass_, Usage(attempts_failed=1))

    def _count(self, pass_: Pass, usage: Usage) -> None:
        known = self._usage.get(pass_)
        self._usage[pass_] = usage if known is None else known + usage

    @property
    def by_pass(self) -> Mapping[Pass, Usage]:
        """What each pass has used since the run (re)started."""
        return dict(self._usage)

    @property
    def usage(self) -> Usage:
        """What all passes have used."""
        return sum(self._usage.values(), Usage())

    @property
    def seconds(self) -> float:
        """Since the run (re)started."""
        return self._clock() - self._started

    @property
    def exhausted(self) -> bool:
        """Whether the budget is used up: no further pair is begun."""
        return self.settings.budget.left(self.seconds, self.usage.tokens) == 0

    @property
    def budget_left(self) -> str:
        """What is left of the budget, for people."""
        return self.settings.budget.describe_left(self.seconds, self.usage.tokens)


def read_finish(generation: Generation) -> FinishReason:
    """Why a logged reply ended; a word that is none of ours counts as broken off."""
    try:
        return FinishReason(generation.finish_reason)
    except ValueError:
        return FinishReason.OTHER
