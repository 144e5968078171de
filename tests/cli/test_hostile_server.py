"""Runs against a server that means harm, over real HTTP: the run stops, nothing is lost, and the log stays small."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
import scripted
from chat_desk import KEY
from cli_fixtures import Ask, Cli
from model_runs import DB, finals, improving, write_corpus
from replay_server import (
    Body,
    ChatMessage,
    Fault,
    Gate,
    ReplayServers,
    drip,
    hang_up,
    hang_up_in_body,
    not_json,
    refused,
)

#: Records of the corpora here: fewer than the calls in a row that an outage takes.
COUNT = 5

#: Responses that are no replies, whatever is asked.
USELESS: dict[str, Fault] = {
    "400": refused(400, "unknown field seed"),
    "404": refused(404, "Not Found"),
    "413": refused(413, "too large"),
    "422": refused(422, "no"),
    "501": refused(501, "no"),
    "HTML": not_json(),
    "half JSON": not_json(b'{"choices":[{"message":{"content":"a"'),
    "a list": not_json(b"[1,2,3]"),
    "deep JSON": not_json(b"[" * 200_000 + b"]" * 200_000),
    "a surrogate": not_json(b'{"choices":[{"finish_reason":"stop","message":{"content":"\\ud800"}}]}'),
    "an error page": not_json(b"<html>\x1b[31m\x1b]0;owned\x07</html>", status=404),
    "more text than asked for": Fault(content="a" * (1 << 20)),
    "a body without end": Fault(raw=b'{"x": "' + b"a" * (24 << 20)),
    "a complaint without end": Fault(raw=b"a" * (24 << 20), status=400),
    "compressed": Fault(raw=b"x", headers={"Content-Encoding": "br"}),
    "hanging up": hang_up(),
    "hanging up in the middle": hang_up_in_body("x"),
    "500": refused(500, "broke"),
    "429": refused(429, "busy", retry_after="0"),
    "elsewhere": Fault(raw=b"", status=307, headers={"Location": "http://elsewhere.invalid/v1?key=1"}),
    "the key": Fault(content=f"Gern: {KEY}"),
    "the key in a complaint": refused(400, f"no {KEY} \x1b[31m here"),
    "the key refused": refused(401, f"{KEY} is no key"),
}


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pauses between tries take no time, and there is a key."""
    monkeypatch.setattr("midb.agent.engines.server.chat_call._FIRST_WAIT", 0.0)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)


@pytest.mark.parametrize(
    ("useless", "concurrency"),
    # One at a time all of them; many at once where calls end in different ways.
    [
        *((fault, 1) for fault in USELESS),
        *((fault, 64) for fault in ("400", "429", "hanging up", "a body without end")),
    ],
)
def test_where_every_call_fails_the_run_stops_and_goes_on_later(
    cli: Cli, replay_server: ReplayServers, tmp_path: Path, quick: None, useless: str, concurrency: int
) -> None:
    write_corpus(tmp_path, COUNT)
    works: list[bool] = []
    good = improving()

    def answer(messages: list[ChatMessage], body: Body) -> str | Fault:
        return good(scripted.request_of(messages, body)) if works else USELESS[useless]

    server = replay_server(answer)
    words = ("run", "c.jsonl", "--model", server.spec, "--concurrency", concurrency)
    stopped = cli(*words)
    assert stopped.code == 1, stopped.err
    assert "finished" not in stopped.err
    assert "Traceback" not in stopped.err
    assert not (tmp_path / "c.boosted.jsonl").exists()
    assert not any(request.path.endswith("key=1") for request in server.listings)
    for text in (stopped.out, stopped.err, *(str(path.read_bytes()) for path in tmp_path.iterdir() if path.is_file())):
        assert KEY not in text
        assert "\x1b[31m" not in text
    assert (tmp_path / DB).stat().st_size < 1 << 20
    assert cli("audit", "verify", "--db", DB).code == 0
    works.append(True)
    went_on = cli(*words)
    assert went_on.code == 0, went_on.err
    assert [record["output"].endswith("vielmehr") for record in finals(tmp_path)] == [True] * COUNT


def test_one_record_that_is_refused_is_left_alone_and_the_others_are_not(
    cli: Cli, replay_server: ReplayServers, tmp_path: Path, quick: None
) -> None:
    """Also where it comes first, and nobody was served before."""
    write_corpus(tmp_path, COUNT)
    good = improving()

    def answer(messages: list[ChatMessage], body: Body) -> str | Fault:
        refuses = "in Satz 0," in messages[-1]["content"]
        return refused(400, "I do not like it") if refuses else good(scripted.request_of(messages, body))

    called = cli("run", "c.jsonl", "--model", replay_server(answer).spec, "--concurrency", 1)
    assert called.code == 0, called.err
    assert [record["output"].endswith("vielmehr") for record in finals(tmp_path)] == [False, *[True] * (COUNT - 1)]


@pytest.mark.parametrize("count", [2**63, 2**64 - 1, 10**30, -5, 1.5, "7", True, None, [1]])
def test_counts_of_tokens_that_are_none_do_no_harm(
    cli: Cli, replay_server: ReplayServers, tmp_path: Path, ask: Ask, quick: None, count: object
) -> None:
    write_corpus(tmp_path, 3)
    good = improving()

    def answer(messages: list[ChatMessage], body: Body) -> Fault:
        text = good(scripted.request_of(messages, body))
        usage = {"prompt_tokens": count, "completion_tokens": count, "prompt_tokens_details": {"cached_tokens": count}}
        completion = {"choices": [{"finish_reason": "stop", "message": {"content": text}}], "usage": usage}
        return Fault(raw=json.dumps(completion).encode())

    called = cli("run", "c.jsonl", "--model", replay_server(answer).spec, "--budget", "1e6tok")
    assert called.code == 0, called.err
    assert "3 improved" in called.err
    ((tokens,),) = ask(DB, "SELECT sum(prompt_tokens + completion_tokens) FROM generations")
    assert 0 < tokens < 1_000_000, "they are estimated"
    assert cli("audit", "summary", "--db", DB).code == 0


def test_no_address_of_a_redirect_is_followed(
    cli: Cli, replay_server: ReplayServers, tmp_path: Path, quick: None
) -> None:
    write_corpus(tmp_path, 3)
    other = replay_server(lambda messages, body: "never")
    moved = Fault(raw=b"", status=307, headers={"Location": f"{other.url}/chat/completions"})
    called = cli("run", "c.jsonl", "--model", replay_server(lambda messages, body: moved).spec)
    assert called.code == 1
    assert "where neither key nor corpus is sent" in called.err
    assert other.requests == other.listings == []


async def _never() -> str:
    await asyncio.Event().wait()
    raise AssertionError


#: What a server does to a call that no run which stops may wait for, and the seconds that pairs in flight are given:
#: none where only they end it, so many that a test would not end where pauses have to.
ENDLESS: dict[str, tuple[Callable[[], Fault | Awaitable[str]], float]] = {
    "500": (lambda: refused(500, "broke"), 1e6),
    "429, in an hour": (lambda: refused(429, "busy", retry_after="3600"), 1e6),
    "hanging up": (hang_up, 1e6),
    "no reply": (_never, 0.0),
    "half a reply": (lambda: Fault(content="Gern", gate=Gate()), 0.0),
    "drop by drop, and the last never": (lambda: drip("Gern", Gate()), 0.0),
}


@pytest.mark.parametrize("endless", ENDLESS)
def test_a_run_that_is_stopped_waits_for_no_server(
    cli: Cli, replay_server: ReplayServers, tmp_path: Path, ask: Ask, monkeypatch: pytest.MonkeyPatch, endless: str
) -> None:
    """The first record is served, the second never; then the signal comes."""
    write_corpus(tmp_path, COUNT)
    fault, given = ENDLESS[endless]
    monkeypatch.setattr("midb.agent.run.model_pool.DRAIN", given)
    monkeypatch.setattr(
        "midb.agent.engines.server.chat_call._FIRST_WAIT", 100.0
    )  # the longest there is, where it is waited for
    monkeypatch.setattr("midb.agent.run.batches.BATCH", 1)
    good, stops = improving(), [True]

    def answer(messages: list[ChatMessage], body: Body) -> str | Fault | Awaitable[str]:
        if stops and "in Satz 1," in messages[-1]["content"]:
            os.kill(os.getpid(), signal.SIGTERM)
            return fault()
        return good(scripted.request_of(messages, body))

    server = replay_server(answer)
    words = ("run", "c.jsonl", "--model", server.spec, "--concurrency", 1)
    stopped = cli(*words)
    assert stopped.code == 143, stopped.err
    assert "stopping: " in stopped.err
    assert "Traceback" not in stopped.err
    assert ask(DB, "SELECT status FROM runs") == [("interrupted",)]
    assert ask(DB, "SELECT record_key, outcome FROM records") == [("de-0", "improved")]
    assert cli("audit", "verify", "--db", DB).code == 0
    stops.clear()
    went_on = cli(*words)
    assert went_on.code == 0, went_on.err
    assert [record["output"].endswith("vielmehr") for record in finals(tmp_path)] == [True] * COUNT
    assert sum("in Satz 0," in request.body["messages"][-1]["content"] for request in server.requests) == 3


@pytest.mark.parametrize("listed", [True, False])
def test_a_server_that_wants_to_be_left_alone_for_a_day_is_told_of_at_once(
    cli: Cli, replay_server: ReplayServers, tmp_path: Path, listed: bool
) -> None:
    write_corpus(tmp_path, COUNT)
    busy = refused(429, "busy", retry_after="99999")
    server = replay_server(lambda messages, body: busy, models=None if listed else busy)
    called = cli("run", "c.jsonl", "--model", server.spec)
    assert called.code == 1
    assert "wants to be left alone for 99,999 s" in called.err
    assert "Run the same command again then." in called.err
