"""What is wrong with judgements and figures though every hash agrees."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from forging import forge
from log_fixtures import execute

from midb.audit.proof.verify import verify


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("UPDATE judgements SET run_id = 1 WHERE id = 1", "it stands in a run that is no evaluation"),
        ("UPDATE judgements SET generation_id = NULL", "it has a verdict, and no reply that it was read from"),
        ("UPDATE evaluations SET evaluates = 'x'", 'evaluates is "x", which is no such word'),
        (
            "INSERT INTO evaluations SELECT id + 1, run_id, evaluates, figures, at, previous_hash, hash "
            "FROM evaluations",
            "it has more than one row of figures",
        ),
    ],
)
def test_what_no_evaluation_writes_is_named(evaluated_log: Path, tmp_path: Path, statement: str, said: str) -> None:
    path = forge(shutil.copyfile(evaluated_log, tmp_path / "log.audit.db"), statement)
    assert said in [problem.message for problem in verify(path).problems]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE judgements SET preferred = 'raw' WHERE id = 1",
        "DELETE FROM judgements WHERE id = 2",
        "UPDATE evaluations SET figures = '{}'",
        "DELETE FROM evaluations",
    ],
)
def test_a_change_is_seen(evaluated_log: Path, tmp_path: Path, statement: str) -> None:
    path = shutil.copyfile(evaluated_log, tmp_path / "log.audit.db")
    assert verify(path).problems == []
    execute(path, statement)
    assert not verify(path).intact
