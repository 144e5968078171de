"""`midb-agent run --dry-run`: a forecast that holds, from replies that are paid for once."""

from __future__ import annotations

import json
import re
from pathlib import Path

from cli_fixtures import Ask, Cli
from model_runs import DB, Serve, improving, write_corpus


def test_a_dry_run_forecasts_and_its_replies_are_kept(cli: Cli, served: Serve, tmp_path: Path, ask: Ask) -> None:
    write_corpus(tmp_path, 100)
    server = served(improving())
    told = cli("run", "c.jsonl", "--model", server.spec, "--dry-run", "10")
    assert told.code == 0, told.err
    assert "forecast for 100 records" in told.out
    assert not (tmp_path / "c.boosted.jsonl").exists()
    assert len(server.requests) == 30
    assert "3.00 a record, 2.00 of them verdicts" in told.out
    assert "each rewrite is judged in both orders (--judge-orders 1 asks once)" in told.out
    asked = json.loads(cli("run", "c.jsonl", "--model", server.spec, "--dry-run", "10", "--json").out.splitlines()[-1])
    assert len(server.requests) == 30
    assert (asked["judge_orders"], asked["verdicts_per_record"]) == (2, 2.0)
    low, expected, high = asked["prompt_tokens"]
    assert low <= expected <= high
    assert cli("run", "c.jsonl", "--model", server.spec).code == 0
    assert len(server.requests) == 300
    (paid,) = ask(DB, "SELECT sum(prompt_tokens) FROM generations")[0]
    assert low * 0.8 <= paid <= high * 1.2
    assert cli("audit", "verify", "--db", DB).code == 0


def test_a_sample_smaller_than_what_goes_at_once_is_said(cli: Cli, served: Serve, tmp_path: Path) -> None:
    write_corpus(tmp_path, 30)
    words = ("run", "c.jsonl", "--model", served(improving()).spec, "--dry-run", "4")
    few = cli(*words, "--concurrency", "8")
    assert few.code == 0, few.err
    # With as many as the server turned out to serve, which is 8 at most.
    assert re.search(r"fewer records than go at once: with all [5-8] a call may take longer\.", few.out)
    enough = cli(*words, "--concurrency", "2")
    assert "fewer records than go at once" not in enough.out
    assert "forecast for 30 records, from 4 spread over languages and lengths" in enough.out
