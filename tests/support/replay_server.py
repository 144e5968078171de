"""An OpenAI-compatible server on a free port whose replies and faults a test chooses: real sockets, a loop of its own.

    with ReplayServer(lambda messages, body: messages[-1]["content"]) as server:
        ...  # server.spec, server.requests, server.in_flight_peak

In a test, the fixture ``replay_server`` makes it and ends it. HTTP is written out by hand, for a server library would
not hang up in the middle of a body.
"""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from concurrent.futures import Future
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol, Self, TypeVar

import orjson

#: Seconds after which a test that waits for the server, or for its end, has failed.
PATIENCE = 30.0

_LARGEST = 64 << 20

_Result = TypeVar("_Result")


class Gate:
    """Opened by a test, awaited by the server: what is behind it takes as long as the test wants."""

    def __init__(self) -> None:
        self._opened: Future[None] = Future()

    def open(self) -> None:
        """Let through whoever waits, and all who come later; from any thread."""
        if not self._opened.done():
            self._opened.set_result(None)

    async def wait(self) -> None:
        """Wait, on any event loop, until it is open."""
        await asyncio.shield(asyncio.wrap_future(self._opened))


@dataclass(frozen=True, kw_only=True)
class Fault:
    """A response that is not simply a text: made by the functions below.

    :param content: of the message; None is JSON's null.
    :param message: further fields of the message.
    :param usage: None leaves it out.
    :param raw: the whole body, instead of a chat completion.
    :param wire: all that is sent, instead of a response; then the connection is closed.
    :param cut: hangs up "before" anything is sent, or in the middle of the "body".
    :param drip: the body comes in pieces of so many bytes.
    :param gate: the last byte waits for it.
    :param every: seconds between the events of a stream, and before each; a reply in one body takes as long in all.
    """

    content: str | None = ""
    finish_reason: str | None = "stop"
    message: Mapping[str, Any] = field(default_factory=dict)
    usage: Mapping[str, Any] | None = field(default_factory=dict)
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    raw: bytes | None = None
    wire: bytes | None = None
    cut: str = ""
    drip: int = 0
    gate: Gate | None = None
    every: float = 0.0


def truncated(text: str) -> Fault:
    """The bound on new tokens ended it."""
    return Fault(content=text, finish_reason="length")


def without_usage(text: str) -> Fault:
    """Some servers count nothing."""
    return Fault(content=text, usage=None)


def null_content(finish_reason: str | None = "stop", **message: Any) -> Fault:
    """No text, such as where a tool is called."""
    return Fault(content=None, finish_reason=finish_reason, message=message)


def refused(status: int, sentence: str = "no", *, retry_after: str | None = None, **fields: Any) -> Fault:
    """An error in OpenAI's shape; ``fields`` are put beside its message."""
    headers = {} if retry_after is None else {"Retry-After": retry_after}
    return Fault(status=status, headers=headers, raw=orjson.dumps({"error": {"message": sentence, **fields}}))


def not_json(body: bytes = b"<html>Bad gateway</html>", status: int = 200) -> Fault:
    """What a proxy says."""
    return Fault(status=status, raw=body)


def hang_up() -> Fault:
    """The connection is closed before a byte comes back."""
    return Fault(cut="before")


def no_http(wire: bytes = b"\x00\xff\x16\x03garbage\r\n\r\n") -> Fault:
    """What stands for a response is none."""
    return Fault(wire=wire)


def hang_up_in_body(text: str) -> Fault:
    """Half of the body comes, then the connection is closed."""
    return Fault(content=text, cut="body")


def drip(text: str, gate: Gate | None = None, *, size: int = 1) -> Fault:
    """The body comes in pieces of ``size`` bytes; the last one waits for the gate, if there is one."""
    return Fault(content=text, drip=size, gate=gate)


#: A message of a chat, and the body of a request for a completion, as JSON gives them.
ChatMessage = dict[str, Any]
Body = dict[str, Any]

Answer = str | Fault
Answerer = Callable[[list[ChatMessage], Body], Answer | Awaitable[Answer]]


@dataclass(frozen=True)
class Request:
    """What came in; names of headers are in small letters, ``body`` is {} for a GET."""

    method: str
    path: str
    headers: dict[str, str]
    body: Body


class ReplayServer:
    """Serves ``/v1/chat/completions`` and ``/v1/models`` on 127.0.0.1 from ``with`` to its end.

    :param answer: (messages, body) -> a text, or a Fault; it may be a coroutine function, run on the server's loop.
        If it raises, the request gets a 500, and the test fails at the end of ``with``.
    :param models: what ``/v1/models`` lists, instead of just ``model``; or a Fault, such as ``refused(404)``.
    :param streams: who asks for a stream gets one; else the reply comes in one body all the same.
    :param props: what ``/props`` says, as llama.cpp's does; it has none unless given.
    :param slots: so many requests are served at once, further ones wait for theirs; 0 is as many as come.
    """

    def __init__(
        self,
        answer: Answerer,
        *,
        model: str = "replay",
        models: list[dict[str, Any]] | Fault | None = None,
        streams: bool = True,
        props: dict[str, Any] | Fault | None = None,
        slots: int = 0,
    ) -> None:
        self.model = model
        self.streams = streams
        self.props = props
        self._count_of_slots = slots
        self._slots: asyncio.Semaphore | None = None
        self.models = [{"id": model, "object": "model"}] if models is None else models
        self.port = 0
        self._answer = answer
        self._changed = threading.Condition()
        self._requests: list[Request] = []
        self._listings: list[Request] = []
        self._errors: list[Exception] = []
        self._in_flight = 0
        self._peak = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), name="replay server", daemon=True)

    @property
    def url(self) -> str:
        """The address, up to and including /v1."""
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def spec(self) -> str:
        """What ``--model`` takes."""
        return f"openai:{self.model}@{self.url}"

    @property
    def requests(self) -> list[Request]:
        """Requests for a completion, in the order they came."""
        with self._changed:
            return list(self._requests)

    @property
    def listings(self) -> list[Request]:
        """All other requests."""
        with self._changed:
            return list(self._listings)

    @property
    def in_flight(self) -> int:
        """Requests for a completion that came and are not answered."""
        with self._changed:
            return self._in_flight

    @property
    def in_flight_peak(self) -> int:
        """The most that there were at once."""
        with self._changed:
            return self._peak

    def wait_for(self, condition: Callable[[ReplayServer], bool]) -> None:
        """Block until something is so, looked at whenever a request comes or ends; fails after PATIENCE seconds."""
        with self._changed:
            seen = self._changed.wait_for(lambda: condition(self), PATIENCE)
        assert seen, f"waited in vain: {len(self.requests)} requests came, {self.in_flight} are in flight"

    def __enter__(self) -> Self:
        self._thread.start()
        self.wait_for(lambda server: server.port != 0)
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        assert self._loop is not None
        assert self._stop is not None
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive(), "the server does not end"
        if self._errors and error is None:
            raise self._errors[0]

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[Self]:
        """Serve on the caller's own loop, whose time may be its own, instead of on a thread."""
        serving = asyncio.ensure_future(self._serve())
        while not self.port:
            await asyncio.sleep(0)
        try:
            yield self
        finally:
            assert self._stop is not None
            self._stop.set()
            await serving
        if self._errors:
            raise self._errors[0]

    async def _serve(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        self._slots = asyncio.Semaphore(self._count_of_slots or 1 << 20)
        open_connections: set[asyncio.Task[None]] = set()

        async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            open_connections.add(task)
            try:
                while await self._one(reader, writer):
                    pass
            except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
                pass  # the client left, or the test is over
            except Exception as error:  # shown where the test ends
                self._errors.append(error)
            finally:
                open_connections.discard(task)
                writer.close()

        server = await asyncio.start_server(connected, "127.0.0.1", 0, limit=1 << 16, backlog=512)
        self.port = server.sockets[0].getsockname()[1]
        self._notify()
        await self._stop.wait()
        server.close()
        for task in list(open_connections):
            task.cancel()
        await asyncio.gather(*open_connections, return_exceptions=True)

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Serve one request; False when the connection is not to be used again."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        method, path, _ = head[0].split(" ")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)}
        length = int(headers.get("content-length", 0))
        assert length <= _LARGEST
        content = await reader.readexactly(length)
        request = Request(method, path, headers, orjson.loads(content) if content else {})
        chat = (method, path) == ("POST", "/v1/chat/completions")
        with self._changed:
            (self._requests if chat else self._listings).append(request)
            self._in_flight += chat
            self._peak = max(self._peak, self._in_flight)
            self._changed.notify_all()
        answering = [chat]
        held = [False]
        try:
            fault = await _unless_gone(reader, self._decide(request, chat, held))
            asked = request.body if self.streams else {}
            return await self._respond(reader, writer, fault, asked, answering) and headers.get("connection") != "close"
        finally:
            self._answered(answering)
            if held[0] and self._slots:
                self._slots.release()

    async def _decide(self, request: Request, chat: bool, held: list[bool]) -> Fault:
        if chat:
            assert self._slots is not None
            held[0] = await self._slots.acquire()
            try:
                answer = self._answer(request.body["messages"], request.body)
                answer = await answer if inspect.isawaitable(answer) else answer
            except Exception as error:  # shown where the test ends
                self._errors.append(error)
                return refused(500, f"the test's own answer failed: {error!r}")
            return Fault(content=answer) if isinstance(answer, str) else answer
        if (request.method, request.path) == ("GET", "/props") and self.props is not None:
            return self.props if isinstance(self.props, Fault) else Fault(raw=orjson.dumps(self.props))
        if (request.method, request.path) != ("GET", "/v1/models"):
            return refused(404, "Not Found")
        if isinstance(self.models, Fault):
            return self.models
        return Fault(raw=orjson.dumps({"object": "list", "data": self.models}))

    async def _respond(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        fault: Fault,
        asked: Body,
        answering: list[bool],
    ) -> bool:
        if fault.cut == "before":
            return False
        if fault.wire is not None:
            writer.write(fault.wire)
            await writer.drain()
            return False
        streamed = fault.raw is None and bool(asked.get("stream"))
        if streamed:
            body = b"".join(events_of(self._completion(fault), asked))
        else:
            body = orjson.dumps(self._completion(fault)) if fault.raw is None else fault.raw
        kind = "text/event-stream" if streamed else "application/json"
        lines = [f"HTTP/1.1 {fault.status} .", f"Content-Type: {kind}", f"Content-Length: {len(body)}"]
        lines += [f"{name}: {value}" for name, value in fault.headers.items()]
        head = "\r\n".join([*lines, "", ""]).encode("latin-1")
        if fault.cut == "body":
            writer.write(head + body[: len(body) // 2])
            await writer.drain()
            return False
        if fault.every:
            pieces = events_of(self._completion(fault), asked) if streamed else [body]
            count = len(events_of(self._completion(fault), asked))
            writer.write(head)
            for piece in pieces[:-1]:
                await _unless_gone(reader, asyncio.sleep(fault.every))
                writer.write(piece)
                await writer.drain()
            await _unless_gone(reader, asyncio.sleep(fault.every * (1 if streamed else count)))
            head, body = b"", pieces[-1]
        if fault.drip or fault.gate:
            writer.write(head)
            step = fault.drip or len(body)
            for start in range(0, len(body) - 1, step):
                writer.write(body[start : min(start + step, len(body) - 1)])
                await writer.drain()
                await asyncio.sleep(0)
            if fault.gate:
                await _unless_gone(reader, fault.gate.wait())
            head, body = b"", body[-1:]
        # Before the last byte: whoever has it may send the next request at once, which is then not one too many.
        self._answered(answering)
        writer.write(head + body)
        await writer.drain()
        return True

    def _completion(self, fault: Fault) -> dict[str, Any]:
        message = {"role": "assistant", "content": fault.content, **fault.message}
        choice: dict[str, Any] = {"index": 0, "message": message}
        if fault.finish_reason is not None:
            choice["finish_reason"] = fault.finish_reason
        value: dict[str, Any] = {"object": "chat.completion", "model": self.model, "choices": [choice]}
        if fault.usage is not None:
            value["usage"] = {
                "prompt_tokens": 7,
                "completion_tokens": len((fault.content or "").split()),
                **fault.usage,
            }
        return value

    def _answered(self, answering: list[bool]) -> None:
        with self._changed:
            self._in_flight -= answering[0]
            answering[0] = False
            self._changed.notify_all()

    def _notify(self) -> None:
        with self._changed:
            self._changed.notify_all()


#: Most events that a text is cut into: what is far too long needs no more of them to be so.
_MOST_EVENTS = 4000


def events_of(completion: dict[str, Any], asked: Body, *, size: int = 3) -> list[bytes]:
    """A completion as the events of a stream, its text in pieces of ``size`` characters."""
    (choice,) = completion["choices"]
    message = dict(choice["message"])
    content = message.pop("content")
    deltas: list[dict[str, Any]] = [{"role": message.pop("role"), "content": None}]
    if isinstance(content, str):
        size = max(size, len(content) // _MOST_EVENTS)
        deltas += [{"content": content[start : start + size]} for start in range(0, len(content), size)]
    elif content is not None:
        deltas.append({"content": content})
    deltas += [{name: value} for name, value in message.items()]
    values: list[dict[str, Any]] = [{"choices": [{"index": 0, "delta": delta}]} for delta in deltas]
    values.append({"choices": [{**choice, "delta": {}, "message": None}]})
    if "usage" in completion and asked.get("stream_options", {}).get("include_usage"):
        values.append({"choices": [], "usage": completion["usage"]})
    return [*(b"data: " + orjson.dumps(value) + b"\n\n" for value in values), b"data: [DONE]\n\n"]


class ReplayServers(Protocol):
    """Makes servers that end with the test: the fixture ``replay_server``."""

    def __call__(self, answer: Answerer, **settings: Any) -> ReplayServer: ...


async def _unless_gone(reader: asyncio.StreamReader, work: Awaitable[_Result]) -> _Result:
    """The result of some work, cancelled with ConnectionResetError as soon as the client hangs up."""
    task = asyncio.ensure_future(work)
    gone = asyncio.ensure_future(reader.read(1))
    try:
        await asyncio.wait((task, gone), return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise ConnectionResetError
        return task.result()
    finally:
        task.cancel()
        gone.cancel()
        # The reader belongs to the next request only once nobody waits for it any more.
        await asyncio.gather(task, gone, return_exceptions=True)
