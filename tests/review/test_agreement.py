"""Precision of what was reviewed, and how far reviewers agree."""

from __future__ import annotations

import pytest

from midb.audit.rows import VerdictRow
from midb.audit.verdict_rows import Item
from midb.review.agreement import compute_kappa, measure_precision
from midb.review.choosing import Candidate


def row(item: str, verdict: str, reviewer: str = "Ana") -> VerdictRow:
    return VerdictRow(1, 2, 1, item, reviewer, verdict, None, "", "")


def said(*verdicts: str) -> dict[str, VerdictRow]:
    words = {"a": "accept", "r": "reject", "c": "change"}
    return {f"e-{n}-0": row(f"e-{n}-0", words[v]) for n, v in enumerate(verdicts) if v != "."}


def test_precision_is_by_kind_and_language() -> None:
    edits = [Candidate(Item(n, 0), n, "de" if n < 4 else "tr", "mojibake", "translation", "major") for n in range(6)]
    findings = [Candidate(Item(None, n), n, "de", "refusal", "content", "major") for n in range(3)]
    standing = said("a", "r", "c", ".", "a") | {f"f-{n}": row(f"f-{n}", v) for n, v in enumerate(("change", "reject"))}
    found = {(p.kind, p.language, p.what): p for p in measure_precision([*edits, *findings], standing)}
    assert {name: (p.right, p.changed, p.reviewed) for name, p in found.items()} == {
        ("mojibake", "de", "edits"): (1, 1, 3),
        ("mojibake", "tr", "edits"): (1, 0, 1),
        ("refusal", "de", "findings"): (1, 1, 2),
    }, "an edit that a person had to change was wrong; a finding for which there is a right text was one"
    assert found["mojibake", "de", "edits"].share == pytest.approx(1 / 3)
    low, high = found["mojibake", "de", "edits"].interval
    assert 0 < low < 1 / 3 < high < 1


@pytest.mark.parametrize(
    ("first", "second", "kappa", "count"),
    [
        ("aarr", "aarr", 1.0, 4),
        ("aarr", "rraa", -1.0, 4),
        ("aarr", "arar", 0.0, 4),
        ("aacr", "aarc", 1.0, 4),  # both say that it was wrong
        ("aaaa", "aaaa", None, 4),  # by chance or not: nobody can say
        ("aa..", "..rr", None, 0),
        ("aaaaaarrrr", "aaaaarrrra", 0.5833, 10),
    ],
)
def test_kappa(first: str, second: str, kappa: float | None, count: int) -> None:
    found = compute_kappa(said(*first), said(*second))
    assert found == (None if kappa is None else pytest.approx(kappa, abs=1e-3), count)
