"""All figures of a proof together."""

from __future__ import annotations

import json

from proofs import make_figures

from midb.evaluation.proving.assembling import list_comparisons


def test_every_side_is_held_against_every_other() -> None:
    figures = make_figures()
    assert [(one["candidate"], one["baseline"]) for one in figures["comparisons"]] == [
        ("boosted", "raw"), ("control", "raw"), ("boosted", "control"),
    ]  # fmt: skip
    assert list_comparisons(["raw", "boosted"]) == [("boosted", "raw")]
    assert len(figures["students"]) == 9
    assert figures["evaluates"] == "proof"
    assert json.loads(json.dumps(figures)) == figures, "they go into a log as they are"


def test_what_a_reader_has_to_know_is_said() -> None:
    figures = make_figures({"raw": 3.0, "boosted": 2.9})
    notes = " ".join(figures["notes"])
    examples = figures["examples"]
    assert f"Of the {examples['train']} pairs that students learnt, {examples['train_differing']} differ" in notes
    assert "No judge was asked" in notes
    assert "A note." in notes
    assert "Too few rows for an interval of the loss on raw texts of pairs that differ" in notes
    assert "control" not in notes
    assert "The control has as many edits" in " ".join(make_figures()["notes"])
