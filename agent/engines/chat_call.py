"""One request to a server until its reply: its body, its retries, and what the server turns out not to take."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn

from midb.agent.engines import chat_api
from midb.agent.engines.chat_api import Complaint, Malformed, ServedModel
from midb.agent.engines.chat_server import LARGEST_BODY, ChatResponse, ChatServer, TransientFailure
from midb.agent.engines.protocol import CallFailed, EngineDown, TextReply, TextRequest

#: Longest pause before the first retry, in seconds. Each later one may be twice as long as the one before.
_FIRST_WAIT = 0.5

#: Longest pause of all, in seconds.
_LONGEST_WAIT = 30.0

#: Longest pause, in seconds, that a server may ask for. After it, the server is asked again in any case.
_LONGEST_RETRY_AFTER = 60.0

#: Extra fields that make a response longer than its text.
_MORE_THAN_A_TEXT = frozenset({"logprobs", "top_logprobs", "n", "echo", "return_token_ids", "prompt_logprobs"})

#: What to look at where nobody answers.
UP_HINT = "Is the server up, and is that its address?"

#: What to do where a server wants to be left alone.
LATER_HINT = "Run the same command again then."


@dataclass(frozen=True, slots=True, kw_only=True)
class CallSettings:
    """How each call is made.

    :param name: of the model.
    :param retries: most retries of one call.
    :param timeout: seconds that one call may take with all its tries.
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
    :param served: the server has answered a request, as opposed to complaining of it.
    """

    model: ServedModel = field(default_factory=ServedModel)
    takes_schema: bool = True
    length_field: str = "max_tokens"
    served: bool = False


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
    """

    def __init__(
        self, server: ChatServer, settings: CallSettings, traits: ServerTraits, pauses: Pauses, request: TextRequest
    ) -> None:
        self.retries = 0
        self._server, self._settings, self._traits, self._pauses = server, settings, traits, pauses
        self._request = request
        self._started = settings.clock()

    async def run(self) -> TextReply:
        """Ask until there is a reply; raises CallFailed or EngineDown."""
        traits = self._traits
        while True:
            schema = self._request.schema is not None and traits.takes_schema
            length_field = traits.length_field
            tokens = chat_api.bound_new_tokens(self._request, traits.model.context)
            content = self._make_content(schema, length_field, tokens)
            allowed = self._count_allowed(tokens)
            largest = LARGEST_BODY if allowed is None else chat_api.bound_body(allowed)
            try:
                answer = await self._server.exchange("POST", "/chat/completions", content, largest=largest)
                if answer.status == 200:
                    return self._read(answer, allowed)
                complaint = chat_api.read_complaint(answer.status, answer.body)
                # Each of these two can happen once to a request: the next try leaves out what was refused.
                if not complaint.context_exceeded and schema and complaint.schema_refused:
                    self._stop_sending_schemas(complaint)
                elif complaint.wants_completion_tokens and length_field == "max_tokens":
                    traits.length_field = "max_completion_tokens"
                else:
                    self._fail(complaint)
            except TransientFailure as failure:
                await self._wait_for_retry(failure)

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

    def _make_content(self, schema: bool, length_field: str, tokens: int) -> bytes:
        try:
            return chat_api.make_request_body(
                self._settings.name,
                self._request,
                max_tokens=tokens,
                length_field=length_field,
                with_schema=schema,
                extra=self._settings.extra,
            )
        except TypeError as error:
            reason = self._server.redact(str(error))
            raise CallFailed("bad-request", f"the request is no JSON: {reason}.") from error

    def _read(self, answer: ChatResponse, allowed: int | None) -> TextReply:
        seconds = max(0.0, self._settings.clock() - self._started)
        longest = None if allowed is None else chat_api.bound_text(allowed)
        try:
            self._server.refuse_key(answer.body.decode(errors="replace"))
            reply = chat_api.read_reply(
                answer.body, retries=self.retries, seconds=seconds, longest=longest, stop=self._request.stop
            )
            self._server.refuse_key(reply.text)
            self._traits.served = True
            return reply
        except Malformed as error:
            # Some servers complain with status 200.
            if error.complaint and error.complaint.context_exceeded:
                self._fail(error.complaint)
            quoted = f": {self._server.redact(error.complaint.sentence)}" if error.complaint else "."
            raise TransientFailure("bad-reply", f"{error}{quoted}") from error

    async def _wait_for_retry(self, failure: TransientFailure) -> None:
        """Wait for the next try; raises CallFailed if there is none left."""
        if self._pauses.over or self.retries >= self._settings.retries:
            self._give_up(failure)
        if failure.wait > self._settings.timeout and not self._traits.served:
            raise EngineDown(
                f"{self._server.url} does not serve, and wants to be left alone for {failure.wait:,.0f} s: "
                f"{failure.sentence}",
                hint=LATER_HINT,
                retryable=True,
            )
        await self._pauses.take(self._settings.pause(self.retries, failure.wait))
        if self._pauses.over:
            self._give_up(failure)
        self.retries += 1

    def _give_up(self, failure: TransientFailure) -> NoReturn:
        tries = "1 try" if self.retries == 0 else f"{self.retries + 1} tries"
        raise CallFailed(
            failure.code,
            f"{self._server.url} gave no reply in {tries}: {failure.sentence}",
            hint=UP_HINT if failure.code == "connection" else "",
            retries=self.retries,
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
        url, name = self._server.url, self._settings.name
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
