"""A token engine behind the TextEngine protocol: an event loop on one side, one engine thread on the other.

It knows neither torch nor the engine's package: a factory makes the engine on the thread that steps it, and a
tokenizer turns chats into ids and ids into text. A JSON Schema is enforced where the tokenizer knows how. A caller that
knows the likeliest reply, such as the skeleton of the JSON with the commonest verdict, gives it as ``reference``, and
the engine drafts from it.
"""

from __future__ import annotations

import asyncio
import math
import queue
import threading
import time
from collections.abc import Callable, Mapping

from midb.agent.engines.engine_thread import CLOSED, Answer, Cancel, Close, Command, Failure, Job, Pin, Worker
from midb.agent.engines.protocol import Activity, CallFailed, FinishReason, Message, TextReply, TextRequest, cut_at_stop
from midb.agent.engines.tokens import RequestRefused, TokenEngine, Tokenizer, TokenRequest, TokenResult
from midb.domain.generations import add_adapter

#: New tokens that are allowed on top of what the reference allows, for what a reply says besides the text.
_EXTRA_TOKENS = 256

#: Most beginnings that are pinned. A run has one for each pass and language.
_MOST_PINS = 64

#: Most system messages that are remembered, to notice when one comes back.
_MOST_REMEMBERED = 256

#: Why a reply ended, by why its tokens did.
_FINISHES = {"stop": FinishReason.STOP, "looped": FinishReason.LOOPED}


class ThreadedEngine:
    """Serves TextRequests with a token engine that lives on a thread of its own.

    The bound on new tokens is ``reference tokens x growth + 256`` and the request's ``room``, or what the model's
    length leaves if that is less. If not even the reference fits, the call fails with ``context-exceeded`` before
    anything is computed. Stop strings of visible ASCII end a reply with the token that completes them. Others are
    looked for in the finished text: what was generated after them is cut off, though its tokens are counted. A text
    that is cut within a character ends in U+FFFD.

    :param make: makes the engine, on the engine's thread. What it raises becomes EngineDown.
    :param fingerprint: makes the line, once, when it is first asked for.
    :param adapters: what tells each adapter from others, by the name that requests use: its own name and a detail.
    :param clock: counts seconds.
    """

    def __init__(
        self,
        make: Callable[[], TokenEngine],
        tokenizer: Tokenizer,
        *,
        described: str,
        concurrency: int,
        fingerprint: Callable[[], str],
        adapters: Mapping[str, tuple[str, str]] | None = None,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.described = described
        self.concurrency = concurrency
        self._tokenizer = tokenizer
        self._make_fingerprint = fingerprint
        self._fingerprint: str | None = None
        self._adapters = dict(adapters or {})
        self._clock = clock
        self._make = make
        self._commands: queue.SimpleQueue[Command] = queue.SimpleQueue()
        self._pending: set[Answer] = set()
        self._down: Failure | None = None
        self._max_model_len = 0
        self._thread: threading.Thread | None = None
        self._worker: Worker | None = None
        # How often each system message came for an adapter, the longest unused first.
        self._seen: dict[tuple[str, str], int] = {}
        self._pins = 0

    def fingerprint(self, adapter: str = "") -> str:
        """What the replies depend on, as one line."""
        if self._fingerprint is None:
            self._fingerprint = self._make_fingerprint()
        return add_adapter(self._fingerprint, *self._adapters[adapter]) if adapter else self._fingerprint

    async def start(self) -> None:
        """Make the engine on its thread; raises EngineDown with the sentence of whatever went wrong."""
        if self._thread is not None:
            raise RuntimeError("an engine is started once")
        self._loop = asyncio.get_running_loop()
        self._ready: asyncio.Future[None] = self._loop.create_future()
        self._ended: asyncio.Future[None] = self._loop.create_future()
        worker = Worker(self._make, self._commands, self._report_ready, self._report_outcomes, self._report_end)
        self._worker = worker
        # A daemon: if a run is killed before close(), the interpreter must not wait for the engine.
        self._thread = threading.Thread(target=worker.run, name="midb-engine", daemon=True)
        self._thread.start()
        await self._ready
        if self._down is not None:
            raise self._down.make_error()

    @property
    def places(self) -> int:
        """As many as ever: what comes too many waits in the engine."""
        return self.concurrency

    def activity(self) -> Activity:
        """What is under way."""
        return Activity(calls=len(self._pending), tokens=self._worker.tokens if self._worker else 0)

    async def generate(self, request: TextRequest) -> TextReply:
        """Serve one request; raises CallFailed or EngineDown. Cancelling the awaiting task cancels the sequence."""
        started = self._clock()
        if self._thread is None:
            raise RuntimeError("the engine is not started")
        if self._down is not None:
            raise self._down.make_error()
        try:
            asked = self._encode(request)
            self._pin(request)
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
            raise outcome.make_error()
        return self._make_reply(request, asked, outcome, started)

    def stop_retrying(self) -> None:
        """Nothing is tried twice here."""

    async def close(self) -> None:
        """Fail what is in flight, end the thread after the current step, and let go of the engine."""
        if self._thread is None:
            return
        self._stop_serving(self._down or CLOSED)
        self._commands.put(Close())
        await asyncio.shield(self._ended)
        self._thread.join()

    def _encode(self, request: TextRequest) -> TokenRequest:
        prompt = self._tokenizer.encode_chat(request.messages)
        reference = self._tokenizer.encode_reference(request.reference) if request.reference else []
        room = self._max_model_len - len(prompt)
        if room < max(1, len(reference)):
            raise RequestRefused(
                f"{len(prompt):,} prompt tokens and a reply of {len(reference):,} do not fit into the "
                f"{self._max_model_len:,} that the engine takes.",
                code="context-exceeded",
            )
        extra = 0 if request.room and not reference else _EXTRA_TOKENS
        return TokenRequest(
            prompt_ids=prompt,
            reference_ids=reference,
            max_new_tokens=min(room, math.ceil(len(reference) * request.growth) + extra + request.room),
            temperature=request.sampling.temperature,
            seed=request.sampling.seed,
            stop_ids=self._tokenizer.find_stop_ids(request.stop),
            find_end=self._tokenizer.make_end_finder(request.stop, len(prompt)),
            constraint=self._tokenizer.make_constraint(request.schema) if request.schema else None,
            adapter=request.adapter or None,
        )

    def _make_reply(self, request: TextRequest, asked: TokenRequest, result: TokenResult, started: float) -> TextReply:
        stopped = result.finish_reason == "stop"
        text = self._tokenizer.decode(result.token_ids[:-1] if stopped else result.token_ids)
        cut = cut_at_stop(text, request.stop)
        if cut is not None or (stopped and result.token_ids[-1] not in self._tokenizer.find_stop_ids(())):
            finish = FinishReason.STOP_STRING
        else:
            finish = _FINISHES.get(result.finish_reason, FinishReason.LENGTH)
        return TextReply(
            text=text if cut is None else cut,
            finish_reason=finish,
            prompt_tokens=len(asked.prompt_ids),
            completion_tokens=len(result.token_ids),
            cached_tokens=result.prefix_hits,
            drafted=result.drafted,
            accepted=result.accepted,
            steps=result.steps,
            seconds=self._clock() - started,
        )

    def _pin(self, request: TextRequest) -> None:
        """Pin a system message when it comes back: its KV is computed once and never evicted.

        Each adapter makes another KV of it. The prefix cache alone would give its blocks to single texts whenever a
        pass pauses. A system message that comes only once is not pinned, as that would take memory for good.
        """
        messages = request.messages
        if not messages or messages[0].role != "system":
            return
        system = request.adapter, messages[0].content
        count = self._seen.pop(system, 0) + 1
        self._seen[system] = count
        if len(self._seen) > _MOST_REMEMBERED:
            del self._seen[next(iter(self._seen))]
        if count == 2 and self._pins < _MOST_PINS:
            self._pins += 1
            one, other = (self._tokenizer.encode_chat((messages[0], Message("user", text))) for text in ("0", "x"))
            if common := next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), 0):
                self._commands.put(Pin(one[:common], request.adapter or None))

    def _stop_serving(self, failure: Failure) -> None:
        """Fail what is in flight, and whatever is asked from now on."""
        self._down = failure
        for future in self._pending:
            if not future.done():
                future.set_result(failure)

    # The worker calls these on the engine's thread; each has its counterpart run on the event loop's.

    def _report_ready(self, max_model_len: int) -> None:
        self._run_on_loop(self._note_ready, max_model_len)

    def _report_outcomes(self, outcomes: list[tuple[Answer, TokenResult | Failure]]) -> None:
        self._run_on_loop(self._note_outcomes, outcomes)

    def _report_end(self, failure: Failure) -> None:
        self._run_on_loop(self._note_end, failure)

    def _run_on_loop(self, function: Callable[..., None], *arguments: object) -> None:
        try:
            self._loop.call_soon_threadsafe(function, *arguments)
        except RuntimeError:  # the loop is closed: nobody waits any more
            self._commands.put(Close())

    # These run on the event loop's thread.

    def _note_ready(self, max_model_len: int) -> None:
        self._max_model_len = max_model_len
        if not self._ready.done():
            self._ready.set_result(None)

    def _note_outcomes(self, outcomes: list[tuple[Answer, TokenResult | Failure]]) -> None:
        for future, outcome in outcomes:
            if not future.done():  # it may have been cancelled, or failed by close()
                future.set_result(outcome)

    def _note_end(self, failure: Failure) -> None:
        self._stop_serving(self._down or failure)
        for future in (self._ready, self._ended):
            if not future.done():
                future.set_result(None)
