"""The merge is measured on shards that were really run, whatever their size."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from shards import merging
from shards.merging import repeat


def test_a_row_is_of_a_merge_that_was_made(corpora: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(merging, "TIMES", (2,))
    monkeypatch.setattr(merging, "SHARDS", 1)
    (row,) = merging.merging(corpora)
    assert (row["records"], row["shards"]) == (24, 1)
    assert min(row["records_per_s"], row["peak_MiB"], row["log_bytes_per_record"]) > 0


def test_a_command_that_fails_is_not_measured(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="there is no audit log"):
        merging.midb_agent(tmp_path, "merge", "missing.jsonl", "missing.db", "-o", "x")


def test_repeated_records_differ_in_their_ids_alone() -> None:
    made = [json.loads(line) for line in repeat([b'{"id": "de-1", "output": "Ja."}'], 2)]
    assert made == [{"id": "de-1-0", "output": "Ja."}, {"id": "de-1-1", "output": "Ja."}]
