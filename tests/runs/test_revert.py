"""A revert writes a corpus as a run does: whole or not at all, and logged with how far it came."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

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
    with sqlite3.connect(boosted) as log:
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
