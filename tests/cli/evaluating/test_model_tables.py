"""Tables of two models, a turn at a time."""

from __future__ import annotations

import os
from collections import Counter

from compared_corpora import make_judged
from rich.console import Console

from midb.cli.evaluating.model_tables import show
from midb.evaluation.pairwise.figures import describe_groups


def test_each_turn_has_its_own_tables() -> None:
    groups = describe_groups(
        [make_judged(n, 1) for n in range(3)], {}, Counter({"de": 3}), seed=0, resamples=100, margin=0.05
    )
    groups[0] |= {"warning": "the judge: flips", "warning_short": "! judge"}
    turns = [{"turn": turn, "groups": groups} for turn in (1, 2)]
    figures = {"candidate": "new", "baseline": "old", "turns": turns, "notes": ["Mind this."]}
    with open(os.devnull, "w") as nowhere:
        console = Console(width=200, record=True, file=nowhere)
        show(console, figures)
    text = console.export_text()
    assert text.count("new against old, turn") == 2
    assert text.count("! judge") == 2
    assert "Mind this." in text
