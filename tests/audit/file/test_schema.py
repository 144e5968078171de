"""The schema: migrations run once, in order, all or nothing, and never change once they are released."""

from __future__ import annotations

import hashlib
import sqlite3
from pathlib import Path

import pytest
from log_fixtures import now

from midb.audit.file import schema, seals
from midb.audit.file.schema import APPLICATION_ID, MIGRATIONS, READABLE_FROM, migrate, split_statements
from midb.domain.errors import AuditError

#: SHA-256 of each migration that was released. A log holds these: one that is altered makes every older log "changed".
RELEASED = {
    "0001_first": "05402b8c0bfdb791be6d069e6991bacb29fd1b409ef7ac3268105923f5246255",
    "0002_generations": "c6d83e0daaeffcd36d12e93f6104a9c33b05331dfe539e8f01558b0dbaf718af",
    "0003_standing": "e16f59b0213b382f2ee61552c3aa14d6d5f3dbc69f8b129d9e2e2a4a41d5e18e",
    "0004_heads": "2bcbdd6405c9c275990f44bec0f0f215fb54e483e1772cfa896e9ac44052f8dc",
    "0005_verdicts": "5aa6f063fcce25f89784c7aa8d17ce396fdf17bfc43ad02e6d6beed263aa4058",
    "0006_evaluations": "74056a1b7da00148ebac14c1838c2f529b9f38308a6635412e07e46d52aad858",
}

MEMORY = Path(":memory:")


def made(version: int = len(MIGRATIONS)) -> sqlite3.Connection:
    """A log in memory that had some of the migrations."""
    db = sqlite3.connect(":memory:")
    db.row_factory = sqlite3.Row
    migrate(db, MEMORY, now, version=version)
    return db


def test_a_released_migration_never_changes() -> None:
    assert {name: hashlib.sha256(script.encode()).hexdigest() for name, script in MIGRATIONS} == RELEASED
    assert [name for name, _ in MIGRATIONS] == sorted(RELEASED)


def test_all_tables_and_columns_are_there_before_the_views_that_came_later() -> None:
    """What `READABLE_FROM` promises: a reader needs nothing of a later migration, but to prove it."""

    late = ("heads", "written", "verdicts", "judgements", "evaluations")

    def tables(version: int) -> dict[str, str]:
        found = made(version).execute("SELECT name, sql FROM sqlite_master WHERE type = 'table'").fetchall()
        return {row[0]: row[1] for row in found if row[0] not in late}

    assert tables(READABLE_FROM) == tables(len(MIGRATIONS))
    assert tables(READABLE_FROM - 1) != tables(len(MIGRATIONS))


@pytest.mark.parametrize("version", range(len(MIGRATIONS) + 1))
def test_an_older_log_is_brought_up_to_date(version: int) -> None:
    db = made(version) if version else sqlite3.connect(":memory:")
    migrate(db, MEMORY, now)
    objects = "SELECT type, name, sql FROM sqlite_master ORDER BY type, name"
    assert [tuple(row) for row in db.execute(objects)] == [tuple(row) for row in made().execute(objects)]
    assert db.execute("PRAGMA application_id").fetchone()[0] == APPLICATION_ID


def test_each_migration_is_recorded_in_a_chain() -> None:
    rows = [dict(row) for row in made().execute("SELECT * FROM migrations ORDER BY id")]
    previous = seals.GENESIS
    for row, (name, script) in zip(rows, MIGRATIONS, strict=True):
        assert (row["name"], row["sql_sha256"]) == (name, hashlib.sha256(script.encode()).hexdigest())
        assert row["previous_hash"] == previous
        assert row["hash"] == seals.chain_hash("migrations", previous, seals.covered_values("migrations", row))
        previous = row["hash"]


def test_migrating_again_does_nothing() -> None:
    db = made()
    before = [tuple(row) for row in db.execute("SELECT * FROM migrations")]
    migrate(db, MEMORY, lambda: "later")
    assert [tuple(row) for row in db.execute("SELECT * FROM migrations")] == before


def test_a_migration_that_fails_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    db = made(2)
    broken = (*MIGRATIONS[:2], ("0003_broken", "CREATE TABLE half (a);\nCREATE TABLE runs (a);\n"))
    monkeypatch.setattr(schema, "MIGRATIONS", broken)
    with pytest.raises(sqlite3.OperationalError, match="already exists"):
        migrate(db, MEMORY, now)
    assert db.execute("SELECT 1 FROM sqlite_master WHERE name = 'half'").fetchone() is None
    assert db.execute("SELECT count(*) FROM migrations").fetchone()[0] == 2


def test_a_newer_log_is_refused() -> None:
    db = made()
    with db:
        db.execute("INSERT INTO migrations VALUES (9, '0009_later', '', '', '', '')")
    with pytest.raises(AuditError, match="newer midb-agent \\(it knows 0009_later\\)"):
        migrate(db, Path("x.db"), now)


def test_a_file_that_is_not_ours_is_refused() -> None:
    db = sqlite3.connect(":memory:")
    db.execute("CREATE TABLE bills (amount)")
    with pytest.raises(AuditError, match="no audit log"):
        migrate(db, Path("x.db"), now)


def test_statements_are_told_apart_also_where_a_semicolon_stands_in_one() -> None:
    script = "CREATE TABLE a (b TEXT DEFAULT ';');\n-- a; comment\nCREATE VIEW c AS\n  SELECT 1;\n"
    found = split_statements(script)
    assert len(found) == 2
    assert found[0] == "CREATE TABLE a (b TEXT DEFAULT ';');"
    assert found[1].endswith("SELECT 1;")


def test_the_views_for_auditors_are_there() -> None:
    views = {name for (name,) in made().execute("SELECT name FROM sqlite_master WHERE type = 'view'")}
    assert views == {
        "decision_trail", "edits_by_kind", "generations_by_pass", "open_findings_by_language", "standing_decisions",
        "standing_verdicts", "edits_with_context", "findings_with_context", "judgements_by_language",
    }  # fmt: skip
