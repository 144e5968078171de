"""`midb-agent evaluate data`: from a log and its files to tables, JSON, and the report."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cli_fixtures import Cli
from evaluated_runs import make_records, write_records
from log_fixtures import rows_of

from midb.audit.proof.verify import verify

DB = "c.boosted.jsonl.audit.db"


@pytest.fixture
def folder(cli: Cli, tmp_path: Path) -> Path:
    """A corpus and its run."""
    write_records(tmp_path / "c.jsonl", make_records(24))
    assert cli("run", "c.jsonl", "--quiet", "--workers", "0").code == 0
    return tmp_path


def test_tables_a_file_the_log_and_the_report(cli: Cli, folder: Path) -> None:
    called = cli("evaluate", "data", "-o", "figures.json", "--resamples", "100")
    assert called.code == 0, called.err
    assert "findings for 1,000 pairs, both sides examined anew" in called.out
    assert "broken-numbering" in called.out
    assert "+0.0" not in called.out.partition("broken-numbering")[2].splitlines()[0]
    figures = json.loads((folder / "figures.json").read_text(encoding="utf-8"))
    assert figures["groups"][0]["changed"] == 12
    assert verify(folder / DB).problems == []
    again = cli("evaluate", "data", "--json", "--resamples", "100")
    assert json.loads(again.out) == figures
    assert "says the same" in again.err
    assert rows_of(folder / DB, "SELECT run_id, evaluates FROM evaluations") == [(2, "data")]
    assert cli("report", "-o", "r.html").code == 0
    page = (folder / "r.html").read_text(encoding="utf-8")
    assert "Measured anew" in page
    assert "500.0 (" in page
    assert cli("report", "-o", "r.md").code == 0
    assert "## Measured anew" in (folder / "r.md").read_text(encoding="utf-8")
    assert json.loads(cli("report", "--json").out)["evaluated"][0]["figures"] == figures


def test_a_log_that_is_left_alone(cli: Cli, folder: Path) -> None:
    before = (folder / DB).read_bytes()
    assert cli("evaluate", "data", "--no-log", "--resamples", "100").code == 0
    assert (folder / DB).read_bytes() == before


def test_a_log_that_takes_no_figures_says_so_before_the_work(cli: Cli, folder: Path) -> None:
    (folder / "key").write_bytes(b"k" * 44)
    assert cli("run", "c.jsonl", "-o", "s.jsonl", "--quiet", "--workers", "0", "--seal-key", "key").code == 0
    refused = cli("evaluate", "data", "--db", "s.jsonl.audit.db")
    assert refused.code == 2
    assert "is sealed with a key" in refused.err
    assert refused.out == ""
    assert cli("evaluate", "data", "--db", "s.jsonl.audit.db", "--no-log").code == 0
    assert cli("evaluate", "data", "--db", "s.jsonl.audit.db", "--seal-key", "key").code == 0


def test_agreement_is_named_for_what_it_is(cli: Cli, folder: Path) -> None:
    pytest.importorskip("sacrebleu", reason="an extra: pip install '.[measure]'")
    revised = [
        {"Raw Instruction": one["instruction"], "Raw Input": "", "Raw Response": one["output"],
         "Revised Instruction": one["instruction"], "Revised Input": "", "Revised Response": one["output"] + " Genau.",
         "Distance": 7}
        for one in make_records(6)
    ]  # fmt: skip
    write_records(folder / "meb.jsonl", revised)
    called = cli("evaluate", "data", "--reference", "meb.jsonl", "--resamples", "100")
    assert called.code == 0, called.err
    assert "chrF to meb.jsonl" in called.out
    assert "6 of 24 pairs have a reference" in called.out
    assert "machine translations of English revisions" in called.out


def test_what_cannot_be_meant_is_one_sentence(cli: Cli, folder: Path) -> None:
    (folder / "mine.json").write_text('{"mine": 1}')
    write_records(folder / "other.jsonl", make_records(23))
    for words, sentence in (
        (("--db", "nowhere.db"), "nowhere.db"),
        (("--run", "9"), "there is no run 9"),
        (("-o", "mine.json"), "holds no figures"),
        (("-o", "no/where.json"), "there is no folder"),
        (("--corpus", "other.jsonl"), "has changed since the run"),
        (("--boosted", "other.jsonl"), "the files are not those of run 1"),
        (("--boosted", "nowhere.jsonl"), "is not there"),
        (("--source", "c.jsonl"), "had no file of English originals"),
    ):
        called = cli("evaluate", "data", *words)
        assert called.code in (1, 2), words
        assert sentence in called.err, words
        assert "Traceback" not in called.err
    assert (folder / "mine.json").read_text() == '{"mine": 1}'
    assert rows_of(folder / DB, "SELECT count(*) FROM evaluations") == [(0,)]
    (folder / "c.boosted.jsonl").unlink()
    assert "the output of run 1" in cli("evaluate", "data").err
