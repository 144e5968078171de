"""`midb-agent report` as a user calls it: forms, figures that fail, and files that are not touched."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest
from cli_fixtures import Cli
from log_fixtures import STEERING, Tamper


@pytest.fixture
def log(finished_log: Path, tmp_path: Path) -> Path:
    """A log in the test's folder, under the name that a run gives one."""
    copy = tmp_path / "corpus.boosted.jsonl.audit.db"
    copy.write_bytes(finished_log.read_bytes())
    return copy


def test_the_ending_says_the_form(cli: Cli, log: Path, tmp_path: Path) -> None:
    for name, begins in (("r.html", "<!doctype html>"), ("card.md", "---\nlanguage:"), ("r.json", '{\n  "form": 1,')):
        assert cli("report", "--db", log, "--run", 1, "-o", name).code == 0
        assert (tmp_path / name).read_text(encoding="utf-8").startswith(begins)


def test_without_a_name_the_page_lies_beside_the_log(cli: Cli, log: Path, tmp_path: Path) -> None:
    called = cli("report", "--run", 1)
    assert (called.code, called.out) == (0, "report     corpus.boosted.jsonl.report.html\n")
    assert (tmp_path / "corpus.boosted.jsonl.report.html").exists()


def test_json_is_exact_and_steers_no_terminal(cli: Cli, log: Path, tmp_path: Path) -> None:
    called = cli("report", "--db", log, "--run", 1, "--json")
    assert STEERING.search(called.out) is None
    cli("report", "--db", log, "--run", 1, "-o", "r.json")
    written = (tmp_path / "r.json").read_bytes()
    assert orjson.loads(called.out) == orjson.loads(written)
    assert STEERING.search(written.decode()) is None


def test_two_reports_on_one_log_are_the_same(cli: Cli, log: Path, tmp_path: Path) -> None:
    for name in ("a.html", "b.html"):
        cli("report", "--db", log, "--run", 1, "--seed", 3, "--examples", 1, "-o", name)
    assert (tmp_path / "a.html").read_bytes() == (tmp_path / "b.html").read_bytes()


def test_a_figure_fails_the_build(cli: Cli, log: Path, tmp_path: Path) -> None:
    called = cli("report", "--db", log, "--run", 1, "--fail-on", "open.total>0", "--fail-on", "pairs<1", "-o", "r.json")
    assert called.code == 1
    assert (
        called.err
        == f"failed: open.total>0 (open.total is {orjson.loads((tmp_path / 'r.json').read_bytes())['open']['total']})\n"
    )
    assert cli("report", "--db", log, "--run", 1, "--fail-on", "open.critical>0").code == 0
    assert not (tmp_path / "corpus.boosted.jsonl.report.html").exists(), "CI asked for no page"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--fail-on", "open.critical"), "no comparison"),
        (("--fail-on", "open.critcal>0"), "Did you mean open.critical?"),
        (("-o", "r.pdf"), "Let it end in .html, .md or .json."),
        (("--run", 9), "there is no run 9"),
        (("--examples", -1), "--examples"),
    ],
)
def test_a_wrong_word_is_a_sentence(cli: Cli, log: Path, tmp_path: Path, words: tuple[object, ...], said: str) -> None:
    called = cli("report", "--db", log, *words)
    assert called.code == 2
    assert said in called.err
    assert sorted(path.name for path in tmp_path.iterdir()) == [log.name]


def test_nothing_is_replaced_unasked(cli: Cli, log: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.md").write_text("mine", encoding="utf-8")
    called = cli("report", "--db", log, "-o", "mine.md")
    assert (called.code, (tmp_path / "mine.md").read_text(encoding="utf-8")) == (2, "mine")
    assert cli("report", "--db", log, "-o", "mine.md", "--force").code == 0
    assert cli("report", "--db", log, "-o", log, "--force").code == 2


def test_a_log_that_is_none_or_was_changed_gives_no_page(cli: Cli, tampered: Tamper, tmp_path: Path) -> None:
    assert cli("report", "--db", "none.audit.db", "-o", "r.html").code == 1
    changed = tampered("UPDATE edits SET after = 'owned' WHERE kind = 'translated-code'")
    called = cli("report", "--db", changed, "--run", 1, "-o", "r.html")
    assert called.code == 1
    assert "was changed" in called.err
    assert "audit verify" in called.err
    assert not (tmp_path / "r.html").exists()


def test_filters_say_what_is_counted(cli: Cli, log: Path) -> None:
    def figures(*words: object) -> dict[str, Any]:
        return dict(orjson.loads(cli("report", "--db", log, "--run", 1, "--json", *words).out))

    whole, german = figures(), figures("--language", "de")
    assert whole["filters"] == ""
    assert german["filters"] == "language de"
    assert german["ledger"] == {"read": 1, "unchanged": 0, "improved": 1, "reverted": 0, "rejected": 0}
    assert list(german["languages"]) == ["de"]
    assert german["languages"]["de"] == whole["languages"]["de"]
    assert (german["edits"]["total"], german["open"]["total"]) == (2, 1)
    assert german["rejected_lines"] == [], "a line that cannot be read has no language"
    numbers = figures("--kind", "decimal-separator", "--kind", "mojibake")
    assert numbers["ledger"] == whole["ledger"], "filters of edits take no record away"
    assert numbers["edits"]["kinds"] == {"decimal-separator": 3}
    assert numbers["density"]["before"] == round(1000 * 3 / whole["pairs"], 2)
    assert figures("--severity", "critical")["edits"]["total"] == 1
    assert figures("--status", "open")["edits"]["total"] == 0
    assert cli("report", "--db", log, "--run", 1, "--language", "de", "--fail-on", "open.total>1").code == 0
    assert cli("report", "--db", log, "--run", 1, "--fail-on", "open.total>1").code == 1


def test_a_page_of_what_fits_says_so_and_names_each_edit(cli: Cli, log: Path, tmp_path: Path) -> None:
    words = ("--run", 1, "--kind", "decimal-separator", "-o", "r.html")
    assert cli("report", "--db", log, *words).code == 0
    page = (tmp_path / "r.html").read_text(encoding="utf-8")
    assert "Only what fits is counted and shown: kind decimal-separator." in page
    assert page.count("<article") == 3
    assert page.count("<code>e-") == 3
    assert cli("report", "--db", log, *words, "--sample", 2, "--force").code == 0
    page = (tmp_path / "r.html").read_text(encoding="utf-8")
    assert page.count("<article") == 2
    assert "Edits of all languages and kinds in turn, drawn by seed 0: 2 of 3." in page
    assert cli("report", "--db", log, "--run", 1, "--language", "de", "-o", "card.md").code == 0
    assert "**Only what fits is counted: language de.**" in (tmp_path / "card.md").read_text(encoding="utf-8")
    refused = cli("report", "--db", log, "--run", 1, "--kind", "decimal", "--json")
    assert (refused.code, "Did you mean decimal-separator?" in refused.err) == (2, True)
