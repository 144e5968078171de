"""`audit summary`, `verify` and `find` on a terminal: tables, and what they leave out."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
from log_fixtures import RUN, AuditCommand
from rich.console import Console

from midb.audit.questions.finding import Match
from midb.audit.questions.summary import PARTS
from midb.audit.rows import RecordRow
from midb.cli.audit.tables import show_found, show_summary


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


def test_find_counts_what_it_does_not_show(call: AuditCommand) -> None:
    called = call("find", "--run", 1, "--limit", 2)
    assert (
        "10 records; the first 2 are shown, --limit 10 shows all; 3 unchanged records in which nothing was found"
        in called.out
    )
    assert "ar-1" not in called.out
    assert call("find", "--run", 1, "--text", "nowhere").out == "nothing in run 1 fits: text nowhere.\n"


def test_find_shows_why(call: AuditCommand) -> None:
    row = next(
        line
        for line in call("find", "--run", 1, "--kind", "space-before-punctuation").out.splitlines()
        if "ru-1" in line
    )
    assert "space-before-punctuation (taken back) [ ,] → [,]" in row
    assert "space-before-punctuation (open) seen" in row


def test_summary_sums_up(call: AuditCommand) -> None:
    told = orjson.loads(call("summary", "--run", 1, "--json").out)
    assert sum(row[2] for row in told["ledger"]) == 13
    assert ["not-json", 1, 4] in told["rejected"]
    assert len(told["events"]) == 2
    shown = call("summary", "--run", 1).out
    assert re.search(r"total +15 +3 +9 +1 +2", shown)
    assert re.search(r"false-equation +content +1 +1", shown)


def rows_of_table(out: str, first: str) -> list[list[str]]:
    """The table whose heading begins with a word, cell by cell."""
    lines = out.splitlines()
    start = next(n for n, line in enumerate(lines) if line.split()[:1] == [first])
    end = next((n for n, line in enumerate(lines[start:], start) if not line.strip()), len(lines))
    return [re.split(r"  +", line.strip()) for line in lines[start:end]]


def test_the_ledger_of_a_run_has_the_columns_of_its_contract(call: AuditCommand) -> None:
    table = rows_of_table(call("summary", "--run", 1).out, "language")
    assert table[0] == ["language", "read", "unchanged", "improved", "reverted", "rejected"]
    assert table[-1] == ["total", "15", "3", "9", "1", "2"]
    for cells in table[1:]:
        read, *rest = map(int, cells[1:])
        assert read == sum(rest)


def test_the_ledger_of_a_revert_counts_what_is_undone(call: AuditCommand, undone_log: Path) -> None:
    out = call("summary", "--run", 3, db=undone_log).out
    table = rows_of_table(out, "language")
    assert table[0] == ["language", "read", "unchanged", "undone", "rejected"]
    assert table[-1] == ["total", "4", "1", "2", "1"]
    assert rows_of_table(out, "undone") == [
        ["undone", "pass", "edits", "records"],
        ["decimal-separator", "revert", "2", "2"],
    ]
    assert "repaired" not in out


def printed(show: Callable[[Console], None]) -> str:
    """What is printed into a file."""
    stream = io.StringIO()
    show(Console(file=stream, width=10_000, highlight=False, markup=False))
    return stream.getvalue()


def test_long_keys_and_texts_are_cut_and_closed(tmp_path: Path) -> None:
    match = Match("e-1-0", "kind", "edited", "response", before="قديم" * 30, after="x" * 50)
    row = RecordRow(1, 1, 0, 1, "k" * 50, "ar", "improved", 1, 0, None, None, "", "", "")
    line = printed(lambda console: show_found(console, [(row, [match] * 5)])).splitlines()[1]
    assert f"{'k' * 31}…" in line
    assert line.count("\u2068") == line.count("\u2069") == 3
    assert line.endswith("   +2")


def test_events_beyond_the_first_are_counted(tmp_path: Path) -> None:
    parts: dict[str, list[tuple[Any, ...]]] = {name: [] for name in PARTS}
    parts |= {"events": [("now", "warning", f"w{n}") for n in range(25)]}
    out = printed(lambda console: show_summary(console, tmp_path, [], RUN, parts, []))
    assert "w19" in out
    assert "w20" not in out
    assert "… and 5 more events (--json lists all)\n" in out


def test_what_many_records_show_together_is_listed_up_to_a_bound(tmp_path: Path) -> None:
    parts: dict[str, list[tuple[Any, ...]]] = {name: [] for name in PARTS}
    parts |= {
        "duplicates": [("de-7", 8, 3)],
        "several_languages": [(f"{n:02}", "wrong-answer", 3, "de, fr, it") for n in range(25)],
    }
    out = printed(lambda console: show_summary(console, tmp_path, [], RUN, parts, []))
    assert re.search(r"the same texts +first line +records\s+de-7 +8 +3", out)
    assert re.search(r"19 +wrong-answer +3 +de, fr, it", out)
    assert "… and 5 more (--json lists up to 100)" in out
