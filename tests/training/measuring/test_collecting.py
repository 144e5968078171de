"""Replies are kept as they come: nothing is asked twice, and a crash costs the reply that was being written."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from learned import PROMPTS, answer_well, leave, make
from scripted import Answer, ScriptedEngine

from midb.agent.engines.protocol import CallFailed, EngineDown, TextRequest
from midb.agent.model.calls import Model
from midb.agent.model.settings import ModelSettings
from midb.domain.errors import UsageError
from midb.domain.generations import Generation
from midb.training.examples.example import ExampleKind, TrainingExample
from midb.training.measuring.collecting import Failed, ReplyFile, collect

EXAMPLES = [make(kind, row) for row in range(3) for kind in ExampleKind]


def run(
    path: Path, engine: ScriptedEngine, examples: list[TrainingExample] = EXAMPLES, adapter: str = ""
) -> tuple[list[Generation | Failed], list[int]]:
    done: list[int] = []

    async def go() -> list[Generation | Failed]:
        await engine.start()
        model = Model(engine, ReplyFile(path), ModelSettings(prompts=PROMPTS))
        return await collect(model, examples, lambda example: adapter, done=done.append)

    return asyncio.run(go()), done


def test_each_example_gets_its_reply_and_nothing_is_asked_again(tmp_path: Path) -> None:
    path = tmp_path / "replies.jsonl"
    engine = ScriptedEngine(answer_well)
    first, done = run(path, engine)
    assert [one.completion for one in first if isinstance(one, Generation)][1] == leave(EXAMPLES[1])
    assert done == list(range(1, 10))
    assert [request.messages for request in engine.requests] == [example.messages for example in EXAMPLES]
    assert all(request.stop and request.reference for request in engine.requests)
    again, _ = run(path, other := ScriptedEngine(answer_well))
    assert other.requests == []
    assert [one.completion for one in again if isinstance(one, Generation)] == [
        one.completion for one in first if isinstance(one, Generation)
    ]
    run(path, adapted := ScriptedEngine(answer_well), adapter="style")
    assert [request.adapter for request in adapted.requests] == ["style"] * 9


def test_counts_are_kept_too(tmp_path: Path) -> None:
    path = tmp_path / "replies.jsonl"
    ((first, *_), _) = run(path, ScriptedEngine(answer_well))
    ((again, *_), _) = run(path, ScriptedEngine(answer_well))
    assert isinstance(first, Generation)
    assert isinstance(again, Generation)
    assert again.counts() == first.counts()
    assert again.prompt_tokens > 0


def test_a_reply_that_a_crash_cut_off_is_asked_for_again(tmp_path: Path) -> None:
    path = tmp_path / "replies.jsonl"
    run(path, ScriptedEngine(answer_well))
    whole = path.read_bytes()
    path.write_bytes(whole[:-20])
    run(path, engine := ScriptedEngine(answer_well))
    assert len(engine.requests) == 1
    assert len(ReplyFile(path)) == 9
    assert sorted(path.read_bytes().splitlines()) == sorted(whole.splitlines())


def test_a_file_of_something_else_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "notes.jsonl"
    for text in ("my notes\n", "{}\n", "[1]\n", '{"prompt_hash": 1}\n'):
        path.write_text(text)
        with pytest.raises(UsageError, match="holds something else than replies") as caught:
            ReplyFile(path)
        assert "-o" in caught.value.hint
        assert path.read_text() == text


def test_a_request_that_fails_alone_is_told(tmp_path: Path) -> None:
    def answer(request: TextRequest) -> Answer:
        long = request.messages == EXAMPLES[4].messages
        return CallFailed("context-exceeded", "it is too long.") if long else answer_well(request)

    found, _ = run(tmp_path / "replies.jsonl", ScriptedEngine(answer))
    assert found[4] == Failed("context-exceeded")
    assert all(isinstance(one, Generation) for number, one in enumerate(found) if number != 4)


def test_what_came_before_the_engine_went_down_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "replies.jsonl"

    def answer(request: TextRequest) -> Answer:
        return EngineDown("the server is gone.") if request.messages == EXAMPLES[8].messages else answer_well(request)

    with pytest.raises(EngineDown, match="gone"):
        run(path, ScriptedEngine(answer, concurrency=1))
    run(path, engine := ScriptedEngine(answer_well))
    assert len(engine.requests) == 1
