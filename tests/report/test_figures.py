"""Figures of a report, counted by hand on a log in nine languages, and against what `audit summary` says."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from log_fixtures import Tamper, begin_run
from report_fixtures import report_on
from review_fixtures import candidates_of

from midb.audit.questions.summary import summarize
from midb.audit.questions.usage import usage_by_pass
from midb.audit.reader import AuditReader
from midb.report.gates import list_figures
from midb.review.desk import Desk, Said


def test_the_ledger_balances(finished_log: Path) -> None:
    ledger = report_on(finished_log)[0]["ledger"]
    assert ledger == {"read": 15, "unchanged": 3, "improved": 9, "reverted": 1, "rejected": 2}


def test_only_edits_that_stand_are_counted(finished_log: Path) -> None:
    """Greek has one of two, Russian none: a check took the others back."""
    edits = report_on(finished_log)[0]["edits"]
    assert edits["languages"] == {"ja": 2, "de": 2, "ar": 1, "el": 1, "id": 1, "ko": 1, "th": 1, "tr": 1, "vi": 1}
    assert edits["kinds"]["decimal-separator"] == 3
    assert edits["kinds"]["false-equation"] == 1
    assert edits["passes"]["localization"] == 5
    assert sum(edits["kinds"].values()) == sum(edits["passes"].values()) == edits["total"] == 11


def test_the_summary_says_the_same(finished_log: Path) -> None:
    figures = report_on(finished_log)[0]
    with AuditReader(finished_log) as reader:
        parts = summarize(reader, 1)
    repairs: Counter[str] = Counter()
    for kind, _, edits, _ in parts["repairs"]:
        repairs[kind] += edits
    assert figures["edits"]["kinds"] == dict(repairs)
    assert figures["open"]["total"] == sum(row[2] for row in parts["open"])
    assert figures["taken_back"]["total"] == sum(row[2] for row in parts["taken_back"]) == 2
    assert figures["rejected_lines"][0] == {"reason": "no-text", "lines": 1, "first_line": 10}


def test_density_is_of_what_was_found_and_of_what_is_left(finished_log: Path) -> None:
    german = report_on(finished_log)[0]["languages"]["de"]
    assert german == {
        "records": 1, "changed": 1, "pairs": 1, "edits": 2, "open": 1, "density_before": 3000.0,
        "density_after": 1000.0,
    }  # fmt: skip


def test_the_matrix_adds_up(finished_log: Path) -> None:
    figures = report_on(finished_log)[0]
    cells = figures["kinds_and_languages"]
    assert sum(cell["edits"] for cell in cells) == figures["edits"]["total"]
    assert sum(cell["open"] for cell in cells) == figures["open"]["total"]
    assert {"kind": "decimal-separator", "language": "tr", "edits": 1, "open": 0} in cells


def test_a_run_with_a_model_says_what_it_took(finished_log: Path) -> None:
    with AuditReader(finished_log) as reader:
        used = usage_by_pass(reader, 2)
    model = report_on(finished_log, 2)[0]["model"]
    assert [row["pass"] for row in model] == [*(one.pass_ for one in used), "total"]
    assert model[-1]["completion_tokens"] == 4
    assert report_on(finished_log, 1)[0]["model"] == []


def test_what_proves_it_is_named(finished_log: Path) -> None:
    figures = report_on(finished_log)[0]
    assert figures["head"] in figures["verify"]
    with AuditReader(finished_log) as reader:
        assert figures["head"] == next(reader.query("SELECT hash FROM heads ORDER BY id DESC"))[0]
    assert figures["corpus"] == {"name": "corpus.jsonl", "sha256": "12" * 32, "bytes": 1000}


def test_a_revert_has_a_ledger_of_its_own(undone_log: Path) -> None:
    figures = report_on(undone_log, 3)[0]
    assert figures["ledger"] == {"read": 4, "unchanged": 1, "undone": 2, "rejected": 1}
    assert figures["edits"]["passes"] == {"revert": 2}


def test_what_looked_for_nothing_says_so_and_not_that_there_is_nothing(
    undone_log: Path, cli: Callable[..., Any], tmp_path: Path
) -> None:
    figures = report_on(undone_log, 3)[0]
    assert (figures["findings_counted"], figures["examined_by_run"]) == (False, 1)
    assert report_on(undone_log)[0]["findings_counted"] is True
    for name in ("report.html", "card.md"):
        done = cli("report", "--db", undone_log, "--run", 3, "-o", tmp_path / name)
        assert done.code == 0, done.err
        text = (tmp_path / name).read_text(encoding="utf-8")
        assert "A revert looks for no findings" in text
        assert "(--run 1)" in text
        assert not any(words in text for words in ("findings are open", "per 1,000 pairs", "open findings"))
    refused = cli("report", "--db", undone_log, "--run", 3, "--fail-on", "open.critical>0")
    assert refused.code == 2
    assert "open.critical is not counted" in refused.err
    assert "--run 1" in refused.err
    assert cli("report", "--db", undone_log, "--run", 3, "--fail-on", "ledger.undone>0").code == 1


def test_logs_of_older_versions_are_reported(old_log: Path) -> None:
    figures = report_on(old_log)[0]
    assert figures["ledger"]["read"] > 0
    assert figures["head"] == ""
    assert "--head" not in figures["verify"]


def test_a_log_that_is_being_written_gives_what_is_there(tmp_path: Path) -> None:
    path = tmp_path / "c.audit.db"
    with begin_run(path):
        figures = report_on(path)[0]
    assert figures["run"]["status"] == "running"
    assert figures["ledger"]["read"] == 6


def test_words_that_nobody_knows_break_nothing(finished_log: Path, tampered: Tamper) -> None:
    path = tampered(
        "UPDATE findings SET status = 'strange' WHERE id = 1", "UPDATE runs SET config = '[', versions = '3'",
        "UPDATE records SET pairs = 'x' WHERE id = 1",
    )  # fmt: skip
    figures = report_on(path, most=0)[0]
    assert figures["settings"] == {"unreadable": "["}
    as_written = report_on(finished_log)[0]
    assert figures["repaired"]["total"] == as_written["repaired"]["total"] - 1
    assert list_figures(figures)["open.total"] == as_written["open"]["total"]


def test_what_people_said_is_in_every_form(log: Path, cli: Callable[..., Any], tmp_path: Path) -> None:
    with AuditReader(log) as reader:
        desk = Desk(log, reader.run(1))
    found = candidates_of(log)
    desk.say("Ana", found["one mojibake"], Said("accept"))
    desk.say("Ana", found["hostile mojibake"], Said("reject"))
    for form in ("json", "md", "html"):
        done = cli("report", "--db", log, "-o", tmp_path / f"report.{form}")
        assert done.code == 0, done.err
    (row,) = json.loads((tmp_path / "report.json").read_bytes())["reviewed"]
    told = [row[name] for name in ("kind", "language", "what", "right", "changed", "reviewed", "precision")]
    assert told == ["mojibake", "de", "edits", 1, 0, 2, 0.5]
    assert "| mojibake | de | edits | 1 | 2 | 50.0 % | 9 to 91 % |" in (tmp_path / "report.md").read_text(
        encoding="utf-8"
    )
    assert "<small>1 of 2 right</small>" in (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "<td>50.0 %</td><td>9 to 91 %</td>" in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_what_verdicts_switched_off_is_in_every_form(log: Path, cli: Callable[..., Any], tmp_path: Path) -> None:
    with AuditReader(log) as reader:
        Desk(log, reader.run(1)).say("Ana", candidates_of(log)["one mojibake"], Said("reject"))
    words = ("run", tmp_path / "c.jsonl", "--language", "de", "-o", "next.jsonl", "--min-verdicts", "1")
    done = cli(*words, "--reviewed", log, "--workers", "0")
    assert done.code == 0, done.err
    said = "mojibake in de: 0 of 1 reviewed edits right (0 %, interval 0-79 %); neither repaired nor flagged"
    assert done.err.count(said) == 2, "at the beginning and at the end"
    for form in ("json", "md", "html"):
        done = cli("report", "--db", "next.jsonl.audit.db", "-o", f"report.{form}")
        assert done.code == 0, done.err
    assert json.loads((tmp_path / "report.json").read_bytes())["switched_off"] == [said]
    for form in ("md", "html"):
        assert said in (tmp_path / f"report.{form}").read_text(encoding="utf-8")
    assert said in " ".join(cli("audit", "summary", "--db", "next.jsonl.audit.db").out.split())
