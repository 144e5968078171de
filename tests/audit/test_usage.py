"""A run with a model in the log: what it took per pass, and what was asked for one record."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest

from midb.audit.log import AuditLog
from midb.audit.proof.verify import verify
from midb.audit.questions.usage import PassUsage, total_usage, usage_by_pass
from midb.audit.reader import AuditReader
from midb.domain.decisions import Action, Decision, Pass, Reason
from midb.domain.errors import AuditError
from midb.domain.generations import Generation, GenerationKey

Call = Callable[..., Any]

#: Nothing of this may reach a terminal. Isolates are ours.
STEERING = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\ufeff]")

SYSTEM = "You repair translations.\nKeep what is right."


def reply(number: int, pass_: str, user: str, completion: str, **more: Any) -> Generation:
    """A reply of 100 tokens in and 10 out to a prompt of its own."""
    told: dict[str, Any] = {
        "key": GenerationKey(f"{number:02x}" * 32, "tiny-model", '{"temperature":0}'), "pass_": pass_,
        "messages": (("system", SYSTEM), ("user", user)), "completion": completion, "finish_reason": "stop",
        "prompt_tokens": 100, "completion_tokens": 10, "cached_tokens": 60, "seconds": 1.5,
    }  # fmt: skip
    return Generation(**told | more)


@pytest.fixture(scope="module")
def model_log(by_hand: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two runs; the second one finds a reply of the first."""
    path = tmp_path_factory.mktemp("model") / "corpus.boosted.jsonl.audit.db"

    def by_model(decision: Decision, generation: Generation, **changes: Any) -> Decision:
        return replace(decision, prompt_hash=generation.key.prompt_hash, generation=generation.id, **changes)

    def tell(key: str, position: int, text: str, asked: list[Generation]) -> Any:
        """Left alone, cut off, rewritten, accepted."""
        story = by_hand.Story(by_hand.pair(text))
        story.skipped()
        same = story.decisions[0]
        story.decisions[0] = by_model(replace(same, pass_=Pass.CONTENT, reason=Reason.LEFT_ALONE), asked[0])
        cut = replace(same, pass_=Pass.TRANSLATION, action=Action.REJECTED, reason=Reason.TRUNCATED)
        story.decisions.append(by_model(cut, asked[1]))
        story.rewrite(Pass.TRANSLATION, "untranslated-text", ("cat", "Katze"))
        story.decisions[2] = by_model(story.decisions[2], asked[2])
        story.verified()
        story.decisions[3] = by_model(story.decisions[3], asked[3])
        return by_hand.record(position, key, "de", story)

    with AuditLog(path, now=by_hand.now) as log:
        run, checkpoint = log.begin(by_hand.RUN)
        asked = log.add_generations(
            run,
            [
                reply(1, "content", "Die cat.", "unchanged"),
                reply(2, "translation", "Die cat.", "Die Kat", finish_reason="length", retries=2),
                reply(3, "translation", f"Die cat.\n{by_hand.HOSTILE}\nقطة", f"Die Katze.\n │ {by_hand.HOSTILE}"),
                reply(4, "verification", "Die Katze.", '{"verdict": "accept"}'),
                reply(5, "content", "asked, but the run was stopped", "…"),
            ],
        )
        failed = by_hand.Story(by_hand.pair("nichts"))
        failed.skipped()
        failed.decisions[0] = replace(
            failed.decisions[0], pass_=Pass.LOCALIZATION, reason=Reason.ENGINE_FAILED, prompt_hash="fa" * 32
        )
        first = tell("de-1", 0, "Die cat.", asked)
        twin = tell("de-2", 1, "Die cat.", asked)  # the same text: the same replies
        third = by_hand.record(2, "de-3", "de", failed)
        log.write_batch(run, [first, twin, third], [], replace(checkpoint, position=3))
        log.set_status(run, "finished", output_sha256="56" * 32, finished=True)
        run, checkpoint = log.begin(by_hand.RUN)
        again = [*asked[:3], *log.add_generations(run, [reply(6, "verification", "anew", "{}", completion_tokens=7)])]
        log.write_batch(run, [tell("de-1", 0, "Die cat.", again)], [], replace(checkpoint, position=1))
        log.set_status(run, "finished", output_sha256="56" * 32, finished=True)
    return path


@pytest.fixture
def changed(model_log: Path, tmp_path: Path) -> Callable[..., Path]:
    """A copy of the log that somebody changed by SQL."""

    def change(*statements: str) -> Path:
        copy = tmp_path / "changed.audit.db"
        copy.write_bytes(model_log.read_bytes())
        with sqlite3.connect(copy) as connection:
            for statement in statements:
                connection.execute(statement)
        connection.close()
        return copy

    return change


def test_the_log_is_as_a_run_writes_it(model_log: Path) -> None:
    assert verify(model_log).problems == []


def test_every_generation_counts_once_in_the_run_that_paid_for_it(model_log: Path) -> None:
    with AuditReader(model_log) as reader:
        first, second = usage_by_pass(reader, 1), usage_by_pass(reader, 2)
    assert [(one.pass_, one.calls, one.reused) for one in first] == [
        ("content", 2, 0),
        ("translation", 2, 0),
        ("localization", 0, 0),
        ("verification", 1, 0),
    ]
    assert [(one.pass_, one.calls, one.reused) for one in second] == [
        ("content", 0, 1),
        ("translation", 0, 2),
        ("verification", 1, 0),
    ]
    assert first[1] == PassUsage(
        pass_="translation", calls=2, prompt_tokens=200, cached_tokens=120, completion_tokens=20, retries=2,
        seconds=3.0, finished={"length": 1}, failed={"truncated": 2},
    )  # fmt: skip
    assert first[2].failed == {"engine-failed": 1}, "there was no reply at all"
    total = total_usage(second)
    assert (total.calls, total.reused, total.prompt_tokens, total.completion_tokens) == (1, 3, 100, 7)
    assert total.finished == {"length": 1}


def test_summary_shows_what_each_pass_took(call: Call, model_log: Path) -> None:
    called = call("summary", "--run", 1, db=model_log)
    assert called.code == 0
    table = [re.split(r"  +", line.strip()) for line in called.out.splitlines()]
    start = next(n for n, cells in enumerate(table) if cells[0] == "model")
    assert table[start : start + 11] == [
        ["model", "calls", "tokens in", "cached", "out", "retries", "seconds"],
        ["content", "2", "200", "120", "20", "0", "3"],
        ["translation", "2", "200", "120", "20", "2", "3"],
        ["localization", "0", "0", "0", "0", "0", "0"],
        ["verification", "1", "100", "60", "10", "0", "2"],
        ["total", "5", "500", "300", "50", "2", "8"],
        [""],
        ["model", "trouble", "times"],
        ["translation", "ended by: length", "1"],
        ["translation", "failed: truncated", "2"],
        ["localization", "failed: engine-failed", "1"],
    ]
    told = orjson.loads(call("summary", "--run", 2, "--json", db=model_log).out)["model"]
    assert [one["pass"] for one in told] == ["content", "translation", "verification", "total"]
    assert told[3]["reused"] == 3
    assert told[3]["failed"] == {"truncated": 1}


def test_a_run_without_a_model_says_nothing_of_one(call: Call) -> None:
    assert "\nmodel" not in call("summary", "--run", 1).out
    assert orjson.loads(call("summary", "--run", 1, "--json").out)["model"] == []
    assert "\n model" not in call("show", "de-0417", "--run", 1).out
    assert "no model was asked" in call("show", "de-0417", "--run", 1, "--prompts").out


def test_show_says_what_each_decision_took(call: Call, model_log: Path) -> None:
    lines = call("show", "de-1", "--run", 1, db=model_log).out.splitlines()
    start = next(n for n, line in enumerate(lines) if line.startswith(" model"))
    assert lines[start : start + 4] == [
        " model   content                 prompt 01010101  100 tokens in, 10 out  stop",
        "         translation             prompt 02020202  100 tokens in, 10 out  length",
        "         translation, attempt 2  prompt 03030303  100 tokens in, 10 out  stop",
        "         verification            prompt 04040404  100 tokens in, 10 out  stop",
    ]
    assert "localization  prompt fafafafa  no reply" in call("show", "de-3", "--run", 1, db=model_log).out


def test_whole_prompts_keep_their_lines_and_steer_nothing(call: Call, model_log: Path) -> None:
    shown = call("show", "de-1", "--run", 1, "--prompts", db=model_log).out
    assert not STEERING.search(shown)
    assert all(line.count("\u2068") == line.count("\u2069") for line in shown.splitlines())
    assert shown.count("  system\n  │ You repair translations.\n  │ Keep what is right.\n  user\n  │ Die cat.\n") == 3
    assert "translation · generation 2\n  prompt    0202" in shown
    assert "  completion (length)\n  │ Die Kat\n" in shown
    assert "  │ \u2068قطة\u2069\n" in shown
    assert "  │  │ ␛[31m␛]0;owned" in shown, "a line of a reply cannot pass for one of ours"


def test_prompts_as_json_are_exact(call: Call, model_log: Path, by_hand: Any) -> None:
    told = orjson.loads(call("show", "de-1", "--run", 1, "--json", "--prompts", db=model_log).out)
    asked = told["decisions"][2]
    assert asked["prompt_hash"] == "03" * 32
    assert asked["generation"]["prompt"][0] == {"role": "system", "content": SYSTEM}
    assert asked["generation"]["completion"] == f"Die Katze.\n │ {by_hand.HOSTILE}"
    short = orjson.loads(call("show", "de-1", "--run", 1, "--json", db=model_log).out)["decisions"][2]["generation"]
    assert set(asked["generation"]) - set(short) == {"prompt", "completion"}
    assert orjson.loads(call("show", "de-3", "--json", "--run", 1, db=model_log).out)["decisions"][0] | {
        "detail": ""
    } == {
        "pair": 0, "pass": "localization", "attempt": 1, "action": "skipped", "reason": "engine-failed", "detail": "",
        "stands": False, "prompt_hash": "fa" * 32, "generation": None, "edits": [],
    }  # fmt: skip


def test_exported_decisions_name_their_prompts(call: Call, model_log: Path) -> None:
    out = call("export", "--what", "decisions", "--format", "jsonl", "--run", 1, db=model_log).out
    told = [orjson.loads(line) for line in out.splitlines()]
    assert [(row["prompt_hash"][:2], row["generation_id"]) for row in told][:5] == [
        ("01", 1), ("02", 2), ("03", 3), ("04", 4), ("01", 1),
    ]  # fmt: skip
    assert told[-1]["generation_id"] is None


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("DELETE FROM generations WHERE id = 2", "generation 2 is missing from the log"),
        ("UPDATE generations SET prompt = 'x\x1b[2J' WHERE id = 2", "  prompt\n  │ x␛[2J"),
        ("UPDATE generations SET prompt = '[1, \"sha256\"]' WHERE id = 2", '  prompt\n  │ [1, "sha256"]'),
        ("UPDATE generations SET prompt = '7' WHERE id = 2", "  prompt\n  │ 7"),
        ("DELETE FROM prompts", "  │ (missing: system message"),
        ("UPDATE generations SET completion = X'FF0A' WHERE id = 2", "  │ \\xff\n"),
        ("UPDATE generations SET finish_reason = char(27) || '[2J' WHERE id = 2", "10 out  ␛[2J"),
    ],
)
def test_a_log_that_was_changed_is_shown_as_far_as_it_goes(
    call: Call, changed: Callable[..., Path], change: str, told: str
) -> None:
    called = call("show", "de-1", "--run", 1, "--prompts", db=changed("PRAGMA foreign_keys = OFF", change))
    assert told in called.out
    assert not STEERING.search(called.out + called.err)


def test_a_number_that_is_none_is_an_error_and_no_crash(call: Call, changed: Callable[..., Path]) -> None:
    path = changed("UPDATE generations SET prompt_tokens = 'many' WHERE id = 2")
    called = call("show", "de-1", "--run", 1, db=path)
    assert called.code == AuditError("").exit_code
    assert "prompt_tokens" in called.err
    assert call("summary", "--run", 1, db=path).code == 0
