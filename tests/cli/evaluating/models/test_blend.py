"""`midb-agent evaluate blend`: two models and the answers of people, nothing asked twice."""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path

import pytest
from blend_files import write_blend
from cli_fixtures import Cli
from log_fixtures import rows_of
from replay_server import ReplayServer, ReplayServers

from midb.audit.proof.verify import verify
from midb.evaluation.blend import lemmas

#: Calls for two countries: questions, prompts, models.
CALLS = 2 * 24 * 2 * 2


@pytest.fixture(autouse=True)
def plain_words(monkeypatch: pytest.MonkeyPatch) -> None:
    """No library is needed for what these tests are about."""
    monkeypatch.setattr(lemmas, "_BY_SIMPLEMMA", frozenset())


@pytest.fixture
def server(replay_server: ReplayServers) -> ReplayServer:
    """The candidate knows every answer, the baseline those to odd numbers."""

    def answer(messages: list[dict[str, str]], body: dict[str, object]) -> str:
        found = re.search(r"(?:Question|Tambaya) (\d+)", messages[-1]["content"])
        assert found
        known = body["model"] == "candidate" or int(found[1]) % 2
        return f"Answer: answer{found[1]}." if known else "No."

    return replay_server(answer, models=[{"id": name} for name in ("candidate", "baseline")])


@pytest.fixture
def command(server: ReplayServer, tmp_path: Path) -> list[str]:
    write_blend(tmp_path / "data")
    models = [f"--{role}=openai:{role}@{server.url}" for role in ("candidate", "baseline")]
    return ["evaluate", "blend", "data", *models, "--resamples", "100"]


def test_tables_scores_the_log_and_nothing_twice(
    cli: Cli, server: ReplayServer, command: list[str], tmp_path: Path
) -> None:
    called = cli(*command, "-o", "f.json", "--scores", "s.jsonl")
    assert called.code == 0, called.err
    line = next(line for line in called.out.splitlines() if line.startswith("Northern Nigeria"))
    assert line.split()[:6] == ["Northern", "Nigeria", "ha", "24", "24", "0.0"]
    figures = json.loads((tmp_path / "f.json").read_text(encoding="utf-8"))
    assert [group["difference"]["soft"]["value"] for group in figures["groups"]] == [0.5, 0.5, 0.5]
    # Only a prompt that ends in this label explains it; else the reply is more than the answer.
    assert [group["candidate"]["exact"]["value"] for group in figures["groups"]] == [0, 0.5, 0.25]
    assert len(server.requests) == CALLS
    assert verify(tmp_path / "models.audit.db").problems == []
    lines = [json.loads(line) for line in (tmp_path / "s.jsonl").read_text(encoding="utf-8").splitlines()]
    assert (len(lines), lines[-1]["matched"], lines[0]["model"]) == (CALLS, "answer23", "baseline")
    again = cli(*command, "--json")
    assert json.loads(again.out) == figures
    assert len(server.requests) == CALLS
    assert cli("report", "-o", "r.md").code == 0
    assert "| Northern&#95;Nigeria | ha | 24 | difference |" in (tmp_path / "r.md").read_text(encoding="utf-8")


def test_one_model_one_country_one_prompt_in_english(cli: Cli, server: ReplayServer, command: list[str]) -> None:
    words = [word for word in command if not word.startswith("--baseline")]
    called = cli(*words, "--countries", "Northern_Nigeria", "--ask-in", "english", "--ask-with", "pers-3", "--json")
    assert called.code == 0, called.err
    assert [group["language"] for group in json.loads(called.out)["groups"]] == ["en"]
    assert len(server.requests) == 24
    asked = server.requests[0].body
    assert asked["messages"][0]["content"].startswith("You are from there. Question")


def test_a_budget_a_sample_and_a_forecast(cli: Cli, server: ReplayServer, command: list[str], tmp_path: Path) -> None:
    forecast = cli(*command, "--sample", "6", "--dry-run", "2")
    assert "forecast for 12 questions, from 4" in forecast.out
    assert "candidate: 12   (12 to 12) answers" in forecast.out
    assert len(server.requests) == 8
    stopped = cli(*command, "--sample", "6", "--budget", "1tok", "--concurrency", "1")
    assert "of 12 questions have no answer yet, and there are no figures" in stopped.err
    assert rows_of(tmp_path / "models.audit.db", "SELECT count(*) FROM evaluations") == [(0,)]
    done = cli(*command, "--sample", "6")
    assert "6 of 48 valid questions were asked (a sample)." in done.out
    assert len(server.requests) == 24


def test_what_cannot_be_meant_is_one_sentence(
    cli: Cli, server: ReplayServer, command: list[str], tmp_path: Path
) -> None:
    (tmp_path / "there.jsonl").write_text("mine")
    for words, sentence in (
        (["evaluate", "blend", "data"], "no candidate is named"),
        (["evaluate", "blend", "nowhere", *command[3:]], "there is no folder nowhere"),
        ([*command, "--ask-in", "klingon"], '--ask-in cannot be "klingon"'),
        ([*command, "--ask-with", "inst-1"], 'there is no prompt "inst-1"'),
        ([*command, "--ask-with", ","], "--ask-with names nothing"),
        ([*command, "--countries", "Iran"], "there is no Iran_data.json"),
        ([*command, "--scores", "there.jsonl"], "there.jsonl is there already"),
        ([*command, "--scores", "nowhere/s.jsonl"], "there is no folder"),
        ([*command, "--dry-run", "3", "--budget", "1tok"], "before the sample was answered"),
    ):
        called = cli(*words)
        assert called.code in (1, 2), words
        assert sentence in called.err, (words, called.err)
        assert "Traceback" not in called.err
    assert (tmp_path / "there.jsonl").read_text() == "mine"


def test_what_is_missing_is_said_before_anything_is_asked(
    cli: Cli, server: ReplayServer, command: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lemmas, "_BY_SIMPLEMMA", frozenset({"en"}))
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    called = cli(*command)
    assert called.code == 2
    assert "simplemma, which is not installed" in called.err
    assert server.requests == []
