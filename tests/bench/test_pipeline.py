"""The benchmarks of the pipeline run through, in small: what they watch is there, and each part takes its time."""

from __future__ import annotations

import json
from pathlib import Path

import pipeline
import pytest
from registry import Row

from midb.agent.run.examine import Examiner
from midb.detectors import detectors


def milliseconds(rows: list[Row], key: str = "part") -> dict[str, float]:
    return {row[key]: row["ms_per_pair"] for row in rows if key in row}


def test_the_shares_of_a_run_without_a_model(corpora: Path) -> None:
    before = [Examiner.examine_batch, *(detector.detect for detector in detectors())]
    rows = list(pipeline.shares(corpora))
    parts = milliseconds(rows)
    assert min(parts.values()) > 0, parts
    assert {"detectors", "verification", "SQLite", "parsing", "reading, events, rest"} <= set(parts)
    assert set(milliseconds(rows, "detector")) == {d.__name__.rpartition(".")[2] for d in detectors()}
    assert [Examiner.examine_batch, *(detector.detect for detector in detectors())] == before, "all is as it was"


def test_the_throughput_of_the_command(corpora: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipeline, "RUNS", 1)
    rows = list(pipeline.throughput(corpora))
    assert [(row["workers"], row["pairs"]) for row in rows] == [(1, 12), (2, 12)]


def test_an_even_sample_is_taken_of_all_corpora(corpora: Path, tmp_path: Path) -> None:
    ids = [json.loads(line)["id"] for line in pipeline.whole(corpora, tmp_path, 6).read_bytes().splitlines()]
    everything = [json.loads(line)["id"] for line in pipeline.whole(corpora, tmp_path).read_bytes().splitlines()]
    assert ids == everything[::2]
