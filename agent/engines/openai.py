"""A model behind any OpenAI-compatible server: vLLM, SGLang, llama.cpp, transformers serve, OpenAI itself.

One request, one POST. What the server says is read by ``chat_api``; here are the calls, their retries and their end.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import random
import ssl
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import httpx
import orjson
from pydantic import SecretStr

from midb import __version__
from midb.agent.engines import chat_api
from midb.agent.engines.chat_api import Complaint, Malformed, ServedModel, parse_spec
from midb.agent.engines.protocol import CallFailed, EngineDown, TextReply, TextRequest
from midb.domain.errors import UsageError

__all__ = ["OpenAIEngine", "parse_spec"]

#: Seconds for a connection to come about.
_CONNECT = 10.0

#: Seconds of the first wait; each later one may be twice as long, up to the longest.
_FIRST_WAIT, _LONGEST_WAIT = 0.5, 30.0

#: A server that asks for a longer pause than these seconds is asked again all the same.
_LONGEST_RETRY_AFTER = 60.0

#: A reply is some kilobytes. One that does not end is not read to its end.
_LARGEST_BODY = 32 << 20

#: Idle connections are dropped before servers do (5 s for uvicorn), for that would look like a failure.
_IDLE = 2.0

#: Seconds until the list of models must be there.
_START = 60.0

_UP_HINT = "Is the server up, and is that its address?"
_BUSY = frozenset({408, 409, 425, 429})
_LISTED = 5


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    headers: httpx.Headers
    body: bytes


class _Transient(Exception):
    """Worth asking again: a busy server, a lost connection, half a reply."""

    def __init__(self, code: str, sentence: str, wait: float = 0.0, *, refused: bool = False) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence
        self.wait = wait
        self.refused = refused


class OpenAIEngine:
    """Text from ``NAME`` at an OpenAI-compatible server; replies are not streamed.

    :param url: of the server; ``/v1`` is added where it has no path.
    :param concurrency: requests in flight at most; further ones wait.
    :param timeout: seconds of one request, from its first byte, retries and their waits included.
    :param retries: of one request, on what may pass: a busy server, a lost connection, a reply that is none.
    :param key_variable: environment variable that holds the key; without it, none is sent.
    :param extra_body: fields laid over each request's body, such as ``chat_template_kwargs``; None takes one out.
    :param warn: is told in a sentence what the user should know, each thing once.
    :param sleep: waits; with ``rng``, ``clock`` (monotonic) and ``now`` (since 1970) in seconds, for tests.
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
        self.name = chat_api.check_name(name)
        self.url = chat_api.normalise_url(url)
        self.described = f"{self.name} at {self.url}"
        self.concurrency = concurrency
        self._timeout = timeout
        self._retries = retries
        self._key_variable = key_variable
        self._key = _read_key(key_variable, os.environ if environment is None else environment)
        self._extra = _read_extra(extra_body)
        self._warn = warn or logging.getLogger(__name__).warning
        self._rng = rng or random.Random()
        self._sleep = sleep
        self._clock = clock
        self._now = now
        self._slots = asyncio.Semaphore(concurrency)
        self._clients: list[httpx.AsyncClient] = []
        self._idle: list[httpx.AsyncClient] = []  # those of them that no exchange is using
        self._tls: ssl.SSLContext | None = None
        self._closed = False
        self._served = ServedModel()
        self._sends_schema = True
        self._length_field = "max_tokens"

    def __repr__(self) -> str:
        return f"OpenAIEngine({self.name!r}, {self.url!r}, concurrency={self.concurrency})"

    def fingerprint(self) -> str:
        """Model, address, what is added to each request, and, once started, what the server tells of the model."""
        parts = [f"openai {self.name}@{self.url}", self._served.origin]
        if self._extra:
            parts.append(orjson.dumps(self._extra, option=orjson.OPT_SORT_KEYS).decode())
        return self._safe(" ".join(part for part in parts if part), limit=1 << 20)

    async def start(self) -> None:
        """Connect and see whether the model is there; a server without ``/models`` is taken at its word.

        :raises EngineDown: nobody at the address, a key it does not take, or a model it does not have.
        """
        self._tls = self._tls or httpx.create_ssl_context()
        if self._key and self.url.startswith("http://") and not chat_api.is_loopback(self.url):
            self._warn(f"the key in {self._key_variable} goes unencrypted to {self.url}.")
        try:
            async with asyncio.timeout(min(self._timeout, _START)):
                answer = await self._list_models()
        except TimeoutError:
            raise EngineDown(f"{self.url} does not answer.", hint=_UP_HINT) from None
        if answer.status != 200:
            return
        try:
            found = chat_api.read_models(answer.body, self.name)
        except Malformed:
            return
        if isinstance(found, list):
            listed = ", ".join(shown for name in found[:_LISTED] if (shown := self._safe(name)))
            more = f" and {len(found) - _LISTED} more" if len(found) > _LISTED else ""
            raise EngineDown(f"{self.url} has no model {self.name}.", hint=f"It has {listed}{more}.")
        self._served = found

    async def generate(self, request: TextRequest) -> TextReply:
        """Serve one request as soon as fewer than ``concurrency`` are in flight.

        :raises CallFailed: the codes are timeout, connection, http-400 and the like, context-exceeded, bad-reply and
            bad-request.
        :raises EngineDown: the server wants another key, has no such model, no money left, or sends elsewhere.
        """
        async with self._slots:
            call = _Call(self, request)
            try:
                async with asyncio.timeout(self._timeout):
                    return await call.run()
            except TimeoutError:
                raise CallFailed(
                    "timeout", f"{self.url} took longer than {self._timeout:g} s.", retries=call.retries
                ) from None

    async def close(self) -> None:
        """Close the connections; requests in flight fail."""
        self._closed = True
        clients, self._clients, self._idle = self._clients, [], []
        for client in clients:
            await client.aclose()

    @contextlib.contextmanager
    def _client(self, tls: ssl.SSLContext) -> Iterator[httpx.AsyncClient]:
        """A client for one exchange, and nobody else meanwhile.

        One for all keeps its connections in a pool that is looked through with every request, which at 200 in flight
        took three quarters of this process's time.
        """
        if self._idle:
            client = self._idle.pop()  # the latest used: its connection is the likeliest to be open still
        else:
            client = self._connect(tls)
            self._clients.append(client)
        try:
            yield client
        finally:
            self._idle.append(client)

    def _connect(self, tls: ssl.SSLContext) -> httpx.AsyncClient:
        headers = {"User-Agent": f"midb-agent/{__version__}", "Content-Type": "application/json"}
        if self._key:
            headers["Authorization"] = f"Bearer {self._key.get_secret_value()}"
        host = httpx.URL(self.url).host
        # A proxy of the environment cannot reach what is on this machine.
        local = {f"all://[{host}]" if ":" in host else f"all://{host}"} if chat_api.is_loopback(self.url) else ()
        return httpx.AsyncClient(
            headers=headers,
            follow_redirects=False,  # the key and the corpus go to the host that was named, and to no other
            timeout=httpx.Timeout(None, connect=_CONNECT),  # the whole call is bounded instead: a slow drip is no end
            limits=httpx.Limits(max_keepalive_connections=1, keepalive_expiry=_IDLE),
            verify=tls,
            mounts=dict.fromkeys(local),
        )

    async def _list_models(self) -> _Answer:
        """What ``/models`` says; a server that is still loading is asked again."""
        for attempt in range(self._retries + 1):
            try:
                return await self._exchange("GET", "/models")
            except _Transient as failure:
                if failure.refused or attempt == self._retries:
                    raise EngineDown(f"{self.url} does not serve: {failure.sentence}", hint=_UP_HINT) from failure
                await self._sleep(self._pause(attempt, failure.wait))
        raise AssertionError("unreachable")

    async def _exchange(self, method: str, path: str, content: bytes | None = None) -> _Answer:
        """Send a request and read the whole response; raises _Transient, or EngineDown where none can be served."""
        if self._closed:
            raise CallFailed("connection", f"the connection to {self.url} was closed.")
        if self._tls is None:
            raise RuntimeError("the engine is not started")
        try:
            with self._client(self._tls) as client:
                async with client.stream(method, self.url + path, content=content) as response:
                    body = bytearray()
                    async for piece in response.aiter_bytes():
                        body += piece
                        if len(body) > _LARGEST_BODY:
                            raise _Transient("bad-reply", f"a reply of more than {_LARGEST_BODY >> 20} MiB.")
                    answer = _Answer(response.status_code, response.headers, bytes(body))
        except httpx.RequestError as error:
            said = self._safe(str(error)) or type(error).__name__
            raise _Transient("connection", f"{said}.", refused=isinstance(error, httpx.ConnectError)) from error
        self._check(answer)
        return answer

    def _check(self, answer: _Answer) -> None:
        """Raise what a status means for every request alike."""
        status = answer.status
        if status in (401, 403):
            what = "refuses the key" if self._key else "wants a key"
            raise EngineDown(
                f"{self.url} {what} (HTTP {status}){self._said(answer)}",
                hint=f"The key is read from the environment variable {self._key_variable}.",
            )
        if 300 <= status < 400:
            raise EngineDown(
                f"{self.url} sends elsewhere (HTTP {status}), where neither key nor corpus is sent.",
                hint=f"It names {self._target(answer)}; if that is right, give it as the address.",
            )
        complaint = chat_api.read_complaint(status, answer.body) if status >= 400 else None
        if complaint is None or complaint.context_exceeded:
            return
        if complaint.quota_used_up:
            raise EngineDown(f"the quota at {self.url} is used up{self._said(answer)}")
        # 501 is how some servers say that they know no response_format.
        if status in _BUSY or (status >= 500 and status != 501):
            wait = chat_api.retry_after(answer.headers.get("retry-after"), self._now(), _LONGEST_RETRY_AFTER)
            raise _Transient(f"http-{status}", f"HTTP {status}{self._said(answer)}", wait)

    def _pause(self, attempt: int, wanted: float) -> float:
        """Seconds before the next try: what the server wants, and a random part, lest all come back together."""
        longest = min(_FIRST_WAIT * 2**attempt, _LONGEST_WAIT)
        return wanted + self._rng.uniform(0.0, _FIRST_WAIT if wanted else longest)

    def _safe(self, text: str, limit: int = chat_api.SHOWN) -> str:
        """A foreign text for people: short, on one line, and without the key that a server may repeat."""
        if self._key:
            text = text.replace(self._key.get_secret_value(), "***")
        return chat_api.shorten(text, limit)

    def _said(self, answer: _Answer) -> str:
        sentence = self._safe(chat_api.read_complaint(answer.status, answer.body).sentence)
        return f": {sentence}" if sentence else "."

    def _target(self, answer: _Answer) -> str:
        """Where a redirect leads, without what may be a key in it."""
        try:
            target = httpx.URL(self.url).join(answer.headers.get("location", ""))
        except httpx.InvalidURL:
            return "an address that is none"
        return self._safe(str(target.copy_with(userinfo=b"", query=None, fragment=None)))

    def _drop_schema(self, complaint: Complaint) -> None:
        if self._sends_schema:
            self._sends_schema = False
            said = self._safe(complaint.sentence)
            self._warn(f"{self.url} refuses to enforce a reply's form; replies are checked all the same ({said}).")


class _Call:
    """One request until its reply: the retries so far, and when it began."""

    def __init__(self, engine: OpenAIEngine, request: TextRequest) -> None:
        self.retries = 0
        self._engine = engine
        self._request = request
        self._started = engine._clock()

    async def run(self) -> TextReply:
        engine = self._engine
        while True:
            schema = self._request.schema is not None and engine._sends_schema
            length_field = engine._length_field
            content = self._content(schema, length_field)
            try:
                answer = await engine._exchange("POST", "/chat/completions", content)
                if answer.status == 200:
                    return self._read(answer)
                complaint = chat_api.read_complaint(answer.status, answer.body)
                # Each of these two happens once to a request: the next one is sent without what was refused.
                if not complaint.context_exceeded and schema and complaint.schema_refused:
                    engine._drop_schema(complaint)
                elif complaint.wants_completion_tokens and length_field == "max_tokens":
                    engine._length_field = "max_completion_tokens"
                else:
                    self._fail(complaint)
            except _Transient as failure:
                await self._again(failure)

    def _content(self, schema: bool, length_field: str) -> bytes:
        engine = self._engine
        try:
            return chat_api.request_body(
                engine.name,
                self._request,
                max_tokens=chat_api.max_new_tokens(self._request, engine._served.context),
                length_field=length_field,
                with_schema=schema,
                extra=engine._extra,
            )
        except TypeError as error:
            raise CallFailed("bad-request", f"the request is no JSON: {engine._safe(str(error))}.") from error

    def _read(self, answer: _Answer) -> TextReply:
        engine = self._engine
        try:
            return chat_api.read_reply(
                answer.body, retries=self.retries, seconds=max(0.0, engine._clock() - self._started)
            )
        except Malformed as error:
            # Some servers complain with status 200.
            if error.complaint and error.complaint.context_exceeded:
                self._fail(error.complaint)
            said = f": {engine._safe(error.complaint.sentence)}" if error.complaint else "."
            raise _Transient("bad-reply", f"{error}{said}") from error

    async def _again(self, failure: _Transient) -> None:
        """Wait for the next try; raises CallFailed where there is none left."""
        engine = self._engine
        if self.retries >= engine._retries:
            raise CallFailed(
                failure.code,
                f"{engine.url} gave no reply in {self.retries + 1} tries: {failure.sentence}",
                hint=_UP_HINT if failure.code == "connection" else "",
                retries=self.retries,
            ) from failure
        await engine._sleep(engine._pause(self.retries, failure.wait))
        self.retries += 1

    def _fail(self, complaint: Complaint) -> None:
        """Raise what a complaint means that no retry can help."""
        engine = self._engine
        said = engine._safe(complaint.sentence)
        if complaint.context_exceeded:
            raise CallFailed(
                "context-exceeded", f"the text is longer than {engine.name} takes: {said}", retries=self.retries
            )
        if complaint.unknown_model:
            raise EngineDown(f"{engine.url} has no model {engine.name}: {said}")
        raise CallFailed(
            f"http-{complaint.status}",
            f"{engine.url} refuses the request (HTTP {complaint.status}): {said or 'no reason given'}",
            retries=self.retries,
        )


def _read_key(variable: str, environment: Mapping[str, str]) -> SecretStr | None:
    """The key in a variable, None where there is none; raises UsageError for one that no header can carry."""
    key = environment.get(variable, "").strip()
    if not all("!" <= character <= "~" for character in key):
        raise UsageError(
            f"the key in the environment variable {variable} has blanks or characters that are not ASCII.",
            hint="Was more than the key put into it?",
        )
    return SecretStr(key) if key else None


def _read_extra(extra: Mapping[str, Any] | None) -> dict[str, Any]:
    """A copy of the extra fields; raises UsageError where JSON cannot carry them."""
    try:
        value: dict[str, Any] = orjson.loads(orjson.dumps(dict(extra or {})))
    except TypeError as error:
        raise UsageError(f"the extra fields of requests are no JSON: {error}.") from error
    return value
