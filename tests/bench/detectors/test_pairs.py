"""The pairs of the benchmarks of detectors."""

from __future__ import annotations

import json
from pathlib import Path

from detectors.pairs import clean_pairs, examine, real_pairs

from midb.domain.pairs import InstructionPair
from midb.injectors import CleanPair
from midb.locales import LANGUAGES


def test_there_are_as_many_clean_pairs_in_every_language() -> None:
    names = [name for name, _ in clean_pairs()]
    assert len(names) == len(set(names)) >= 25 * len(LANGUAGES)
    assert {name.partition("-")[0] for name in names} == set(LANGUAGES)
    assert len({clean.pair.content_hash() for _, clean in clean_pairs()}) > 24 * len(LANGUAGES)


def test_real_pairs_are_read_with_their_sources(tmp_path: Path) -> None:
    record = {
        "id": "de-1",
        "instruction": "a",
        "input": "",
        "output": "b",
        "source": {"instruction": "c", "output": "d"},
    }
    (tmp_path / "de.jsonl").write_text(json.dumps(record) + "\n", encoding="utf-8")
    ((name, clean),) = real_pairs(tmp_path)
    assert (name, clean.language, clean.pair.response) == ("de-1", "de", "b")
    assert clean.source
    assert clean.source.response == "d"


def test_repairs_are_made_round_by_round() -> None:
    pair = InstructionPair(instruction="?", input="", response="<|im_start|>assistant\nEs ist schÃ¶n.")
    found, after = examine(CleanPair(pair, "de"), pair)
    assert {finding.kind for finding in found} >= {"leaked-markup", "mojibake"}
    assert after.response == "Es ist schön."
