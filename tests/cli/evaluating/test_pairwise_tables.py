"""Tables of verdicts: warnings stand in the line of the figures they are about."""

from __future__ import annotations

import os
from collections import Counter
from typing import Any

from compared_corpora import make_judged
from rich.console import Console

from midb.cli.evaluating.pairwise_tables import show
from midb.evaluation.pairwise.figures import describe_groups


def drawn(groups: list[dict[str, Any]], judged: int) -> str:
    figures = {"differing": judged, "judged": judged, "groups": groups, "notes": ["Mind \x1b[31mthis."]}
    with open(os.devnull, "w") as nowhere:
        console = Console(width=220, record=True, file=nowhere)
        show(console, figures)
    return console.export_text()


def describe(judged: list[Any], **same: int) -> list[dict[str, Any]]:
    languages = Counter(one.pair.language for one in judged)
    kept = {code: Counter({"x": count}) for code, count in same.items()}
    return describe_groups(judged, kept, languages, seed=0, resamples=100, margin=0.05)


def test_what_tests_say_and_what_they_do_not() -> None:
    judged = [make_judged(n, 1, language="de") for n in range(30)]
    judged += [make_judged(n, -1, language="th") for n in range(30)]
    judged += [make_judged(n, n % 2, language="ja") for n in range(4)]
    groups = describe(judged)
    groups[0] |= {"warning_short": "!", "warning": "the judge is right in 51 % of known pairs"}
    text = drawn(groups, len(judged))
    lines = {line.split()[0]: line for line in text.splitlines() if line[:2] in ("de", "th", "ja")}
    assert "not worse (p" in text
    assert "worse (p 0.000)" in lines["th"] or "worse (p" in text
    assert "the judge is right in 51 % of known pairs" in text
    assert "\x1b[31m" not in text


def test_nothing_judged() -> None:
    text = drawn(describe([], de=7), 0)
    assert "de" in text
    assert "by length" not in text
