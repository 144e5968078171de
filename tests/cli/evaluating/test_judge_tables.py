"""Tables of a judge's figures."""

from __future__ import annotations

import os

from compared_corpora import judge_with
from rich.console import Console
from scripted_judges import prefers_longer

from midb.cli.evaluating.judge_tables import show
from midb.evaluation.judges.measuring import measure_judge
from midb.evaluation.judges.traps import load_known_pairs, make_cases


def test_a_warning_stands_in_the_line_and_people_have_a_sentence() -> None:
    cases = make_cases(load_known_pairs(), ["de"], 1, 0)
    judged = judge_with(prefers_longer, [case.pair for case in cases])
    figures = measure_judge([(c, j) for c, j in zip(cases, judged, strict=True) if j], resamples=100)
    people = {"judged": 3, "kappa": None, "low": None}
    for more, said in (
        ({"people": people}, "kappa is not defined for them"),
        (
            {"people": {"judged": 30, "kappa": 0.4, "low": 0.1, "high": 0.7, "agreement": 0.7, "people_accept": 0.5,
                        "judge_accepts": 0.25}},
            "kappa 0.40 [0.10 0.70] on 30 edits; they agree on 70%, people accept 50%, the judge 25%.",
        ),
    ):  # fmt: skip
        with open(os.devnull, "w") as nowhere:
            console = Console(width=250, record=True, file=nowhere)
            show(console, figures | more)
        text = console.export_text()
        assert said in text
        assert "! right about" in next(line for line in text.splitlines() if line.startswith("de "))
        assert "the response is given twice" in text
