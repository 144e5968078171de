"""One request to a server until its reply: its retries, how long it may be silent, what the server does not take."""

from __future__ import annotations

import asyncio
import contextlib
import math
import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn

import httpx

from midb.agent.engines.protocol import CallFailed, EngineDown, TextReply, TextRequest
from midb.agent.engines.server import chat_api
from midb.agent.engines.server.chat_api import Complaint, Malformed, ServedModel
from midb.agent.engines.server.chat_server import LARGEST_BODY, ChatResponse, ChatServer, TransientFailure, too_long
from midb.agent.engines.server.chat_stream import ReplyStream, is_event_stream, looks_like_events
from midb.agent.engines.server.pace import Pace

#: Longest pause before the first retry, in seconds. Each later one may be twice as long as the one before.
_FIRST_WAIT = 0.5

#: Longest pause of all, in seconds.
_LONGEST_WAIT = 30.0

#: Longest pause, in seconds, that a server may ask for. After it, the server is asked again in any case.
_LONGEST_RETRY_AFTER = 60.0

#: Statuses of a server that has more to do than it can: fewer calls at once are a help.
_OVERLOADED = frozenset({"timeout", "http-408", "http-429", "http-503", "http-504", "http-529"})

#: Least pause after a call that timed out, in seconds: the server may be busy with it still.
_AFTER_TIMEOUT = 1.0

#: Most retries of a call after it timed out: each halves what everybody else may send.
_RETRIES_OF_TIMEOUTS = 2

#: Most seconds of a streamed reply for each token that it may have, beside the time-out: one that comes more slowly is
#: none that a model makes.
SLOWEST_TOKEN = 5.0

#: Extra fields that make a response longer than its text.
_MORE_THAN_A_TEXT = frozenset({"logprobs", "top_logprobs", "n", "echo", "return_token_ids", "prompt_logprobs"})

#: What to look at where nobody answers.
UP_HINT = "Is the server up, and is that its address?"

#: What to do where a server says nothing.
SLOW_HINT = "A model that is slow gets more time with --timeout."

#: What to do where a server wants to be left alone.
LATER_HINT = "Run the same command again then."


#: Fields that ask for a stream, with the tokens counted at its end, and without.
_STREAM_ONLY: Mapping[str, Any] = {"stream": True}
_STREAM_WITH_USAGE: Mapping[str, Any] = {**_STREAM_ONLY, "stream_options": {"include_usage": True}}

#: The same for llama.cpp, which then says how far it has read the prompt.
STREAM_WITH_PROGRESS: Mapping[str, Any] = {**_STREAM_WITH_USAGE, "return_progress": True}


@dataclass(frozen=True, slots=True, kw_only=True)
class CallSettings:
    """How each call is made.

    :param name: of the model.
    :param retries: most retries of one call.
    :param timeout: seconds that a server may take to come further with a reply.
    :param extra: fields laid over each request's body.
    :param warn: is called with a sentence for the user.
    :param rng: draws the random part of pauses.
    :param sleep: waits so many seconds.
    :param clock: counts seconds.
    """

    name: str
    retries: int
    timeout: float
    extra: Mapping[str, Any]
    warn: Callable[[str], None]
    rng: random.Random
    sleep: Callable[[float], Awaitable[None]]
    clock: Callable[[], float]

    async def pause(self, attempt: int, wanted: float) -> None:
        """Wait before the next try: as long as the server wants, and a random time more.

        The random time keeps apart the calls that failed together.
        """
        longest = _FIRST_WAIT if wanted else min(_FIRST_WAIT * 2**attempt, _LONGEST_WAIT)
        await self.sleep(min(wanted, _LONGEST_RETRY_AFTER) + self.rng.uniform(0.0, longest))


@dataclass(slots=True)
class ServerTraits:
    """What is known of the server and may be learnt by any call. All calls share it.

    :param model: what ``/models`` says about the model.
    :param takes_schema: requests may carry a schema.
    :param length_field: name of the bound on new tokens.
    :param streaming: fields that ask for a stream: those that are sent, and behind them what to fall back on, the last
        without a stream.
    :param served: requests that the server has answered, as opposed to complaining of them.
    """

    model: ServedModel = field(default_factory=ServedModel)
    takes_schema: bool = True
    length_field: str = "max_tokens"
    streaming: tuple[Mapping[str, Any], ...] = (_STREAM_WITH_USAGE, _STREAM_ONLY, {})
    served: int = 0


class Pauses:
    """The pauses before further tries, of all calls of an engine: they end together once the run stops.

    :ivar over: there are no pauses any more.
    """

    def __init__(self) -> None:
        self.over = False
        self._under_way: set[asyncio.Timeout] = set()

    async def take(self, pause: Awaitable[None]) -> None:
        """Wait for a pause, or until all of them are ended."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(None) as limit:
                self._under_way.add(limit)
                try:
                    await pause
                finally:
                    self._under_way.discard(limit)

    def end(self) -> None:
        """End those that are under way; there are no others from now on."""
        if not self.over:
            self.over = True
            for limit in self._under_way:
                limit.reschedule(0.0)  # long ago on the loop's clock


class ChatCall:
    """One request until its reply.

    :ivar retries: so far.
    :ivar tokens: of the reply that is coming, as far as they are here.
    """

    def __init__(
        self,
        server: ChatServer,
        settings: CallSettings,
        traits: ServerTraits,
        pauses: Pauses,
        pace: Pace,
        request: TextRequest,
    ) -> None:
        self.retries = 0
        self._server, self._settings, self._traits, self._pauses = server, settings, traits, pauses
        self._pace, self._request = pace, request
        self._started: float | None = None
        self._timeouts = 0
        self._served = 0  # requests that the server had answered when the try before failed
        self._stream: ReplyStream | None = None

    @property
    def tokens(self) -> int:
        """Tokens of the reply so far, where the server streams."""
        return self._stream.tokens if self._stream else 0

    async def run(self) -> TextReply:
        """Ask until there is a reply; raises CallFailed or EngineDown. A pause keeps no other call from being made."""
        served = self._served = self._traits.served
        while True:
            number = await self._pace.begin()
            if self._started is None:
                self._started = self._settings.clock()
            try:
                reply = await self._ask()
                self._traits.served += 1
                self._pace.note_reply()
                return reply
            except TransientFailure as error:
                failure = error
                if failure.code in _OVERLOADED:
                    self._pace.note_overload(number)
            finally:
                self._stream = None
                self._pace.end()
            await self._wait_for_retry(failure, served)

    async def _ask(self) -> TextReply:
        """Ask once, or once more where the server refuses a part of the request that is left out then.

        :raises TransientFailure: if it makes sense to ask again.
        """
        traits = self._traits
        while True:
            schema = self._request.schema is not None and traits.takes_schema
            length_field, streaming = traits.length_field, traits.streaming
            tokens = chat_api.bound_new_tokens(self._request, traits.model.context)
            content = self._make_content(schema, length_field, streaming[0], tokens)
            allowed = self._count_allowed(tokens)
            answer = await self._exchange(content, allowed)
            if isinstance(answer, TextReply):
                return answer
            complaint = chat_api.read_complaint(answer.status, answer.body)
            # Each of these can happen a few times to a request: the next try leaves out what was refused.
            if not complaint.context_exceeded and schema and complaint.schema_refused:
                self._stop_sending_schemas(complaint)
            elif complaint.wants_completion_tokens and length_field == "max_tokens":
                traits.length_field = "max_completion_tokens"
            elif not complaint.context_exceeded and complaint.stream_refused and len(streaming) > 1:
                if traits.streaming is streaming:  # else another call has learnt it meanwhile
                    traits.streaming = streaming[1:]
            else:
                self._fail(complaint)

    async def _exchange(self, content: bytes, allowed: int | None) -> TextReply | ChatResponse:
        """Send a request and read the reply as it comes; what comes instead of one is returned as it is.

        The time is over once the reply has not come further for so long: a comment, an empty event, a byte of a body
        that comes whole bring it no further. A stream as a whole has so many seconds for each token, too.
        """
        wait, loop = self._settings.timeout, asyncio.get_running_loop()
        longest = None if allowed is None else chat_api.bound_text(allowed)
        most_bytes, largest = LARGEST_BODY, LARGEST_BODY
        if allowed is not None:
            most_bytes, largest = chat_api.bound_body(allowed), chat_api.bound_stream(allowed)
        stream = self._stream = ReplyStream(longest=longest, stop=self._request.stop)
        latest = loop.time() + wait + SLOWEST_TOKEN * (allowed or math.inf)
        received = 0

        def listen(headers: httpx.Headers, piece: bytes) -> bool:
            nonlocal received
            said, first = stream.said, not received
            received += len(piece)
            if is_event_stream(headers.get("content-type", "")):
                stream.feed(piece)
            elif received > most_bytes:
                raise too_long(most_bytes)
            if stream.said > said or first:
                limit.reschedule(min(loop.time() + wait, latest))
            return not stream.enough

        try:
            async with asyncio.timeout(wait) as limit:
                answer = await self._server.exchange(
                    "POST", "/chat/completions", content, largest=largest, listen=listen
                )
            return self._read(answer, stream, longest) if answer.status == 200 else answer
        except TimeoutError:
            raise TransientFailure("timeout", f"the reply came no further for {wait:g} s.") from None
        except Malformed as error:
            # Some servers complain with status 200.
            if error.complaint and error.complaint.context_exceeded:
                self._fail(error.complaint)
            quoted = f": {self._server.redact(error.complaint.sentence)}" if error.complaint else "."
            raise TransientFailure("bad-reply", f"{error}{quoted}") from error

    @property
    def _asked(self) -> str:
        """The name that the server is asked for: an adapter is served under one of its own."""
        return self._request.adapter or self._settings.name

    def _count_allowed(self, tokens: int) -> int | None:
        """Count the tokens that the server may make, which extra fields may change; None where nothing bounds them."""
        extra = self._settings.extra
        if _MORE_THAN_A_TEXT & extra.keys():
            return None
        for field_name in ("max_tokens", "max_completion_tokens"):
            if field_name in extra:
                own = extra[field_name]
                return max(tokens, own) if isinstance(own, int) else None
        return tokens

    def _make_content(self, schema: bool, length_field: str, stream: Mapping[str, Any], tokens: int) -> bytes:
        try:
            return chat_api.make_request_body(
                self._asked,
                self._request,
                max_tokens=tokens,
                length_field=length_field,
                with_schema=schema,
                stream=stream,
                extra=self._settings.extra,
            )
        except TypeError as error:
            reason = self._server.redact(str(error))
            raise CallFailed("bad-request", f"the request is no JSON: {reason}.") from error

    def _read(self, answer: ChatResponse, stream: ReplyStream, longest: int | None) -> TextReply:
        """Read the reply, which came as events or in one body; raises Malformed."""
        seconds = max(0.0, self._settings.clock() - (self._started or 0.0))
        self._server.refuse_key(answer.body.decode(errors="replace"))
        if is_event_stream(answer.headers.get("content-type", "")):
            value = stream.finish()
        elif looks_like_events(answer.body):
            stream.feed(answer.body)
            value = stream.finish()
        else:
            value = chat_api.parse_json(answer.body)
        reply = chat_api.read_reply(
            value, retries=self.retries, seconds=seconds, longest=longest, stop=self._request.stop
        )
        self._server.refuse_key(reply.text)
        return reply

    async def _wait_for_retry(self, failure: TransientFailure, served: int) -> None:
        """Wait for the next try; raises CallFailed if there is none left.

        Where a call waited in vain, it is tried again only if others were served meanwhile, in the pause too: to a
        server that has one place nobody else comes before. Else who asked is to decide, after the pause.

        :param served: requests that the server had answered when the call began.
        """
        timed_out = failure.code == "timeout"
        self._timeouts += timed_out
        if self._pauses.over or self.retries >= self._settings.retries or self._timeouts > _RETRIES_OF_TIMEOUTS:
            self._give_up(failure)
        if failure.wait > self._settings.timeout and not self._traits.served:
            raise EngineDown(
                f"{self._server.url} does not serve, and wants to be left alone for {failure.wait:,.0f} s: "
                f"{failure.sentence}",
                hint=LATER_HINT,
                retryable=True,
            )
        self._served = self._traits.served
        wanted = max(failure.wait, _AFTER_TIMEOUT) if timed_out else failure.wait
        await self._pauses.take(self._settings.pause(self.retries, wanted))
        if self._pauses.over or (timed_out and self._traits.served == served):
            self._give_up(failure)
        self.retries += 1

    def _give_up(self, failure: TransientFailure) -> NoReturn:
        tries = "1 try" if self.retries == 0 else f"{self.retries + 1} tries"
        raise CallFailed(
            failure.code,
            f"{self._server.url} gave no reply in {tries}: {failure.sentence}",
            hint={"connection": UP_HINT, "timeout": SLOW_HINT}.get(failure.code, ""),
            retries=self.retries,
            nobody_served=self._traits.served == self._served,
        ) from failure

    def _stop_sending_schemas(self, complaint: Complaint) -> None:
        if self._traits.takes_schema:
            self._traits.takes_schema = False
            reason = self._server.redact(complaint.sentence)
            self._settings.warn(
                f"{self._server.url} refuses to enforce a reply's form; replies are checked all the same ({reason})."
            )

    def _fail(self, complaint: Complaint) -> None:
        """Raise what a complaint means that no retry can help."""
        url, name = self._server.url, self._asked
        reason = self._server.redact(complaint.sentence)
        if complaint.context_exceeded:
            raise CallFailed(
                "context-exceeded", f"the text is longer than {name} takes: {reason}", retries=self.retries
            )
        if complaint.unknown_model:
            raise EngineDown(f"{url} has no model {name}: {reason}")
        raise CallFailed(
            f"http-{complaint.status}",
            f"{url} refuses the request (HTTP {complaint.status}): {reason or 'no reason given'}",
            retries=self.retries,
        )
