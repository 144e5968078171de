"""English originals on the page, in sheets and in training data; without them people review all the same."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from cli_fixtures import Cli
from review_fixtures import RECORDS, candidates_of
from small_runs import run_over, write_lines

from midb.audit.reader import AuditReader
from midb.review.desk import Desk, Said


def sources_of(sheet: Path) -> dict[str, str]:
    rows = csv.DictReader(io.StringIO(sheet.read_text(encoding="utf-8-sig"), newline=""))
    return {f"{row['record']} {row['kind']}": row["source"] for row in rows}


def test_a_sheet_has_the_original_of_its_field(cli: Cli, log: Path) -> None:
    for words in (("review", "sheet", "-o", "s.csv"), ("audit", "export", "--for-review", "t.csv")):
        done = cli(*words, "--db", log)
        assert (done.code, done.out) == (0, "")
    found = sources_of(log.with_name("s.csv"))
    assert found["two decimal-separator"] == "The tower is 3.5 meters tall, the house {size} meters."
    assert found["one mojibake"] == ""
    assert log.with_name("s.csv").read_bytes() == log.with_name("t.csv").read_bytes(), "two names of one thing"


def test_what_was_reviewed_is_exported_with_it(cli: Cli, log: Path) -> None:
    with AuditReader(log) as reader:
        desk = Desk(log, reader.run(1))
    for name in ("one mojibake", "two decimal-separator"):
        desk.say("Ana", candidates_of(log)[name], Said("accept"))
    done = cli("audit", "export", "--format", "meb", "--db", log)
    rows = {row["id"]: row for row in map(json.loads, done.out.splitlines())}
    assert rows["two"]["source"] == RECORDS[1]["source"]
    assert "source" not in rows["one"]


def test_a_corpus_that_is_gone_leaves_the_cells_empty_and_says_so(cli: Cli, log: Path) -> None:
    moved = log.with_name("c.jsonl").rename(log.with_name("moved.jsonl"))
    done = cli("review", "sheet", "--db", log, "-o", "s.csv")
    assert done.code == 0
    assert "source   empty: the corpus of run 1" in done.err
    assert set(sources_of(log.with_name("s.csv")).values()) == {""}
    done = cli("review", "sheet", "--db", log, "-o", "t.csv", "--corpus", moved)
    assert (done.code, "empty" in done.err) == (0, False)
    done = cli("review", "sheet", "--db", log, "-o", "u.csv", "--corpus", "missing.jsonl")
    assert done.code == 2
    assert "is not there" in done.err


def test_a_file_of_originals_is_that_of_the_run_or_none(cli: Cli, tmp_path: Path) -> None:
    corpus = write_lines(tmp_path / "d.jsonl", *({k: v for k, v in row.items() if k != "source"} for row in RECORDS))
    source = write_lines(
        tmp_path / "en.jsonl", *({"id": row["id"], "instruction": "Q", "output": "A"} for row in RECORDS)
    )
    run_over(corpus, source=source)
    log = corpus.with_name("d.boosted.jsonl.audit.db")
    done = cli("review", "sheet", "--db", log, "-o", "s.csv")
    assert "name it with --source" in done.err
    assert cli("review", "sheet", "--db", log, "-o", "t.csv", "--source", source).code == 0
    assert set(sources_of(tmp_path / "t.csv").values()) == {"A"}
    done = cli("review", "sheet", "--db", log, "-o", "u.csv", "--source", corpus)
    assert (done.code, "is not the file of English originals" in done.err) == (2, True)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--text", "nowhere to be found"), "nothing in run 1 fits: text nowhere to be found"),
        (("--status", "open"), "nothing in run 1 fits: status open"),
        (("--what", "records"), "unknown table"),
        (("-o", "x.csv"), "-o does not go"),
    ],
)
def test_what_a_review_does_not_know_is_refused(words: tuple[str, ...], told: str, cli: Cli, log: Path) -> None:
    done = cli("audit", "export", "--for-review", "s.csv", "--db", log, *words)
    assert (done.code, told in done.err) == (2, True), done.err
    assert not log.with_name("s.csv").exists()


def test_originals_are_asked_for_only_where_the_run_had_some(cli: Cli, log: Path) -> None:
    done = cli("review", "sheet", "--db", log, "-o", "s.csv", "--source", log.with_name("c.jsonl"))
    assert (done.code, "was given no English originals" in done.err) == (2, True)
