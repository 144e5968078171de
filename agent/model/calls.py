"""The model as the passes see it: a task in, a logged generation out. Nothing is asked or paid for twice.

A reply is in the log before anybody acts on it; a prompt that was answered there already, by whatever run, is not sent
again. Knows budgets and failing engines, not what the texts mean.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Protocol

from midb.agent.engines.protocol import (
    CallFailed,
    EngineDown,
    EngineStopped,
    FinishReason,
    Message,
    TextEngine,
    TextReply,
    TextRequest,
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

#: Tokens that show that an engine answers.
FEW_TOKENS = 8

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


class _Call:
    """One call that is under way, and those who wait for its reply. Who is cancelled takes nobody along."""

    def __init__(self, key: GenerationKey, task: Task) -> None:
        self.key = key
        self.task = task
        self.work: asyncio.Task[None] | None = None
        self._waiting: list[asyncio.Future[Generation]] = []

    def join(self) -> asyncio.Future[Generation]:
        """The reply for one more who waits."""
        future: asyncio.Future[Generation] = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        return future

    def answer(self, generation: Generation) -> None:
        """Hand out the reply."""
        for future in self._waiting:
            if not future.done():
                future.set_result(generation)

    def fail(self, error: BaseException) -> None:
        """Say why there is no reply; where nobody waits any more, nobody wants to know."""
        for future in self._waiting:
            if not future.done():
                future.set_exception(error)

    def drop(self) -> None:
        """Cancel who still waits."""
        for future in self._waiting:
            future.cancel()


class Model:
    """One engine, shared by all pairs and passes of a run."""

    def __init__(
        self,
        engine: TextEngine,
        store: GenerationStore,
        settings: ModelSettings,
        *,
        warn: Callable[[str], None] = lambda _: None,
        find_answered: Callable[[str], Sequence[tuple[str, str]]] = lambda _: (),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """``find_answered`` gives a prompt that the engine of a fingerprint has answered before, as (role, content)."""
        self.engine = engine
        self.settings = settings
        self._store = store
        self._fingerprints: dict[str, str] = {}  # by adapter
        self._warn = warn
        self._find_answered = find_answered
        self._answered: TextRequest | None = None  # the last one
        self._estimates = False
        self._clock = clock
        self._started = clock()
        self._asked: dict[GenerationKey, _Call] = {}
        self._pending: list[tuple[Generation, _Call]] = []
        self._usage: dict[Pass, Counter[str]] = {}
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
            self._answered = task.request
            self._count(task.pass_, {"reused": 1})
            return found
        if (call := self._asked.get(key)) is None:
            call = self._asked[key] = _Call(key, task)
            # A task of its own: what an engine does is no time of the record that asks first.
            call.work = asyncio.get_running_loop().create_task(self._carry_out(call))
        else:
            self._count(task.pass_, {"reused": 1})
        return await call.join()

    def _fingerprint(self, task: Task) -> str:
        """What a reply depends on: the model, and the adapter that is asked, but no other of the run."""
        adapter = task.request.adapter
        if adapter not in self._fingerprints:
            self._fingerprints[adapter] = self.engine.fingerprint(adapter)
        return self._fingerprints[adapter]

    async def _carry_out(self, call: _Call) -> None:
        """Get the reply of a call; it is handed out once it is logged."""
        try:
            generation = await self._generate(call)
        except asyncio.CancelledError:
            self._give_up(call)
            raise
        except BaseException as error:
            del self._asked[call.key]
            call.fail(error)
            if not isinstance(error, Exception):
                raise
        else:
            self._keep(generation, call)

    async def _generate(self, call: _Call) -> Generation:
        task = call.task
        reply = await self._ask(task)
        self._failures_in_a_row = 0
        self._replies += 1
        self._answered = task.request
        self._slowest = max(self._slowest, reply.seconds)
        if not reply.prompt_tokens:
            reply = self._estimate(task, reply)
        counts = reply.counts()
        self._count(task.pass_, {"calls": 1, **counts})
        return Generation(
            key=call.key,
            pass_=task.pass_.value,
            messages=tuple((message.role, message.content) for message in task.request.messages),
            completion=reply.text,
            finish_reason=reply.finish_reason.value,
            seconds=reply.seconds,
            **counts,
        )

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
        while the run stops: it might have been served later. Where others were served only before its last tries, the
        engine may have broken down then; it is asked once more, and a request that breaks the engine not again and
        again. Where no other request is under way that could show whose fault it is, one that was answered before does.
        """
        broke_down = proved = False
        while True:
            served = self._replies
            try:
                return await self.engine.generate(task.request)
            except CallFailed as error:
                self._count(task.pass_, {"calls_failed": 1, "retries": error.retries})
                if error.code in _REQUEST:
                    raise
                if self._stopping:
                    raise EngineStopped from error
                if self._replies != served:
                    if broke_down or not error.nobody_served:
                        raise
                    broke_down = True
                self._failures_in_a_row += 1
                self._last_failure = error
                given_up = self._is_given_up(error)
                if proved or not (given_up or _OUTAGE.fullmatch(error.code)):
                    raise
                if (given_up or len(self._asked) == 1) and await self._answers_again(task):
                    proved = True  # but the engine may have come back just now: this request is asked once more
                elif given_up:
                    raise self.down() from error

    def _is_given_up(self, error: CallFailed) -> bool:
        """Whether so many calls in a row have failed, the last by an error, that it is the engine's fault."""
        least = LEAST_TIMEOUTS_IN_A_ROW if error.code == "timeout" else LEAST_FAILURES_IN_A_ROW
        return self._failures_in_a_row > max(2 * self.engine.places, least)

    async def _answers_again(self, task: Task) -> bool:
        """Whether the engine still answers what it has answered before, of which it is asked for a few tokens."""
        request = self._answered
        if request is None and (found := self._find_answered(self._fingerprint(task))):
            request = TextRequest(messages=tuple(Message(*message) for message in found))
        if request is None:
            return False
        try:
            reply = await self.engine.generate(replace(request, reference="", room=FEW_TOKENS, schema=None))
        except CallFailed as error:
            self._count(task.pass_, {"calls_failed": 1, "retries": error.retries})
            return False
        self._count(task.pass_, {"calls": 1, **reply.counts()})
        self._answered = request
        self._failures_in_a_row = 0
        self._replies += 1
        return True

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

    def _keep(self, generation: Generation, call: _Call) -> None:
        """Log it together with what else comes in this turn of the loop."""
        if not self._pending:
            asyncio.get_running_loop().call_soon(self._flush)
        self._pending.append((generation, call))

    def _flush(self) -> None:
        pending, self._pending = self._pending, []
        for _, call in pending:
            del self._asked[call.key]
        try:
            written = self._store.add([generation for generation, _ in pending])
        except Exception as error:  # handed to those who wait
            for _, call in pending:
                call.fail(error)
            return
        for (_, call), generation in zip(pending, written, strict=True):
            call.answer(generation)

    async def close(self) -> None:
        """End what is still asked and log what was answered, before the loop is left."""
        asked = list(self._asked.values())
        work = [call.work for call in asked if call.work is not None]
        for task in work:
            task.cancel()
        await asyncio.gather(*work, return_exceptions=True)
        if self._pending:
            self._flush()
        for call in asked:
            self._give_up(call)  # one that had not even begun does not do so itself

    def _give_up(self, call: _Call) -> None:
        """Cancel those who wait for a call that was cancelled."""
        self._asked.pop(call.key, None)
        call.drop()

    # -- what it costs -----------------------------------------------------------------------------------------------

    def count_failed_attempt(self, pass_: Pass) -> None:
        """Count a reply that could not be used, or whose rewrite was taken back."""
        self._count(pass_, {"attempts_failed": 1})

    def _count(self, pass_: Pass, counts: Mapping[str, int]) -> None:
        """Add to what a pass has used; the names are those of `Usage`."""
        used = self._usage.setdefault(pass_, Counter())
        for name, count in counts.items():
            if count:
                used[name] += count

    @property
    def by_pass(self) -> Mapping[Pass, Usage]:
        """What each pass has used since the run (re)started."""
        return {pass_: Usage(**used) for pass_, used in self._usage.items()}

    @property
    def usage(self) -> Usage:
        """What all passes have used."""
        return sum(self.by_pass.values(), Usage())

    @property
    def seconds(self) -> float:
        """Since the run (re)started."""
        return self._clock() - self._started

    @property
    def exhausted(self) -> bool:
        """Whether the budget is used up: no further pair is begun."""
        return self.settings.budget.left(self.seconds, self._tokens) == 0

    @property
    def budget_left(self) -> str:
        """What is left of the budget, for people."""
        return self.settings.budget.describe_left(self.seconds, self._tokens)

    @property
    def _tokens(self) -> int:
        """Tokens paid for by all passes, without summing up what else they used: this is asked for again and again."""
        return sum(used["prompt_tokens"] + used["completion_tokens"] for used in self._usage.values())


def read_finish(generation: Generation) -> FinishReason:
    """Why a logged reply ended; a word that is none of ours counts as broken off."""
    try:
        return FinishReason(generation.finish_reason)
    except ValueError:
        return FinishReason.OTHER
