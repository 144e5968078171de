"""A model behind any OpenAI-compatible server: vLLM, SGLang, llama.cpp, transformers serve, OpenAI itself.

One request, one POST. ``chat_server`` sends it, ``chat_call`` retries it, ``chat_api`` reads what comes back.
"""

from __future__ import annotations

import asyncio
import logging
import os
import random
import re
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import orjson

from midb.agent.engines.protocol import Activity, EngineDown, TextReply, TextRequest
from midb.agent.engines.server import chat_api
from midb.agent.engines.server.chat_api import Malformed
from midb.agent.engines.server.chat_call import (
    LATER_HINT,
    STREAM_WITH_PROGRESS,
    UP_HINT,
    CallSettings,
    ChatCall,
    Pauses,
    ServerTraits,
)
from midb.agent.engines.server.chat_server import LARGEST_LISTING, ChatResponse, ChatServer, TransientFailure
from midb.agent.engines.server.pace import Pace
from midb.agent.engines.server.server_address import check_name, normalise_url
from midb.domain.errors import UsageError
from midb.domain.generations import add_adapter

#: Seconds within which the list of models must come, with all retries: some servers load their model meanwhile.
_START_SECONDS = 60.0

#: Models of a server that a message lists.
_LISTED = 5

#: Most characters of a fingerprint: far more than the extra fields of any request have.
_LONGEST_FINGERPRINT = 1 << 20

#: What a server says of an adapter stands in brackets, and has none of its own.
_NO_BRACKETS = re.compile(r"[()]")


class OpenAIEngine:
    """Text from ``NAME`` at an OpenAI-compatible server. Replies are streamed, where the server can do so.

    :param url: of the server; ``/v1`` is added if it has no path.
    :param concurrency: most requests in flight. Fewer are, where the server does not serve so many (``places``).
    :param timeout: seconds that the server may take to come further with a reply; not the whole reply's.
    :param retries: most retries of one request, after a busy server, a lost connection, or a reply that is none.
    :param key_variable: environment variable that holds the key; if it is not set, no key is sent.
    :param adapters: names under which the server serves adapters of the model; a request may ask for one.
    :param extra_body: fields laid over each request's body, such as ``chat_template_kwargs``; None takes one out.
    :param warn: is called with a sentence for what the user should know, once for each thing.
    :param environment: instead of the process's own, for tests.
    :param rng: draws the random part of pauses; given by tests, like the next three.
    :param sleep: waits so many seconds.
    :param clock: counts seconds.
    :param now: counts seconds since 1970.
    :raises UsageError: for an address or a key that cannot be used.
    """

    def __init__(
        self,
        name: str,
        url: str,
        *,
        concurrency: int = 64,
        timeout: float = 600.0,
        retries: int = 5,
        key_variable: str = "OPENAI_API_KEY",
        adapters: Sequence[str] = (),
        extra_body: Mapping[str, Any] | None = None,
        warn: Callable[[str], None] | None = None,
        environment: Mapping[str, str] | None = None,
        rng: random.Random | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
    ) -> None:
        if concurrency < 1 or timeout <= 0 or retries < 0:
            raise UsageError("a server needs a concurrency of 1 or more, a timeout above 0, and no negative retries.")
        self.name = check_name(name)
        self.url = normalise_url(url)
        self.described = f"{self.name} at {self.url}"
        self.concurrency = concurrency
        self._settings = CallSettings(
            name=self.name,
            retries=retries,
            timeout=timeout,
            extra=_copy_extra(extra_body),
            warn=warn or logging.getLogger(__name__).warning,
            rng=rng or random.Random(),
            sleep=sleep,
            clock=clock,
        )
        environment = os.environ if environment is None else environment
        self._adapters = {check_name(adapter): "" for adapter in adapters}  # with what the server says of each
        self._server = ChatServer(self.url, key_variable=key_variable, environment=environment, now=now)
        self._traits = ServerTraits()
        self._pauses = Pauses()
        if extra_body and not extra_body.get("stream", True):
            self._traits.streaming = ({},)  # who wants none gets none, nor what belongs to it
        self._pace = Pace(concurrency)
        self._calls: set[ChatCall] = set()

    def __repr__(self) -> str:
        return f"OpenAIEngine({self.name!r}, {self.url!r}, concurrency={self.concurrency})"

    def fingerprint(self, adapter: str = "") -> str:
        """Model, address, what is added to each request, and, once started, what the server says about the model and
        the adapter."""
        parts = [f"openai {self.name}@{self.url}", self._traits.model.origin]
        if self._settings.extra:
            parts.append(orjson.dumps(self._settings.extra, option=orjson.OPT_SORT_KEYS).decode())
        found = " ".join(part for part in parts if part)
        if adapter:
            origin = _NO_BRACKETS.sub("", self._adapters[adapter])
            found = add_adapter(found, adapter, f"({origin})" if origin else "")
        return self._server.redact(found, limit=_LONGEST_FINGERPRINT)

    async def start(self) -> None:
        """Connect and see whether the model and its adapters are there; a server without ``/models`` is believed.

        :raises EngineDown: nobody listens at the address, the key is refused, or there is no such model or adapter.
        """
        self._server.open(self._settings.warn)
        answer = await self._list_models(min(self._settings.timeout, _START_SECONDS))
        if answer.status != 200:
            return
        try:
            found = chat_api.read_models(answer.body, self.name)
        except Malformed:
            return
        if isinstance(found, list):
            raise EngineDown(f"{self.url} has no model {self.name}.", hint=self._list(found))
        self._traits.model = found
        for adapter in self._adapters:
            self._adapters[adapter] = self._find_adapter(adapter, answer.body)
        if found.by_llama_cpp:
            await self._learn_slots()

    def _find_adapter(self, name: str, listing: bytes) -> str:
        """What the server says of an adapter. One that is not listed is refused: a server that does not look at the
        name of the model would answer without it, and nobody would notice."""
        found = chat_api.read_models(listing, name)
        if isinstance(found, list):
            raise EngineDown(
                f"{self.url} has no adapter {name}.",
                hint=f"{self._list(found)} An adapter is listed there under the name that it is served by.",
            )
        return found.origin

    def _list(self, names: Sequence[str]) -> str:
        listed = ", ".join(short for name in names[:_LISTED] if (short := self._server.redact(name)))
        more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
        return f"It has {listed}{more}."

    @property
    def places(self) -> int:
        """Requests that the server is sent at once, by what it has said and shown so far."""
        return self._pace.limit

    def activity(self) -> Activity:
        """What is under way."""
        return Activity(calls=self._pace.places.taken, tokens=sum(call.tokens for call in self._calls))

    async def generate(self, request: TextRequest) -> TextReply:
        """Serve one request as soon as fewer than ``places`` are in flight.

        :raises CallFailed: the codes are timeout, connection, http-400 and the like, context-exceeded, bad-reply,
            key-in-reply and bad-request.
        :raises EngineDown: the server wants another key, has no such model, no money left, or sends elsewhere.
        """
        call = ChatCall(self._server, self._settings, self._traits, self._pauses, self._pace, request)
        self._calls.add(call)
        try:
            return await call.run()
        finally:
            self._calls.discard(call)

    def stop_retrying(self) -> None:
        """End the pauses of all requests, which then fail; none is tried twice from now on."""
        self._pauses.end()

    async def close(self) -> None:
        """Close the connections; requests in flight fail."""
        await self._server.close()

    async def _learn_slots(self) -> None:
        """Ask llama.cpp how many requests it serves at once, and from now on for its progress in reading a prompt.

        What a server that does not say would have told is learnt from its replies.
        """
        first, *others = self._traits.streaming
        if first:
            self._traits.streaming = (STREAM_WITH_PROGRESS, first, *others)
        try:
            async with asyncio.timeout(min(self._settings.timeout, _START_SECONDS)):
                answer = await self._server.exchange("GET", "/props", largest=LARGEST_LISTING, at_root=True)
        except (TransientFailure, EngineDown, TimeoutError):
            return
        if answer.status == 200 and (slots := chat_api.read_slots(answer.body)):
            self._pace.know(slots)
            self.concurrency = self._pace.limit

    async def _list_models(self, seconds: float) -> ChatResponse:
        """Ask for ``/models``, again and again while the server is still loading, for so many seconds at most."""
        said, hint = f"does not answer within {seconds:g} s.", UP_HINT
        try:
            async with asyncio.timeout(seconds):
                for attempt in range(self._settings.retries + 1):
                    try:
                        return await self._server.exchange("GET", "/models", largest=LARGEST_LISTING)
                    except TransientFailure as failure:
                        said = f"does not serve: {failure.sentence}"
                        if failure.refused or attempt == self._settings.retries:
                            break
                        if failure.wait > seconds:
                            said += f" It wants to be left alone for {failure.wait:,.0f} s."
                            hint = LATER_HINT
                            break
                        await self._settings.pause(attempt, failure.wait)
        except TimeoutError:
            pass
        raise EngineDown(f"{self.url} {said}", hint=hint, retryable=True)


def _copy_extra(extra: Mapping[str, Any] | None) -> dict[str, Any]:
    """Copy the extra fields; raises UsageError if JSON cannot carry them."""
    try:
        value: dict[str, Any] = orjson.loads(orjson.dumps(dict(extra or {})))
    except TypeError as error:
        raise UsageError(f"the extra fields of requests are no JSON: {error}.") from error
    return value
