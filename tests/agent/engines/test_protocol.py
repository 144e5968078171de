"""What the passes know of an engine: requests, replies, and how a call can fail."""

from __future__ import annotations

import orjson
import pytest

from midb.agent.engines.protocol import CallFailed, EngineDown, FinishReason, Sampling, TextReply, TextRequest
from midb.domain.errors import MidbError


def test_sampling_is_written_in_one_way_only() -> None:
    """It is a part of the key under which a logged reply is found again, whoever wrote it."""
    assert Sampling(temperature=0.5, seed=7).as_json() == '{"seed":7,"temperature":0.5}'
    assert Sampling().as_json() == Sampling(seed=0, temperature=0.0).as_json() == '{"seed":0,"temperature":0.0}'
    assert Sampling(temperature=0.1).as_json() != Sampling(temperature=0.2).as_json()
    assert orjson.loads(Sampling(seed=2**62).as_json())["seed"] == 2**62


def test_a_call_may_be_tried_again_and_a_dead_engine_may_not() -> None:
    failed = CallFailed("timeout", "it took too long.", hint="Ask for less.", retries=3)
    assert isinstance(failed, MidbError)
    assert (failed.code, failed.message, failed.hint) == ("timeout", "it took too long.", "Ask for less.")
    assert (failed.retries, failed.retryable) == (3, True)
    down = EngineDown("nobody is there.")
    assert isinstance(down, MidbError)
    assert not down.retryable


def test_finish_reasons_are_logged_as_words() -> None:
    assert [str(reason) for reason in FinishReason] == [
        "stop", "stop-string", "length", "looped", "filtered", "other",
    ]  # fmt: skip


def test_requests_and_replies_do_not_change() -> None:
    request = TextRequest(messages=())
    reply = TextReply(text="x", finish_reason=FinishReason.STOP)
    for frozen, name in ((request, "reference"), (reply, "text"), (Sampling(), "seed")):
        with pytest.raises(AttributeError):
            setattr(frozen, name, "other")
    assert (reply.prompt_tokens, reply.drafted, reply.retries, reply.seconds) == (0, 0, 0, 0.0)
