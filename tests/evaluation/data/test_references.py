"""Agreement with a reference: found by the words of the pair, and named for what it is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("sacrebleu", reason="an extra: pip install '.[measure]'")

from midb.domain.errors import UsageError
from midb.domain.pairs import InstructionPair
from midb.evaluation.data import references
from midb.evaluation.data.references import measure_agreement, read_references

RAW = {"Raw Instruction": "Nenne eine Farbe, die im Garten oft zu sehen ist.", "Raw Input": "",
       "Raw Response": "Das ist wohl rot, weil die Rosen rot sind."}  # fmt: skip
REVISED = "Eine Farbe, die man im Garten oft sieht, ist Rot, denn viele Rosen sind rot."


def write(folder: Path, **more: object) -> Path:
    record = RAW | {"Revised Instruction": RAW["Raw Instruction"], "Revised Input": "", "Revised Response": REVISED}
    path = folder / "revised.json"
    path.write_text(json.dumps([record | more] * 3), encoding="utf-8")
    return path


def test_a_pair_is_found_by_its_words(tmp_path: Path) -> None:
    found = read_references(write(tmp_path))
    pair = InstructionPair(
        instruction=f"{RAW['Raw Instruction']}\n", input=None, response=RAW["Raw Response"].replace(" ", "  ")
    )
    revised = found.find(pair)
    assert revised is not None
    assert revised.response == REVISED
    assert found.find(InstructionPair(instruction="Etwas anderes.", response="x")) is None
    assert (found.name, found.is_meb) == ("revised.json", False)
    assert read_references(write(tmp_path, Distance=12)).is_meb


def test_closer_is_more() -> None:
    far, near, target = (InstructionPair(response=text) for text in (RAW["Raw Response"], REVISED[:-9], REVISED))
    before, after = measure_agreement(far, near, target)
    assert 0 < before < after < 100
    assert measure_agreement(target, target, target) == (100, 100)


def test_what_cannot_be_meant_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match="there is no"):
        read_references(tmp_path / "nowhere.json")
    (tmp_path / "c.json").write_text('[{"instruction": "a", "output": "b"}]')
    with pytest.raises(UsageError, match="there is no revision"):
        read_references(tmp_path / "c.json")
    monkeypatch.setattr(references, "find_chrf", lambda: None)
    with pytest.raises(UsageError, match="sacrebleu, which is not installed"):
        read_references(tmp_path / "c.json")
