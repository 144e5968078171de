"""How a judge is named, and what the row of its evaluation says."""

from __future__ import annotations

from pathlib import Path

import pytest
from replay_server import ReplayServers

from midb.cli.evaluating.judge_options import (
    EvaluationOptions,
    JudgingProgress,
    hash_prompts,
    judge_settings,
    make_run,
    read_prompts,
    start_engine,
    warn,
)
from midb.domain.errors import UsageError
from midb.domain.hashing import digest


def test_a_judge_is_a_model_like_any_other() -> None:
    settings = judge_settings("openai:x@http://h/v1", concurrency=3, timeout=None, key_variable="MY_KEY")
    assert (settings.model, settings.concurrency, settings.key_variable) == ("openai:x@http://h/v1", 3, "MY_KEY")
    with pytest.raises(UsageError, match="no judge is named"):
        judge_settings(None)


def test_the_row_of_an_evaluation_names_its_settings() -> None:
    settings = {"evaluates": "judge", "judge": "openai:x@http://h/v1"}
    run = make_run(settings, parent_run=3, engine="x 1")
    assert (run.kind, run.parent_run, run.engine, run.config_hash) == ("evaluation", 3, "x 1", digest(settings))
    assert make_run(settings).config_hash == run.config_hash


def test_other_prompts_are_other_settings(tmp_path: Path) -> None:
    own = read_prompts(None)
    assert set(hash_prompts(own)) == {"judge.system", "judge.user"}
    (tmp_path / "judge.schema.json").write_text('{"type": "object"}')
    assert hash_prompts(read_prompts(tmp_path)) != hash_prompts(own)


def test_progress_is_told_at_each_tenth(capsys: pytest.CaptureFixture[str]) -> None:
    tell = JudgingProgress("judged", 40)
    for done in range(1, 41):
        tell(done)
    warn("mind \x1b[31mthis")
    said = capsys.readouterr().err.splitlines()
    assert (said[0], said[9], len(said)) == ("judged: 4 of 40", "judged: 40 of 40", 11)
    assert "\x1b" not in said[10]


def test_what_is_typed_configures_the_engine_of_every_model() -> None:
    how = EvaluationOptions(concurrency=3, timeout=9.0, budget="2h")
    config = how.configure("openai:x@http://h/v1", language="de")
    assert (config.concurrency, config.timeout, config.budget, config.language) == (3, 9.0, "2h", "de")
    assert (how.read_budget().seconds, EvaluationOptions().read_budget().left(9, 9)) == (7200, None)
    with pytest.raises(UsageError, match="is no budget"):
        EvaluationOptions(budget="much").read_budget()
    with pytest.raises(UsageError, match="there is no folder"):
        EvaluationOptions(output=Path("nowhere/f.json")).read_key()


def test_an_engine_is_started_and_named(capsys: pytest.CaptureFixture[str], replay_server: ReplayServers) -> None:
    server = replay_server(lambda messages, body: "x")
    with start_engine(judge_settings(server.spec), "judge") as engine:
        assert engine.text.places >= 1
    assert capsys.readouterr().err.startswith(f"starting {engine.text.described} (judge)")
