"""Metadata for datasette: it names only what is there, its queries run, and what they show is what was changed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from log_fixtures import execute, rows_of, write_review

from midb.audit.proof.replay import replay
from midb.audit.questions.datasette import build_metadata
from midb.audit.reader import AuditReader


@pytest.fixture
def database(undone_log: Path) -> dict[str, Any]:
    with AuditReader(undone_log) as reader:
        (found,) = build_metadata(reader, reader.run(1))["databases"].values()
    return dict(found)


def test_every_column_and_facet_that_is_named_is_there(undone_log: Path, database: dict[str, Any]) -> None:
    with AuditReader(undone_log) as reader:
        assert set(build_metadata(reader, reader.run(1))["databases"]) == {undone_log.stem}
    for name, described in database["tables"].items():
        columns = {row[0] for row in rows_of(undone_log, f"SELECT name FROM pragma_table_info('{name}')")}
        named = {*described.get("facets", ()), *described.get("columns", ()), described.get("sort_desc")} - {None}
        assert named <= columns, name
        assert described.get("hidden") or described["title"]
    there = {row[0] for row in rows_of(undone_log, "SELECT name FROM sqlite_master WHERE type = 'table'")}
    assert there <= set(database["tables"]), "no table is forgotten"


def test_edits_of_several_runs_are_told_apart(database: dict[str, Any]) -> None:
    for view in ("edits_with_context", "findings_with_context"):
        assert database["tables"][view]["facets"][0] == "run_id"
    assert "once" in database["queries"]["precision"]["description"]


def test_differences_are_what_was_changed(undone_log: Path, database: dict[str, Any]) -> None:
    """Each difference without its mark is a passage of the text before the edit, and of the text after it."""
    tried = 0
    with AuditReader(undone_log) as reader:
        shown = list(reader.query(database["queries"]["differences"]["sql"], {"language": "", "kind": ""}))
        for row in shown:
            decision, ordinal = map(int, row["edit"].removeprefix("e-").split("-"))
            record = next(iter(reader.records("r.run_id = ? AND r.record_key = ?", [row["run"], row["record"]])))
            stage = next(one for one in replay(reader.parts(record)).stages if one.row.id == decision)
            edit = stage.row.edits[ordinal].edit()
            text = stage.before.text(edit.field) or ""
            left, _, rest = row["difference"].partition("⟦")
            inside, _, right = rest.rpartition("⟧")
            assert inside == f"{edit.before} → {edit.after}"
            assert left + edit.before + right in text
            if left or right:
                assert (text[: edit.start].endswith(left), text[edit.end :].startswith(right)) == (True, True)
                tried += 1
        one = list(reader.query(database["queries"]["differences"]["sql"], {"language": "de", "kind": ""}))
    assert tried > 3
    assert 0 < len(one) < len(shown)
    assert {row["language"] for row in one} == {"de"}


def test_the_other_queries_run(undone_log: Path, tmp_path: Path, database: dict[str, Any]) -> None:
    path = tmp_path / "reviewed.db"
    path.write_bytes(undone_log.read_bytes())
    write_review(path)
    assert rows_of(path, database["queries"]["precision"]["sql"])
    assert rows_of(path, database["queries"]["ledger"]["sql"])


def test_of_an_older_log_only_what_it_has(undone_log: Path, tmp_path: Path) -> None:
    old = tmp_path / "old.audit.db"
    old.write_bytes(undone_log.read_bytes())
    views = ("edits_with_context", "findings_with_context", "standing_verdicts", "standing_decisions")
    execute(old, *(f"DROP VIEW {view}" for view in views), "DROP TABLE verdicts")
    with AuditReader(old) as reader:
        (found,) = build_metadata(reader, reader.run(1))["databases"].values()
    assert not {*views, "verdicts"} & set(found["tables"])
    assert set(found["queries"]) == {"ledger"}
