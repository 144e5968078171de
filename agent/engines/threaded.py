"""A token engine behind the TextEngine protocol: an event loop on one side, one engine thread on the other.

It knows neither torch nor the engine's package: a factory makes the engine on the thread that steps it, and a
tokenizer turns chats into ids and ids into text. A JSON Schema is not enforced here; a caller that knows the likeliest
reply, such as the skeleton with the commonest verdict, gives it as ``reference``, and the engine drafts from it.
"""

from __future__ import annotations

import asyncio
import math
import queue
import threading
import time
from collections.abc import Callable, Sequence

from midb.agent.engines.engine_thread import CLOSED, Answer, Cancel, Close, Command, Failure, Job, Pin, Worker
from midb.agent.engines.protocol import CallFailed, FinishReason, Message, TextReply, TextRequest
from midb.agent.engines.tokens import RequestRefused, TokenEngine, Tokenizer, TokenRequest, TokenResult

#: New tokens beyond the reference's share: room for what a reply says besides the text.
_EXTRA_TOKENS = 256

#: Beginnings that are pinned: one for each pass and language is what a run has.
_PINS = 64

#: System messages that are watched for coming back.
_WATCHED = 256


class ThreadedEngine:
    """Serves TextRequests with a token engine that lives on a thread of its own.

    The bound on new tokens is ``reference tokens x growth + 256``, cut to what the model's length leaves; where not
    even the reference fits, the call fails as ``context-exceeded`` before anything is computed. The engine knows ids
    only, so a stop string that is not one token is looked for in the finished text: what was generated behind it is cut
    off, and was paid for. A text that is cut within a character ends in U+FFFD.

    :param make: makes the engine, on the engine's thread. What it raises becomes EngineDown.
    :param fingerprint: computes the line once, when it is first asked for.
    :param clock: seconds.
    """

    def __init__(
        self,
        make: Callable[[], TokenEngine],
        tokenizer: Tokenizer,
        *,
        described: str,
        concurrency: int,
        fingerprint: Callable[[], str],
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.described = described
        self.concurrency = concurrency
        self._tokenizer = tokenizer
        self._make_fingerprint = fingerprint
        self._fingerprint: str | None = None
        self._clock = clock
        self._make = make
        self._commands: queue.SimpleQueue[Command] = queue.SimpleQueue()
        self._pending: set[Answer] = set()
        self._down: Failure | None = None
        self._max_length = 0
        self._thread: threading.Thread | None = None
        self._seen: dict[str, int] = {}  # system messages, the longest unused first
        self._pins = 0

    def fingerprint(self) -> str:
        """What the replies depend on, as one line."""
        if self._fingerprint is None:
            self._fingerprint = self._make_fingerprint()
        return self._fingerprint

    async def start(self) -> None:
        """Make the engine on its thread; raises EngineDown with the sentence of whatever went wrong."""
        if self._thread is not None:
            raise RuntimeError("an engine is started once")
        self._loop = asyncio.get_running_loop()
        self._ready: asyncio.Future[None] = self._loop.create_future()
        self._over: asyncio.Future[None] = self._loop.create_future()
        worker = Worker(self._make, self._commands, self._tell_ready, self._tell_outcomes, self._tell_over)
        # A daemon: if a run is killed before close(), the interpreter must not wait for the engine.
        self._thread = threading.Thread(target=worker.run, name="midb-engine", daemon=True)
        self._thread.start()
        await self._ready
        if self._down is not None:
            raise self._down.error()

    async def generate(self, request: TextRequest) -> TextReply:
        """Serve one request; raises CallFailed or EngineDown. Cancelling the awaiting task cancels the sequence."""
        started = self._clock()
        if self._thread is None:
            raise RuntimeError("the engine is not started")
        if self._down is not None:
            raise self._down.error()
        try:
            asked = self._in_tokens(request)
            self._pin(request.messages)
        except RequestRefused as refused:
            raise CallFailed(refused.code, str(refused), hint=refused.hint) from None
        job = Job(asked, self._loop.create_future())
        self._pending.add(job.future)
        self._commands.put(job)
        try:
            outcome = await job.future
        except asyncio.CancelledError:
            self._commands.put(Cancel(job))
            raise
        finally:
            self._pending.discard(job.future)
        if isinstance(outcome, Failure):
            raise outcome.error()
        return self._reply(request, asked, outcome, started)

    async def close(self) -> None:
        """Fail what is in flight, end the thread after the step at hand, and let go of the engine."""
        if self._thread is None:
            return
        self._end(self._down or CLOSED)
        self._commands.put(Close())
        await asyncio.shield(self._over)
        self._thread.join()

    def _in_tokens(self, request: TextRequest) -> TokenRequest:
        prompt = self._tokenizer.encode_chat(request.messages)
        reference = self._tokenizer.encode_reference(request.reference) if request.reference else []
        room = self._max_length - len(prompt)
        if room < max(1, len(reference)):
            raise RequestRefused(
                f"{len(prompt):,} prompt tokens and a reply of {len(reference):,} do not fit into the "
                f"{self._max_length:,} that the engine takes.",
                code="context-exceeded",
            )
        return TokenRequest(
            prompt_ids=prompt,
            reference_ids=reference,
            max_new_tokens=min(room, math.ceil(len(reference) * request.growth) + _EXTRA_TOKENS),
            temperature=request.sampling.temperature,
            seed=request.sampling.seed,
            stop_ids=self._tokenizer.stop_ids(request.stop),
        )

    def _reply(self, request: TextRequest, asked: TokenRequest, result: TokenResult, started: float) -> TextReply:
        stopped = result.finish_reason == "stop"
        text = self._tokenizer.decode(result.token_ids[:-1] if stopped else result.token_ids)
        ends = [place for string in request.stop if string and (place := text.find(string)) >= 0]
        return TextReply(
            text=text[: min(ends)] if ends else text,
            finish_reason=FinishReason.STOP if stopped or ends else FinishReason.LENGTH,
            prompt_tokens=len(asked.prompt_ids),
            completion_tokens=len(result.token_ids),
            cached_tokens=result.prefix_hits,
            drafted=result.drafted,
            accepted=result.accepted,
            steps=result.steps,
            seconds=self._clock() - started,
        )

    def _pin(self, messages: Sequence[Message]) -> None:
        """Have the KV of a system part that comes back computed once and never evicted.

        The prefix cache alone would drop it in favour of pages of single texts whenever a pass pauses. What comes once
        only is not pinned: it would take memory for good.
        """
        if not messages or messages[0].role != "system":
            return
        system = messages[0].content
        count = self._seen.pop(system, 0) + 1
        self._seen[system] = count
        if len(self._seen) > _WATCHED:
            del self._seen[next(iter(self._seen))]
        if count == 2 and self._pins < _PINS:
            self._pins += 1
            one, other = (self._tokenizer.encode_chat((messages[0], Message("user", text))) for text in ("0", "x"))
            if common := next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), 0):
                self._commands.put(Pin(one[:common]))

    def _end(self, failure: Failure) -> None:
        """From now on nothing is served."""
        self._down = failure
        for future in self._pending:
            if not future.done():
                future.set_result(failure)

    # Called on the engine's thread; what they call runs on the loop's.

    def _tell(self, heard: Callable[..., None], *arguments: object) -> None:
        try:
            self._loop.call_soon_threadsafe(heard, *arguments)
        except RuntimeError:  # the loop is closed: nobody waits any more
            self._commands.put(Close())

    def _tell_ready(self, max_length: int) -> None:
        self._tell(self._hear_ready, max_length)

    def _tell_outcomes(self, outcomes: list[tuple[Answer, TokenResult | Failure]]) -> None:
        self._tell(self._hear_outcomes, outcomes)

    def _tell_over(self, failure: Failure) -> None:
        self._tell(self._hear_over, failure)

    # Called on the loop's thread.

    def _hear_ready(self, max_length: int) -> None:
        self._max_length = max_length
        if not self._ready.done():
            self._ready.set_result(None)

    def _hear_outcomes(self, outcomes: list[tuple[Answer, TokenResult | Failure]]) -> None:
        for future, outcome in outcomes:
            if not future.done():  # cancelled, or failed by close() meanwhile
                future.set_result(outcome)

    def _hear_over(self, failure: Failure) -> None:
        self._end(self._down or failure)
        for future in (self._ready, self._over):
            if not future.done():
                future.set_result(None)
