"""The repository's own clean pairs, as files that examples are made of."""

from __future__ import annotations

import json
from pathlib import Path

from adapting.texts import FILES, write_texts

from midb.training.data.files import read_revisions


def test_whole_patterns_are_held_out_in_every_language_alike(tmp_path: Path) -> None:
    counts = write_texts(tmp_path, ["de", "fr"], 0.2)
    sides = []
    for name in FILES:
        records = [json.loads(line) for line in (tmp_path / name).read_text(encoding="utf-8").splitlines()]
        assert len(records) == counts[name] > 50
        assert {record["lang"] for record in records} == {"de", "fr"}
        sides.append({record["id"].split("-")[1] for record in records})
    assert not sides[0] & sides[1]
    reading = read_revisions([tmp_path / FILES[0]])
    assert len(reading.revisions) == counts[FILES[0]]
    assert all(revision.unchanged and revision.source for revision in reading.revisions)
