"""The file of figures."""

from __future__ import annotations

import json
from pathlib import Path

from detectors.figures import store


def test_one_measurement_is_replaced_and_the_others_stay(tmp_path: Path) -> None:
    path = tmp_path / "m.json"
    store("recall", {"mojibake": {"fr": [1, 2], "de": [3, 4]}}, path)
    store("precision", {"mojibake": {"de": [5, 6]}}, path)
    store("recall", {"refusal": {"de": [7, 8]}}, path)
    assert json.loads(path.read_text()) == {
        "precision": {"mojibake": {"de": [5, 6]}},
        "recall": {"refusal": {"de": [7, 8]}},
    }
