"""The log of a run with a model, made by hand: what was asked, what was answered, and what came of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from log_fixtures import HOSTILE, RUN, Story, Tamper, execute, now, pair, record

from midb.audit.log import AuditLog
from midb.domain.decisions import Action, Decision, Pass, Reason
from midb.domain.generations import Generation, GenerationKey
from midb.domain.results import RecordResult

#: What every prompt of a pass begins with.
SYSTEM = "You repair translations.\nKeep what is right."


def reply(number: int, pass_: str, user: str, completion: str, **more: Any) -> Generation:
    """A reply of 100 tokens in and 10 out to a prompt of its own."""
    told: dict[str, Any] = {
        "key": GenerationKey(f"{number:02x}" * 32, "tiny-model", '{"temperature":0}'), "pass_": pass_,
        "messages": (("system", SYSTEM), ("user", user)), "completion": completion, "finish_reason": "stop",
        "prompt_tokens": 100, "completion_tokens": 10, "cached_tokens": 60, "seconds": 1.5,
    }  # fmt: skip
    return Generation(**told | more)


@pytest.fixture(scope="session")
def model_log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two runs; the second one finds a reply of the first."""
    path = tmp_path_factory.mktemp("model") / "corpus.boosted.jsonl.audit.db"

    def by_model(decision: Decision, generation: Generation, **changes: Any) -> Decision:
        return replace(decision, prompt_hash=generation.key.prompt_hash, generation=generation.id, **changes)

    def tell(key: str, position: int, text: str, asked: list[Generation]) -> RecordResult:
        """Left alone, cut off, rewritten, accepted."""
        story = Story(pair(text))
        story.skipped()
        same = story.decisions[0]
        story.decisions[0] = by_model(replace(same, pass_=Pass.CONTENT, reason=Reason.LEFT_ALONE), asked[0])
        cut = replace(same, pass_=Pass.TRANSLATION, action=Action.REJECTED, reason=Reason.TRUNCATED)
        story.decisions.append(by_model(cut, asked[1]))
        story.rewrite(Pass.TRANSLATION, "untranslated-text", ("cat", "Katze"))
        story.decisions[2] = by_model(story.decisions[2], asked[2])
        story.verified()
        story.decisions[3] = by_model(story.decisions[3], asked[3])
        return record(position, key, "de", story)

    with AuditLog(path, now=now) as log:
        run, checkpoint = log.begin(RUN)
        asked = log.add_generations(
            run,
            [
                reply(1, "content", "Die cat.", "unchanged"),
                reply(2, "translation", "Die cat.", "Die Kat", finish_reason="length", retries=2),
                reply(3, "translation", f"Die cat.\n{HOSTILE}\nقطة", f"Die Katze.\n │ {HOSTILE}"),
                reply(4, "verification", "Die Katze.", '{"verdict": "accept"}'),
                reply(5, "content", "asked, but the run was stopped", "…"),
            ],
        )
        failed = Story(pair("nichts"))
        failed.skipped()
        failed.decisions[0] = replace(
            failed.decisions[0], pass_=Pass.LOCALIZATION, reason=Reason.ENGINE_FAILED, prompt_hash="fa" * 32
        )
        first = tell("de-1", 0, "Die cat.", asked)
        twin = tell("de-2", 1, "Die cat.", asked)  # the same text: the same replies
        third = record(2, "de-3", "de", failed)
        log.write_batch(run, [first, twin, third], [], replace(checkpoint, position=3))
        log.set_status(run, "finished", output_sha256="56" * 32, finished=True)
        run, checkpoint = log.begin(RUN)
        again = [*asked[:3], *log.add_generations(run, [reply(6, "verification", "anew", "{}", completion_tokens=7)])]
        log.write_batch(run, [tell("de-1", 0, "Die cat.", again)], [], replace(checkpoint, position=1))
        log.set_status(run, "finished", output_sha256="56" * 32, finished=True)
    return path


@pytest.fixture
def changed_model_log(model_log: Path, tmp_path: Path) -> Tamper:
    """Changes a copy of that log by SQL."""

    def change(*statements: str) -> Path:
        copy = tmp_path / "changed.audit.db"
        copy.write_bytes(model_log.read_bytes())
        execute(copy, *statements)
        return copy

    return change
