"""The benchmarks of runs with a model run through, in small, with an engine that answers at once."""

from __future__ import annotations

from pathlib import Path

import model_pipeline
import pytest


def test_the_shares_of_a_run_with_a_model(corpora: Path) -> None:
    parts = {row["part"]: row["ms_per_pair"] for row in model_pipeline.shares(corpora)}
    assert min(parts.values()) > 0, parts
    assert {"prompts", "parsing replies", "checks", "diffs", "SQLite"} <= set(parts)


def test_the_throughput_with_a_model(corpora: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model_pipeline, "RUNS", 1)
    (row,) = model_pipeline.throughput(corpora)
    assert row["pairs"] == 12
    assert row["improved"] == 12
    assert row["pairs_per_s_median"] > 0
