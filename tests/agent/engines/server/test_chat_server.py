"""The connections to one server: who is there, the key and where it goes, what a status means for all."""

from __future__ import annotations

import asyncio
import base64
import logging
import socket
from collections.abc import AsyncIterator

import httpx
import pytest
from chat_desk import KEY, SCHEMA, Desk, Serve, ask, echo, reply_to, script, start, with_engine
from replay_server import Fault, hang_up, not_json, refused

from midb.agent.engines.protocol import CallFailed, EngineDown
from midb.agent.engines.server.chat_server import ChatServer, TransientFailure, _read_body
from midb.agent.engines.server.openai import OpenAIEngine
from midb.domain.errors import UsageError


@pytest.fixture
def deserted() -> str:
    """An address where nobody listens."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{listener.getsockname()[1]}/v1"


def test_nobody_at_the_address(deserted: str, desk: Desk) -> None:
    with pytest.raises(EngineDown, match=deserted) as caught:
        start(OpenAIEngine("m", deserted, environment={}, sleep=desk.sleep))
    assert caught.value.hint
    assert desk.waits == []


def test_a_host_that_has_no_address(desk: Desk) -> None:
    with pytest.raises(EngineDown, match=r"nowhere\.invalid"):
        start(OpenAIEngine("m", "http://nowhere.invalid:1", environment={}, sleep=desk.sleep))


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize("when", ["start", "later"])
def test_a_key_that_is_refused_stops_the_run(replay_server: Serve, desk: Desk, status: int, when: str) -> None:
    fault = refused(status, f"Incorrect API key provided: {KEY}")
    server = replay_server(lambda messages, body: fault, models=fault if when == "start" else None)
    engine = desk.engine(server, environment={"MY_KEY": KEY}, key_variable="MY_KEY")
    with pytest.raises(EngineDown, match="refuses the key") as caught:
        reply_to(engine)
    assert "MY_KEY" in caught.value.hint
    assert "***" in str(caught.value)
    assert KEY not in f"{caught.value} {caught.value.hint}"
    assert (len(server.requests), desk.waits) == (int(when == "later"), [])


@pytest.mark.parametrize(
    "fault",
    [
        refused(404, "The model `replay` does not exist.", type="NotFoundError", code=404),
        refused(404, "model 'replay' not found, try pulling it first"),
        refused(404, "no", code="model_not_found"),
        refused(429, "You exceeded your current quota", code="insufficient_quota"),
    ],
)
def test_what_holds_for_every_request_stops_the_run(replay_server: Serve, desk: Desk, fault: Fault) -> None:
    server = replay_server(script(fault), models=refused(404))
    with pytest.raises(EngineDown):
        reply_to(desk.engine(server))
    assert desk.waits == []


@pytest.mark.parametrize("status", [301, 302, 307, 308])
@pytest.mark.parametrize("when", ["start", "later"])
def test_neither_key_nor_corpus_goes_where_a_server_sends_them(
    replay_server: Serve, desk: Desk, status: int, when: str
) -> None:
    other = replay_server(echo)
    fault = Fault(status=status, raw=b"", headers={"Location": f"http://u:p@127.0.0.1:{other.port}/v1/x?key=geheim"})
    server = replay_server(lambda messages, body: fault, models=fault if when == "start" else None)
    with pytest.raises(EngineDown, match="sends elsewhere") as caught:
        reply_to(desk.engine(server, environment={"OPENAI_API_KEY": KEY}))
    assert f"http://127.0.0.1:{other.port}/v1/x;" in caught.value.hint
    assert (other.requests, other.listings) == ([], [])


def test_the_key_goes_to_the_server_and_nowhere_else(
    replay_server: Serve, desk: Desk, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    said: list[str] = []
    faults: list[str | Fault] = [
        refused(500, f"failed for Bearer {KEY}"), hang_up(), not_json(), refused(400, f"x{KEY}x"), "gut",
    ]  # fmt: skip
    entry = {"id": "replay", "owned_by": f"holder of {KEY}", "root": KEY}
    server = replay_server(script(*faults), models=[entry])
    engine = desk.engine(server, environment=None, retries=3, extra_body={"user": KEY}, warn=None)

    async def use(engine: OpenAIEngine) -> None:
        with pytest.raises(CallFailed) as caught:
            await engine.generate(ask(schema=SCHEMA))
        error: BaseException | None = caught.value
        while error is not None:
            said.extend([str(error), repr(error), getattr(error, "hint", "")])
            error = error.__cause__ or error.__context__
        assert (await engine.generate(ask())).text == "gut"

    with_engine(engine, use)
    assert all(request.headers["authorization"] == f"Bearer {KEY}" for request in server.requests + server.listings)
    said += [repr(engine), str(engine), engine.fingerprint(), engine.described, caplog.text]
    assert "***" in engine.fingerprint()
    assert "POST" in caplog.text
    assert [text for text in said if KEY in text] == []


def test_a_debugger_that_shows_the_engine_shows_no_key() -> None:
    engine = OpenAIEngine("m", "http://h", environment={"OPENAI_API_KEY": KEY})
    assert KEY not in repr(vars(engine))


@pytest.mark.parametrize("environment", [{}, {"OPENAI_API_KEY": ""}, {"OPENAI_API_KEY": " \n"}, {"OTHER": KEY}])
def test_without_a_key_none_is_sent(replay_server: Serve, desk: Desk, environment: dict[str, str]) -> None:
    server = replay_server(echo)
    reply_to(desk.engine(server, environment=environment))
    assert "authorization" not in server.requests[0].headers


def test_a_key_may_end_with_a_line_break(replay_server: Serve, desk: Desk) -> None:
    server = replay_server(echo)
    reply_to(desk.engine(server, environment={"OPENAI_API_KEY": f"{KEY}\n"}))
    assert server.requests[0].headers["authorization"] == f"Bearer {KEY}"


@pytest.mark.parametrize("key", ["sk geheim", "sk-geheim\nX-Other: 1", "sk-geheím"])
def test_a_key_that_no_header_can_carry_is_refused_without_showing_it(key: str) -> None:
    with pytest.raises(UsageError, match="MY_KEY") as caught:
        OpenAIEngine("m", "http://h", environment={"MY_KEY": key}, key_variable="MY_KEY")
    assert "geh" not in f"{caught.value} {caught.value.hint}"


def test_a_key_on_an_open_line_is_warned_of(desk: Desk) -> None:
    engine = OpenAIEngine(
        "m", "http://nowhere.invalid", environment={"OPENAI_API_KEY": KEY}, sleep=desk.sleep, warn=desk.warnings.append
    )
    with pytest.raises(EngineDown):
        start(engine)
    (warning,) = desk.warnings
    assert "unencrypted" in warning
    assert KEY not in warning


def test_a_reply_without_end_is_not_read_to_its_end(replay_server: Serve, desk: Desk) -> None:
    """No more is read than so many tokens may have, whatever the server sends; also of a complaint."""
    endless = Fault(raw=b'{"choices": ["' + b"x" * (24 << 20))
    server = replay_server(script(endless, endless, Fault(raw=endless.raw, status=400), "gut"))

    async def use(engine: OpenAIEngine) -> None:
        with pytest.raises(CallFailed, match=r"a reply of more than [0-9]{3} KiB") as caught:
            await engine.generate(ask())
        assert caught.value.code == "bad-reply"
        with pytest.raises(CallFailed) as caught:
            await engine.generate(ask())
        assert caught.value.code == "http-400"
        assert len(str(caught.value)) < 400
        assert (await engine.generate(ask())).text == "gut"

    with_engine(desk.engine(server, retries=1), use)


@pytest.mark.parametrize(("status", "expected"), [(200, 3 << 10), (400, 64 << 10)])
def test_a_body_is_bounded_while_it_is_read(status: int, expected: int) -> None:
    """The pieces behind the bound are never asked for."""
    read = 0

    async def pieces() -> AsyncIterator[bytes]:
        nonlocal read
        while True:
            read += 1 << 10
            yield b"x" * (1 << 10)

    async def go() -> bytes:
        return await _read_body(httpx.Response(status, content=pieces()), 2 << 10)

    if status == 200:
        with pytest.raises(TransientFailure, match="more than 2 KiB"):
            asyncio.run(go())
    else:
        assert len(asyncio.run(go())) == expected
    assert read == expected


@pytest.mark.parametrize("form", ["{key}", "a{key}b", "{upper}", "{reversed}", "{base64}", "{hidden}", "{escaped}"])
def test_a_reply_that_holds_the_key_is_refused(replay_server: Serve, desk: Desk, form: str) -> None:
    text = form.format(
        key=KEY,
        upper=KEY.upper(),
        reversed=KEY[::-1],
        base64=base64.b64encode(KEY.encode()).decode(),
        hidden="\u200b".join(KEY),
        escaped=KEY,
    )
    fault = Fault(content=text)
    if form == "{escaped}":
        escapes = "".join(f"\\u{ord(c):04x}" for c in KEY)
        fault = Fault(raw=b'{"choices": [{"message": {"content": "%s"}, "finish_reason": "stop"}]}' % escapes.encode())
    server = replay_server(script(fault))
    with pytest.raises(CallFailed) as caught:
        reply_to(desk.engine(server, environment={"OPENAI_API_KEY": KEY}))
    assert caught.value.code == "key-in-reply"
    assert KEY not in f"{caught.value} {caught.value.hint}"


def test_what_stands_for_no_key_may_be_said(replay_server: Serve, desk: Desk) -> None:
    server = replay_server(script("The list is EMPTY."))
    assert reply_to(desk.engine(server, environment={"OPENAI_API_KEY": "EMPTY"})).text == "The list is EMPTY."


def test_no_cookies_are_kept(replay_server: Serve, desk: Desk) -> None:
    cookie = {"Set-Cookie": "track=1; Path=/"}
    server = replay_server(script(Fault(content="a", headers=cookie), "b"), models=Fault(raw=b"{}", headers=cookie))

    async def use(engine: OpenAIEngine) -> None:
        for text in "ab":
            assert (await engine.generate(ask())).text == text

    with_engine(desk.engine(server), use)
    assert len(server.requests) == 2
    assert not any("cookie" in request.headers for request in (*server.requests, *server.listings))
    assert all(request.headers["accept-encoding"] == "identity" for request in server.requests)


def test_a_key_on_this_machine_or_an_encrypted_line_is_not_warned_of(desk: Desk) -> None:
    for url in ("http://localhost:8000/v1", "http://127.0.0.1/v1", "https://example.org/v1"):
        server = ChatServer(url, key_variable="KEY", environment={"KEY": KEY}, now=lambda: 0.0)
        server.open(desk.warnings.append)
    assert desk.warnings == []


def test_the_key_is_cut_out_of_whatever_a_server_says() -> None:
    server = ChatServer("http://h/v1", key_variable="KEY", environment={"KEY": KEY}, now=lambda: 0.0)
    assert server.redact(f"key {KEY}\nis\x07 wrong") == "key *** is wrong"
    assert server.redact("x" * 300) == "x" * 199 + "…"
    assert server.redact("x" * 300, limit=400) == "x" * 300
