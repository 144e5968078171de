"""`audit show`: what a model was asked and answered, line by line, and whole with --prompts."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest
from log_fixtures import HOSTILE, STEERING, AuditCommand, Tamper
from model_log_fixtures import SYSTEM

from midb.domain.errors import AuditError


def test_a_run_without_a_model_says_nothing_of_one(call: AuditCommand) -> None:
    assert "\nmodel" not in call("summary", "--run", 1).out
    assert orjson.loads(call("summary", "--run", 1, "--json").out)["model"] == []
    assert "\n model" not in call("show", "de-0417", "--run", 1).out
    assert "no model was asked" in call("show", "de-0417", "--run", 1, "--prompts").out


def test_show_says_what_each_decision_took(call: AuditCommand, model_log: Path) -> None:
    lines = call("show", "de-1", "--run", 1, db=model_log).out.splitlines()
    start = next(n for n, line in enumerate(lines) if line.startswith(" model"))
    assert lines[start : start + 4] == [
        " model   content                 prompt 01010101  100 tokens in, 10 out  stop",
        "         translation             prompt 02020202  100 tokens in, 10 out  length",
        "         translation, attempt 2  prompt 03030303  100 tokens in, 10 out  stop",
        "         verification            prompt 04040404  100 tokens in, 10 out  stop",
    ]
    assert "localization  prompt fafafafa  no reply" in call("show", "de-3", "--run", 1, db=model_log).out


def test_whole_prompts_keep_their_lines_and_steer_nothing(call: AuditCommand, model_log: Path) -> None:
    shown = call("show", "de-1", "--run", 1, "--prompts", db=model_log).out
    assert not STEERING.search(shown)
    assert all(line.count("\u2068") == line.count("\u2069") for line in shown.splitlines())
    assert shown.count("  system\n  │ You repair translations.\n  │ Keep what is right.\n  user\n  │ Die cat.\n") == 3
    assert "translation · generation 2\n  prompt    0202" in shown
    assert "  completion (length)\n  │ Die Kat\n" in shown
    assert "  │ \u2068قطة\u2069\n" in shown
    assert "  │  │ ␛[31m␛]0;owned" in shown, "a line of a reply cannot pass for one of ours"


def test_prompts_as_json_are_exact(call: AuditCommand, model_log: Path) -> None:
    told = orjson.loads(call("show", "de-1", "--run", 1, "--json", "--prompts", db=model_log).out)
    asked = told["decisions"][2]
    assert asked["prompt_hash"] == "03" * 32
    assert asked["generation"]["prompt"][0] == {"role": "system", "content": SYSTEM}
    assert asked["generation"]["completion"] == f"Die Katze.\n │ {HOSTILE}"
    short = orjson.loads(call("show", "de-1", "--run", 1, "--json", db=model_log).out)["decisions"][2]["generation"]
    assert set(asked["generation"]) - set(short) == {"prompt", "completion"}
    assert orjson.loads(call("show", "de-3", "--json", "--run", 1, db=model_log).out)["decisions"][0] | {
        "detail": ""
    } == {
        "pair": 0, "pass": "localization", "attempt": 1, "action": "skipped", "reason": "engine-failed", "detail": "",
        "stands": False, "prompt_hash": "fa" * 32, "generation": None, "edits": [],
    }  # fmt: skip


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
    call: AuditCommand, changed_model_log: Tamper, change: str, told: str
) -> None:
    called = call("show", "de-1", "--run", 1, "--prompts", db=changed_model_log("PRAGMA foreign_keys = OFF", change))
    assert told in called.out
    assert not STEERING.search(called.out + called.err)


def test_a_number_that_is_none_is_an_error_and_no_crash(call: AuditCommand, changed_model_log: Tamper) -> None:
    path = changed_model_log("UPDATE generations SET prompt_tokens = 'many' WHERE id = 2")
    called = call("show", "de-1", "--run", 1, db=path)
    assert called.code == AuditError("").exit_code
    assert "prompt_tokens" in called.err
    assert call("summary", "--run", 1, db=path).code == 0
