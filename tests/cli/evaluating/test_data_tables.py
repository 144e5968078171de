"""Tables of what was measured, also where there is nothing to show."""

from __future__ import annotations

from typing import Any

from evaluated_runs import CLEAN, make_sides
from rich.console import Console

from midb.cli.evaluating.data_tables import show
from midb.detectors import KindSelection
from midb.evaluation.data.examining import PairExaminer
from midb.evaluation.data.tallying import DataTally


def drawn(tally: DataTally, **more: Any) -> str:
    figures = {
        "output": "c.jsonl", "per": 1000, "groups": tally.groups(), "notes": ["Mind \x1b[31mthis."], "reference": None,
        "more_findings_in": tally.worse, "language_lost_in": tally.lost, "unexamined_records": 3,
    } | more  # fmt: skip
    console = Console(width=200, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    show(console, figures)
    return console.export_text()


def test_nothing_found_and_nothing_examined() -> None:
    examiner = PairExaminer(KindSelection.parse())
    tally = DataTally(resamples=100)
    tally.add(examiner.examine(make_sides(CLEAN)))
    tally.add(examiner.examine(make_sides("De lucht is blauw.", language="nl")))
    text = drawn(tally)
    assert "Pairs that were not examined: other-language 1." in text
    assert "Records in which no pair was found: 3." in text
    assert "\x1b[31m" not in text
