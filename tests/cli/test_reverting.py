"""`midb-agent revert`: what it undoes, and what it refuses before anything is written."""

from __future__ import annotations

from pathlib import Path

import pytest
from cli_fixtures import Cli, rows
from small_runs import BROKEN, MENDED, broken_records, lines_of, names_in, run_over, write_lines

from midb.audit.log import AuditLog

LINES: list[dict[str, object]] = [
    *broken_records(4),
    {"id": "zahlen", "instruction": "Nenne vier Farben.", "output": "Gern:\n1. Rot.\n2. Blau.\n2. Grün.\n4. Gelb."},
]


@pytest.fixture
def db(tmp_path: Path) -> Path:
    """The log of a finished run; two records have mojibake, one a wrong number, and a line cannot be read."""
    run_over(write_lines(tmp_path / "c.jsonl", *LINES, b"oops"))
    return tmp_path / "c.boosted.jsonl.audit.db"


def outputs(path: Path) -> list[object]:
    return [line["output"] for line in lines_of(path)]


@pytest.mark.parametrize(
    ("words", "undone"),
    [
        (("--kind", "mojibake"), {1, 3}),
        (("--kind", "mojibake", "--kind", "broken-numbering"), {1, 3, 4}),
        (("--pass", "content"), {4}),
        (("--record", "de-3"), {3}),
        (("--record", "#1", "--record", "zahlen"), {1, 4}),
        (("--language", "de"), {1, 3, 4}),
        (("--kind", "mojibake", "--record", "zahlen"), set()),
    ],
)
def test_what_is_named_is_undone_and_nothing_else(
    words: tuple[str, ...], undone: set[int], cli: Cli, db: Path, tmp_path: Path
) -> None:
    called = cli("revert", "--db", db, *words, "-o", "out.jsonl")
    assert called.code == 0, called.err
    boosted, before = outputs(tmp_path / "c.boosted.jsonl"), [line["output"] for line in LINES]
    assert outputs(tmp_path / "out.jsonl") == [
        before[number] if number in undone else boosted[number] for number in range(len(LINES))
    ]
    assert called.err.startswith("6 read = ")
    assert "1 rejected" in called.err
    assert ("nothing matched" in called.err) == (not undone)


def test_what_was_undone_is_counted_by_kind_and_logged(cli: Cli, db: Path) -> None:
    called = cli("revert", "--db", db, "--language", "de", "-o", "out.jsonl")
    assert "(mojibake 2, broken-numbering 1)" in called.err
    assert "run 2 of " in called.err
    assert rows(db, "SELECT id, kind, parent_run, status FROM runs ORDER BY id") == [
        (1, "run", None, "finished"), (2, "revert", 1, "finished"),
    ]  # fmt: skip
    ((config,),) = rows(db, "SELECT config FROM runs WHERE id = 2")
    assert "language de" in config


@pytest.mark.parametrize(
    ("words", "told", "hint"),
    [
        ((), "what is to be undone?", "--kind"),
        (("--kind", "mojibak"), "mojibak", ""),
        (("--pass", "contents"), "contents", ""),
        (("--language", "tlh"), "tlh", ""),
        (("--record", "de-99"), "de-99", ""),
        (("--kind", "mojibake", "--run", "7"), "7", ""),
        (("--kind", "mojibake", "--db", "gone.db"), "there is no audit log gone.db", "--db"),
        (("--kind", "mojibake", "-o", "c.boosted.jsonl"), "c.boosted.jsonl exists", "never replaced"),
        (("--kind", "mojibake", "--corpus", "gone.jsonl"), "the corpus of run 1", "--corpus FILE"),
    ],
)
def test_what_cannot_be_meant_is_refused(
    words: tuple[str, ...], told: str, hint: str, cli: Cli, db: Path, tmp_path: Path
) -> None:
    before = names_in(tmp_path)
    called = cli("revert", "--db", db, "-o", "out.jsonl", *words)
    assert called.code in (1, 2)
    assert called.err.startswith("error: ")
    assert told in called.err
    assert hint in called.err
    assert names_in(tmp_path) == before
    assert rows(db, "SELECT count(*) FROM runs") == [(1,)]


def test_only_a_finished_run_is_undone(cli: Cli, db: Path) -> None:
    with AuditLog(db) as log:
        run = log.latest_run()
        assert run is not None
        log.set_status(run, "interrupted")
    called = cli("revert", "--db", db, "--kind", "mojibake", "-o", "out.jsonl")
    assert called.code == 2
    assert "run 1 is not finished (interrupted)" in called.err


def test_a_revert_is_not_reverted(cli: Cli, db: Path) -> None:
    assert cli("revert", "--db", db, "--kind", "mojibake", "-o", "out.jsonl").code == 0
    called = cli("revert", "--db", db, "--kind", "mojibake", "-o", "again.jsonl", "--run", 2)
    assert called.code == 2
    assert "is itself a revert" in called.err
    assert cli("revert", "--db", db, "--kind", "broken-numbering", "-o", "again.jsonl").code == 0, "of the run itself"


def test_the_corpus_is_found_where_it_was_moved_along_with_its_log(
    cli: Cli, db: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    moved = tmp_path / "moved"
    moved.mkdir()
    for name in ("c.jsonl", db.name):
        (tmp_path / name).rename(moved / name)
    called = cli("revert", "--db", moved / db.name, "--kind", "mojibake", "-o", "out.jsonl")
    assert called.code == 0, called.err
    assert outputs(tmp_path / "out.jsonl")[:4] == [MENDED, BROKEN, MENDED, BROKEN]


def test_a_corpus_that_has_changed_is_refused(cli: Cli, db: Path, tmp_path: Path) -> None:
    corpus = tmp_path / "c.jsonl"
    corpus.write_bytes(corpus.read_bytes() + b"\n")
    called = cli("revert", "--db", db, "--kind", "mojibake", "-o", "out.jsonl")
    assert called.code == 2
    assert "has changed since the run" in called.err
