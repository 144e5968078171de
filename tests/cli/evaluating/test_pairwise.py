"""`midb-agent evaluate pairwise`: two corpora and a judge on a server, killed, resumed, and asked again."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from cli_fixtures import Cli
from compared_corpora import is_right, make_sides, write_sides
from evaluated_runs import make_records, write_records
from log_fixtures import rows_of
from replay_server import ReplayServer, ReplayServers
from scripted import request_of
from scripted_judges import Taste, judge_by, knows, prefers_first

from midb.audit.proof.verify import verify

DB = "boosted.jsonl.audit.db"


@pytest.fixture
def serve(replay_server: ReplayServers) -> Callable[[Taste], ReplayServer]:
    def make(taste: Taste) -> ReplayServer:
        return replay_server(lambda messages, body: judge_by(taste)(request_of(messages, body)))

    return make


@pytest.fixture
def sides(tmp_path: Path) -> Path:
    """24 pairs in each of two languages, a quarter of them the same on both sides; half of the rest is better."""
    write_sides(tmp_path, *make_sides(24, same_every=4, languages=("de", "fr")))
    return tmp_path


COMMAND = ("evaluate", "pairwise", "raw.jsonl", "boosted.jsonl", "--resamples", "100")

#: Makes a judge's server.
Serve = Callable[[Taste], ReplayServer]


def test_a_table_the_log_and_the_same_again_for_nothing(cli: Cli, serve: Serve, sides: Path) -> None:
    server = serve(knows(is_right))
    called = cli(*COMMAND, "--judge", server.spec, "-o", "f.json")
    assert called.code == 0, called.err
    assert "of 36 pairs that differ 36 judged in both orders" in called.out
    figures = json.loads((sides / "f.json").read_text(encoding="utf-8"))
    assert [(group["language"], group["pairs"], group["judged"]) for group in figures["groups"]] == [
        ("de", 24, 18), ("fr", 24, 18), (None, 48, 36),
    ]  # fmt: skip
    assert len(server.requests) == 72
    assert verify(sides / DB).problems == []
    assert rows_of(sides / DB, "SELECT count(*), count(DISTINCT item) FROM judgements") == [(72, 36)]
    again = cli(*COMMAND, "--judge", server.spec, "--json")
    assert json.loads(again.out) == figures
    assert "judged before, as logged in run 1" in again.err
    assert len(server.requests) == 72
    more = cli(*COMMAND, "--judge", server.spec, "--seed", "5")
    assert more.code == 0
    assert len(server.requests) == 72, "other draws of the same replies"


def has_asked(least: int, server: ReplayServer) -> bool:
    return len(server.requests) >= least


def test_killed_at_any_moment_nothing_is_paid_twice(cli: Cli, serve: Serve, sides: Path) -> None:
    server = serve(knows(is_right))
    command = [sys.executable, "-m", "midb.cli.main", *COMMAND, "--judge", server.spec, "--concurrency", "2"]
    for answered in (9, 30):
        process = subprocess.Popen(command, cwd=sides, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        server.wait_for(partial(has_asked, answered))
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    called = cli(*COMMAND, "--judge", server.spec, "--json")
    assert called.code == 0, called.err
    asked = [json.dumps(request.body["messages"]) for request in server.requests]
    assert len(set(asked)) == 72
    assert len(asked) <= 72 + 2 * 4, "at most what was in flight at a kill is asked again"
    (sides / DB).unlink()
    calm = cli(*COMMAND, "--judge", server.spec, "--json")
    assert json.loads(calm.out) == json.loads(called.out), "the table is the same"


def test_a_budget_stops_and_the_same_command_goes_on(cli: Cli, serve: Serve, sides: Path) -> None:
    server = serve(knows(is_right))
    first = cli(*COMMAND, "--judge", server.spec, "--budget", "300tok", "--concurrency", "2")
    assert first.code == 0, first.err
    assert "the budget is used up; the same command goes on" in first.err
    assert "the figures are of what there is so far" in first.out
    paid = len(server.requests)
    assert 0 < paid < 72
    assert cli(*COMMAND, "--judge", server.spec).code == 0
    assert len(server.requests) == 72
    assert rows_of(sides / DB, "SELECT count(*) FROM evaluations") == [(1,)]


def test_a_forecast_writes_no_figures(cli: Cli, serve: Serve, sides: Path) -> None:
    server = serve(knows(is_right))
    called = cli(*COMMAND, "--judge", server.spec, "--dry-run", "4")
    assert called.code == 0, called.err
    assert "forecast for 36 pairs, each in both orders, from 4" in called.out
    assert json.loads(cli(*COMMAND, "--judge", server.spec, "--dry-run", "4", "--json").out)["sampled"] == 4
    assert len(server.requests) == 8
    assert rows_of(sides / DB, "SELECT count(*) FROM evaluations") == [(0,)]


def test_a_judge_by_place_is_told(cli: Cli, serve: Serve, sides: Path) -> None:
    called = cli(*COMMAND, "--judge", serve(prefers_first).spec)
    assert "it answers by place, and its ties are no opinion" in called.out


def test_identical_corpora_need_no_judge_at_all(cli: Cli, sides: Path) -> None:
    called = cli("evaluate", "pairwise", "raw.jsonl", "raw.jsonl", "--judge", "openai:x@http://127.0.0.1:9/v1")
    assert called.code == 0, called.err
    assert "every pair is a tie, and no judge was asked" in called.out


def test_in_the_log_of_the_run_and_in_its_report(cli: Cli, serve: Serve, tmp_path: Path) -> None:
    write_records(tmp_path / "c.jsonl", make_records(24))
    assert cli("run", "c.jsonl", "--quiet", "--workers", "0").code == 0
    server = serve(knows(lambda text: "3. Grün" in text))
    called = cli("evaluate", "pairwise", "c.jsonl", "c.boosted.jsonl", "--judge", server.spec, "--resamples", "100")
    assert called.code == 0, called.err
    db = tmp_path / "c.boosted.jsonl.audit.db"
    assert rows_of(db, "SELECT kind, parent_run FROM runs ORDER BY id") == [("run", None), ("evaluation", 1)]
    assert verify(db).problems == []
    assert cli("report", "-o", "r.md").code == 0
    card = (tmp_path / "r.md").read_text(encoding="utf-8")
    assert "## Judged pair by pair" in card
    assert "| de | 24 | 12 | 12 | 0 | 0 | &#43;100.0 |" in card


def test_what_cannot_be_meant_is_one_sentence(cli: Cli, serve: Serve, sides: Path) -> None:
    server = serve(prefers_first)
    (sides / "empty.jsonl").write_text("")
    (sides / "mine.json").write_text("{}")
    lines = (sides / "boosted.jsonl").read_text(encoding="utf-8").splitlines()
    (sides / "less.jsonl").write_text("\n".join(lines[1:]) + "\n", encoding="utf-8")
    for words, sentence in (
        (("raw.jsonl", "boosted.jsonl"), "no judge is named"),
        (("raw.jsonl", "nowhere.jsonl", "--judge", server.spec), "nowhere.jsonl"),
        (("raw.jsonl", "empty.jsonl", "--judge", server.spec), "empty.jsonl"),
        (("raw.jsonl", "less.jsonl", "--judge", server.spec), "id de-000 stands in the raw corpus alone"),
        (("raw.jsonl", "boosted.jsonl", "--judge", server.spec, "-o", "mine.json"), "holds no figures"),
        (("raw.jsonl", "boosted.jsonl", "--judge", server.spec, "--budget", "much"), "is no budget"),
        (("raw.jsonl", "boosted.jsonl", "--judge", server.spec, "--prompts", "nowhere"), "is not a folder of prompts"),
        (("raw.jsonl", "boosted.jsonl", "--judge", "models/none"), "models/none"),
        (("raw.jsonl", "boosted.jsonl", "--judge", server.spec, "--db", "raw.jsonl"), "raw.jsonl"),
    ):
        called = cli("evaluate", "pairwise", *words)
        assert called.code in (1, 2), (words, called)
        assert sentence in called.err, words
        assert "Traceback" not in called.err
    assert server.requests == []
