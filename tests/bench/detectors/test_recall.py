"""What the benchmark of recall counts."""

from __future__ import annotations

from pathlib import Path

import pytest
from detectors import recall as bench
from detectors.recall import false_alarms, fields_kept, recall, try_kind

from midb.domain.pairs import InstructionPair
from midb.injectors import CleanPair

PAIR = InstructionPair(instruction="Warum?", input="", response="Es ist schön und gut, aber zu spät für heute.")
CLEAN = [("de-1", CleanPair(PAIR, "de"))]


def test_a_trial_is_met_where_the_very_text_comes_back() -> None:
    trials = list(try_kind("decomposed-text", CLEAN, seeds=6))
    assert len(trials) == len({trial.injection.edits for trial in trials}) > 1
    assert all(trial.met and trial.after == PAIR and fields_kept(trial) for trial in trials)


def test_a_language_gets_so_many_and_every_pair_one_before_any_gets_a_second() -> None:
    pairs = [("de-1", CLEAN[0][1]), ("de-2", CLEAN[0][1]), ("de-3", CLEAN[0][1])]
    assert [trial.name for trial in try_kind("mojibake", pairs, seeds=9, most=4)] == ["de-1", "de-2", "de-3", "de-1"]


def test_nothing_is_tried_where_the_kind_is_not_looked_for() -> None:
    assert list(try_kind("inverted-marks", CLEAN)) == []


def test_rows_add_up(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    stored: dict[str, dict[str, dict[str, list[int]]]] = {}
    monkeypatch.setattr(bench, "clean_pairs", lambda: iter(CLEAN))
    monkeypatch.setattr(bench, "pattern_pairs", lambda: iter(()))
    monkeypatch.setattr(bench, "store", lambda name, counts: stored.update({name: counts}))
    rows = {row["kind"]: row for row in recall(tmp_path)}
    row = rows["mojibake"]
    assert row["met"] == row["of"] == row["exactly_repaired"] == stored["recall"]["mojibake"]["de"][1] > 0
    assert rows["wrong-answer"]["of"] == 0
    assert sum(row["changed_otherwise"] for row in rows.values()) == 0


def test_false_alarms_are_counted_per_thousand(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    bad = InstructionPair(instruction="Warum?", input="", response="Es ist schÃ¶n.")
    monkeypatch.setattr(bench, "clean_pairs", lambda: iter([*CLEAN, ("de-2", CleanPair(bad, "de"))]))
    monkeypatch.setattr(bench, "pattern_pairs", lambda: iter(()))
    first, second = false_alarms(tmp_path)
    assert first["findings_per_1000"] == first["edits_per_1000"] == 500
    assert first["kinds"] == second["kinds"] == ["mojibake"]
