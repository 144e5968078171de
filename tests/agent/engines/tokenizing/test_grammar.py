"""Replies that are kept to a schema: whatever a model would write, what it writes is JSON of that schema."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import replace
from pathlib import Path

import orjson
import pytest

from midb.agent.engines.protocol import FinishReason, Sampling, TextReply
from midb.agent.model.replies import ReplyError, parse_verdict
from midb.agent.model.tasks import Task, verdict_task
from midb.composition import EngineOptions, build_engine
from midb.domain.decisions import Reason
from midb.domain.pairs import Field, InstructionPair
from midb.locales import load
from midb.prompts import load_prompts

pytest.importorskip("torch")
pytest.importorskip("llguidance")
pytest.importorskip("transformers")

from midb.agent.engines.tokenizing.tokenizer import ChatTokenizer

PAIR = InstructionPair(instruction="Nenne vier Farben.", response="Rot, Blau, Grün und Gelp.")
OTHER = PAIR.replaced({Field.RESPONSE: "Rot, Blau, Grün und Gelb."})
SCHEMA = load_prompts()["verification.system"].schema
assert SCHEMA is not None
GOOD = '{"code":"0a1b2c3d","reasons":[],"preferred":"A","blamed":"none"}'


def ask(seed: int = 0) -> Task:
    sampling = Sampling(temperature=1.5 if seed else 0.0, seed=seed)
    return verdict_task(load_prompts(), PAIR, OTHER, locale=load("de"), sampling=sampling)


def walk(tokenizer: ChatTokenizer, text: str) -> tuple[int, int]:
    """How many tokens of a text and its end there are, and how many a constraint takes."""
    assert SCHEMA is not None
    make = tokenizer.make_constraint(SCHEMA)
    assert make is not None
    constraint, ids, taken = make(), tokenizer.encode_reference(text), 0
    for token in ids:
        allowed = constraint.allow()
        if not constraint.accept(token):
            assert token >= len(allowed) or not allowed[token]
            break
        assert allowed[token]
        taken += 1
    return len(ids), taken


@pytest.mark.parametrize(
    "text",
    [
        GOOD,
        GOOD.replace(":", ": ").replace(",", ", "),
        GOOD.replace("[]", '[{"version":"B","severity":"minor","reason":"Misspelt: \\"Gelp\\"."}]'),
    ],
)
def test_what_the_schema_asks_for_is_allowed_up_to_its_end(tiny_checkpoint: Path, text: str) -> None:
    count, taken = walk(ChatTokenizer(tiny_checkpoint, "tiny"), text)
    assert taken == count


@pytest.mark.parametrize(
    "text",
    [
        f"Sure! {GOOD}",
        GOOD[:-1],  # its end comes too early
        f"{GOOD} I hope this helps.",
        GOOD.replace("0a1b2c3d", "CODE"),
        GOOD.replace('"A"', '"C"'),
        GOOD.replace("[]", "[ ]"),
        GOOD.replace('"reasons":[],', ""),
        GOOD.replace("[]", '[{"version":"B","severity":"minor","reason":"' + "long " * 60 + '"}]'),
        f"\n\n{GOOD}",
    ],
)
def test_nothing_else_is(tiny_checkpoint: Path, text: str) -> None:
    count, taken = walk(ChatTokenizer(tiny_checkpoint, "tiny"), text)
    assert taken < count


def test_a_verdict_of_a_model_that_writes_garbage_has_the_form_that_was_asked_for(tiny_checkpoint: Path) -> None:
    """Only its code is wrong, which nothing forces: a verdict that the texts dictate must not get the right one."""
    engine = build_engine(str(tiny_checkpoint), options=EngineOptions(device="cpu", dtype="float32", max_length=4096))
    tasks = [ask(seed) for seed in range(4)]

    async def serve() -> list[TextReply]:
        await engine.start()
        try:
            return await asyncio.gather(*(engine.generate(task.request) for task in tasks))
        finally:
            await engine.close()

    ended = 0
    for task, reply in zip(tasks, asyncio.run(serve()), strict=True):
        if reply.finish_reason is FinishReason.STOP:
            ended += 1
            assert orjson.loads(reply.text).keys() == {"code", "reasons", "preferred", "blamed"}
            with pytest.raises(ReplyError, match='"code" is not the CODE of the task'):
                parse_verdict(reply.text, reply.finish_reason, task.nonce)
            right = reply.text.replace(orjson.loads(reply.text)["code"], task.nonce)
            assert parse_verdict(right, reply.finish_reason, task.nonce) is not None
        else:  # letters of many tokens each: it was cut off
            with pytest.raises(ReplyError) as failed:
                parse_verdict(reply.text, reply.finish_reason, task.nonce)
            assert failed.value.reason in (Reason.TRUNCATED, Reason.LOOPED)
    assert ended > 0


def test_without_the_library_nothing_is_enforced(tiny_checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert build_engine(str(tiny_checkpoint), options=EngineOptions(device="cpu")).fingerprint().count(" guided ") == 1
    monkeypatch.delitem(sys.modules, "midb.agent.engines.tokenizing.grammar", raising=False)
    monkeypatch.setitem(sys.modules, "llguidance", None)
    tokenizer = ChatTokenizer(tiny_checkpoint, "tiny")
    assert tokenizer.make_constraint(SCHEMA or {}) is None
    assert not tokenizer.guides
    # Whoever looks at the log later must see that nothing was enforced.
    assert " guided " not in build_engine(str(tiny_checkpoint), options=EngineOptions(device="cpu")).fingerprint()


def test_a_schema_that_is_none_is_not_enforced(tiny_checkpoint: Path) -> None:
    assert ChatTokenizer(tiny_checkpoint, "tiny").make_constraint({"type": "no such type"}) is None
    assert replace(ask().request, schema=None).schema is None
