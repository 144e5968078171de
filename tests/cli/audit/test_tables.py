"""`audit summary`, `verify` and `find` on a terminal: tables, and what they leave out."""

from __future__ import annotations

import re
from pathlib import Path

import orjson
from log_fixtures import AuditCommand


def test_summary_shows_what_each_pass_took(call: AuditCommand, model_log: Path) -> None:
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
