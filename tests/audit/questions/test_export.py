"""Exports: JSON lines say exactly what the log says, CSV too but for what a spreadsheet would run."""

from __future__ import annotations

import csv
import io
import os
import sqlite3
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from log_fixtures import AuditCommand

from midb.audit.questions import export
from midb.audit.questions.export import column_names, json_line, make_harmless, to_csv, write_file
from midb.domain.errors import MidbError


@pytest.mark.parametrize("what", ["edits", "findings", "decisions", "records"])
def test_json_lines_are_exact(what: str, call: AuditCommand, finished_log: Path) -> None:
    out = call("export", "--what", what, "--format", "jsonl", "--run", 1).out
    told = [orjson.loads(line) for line in out.split("\n") if line]
    connection = sqlite3.connect(f"file:{finished_log}?mode=ro&immutable=1", uri=True)
    connection.row_factory = sqlite3.Row
    run = {
        "edits": "decision_id IN (SELECT d.id FROM decisions d JOIN records r ON r.id = record_id WHERE run_id = 1)",
        "records": "run_id = 1",
    }.get(what, "record_id IN (SELECT id FROM records WHERE run_id = 1)")
    logged = [dict(row) for row in connection.execute(f"SELECT * FROM {what} WHERE {run} ORDER BY 1, 2")]
    connection.close()
    assert len(told) == len(logged) > 0
    shared = set(told[0]) & set(logged[0])
    assert len(shared) > 5
    assert [{key: row[key] for key in shared} for row in told] == [{key: row[key] for key in shared} for row in logged]


@pytest.mark.parametrize("what", ["edits", "findings", "decisions", "records"])
def test_csv_holds_the_same_rows(what: str, call: AuditCommand) -> None:
    table = call("export", "--what", what, "--run", 1).out
    rows = list(csv.DictReader(io.StringIO(table, newline="")))
    told = [
        orjson.loads(line)
        for line in call("export", "--what", what, "--format", "jsonl", "--run", 1).out.split("\n")
        if line
    ]
    assert [list(row) for row in rows[:1]] == [column_names(what)]
    expected = [{key: "" if value is None else str(make_harmless(value)) for key, value in row.items()} for row in told]
    assert rows == expected


def test_an_export_without_rows_has_a_header(call: AuditCommand) -> None:
    assert call("export", "--kind", "mojibake").out.count("\n") == 1
    assert call("export", "--kind", "mojibake", "--format", "jsonl").out == ""


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--what", "edits", "--kind", "decimal-separator"], 3),
        (["--what", "edits", "--pass", "content"], 4),
        (["--what", "findings", "--status", "open"], 3),
        (["--what", "findings", "--kind", "culture-bound-reference"], 1),
        (["--what", "decisions", "--pass", "verification"], 10),
        (["--what", "decisions", "--kind", "false-equation"], 2),
        (["--what", "records", "--language", "id"], 2),
    ],
)
def test_filters_hold_for_the_rows(words: list[str], expected: int, call: AuditCommand) -> None:
    assert len(call("export", *words, "--run", 1, "--format", "jsonl").out.splitlines()) == expected


#: Characters that start a formula, separate cells, quote, or end lines, somewhere.
TRICKY = "=+-@\t\r\n＝＋－＠\"',;|a1 \x00é愉م\u2028"


@settings(deadline=None)
@given(st.lists(st.lists(st.text(TRICKY, max_size=6), min_size=2, max_size=2), max_size=4))
def test_no_cell_starts_a_formula_and_all_come_back(cells: list[list[str]]) -> None:
    rows = [dict(zip(("a", "b"), row, strict=True)) for row in cells]
    table = "".join(to_csv(rows, ["a", "b"]))
    read = list(csv.reader(io.StringIO(table, newline="")))
    assert len(read) == len(cells) + 1
    for written, row in zip(cells, read[1:], strict=True):
        for cell, back in zip(written, row, strict=True):
            assert not back.startswith(tuple("=+-@\t\r\n＝＋－＠"))
            assert back in (cell, f"'{cell}")
    # Whatever a spreadsheet takes for a separator, it stands inside quotes.
    bare = table.replace('""', "").split('"')[::2]
    assert set("".join(bare)) <= set(",\r\n")


@settings(deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_a_json_line_is_exact_and_steers_nothing(text: str) -> None:
    line = json_line({"text": text})
    assert orjson.loads(line) == {"text": text}
    assert not set(line[:-1]) & set("\n\r\x1b\x9b\u202e\u2066\u200b\ufeff\u2028\x7f\x85")


def test_a_file_is_never_replaced_unasked(call: AuditCommand, tmp_path: Path, finished_log: Path) -> None:
    path = tmp_path / "edits.csv"
    assert call("export", "-o", path).code == 0
    content = path.read_bytes()
    refused = call("export", "-o", path)
    assert (refused.code, "exists" in refused.err) == (2, True)
    assert call("export", "-o", path, "--force", "--format", "jsonl").code == 0
    assert path.read_bytes() != content
    assert call("export", "-o", tmp_path, "--force").code == 2
    assert os.listdir(tmp_path) == ["edits.csv"]


def test_the_log_itself_is_never_replaced(call: AuditCommand, finished_log: Path) -> None:
    before = finished_log.read_bytes()
    refused = call("export", "-o", finished_log, "--force")
    assert (refused.code, "the audit log itself" in refused.err) == (2, True)
    assert finished_log.read_bytes() == before


def test_a_file_appears_only_when_it_is_complete(tmp_path: Path) -> None:
    def broken() -> Any:
        yield "a\n"
        assert os.listdir(tmp_path) != ["out.csv"]
        raise MidbError("the log is damaged")

    with pytest.raises(MidbError, match="damaged"):
        write_file(broken(), tmp_path / "out.csv")
    assert os.listdir(tmp_path) == []
    with pytest.raises(MidbError, match="cannot be written"):
        write_file(["a"], tmp_path / "none" / "out.csv")


@pytest.mark.parametrize(("option", "word"), [("--format", "cvs"), ("--what", "edit")])
def test_an_unknown_format_or_table_names_the_nearest(option: str, word: str, call: AuditCommand) -> None:
    refused = call("export", option, word)
    assert refused.code == 2
    assert "Did you mean" in refused.err


def test_every_table_has_its_columns() -> None:
    for what in export.TABLES:
        assert len(set(column_names(what))) == len(column_names(what))


def test_exported_decisions_name_their_prompts(call: AuditCommand, model_log: Path) -> None:
    out = call("export", "--what", "decisions", "--format", "jsonl", "--run", 1, db=model_log).out
    told = [orjson.loads(line) for line in out.splitlines()]
    assert [(row["prompt_hash"][:2], row["generation_id"]) for row in told][:5] == [
        ("01", 1), ("02", 2), ("03", 3), ("04", 4), ("01", 1),
    ]  # fmt: skip
    assert told[-1]["generation_id"] is None
