"""Findings on real pairs, and the judgements on them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from detectors import real
from detectors.figures import FIGURES
from detectors.real import findings, precision, read_judgements, row_of, speed

from midb.detectors import detectors, kinds
from midb.locales import LANGUAGES
from midb.locales.measured import EDIT_AIM


@pytest.fixture
def corpora(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two records of one English row, and one of another."""
    texts = {"de": ("17", "Es ist schÃ¶n."), "fr": ("17", "Un cafÃ© noir."), "it": ("18", "Va bene.")}
    for language, (row, text) in texts.items():
        record = {"id": f"{language}-{row}", "instruction": "?", "input": "", "output": text}
        (tmp_path / f"{language}.jsonl").write_text(json.dumps(record) + "\n", encoding="utf-8")
    monkeypatch.setattr(real, "store", lambda name, counts: None)
    return tmp_path


def test_translations_of_a_row_are_one_row(corpora: Path) -> None:
    rows = {row["kind"]: row for row in findings(corpora)}
    assert rows["mojibake"] == {
        "kind": "mojibake", "findings": 2, "repairable": 2, "english_rows": 1, "by_language": {"de": 1, "fr": 1},
    }  # fmt: skip
    assert (rows["all"]["pairs"], rows["all"]["with_findings"], rows["all"]["changed"]) == (3, 2, 2)
    assert row_of("pt-0017") == row_of("de-0017")


def test_every_detector_is_timed(corpora: Path) -> None:
    rows = {row["detector"]: row["ms_per_pair"] for row in speed(corpora)}
    assert len(rows) == len(detectors()) + 1
    assert all(took >= 0 for took in rows.values())


def test_judgements_are_well_formed_and_about_known_kinds() -> None:
    judged = read_judgements()
    assert judged.keys() <= kinds().keys()
    for kind, entries in judged.items():
        names = [(entry["id"], entry["reason"]) for entry in entries]
        assert len(names) > 0, kind
        assert {entry["language"] for entry in entries} <= set(LANGUAGES), kind
        assert all(entry["id"].startswith(f"{entry['language']}-") for entry in entries), kind


def test_what_is_no_judgement_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mojibake.jsonl").write_text('{"id": "de-1", "language": "de", "verdict": "perhaps", "reason": ""}\n')
    with pytest.raises(ValueError, match=r"mojibake\.jsonl:1"):
        read_judgements(tmp_path)


def test_the_shipped_figures_are_those_of_the_judgements(corpora: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stored: dict[str, object] = {}
    monkeypatch.setattr(real, "store", lambda name, counts: stored.update({name: counts}))
    rows = list(precision(corpora))
    shipped = json.loads(FIGURES.read_text(encoding="utf-8"))["precision"]
    assert stored["precision"] == shipped, "python bench/run.py detectors-precision --no-gate"
    assert stored["edits"] == json.loads(FIGURES.read_text(encoding="utf-8"))["edits"]
    for row in rows:
        low, high = row["interval"]
        assert 0 <= low <= row["right"] / row["judged"] <= high <= 1
    repairs = [row for row in rows if row["edits"]]
    assert repairs
    assert all(row["edits"] <= row["judged"] and row["edits_right"] >= EDIT_AIM * row["edits"] for row in repairs)
    assert {row["kind"] for row in repairs} <= {kind.name for kind in kinds().values() if kind.repairs}
