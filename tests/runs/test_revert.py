"""A revert writes a corpus as a run does: whole or not at all, and logged with how far it came."""

from __future__ import annotations

import gzip
import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from written_formats import write_as

BROKEN = [
    {"id": f"de-{n}", "instruction": "Grüße!", "output": f"SchÃ¶n, dich zum {n}. Mal zu sehen."} for n in range(300)
]


@pytest.fixture
def boosted(cli: Callable[..., Any], write: Callable[..., Path], tmp_path: Path) -> Path:
    """The audit log of a finished run over 300 records, each with an edit."""
    corpus = write("c.jsonl", *BROKEN)
    assert cli("run", corpus, "--language", "de", "--quiet").code == 0
    return tmp_path / "c.boosted.jsonl.audit.db"


def test_the_log_says_how_far_a_revert_came(
    cli: Callable[..., Any], boosted: Path, ask: Callable[[Path, str], list[tuple[Any, ...]]], tmp_path: Path
) -> None:
    (tmp_path / "sub").mkdir()
    done = cli("revert", "--db", boosted, "--kind", "mojibake", "-o", tmp_path / "sub" / "without.jsonl")
    assert done.code == 0, done.err
    output = tmp_path / "sub" / "without.jsonl"
    assert [json.loads(line) for line in output.read_text(encoding="utf-8").splitlines()] == BROKEN
    (row,) = ask(boosted, "SELECT status, output, output_sha256 IS NOT NULL FROM runs WHERE kind = 'revert'")
    assert row == ("finished", "sub/without.jsonl", 1)
    sql = (
        "SELECT position, records, output_bytes FROM checkpoints c JOIN runs r ON r.id = c.run_id WHERE kind = 'revert'"
    )
    assert ask(boosted, sql) == [(300, 300, output.stat().st_size)]
    assert cli("audit", "verify", "--db", boosted).code == 0


@pytest.mark.parametrize("record", [3, 290])
def test_a_revert_that_fails_leaves_nothing_behind(
    record: int,
    cli: Callable[..., Any],
    boosted: Path,
    ask: Callable[[Path, str], list[tuple[Any, ...]]],
    tmp_path: Path,
) -> None:
    """Amid the first batch, and after one is committed."""
    with closing(sqlite3.connect(boosted)) as log, log:
        log.execute(
            "UPDATE records SET original_text = replace(original_text, 'Mal', 'mal') WHERE position = ?", [record]
        )
    before = sorted(path.name for path in tmp_path.iterdir())
    failed = cli("revert", "--db", boosted, "--kind", "mojibake", "-o", tmp_path / "without.jsonl")
    assert failed.code == 1
    assert f"de-{record} does not read as it did" in failed.err
    assert sorted(path.name for path in tmp_path.iterdir()) == before
    assert ask(boosted, "SELECT kind, status FROM runs ORDER BY id") == [("run", "finished"), ("revert", "failed")]


def test_the_corpus_is_never_overwritten(cli: Callable[..., Any], boosted: Path, tmp_path: Path) -> None:
    (tmp_path / "c.jsonl").rename(tmp_path / "x.jsonl.partial")
    refused = cli(
        "revert",
        "--db",
        boosted,
        "--kind",
        "mojibake",
        "-o",
        tmp_path / "x.jsonl",
        "--corpus",
        tmp_path / "x.jsonl.partial",
    )
    assert refused.code == 2
    assert "would overwrite the corpus" in refused.err
    assert len((tmp_path / "x.jsonl.partial").read_text(encoding="utf-8").splitlines()) == 300


NUMBERS = [
    {
        "id": f"de-{n}",
        "instruction": "Grüße!",
        "output": f"Für dich: SchÃ¶n zum {n}. Mal, \u0027so\u0027.",
        "more": str(n),
    }
    for n in range(2, 8)
]


@pytest.mark.parametrize("form", ["c.jsonl", "within.json", "c.csv", "columns.json", "c.csv.gz"])
def test_a_chain_of_reverts_keeps_every_other_byte(form: str, cli: Callable[..., Any], tmp_path: Path) -> None:
    """In every format: what is undone in two steps is what is undone in one, and all of it can be brought back."""
    corpus = write_as(form, tmp_path, NUMBERS)
    boosted = tmp_path / f"b.{form}"
    assert cli("run", corpus, "-o", boosted, "--language", "de", "--quiet").code == 0
    db = tmp_path / f"b.{form}.audit.db"

    def revert(name: str, *words: object) -> bytes:
        done = cli("revert", "--db", db, "-o", tmp_path / f"{name}.{form}", *words)
        assert done.code == 0, done.err
        assert "CHANGED" not in cli("audit", "verify", "--db", db).out
        return (tmp_path / f"{name}.{form}").read_bytes()

    revert("one", "--record", "de-2", "--record", "de-3")
    two = revert("two", "--record", "de-3", "--record", "de-5")
    assert two == revert("at-once", "--record", "de-2", "--record", "de-3", "--record", "de-5", "--run", 1)
    assert revert("back", "--pass", "revert", "--run", 3) == boosted.read_bytes()
    all_gone = revert("none", "--kind", "mojibake", "--run", 5)
    assert open_bytes(tmp_path / f"none.{form}") == open_bytes(corpus), all_gone


def open_bytes(path: Path) -> bytes:
    """A file's bytes, unpacked."""
    return gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()


def test_what_was_changed_beside_the_texts_behind_two_reverts_is_named(
    cli: Callable[..., Any], boosted: Path, tmp_path: Path
) -> None:
    for name, record in (("one", "de-3"), ("two", "de-4")):
        assert cli("revert", "--db", boosted, "--record", record, "-o", tmp_path / f"{name}.jsonl").code == 0
    output = tmp_path / "two.jsonl"
    lines = output.read_text(encoding="utf-8").splitlines(keepends=True)
    lines[4] = lines[4].replace('"id"', ' "id"', 1)
    output.write_text("".join(lines), encoding="utf-8")
    proof = cli("audit", "verify", "--db", boosted)
    assert proof.code == 1
    assert "de-4" in proof.out
    assert "it differs outside of its texts" in proof.out
