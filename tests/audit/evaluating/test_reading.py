"""Evaluations read from a log, whatever somebody did to it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from log_fixtures import execute

from midb.audit.evaluating.reading import find_latest, read_evaluations
from midb.audit.reader import AuditReader
from midb.domain.errors import AuditError


def test_the_latest_of_each_sort(evaluated_log: Path) -> None:
    with AuditReader(evaluated_log) as reader:
        (row,) = read_evaluations(reader)
        assert (row.evaluates, row.engine, row.parent, row.figures) == (
            "pairwise", "judge 1", 1, {"pairs": 1, "net_win": None},
        )  # fmt: skip
        assert find_latest(reader, 1) == {"pairwise": row}
        assert find_latest(reader, 3) == {"pairwise": row}, "an evaluation is about itself"
        assert find_latest(reader, 2) == {}


def test_judges_and_models_are_about_no_run_and_belong_to_every_one(evaluated_log: Path, tmp_path: Path) -> None:
    path = shutil.copyfile(evaluated_log, tmp_path / "log.audit.db")
    execute(path, "UPDATE evaluations SET evaluates = 'judge'")
    with AuditReader(path) as reader:
        assert [list(find_latest(reader, run)) for run in (1, 3)] == [["judge"], ["judge"]]


def test_a_log_of_an_older_version_has_none(old_log: Path) -> None:
    with AuditReader(old_log) as reader:
        assert list(read_evaluations(reader)) == []


@pytest.mark.parametrize("figures", ["'{'", "'[1]'", "x'ff00'"])
def test_figures_that_are_none_are_no_figures(evaluated_log: Path, tmp_path: Path, figures: str) -> None:
    path = shutil.copyfile(evaluated_log, tmp_path / "log.audit.db")
    execute(path, f"UPDATE evaluations SET figures = {figures}")
    with AuditReader(path) as reader, pytest.raises(AuditError, match="changed by hand"):
        list(read_evaluations(reader))
