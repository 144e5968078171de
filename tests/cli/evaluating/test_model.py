"""`midb-agent evaluate model`: questions, two models and a judge, and nothing asked twice."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cli_fixtures import Cli
from compared_corpora import RIGHT, is_right
from log_fixtures import rows_of
from replay_server import ReplayServer, ReplayServers
from scripted import request_of
from scripted_judges import judge_by, knows

from midb.audit.proof.verify import verify

GERMAN = "Schreibe einen Bericht über eine Reise nach Hawaii, in dem das Essen und die Leute vorkommen."


@pytest.fixture
def server(replay_server: ReplayServers) -> ReplayServer:
    """Two models, of which the candidate knows the right word, and a judge who knows it, too."""

    def answer(messages: list[dict[str, str]], body: dict[str, object]) -> str:
        if body["model"] == "judge":
            return judge_by(knows(is_right))(request_of(messages, body))
        word = RIGHT if body["model"] == "candidate" else "wohl"
        return f"Das ist {word} so, zum {len(messages)}. Mal."

    return replay_server(answer, models=[{"id": name} for name in ("candidate", "baseline", "judge")])


@pytest.fixture
def command(server: ReplayServer, tmp_path: Path) -> list[str]:
    questions = [{"question_id": n, "turns": [f"{GERMAN} {n}", "Und nun?"]} for n in range(22)]
    (tmp_path / "q.json").write_text(json.dumps(questions), encoding="utf-8")
    words = ["evaluate", "model", "q.json", "--resamples", "100"]
    for option in ("candidate", "baseline", "judge"):
        words += [f"--{option}", f"openai:{option}@{server.url}"]
    return words


def test_tables_by_turn_the_log_and_nothing_twice(
    cli: Cli, server: ReplayServer, command: list[str], tmp_path: Path
) -> None:
    called = cli(*command, "-o", "f.json")
    assert called.code == 0, called.err
    assert "turn 1; per cent" in called.out
    assert "turn 2; per cent" in called.out
    figures = json.loads((tmp_path / "f.json").read_text(encoding="utf-8"))
    assert [turn["groups"][0]["net_win"]["value"] for turn in figures["turns"]] == [1, 1]
    assert (figures["questions"], figures["judged"]) == (22, 44)
    assert any("The judge was not measured" in note for note in figures["notes"])
    asked = len(server.requests)
    assert asked == 2 * 44 + 2 * 44
    assert verify(tmp_path / "models.audit.db").problems == []
    assert rows_of(tmp_path / "models.audit.db", "SELECT DISTINCT evaluates FROM evaluations") == [("model",)]
    assert cli("report", "-o", "r.md").code == 0
    card = (tmp_path / "r.md").read_text(encoding="utf-8")
    assert "## Two models compared" in card
    assert "Answers of candidate, which is hoped to be better, and of baseline to 22 questions." in card
    again = cli(*command, "--json")
    assert json.loads(again.out)["turns"] == figures["turns"]
    assert len(server.requests) == asked


def test_a_sample(cli: Cli, server: ReplayServer, command: list[str]) -> None:
    called = cli(*command, "--sample", "3", "--max-tokens", "50")
    assert called.code == 0, called.err
    assert "3 of 22 questions were asked (a sample)." in called.out
    assert len(server.requests) == 24


def test_a_budget_is_that_of_all_models_and_the_same_command_goes_on(
    cli: Cli, server: ReplayServer, command: list[str], tmp_path: Path
) -> None:
    db = tmp_path / "models.audit.db"
    said = []
    for _ in range(60):
        before = len(server.requests)
        called = cli(*command, "--budget", "800tok", "--concurrency", "2")
        assert called.code == 0, called.err
        said.append(called)
        if "the budget is used up" not in called.err:
            break
        assert rows_of(db, "SELECT count(*) FROM evaluations") == [(0,)]
        assert len(server.requests) > before, "each time it comes further"
    assert "of 22 questions have no answer yet, and there are no figures" in said[0].err
    assert said[0].out == ""
    assert any("answers were judged: the figures are of those" in one.out for one in said[:-1])
    assert len(server.requests) == 2 * 44 + 2 * 44, "nothing is paid twice"
    assert rows_of(db, "SELECT count(*) FROM evaluations") == [(1,)]
    calm = cli(*command, "--db", "calm.audit.db")
    assert calm.out == said[-1].out, "the table is the same"


def test_a_forecast_of_answers_and_judgements(cli: Cli, server: ReplayServer, command: list[str]) -> None:
    called = cli(*command, "--dry-run", "3")
    assert called.code == 0, called.err
    assert "forecast for 22 questions, from 3" in called.out
    assert "candidate: 44   (44 to 44) answers" in called.out
    assert "judge: 88   (88 to 88) judgements" in called.out
    asked = len(server.requests)
    assert asked == 3 * (2 + 2 + 4)
    found = json.loads(cli(*command, "--dry-run", "3", "--json").out)
    assert found["models"]["baseline"]["calls"] == [44, 44, 44]
    assert len(server.requests) == asked
    refused = cli(*command, "--dry-run", "3", "--budget", "1tok", "--db", "other.audit.db")
    assert "the budget is used up before the sample was answered" in refused.err


def test_what_cannot_be_meant_is_one_sentence(
    cli: Cli, server: ReplayServer, command: list[str], tmp_path: Path
) -> None:
    (tmp_path / "none.json").write_text('[{"a": 1}]')
    for words, sentence in (
        (["evaluate", "model", "q.json"], "no candidate is named"),
        (["evaluate", "model", "q.json", "--candidate", "openai:x@http://h/v1"], "no baseline is named"),
        ([*command, "--languages", "xx"], "xx"),
        (["evaluate", "model", "none.json", *command[3:]], "there is no question in none.json"),
        (["evaluate", "model", "nowhere.json", *command[3:]], "there is no nowhere.json"),
    ):
        called = cli(*words)
        assert called.code in (1, 2), words
        assert sentence in called.err, (words, called.err)
        assert "Traceback" not in called.err
    assert server.requests == []
