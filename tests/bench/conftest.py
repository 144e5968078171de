"""Fixtures of the tests of the benchmarks."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def corpora(tmp_path: Path) -> Path:
    """Two corpora of a few examples each, of which some have a defect."""
    lines = (ROOT / "examples" / "corpus.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
    folder = tmp_path / "corpora"
    folder.mkdir()
    (folder / "a.jsonl").write_text("".join(lines[:8]), encoding="utf-8")
    (folder / "b.jsonl").write_text("".join(lines[60:64]), encoding="utf-8")
    return folder
