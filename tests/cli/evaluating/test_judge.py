"""`midb-agent evaluate judge`: the figures, the warning in their line, and what `pairwise` makes of them."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from cli_fixtures import Cli
from compared_corpora import is_right, make_sides, write_sides
from log_fixtures import rows_of
from replay_server import ReplayServer, ReplayServers
from scripted import request_of
from scripted_judges import Taste, judge_by, knows, prefers_first, prefers_longer

from midb.audit.proof.verify import verify

Serve = Callable[[Taste], ReplayServer]

WORDS = ("evaluate", "judge", "--languages", "de", "--cases", "3", "--resamples", "100")


@pytest.fixture
def serve(replay_server: ReplayServers) -> Serve:
    def make(taste: Taste) -> ReplayServer:
        return replay_server(lambda messages, body: judge_by(taste)(request_of(messages, body)))

    return make


def test_a_poor_judge_is_warned_of_in_its_own_line_and_in_those_of_pairwise(
    cli: Cli, serve: Serve, tmp_path: Path
) -> None:
    server = serve(prefers_longer)
    called = cli(*WORDS, "--judge", server.spec, "-o", "judge.json")
    assert called.code == 0, called.err
    line = next(line for line in called.out.splitlines() if line.startswith("de "))
    assert "! right about" in line
    figures = json.loads((tmp_path / "judge.json").read_text(encoding="utf-8"))
    assert figures["groups"][0]["longer"] == 1
    assert verify(tmp_path / "judge.audit.db").problems == []
    assert rows_of(tmp_path / "judge.audit.db", "SELECT DISTINCT first FROM judgements ORDER BY 1") == [
        ("better",), ("worse",),
    ]  # fmt: skip
    asked = len(server.requests)
    assert cli(*WORDS, "--judge", server.spec, "--json").code == 0
    assert len(server.requests) == asked, "nothing is paid twice"
    write_sides(tmp_path, *make_sides(22, languages=("de",)))
    command = ("evaluate", "pairwise", "raw.jsonl", "boosted.jsonl", "--judge", server.spec, "--resamples", "100")
    compared = cli(*command)
    assert compared.code == 0, compared.err
    assert "! judge" in next(line for line in compared.out.splitlines() if line.startswith("de "))
    assert "de: the judge: right about" in compared.out


def test_a_log_of_evaluations_alone_has_a_report_of_their_figures(cli: Cli, serve: Serve, tmp_path: Path) -> None:
    server = serve(prefers_longer)
    assert cli(*WORDS, "--judge", server.spec).code == 0
    for name in ("r.html", "r.md"):
        called = cli("report", "-o", name)
        assert called.code == 0, called.err
        text = (tmp_path / name).read_text(encoding="utf-8")
        assert "The judge, measured" in text
        assert "right about" in text
        for word in ("looked for defects", "Ledger", "findings are open"):
            assert word not in text
    summary = cli("audit", "summary")
    assert "evaluation  finished" in summary.out
    assert f"judge: {server.spec}" in summary.out
    assert "→ \n" not in summary.out


def test_a_judge_who_was_not_measured_is_told_until_it_is(cli: Cli, serve: Serve, tmp_path: Path) -> None:
    server = serve(knows(is_right))
    write_sides(tmp_path, *make_sides(22, languages=("de",)))
    command = ("evaluate", "pairwise", "raw.jsonl", "boosted.jsonl", "--judge", server.spec, "--resamples", "100")
    assert "The judge was not measured" in cli(*command).out
    assert cli(*WORDS, "--judge", server.spec).code == 0
    again = cli(*command)
    assert "The judge was not measured" not in again.out
    assert "de: the judge: right about 0 % of known pairs" in again.out, "this one knows only its own word"


def test_people_are_compared_with(cli: Cli, serve: Serve, tmp_path: Path) -> None:
    with (tmp_path / "edits.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "log", "record", "language", "before", "after", "verdict"])
        for number in range(8):
            texts = ("so", "nachweislich so") if number % 2 else ("nachweislich so", "so")
            writer.writerow([f"e-{number}-0", "x", f"de-{number}", "de", *texts, "accept" if number % 2 else "reject"])
    called = cli(*WORDS, "--judge", serve(knows(is_right)).spec, "--human", "edits.csv")
    assert called.code == 0, called.err
    assert "People and the judge: kappa 1.00 on 8 edits; they agree on 100%" in called.out


def test_a_budget_stops_it_and_the_same_command_goes_on(cli: Cli, serve: Serve, tmp_path: Path) -> None:
    server = serve(prefers_first)
    called = cli(*WORDS, "--judge", server.spec, "--budget", "500tok", "--concurrency", "2")
    assert "cases were not asked: the budget was used up" in called.out
    assert "the budget is used up; the same command goes on: midb-agent " in called.err
    assert rows_of(tmp_path / "judge.audit.db", "SELECT count(*) FROM evaluations") == [(0,)]
    asked = len(server.requests)
    assert cli(*WORDS, "--judge", server.spec).code == 0
    prompts = [json.dumps(request.body["messages"]) for request in server.requests]
    assert len(prompts) == len(set(prompts)) > asked


def test_a_forecast_of_cases(cli: Cli, serve: Serve, tmp_path: Path) -> None:
    server = serve(prefers_first)
    called = cli(*WORDS, "--judge", server.spec, "--dry-run", "4")
    assert called.code == 0, called.err
    assert "pairs, each in both orders, from 4" in called.out
    assert 0 < len(server.requests) <= 8, "two texts that are the same are asked about once"
    assert rows_of(tmp_path / "judge.audit.db", "SELECT count(*) FROM evaluations") == [(0,)]


def test_what_cannot_be_meant_is_one_sentence(cli: Cli, serve: Serve, tmp_path: Path) -> None:
    server = serve(prefers_first)
    (tmp_path / "mine.csv").write_text("a,b\n")
    for words, sentence in (
        ((), "no judge is named"),
        (("--judge", server.spec, "--languages", "xx"), "xx"),
        (("--judge", server.spec, "--human", "mine.csv"), "has no column id"),
        (("--judge", server.spec, "--human", "nowhere.csv"), "nowhere.csv cannot be read"),
        (("--judge", "openai:x@http://127.0.0.1:9/v1"), "does not serve"),
    ):
        called = cli("evaluate", "judge", *words)
        assert called.code in (1, 2), words
        assert sentence in called.err, (words, called.err)
        assert "Traceback" not in called.err
    assert server.requests == []
