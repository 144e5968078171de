"""Edits and findings one by one: those that filters mean, groups that stay whole, and samples that are spread."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from midb.audit.questions.filters import Filters
from midb.audit.questions.finding import find_records
from midb.audit.questions.items import Candidate, draw, list_edits, list_findings, narrow
from midb.audit.reader import AuditReader
from midb.audit.verdict_rows import Item


def names(reader: AuditReader, *, standing: bool = False, **filters: Any) -> list[str]:
    """The kinds of the edits and findings that filters mean, each with its first name's letter."""
    wanted = Filters(run=1, **filters)
    found = [*list_edits(reader, wanted, standing=standing), *list_findings(reader, wanted, but=("repaired",))]
    return sorted(f"{one.item.name[0]} {one.kind}" for one in found)


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"severity": "critical"}, ["e translated-code"]),
        ({"severity": ("critical", "minor"), "language": "de"},
         ["e decimal-separator", "e translated-code", "f culture-bound-reference"]),
        ({"family": "content", "language": ("ko", "de")}, ["e repeated-words", "f culture-bound-reference"]),
        ({"family": "content", "severity": "major", "language": "ko"}, ["e repeated-words"]),
        ({"status": "taken-back"}, ["e false-equation", "e space-before-punctuation"]),
        ({"status": "open", "language": "ru"}, ["f space-before-punctuation"]),
        ({"status": "repaired", "language": "ko"}, ["e repeated-words"]),
        ({"field": "instruction"}, []),
        ({"record": ("#5", "ja-1")}, ["e repeated-words", "e space-before-punctuation", "e space-before-punctuation"]),
        ({"text": ("首都", "thanksgiving"), "kind": "decimal-separator"}, ["e decimal-separator"]),
        ({"outcome": "reverted", "kind": ("space-before-punctuation", "mojibake"), "status": "open"},
         ["f space-before-punctuation"]),
    ],
)  # fmt: skip
def test_different_filters_intersect_and_repeated_ones_unite(
    reader: AuditReader, filters: dict[str, Any], expected: list[str]
) -> None:
    assert names(reader, **filters) == expected
    # A record is meant where it has one of these.
    meant = {row.id for row in find_records(reader, Filters(run=1, **filters))}
    wanted = Filters(run=1, **filters)
    found = [*list_edits(reader, wanted, standing=False), *list_findings(reader, wanted)]
    assert {one.record for one in found} == meant


def test_a_name_means_one_edit_or_finding(reader: AuditReader) -> None:
    edits = list(list_edits(reader, Filters(run=1), standing=False))
    assert len(edits) > 8
    for one in edits:
        wanted = Filters(run=1, edit=one.item.name)
        assert list(list_edits(reader, wanted, standing=False)) == [one]
        assert list(list_findings(reader, wanted)) == []
        assert [row.id for row in find_records(reader, wanted)] == [one.record]
    for finding in list_findings(reader, Filters(run=1)):
        wanted = Filters(run=1, edit=finding.item.name)
        assert list(list_findings(reader, wanted)) == [finding]
        repairs = list(list_edits(reader, wanted, standing=False))
        assert all((one.kind, one.record, one.severity) == (finding.kind, finding.record, finding.severity)
                   for one in repairs)  # fmt: skip
        assert [row.id for row in find_records(reader, wanted)] == [finding.record]


def test_of_edits_that_repair_one_finding_each_means_all(reviewed: Path) -> None:
    with AuditReader(reviewed) as reader:
        (quotes,) = list_edits(reader, Filters(run=1, kind="quotation-marks"), standing=True)
        assert len(quotes.others) == 1
        for item in quotes.items():
            assert list(list_edits(reader, Filters(run=1, edit=item.name), standing=True)) == [quotes]


def candidates() -> list[Candidate]:
    """Many of one kind and language, few of others."""
    common = [Candidate(Item(n, 0), n, "de", "mojibake", "translation", "major") for n in range(1, 400)]
    rare = [Candidate(Item(n, 0), n, "tr", f"kind-{n % 3}", "content", "minor") for n in range(400, 410)]
    return common + rare


def test_a_sample_takes_languages_and_kinds_in_turn() -> None:
    drawn = draw(candidates(), 12, seed=3)
    counted = Counter((one.language, one.kind) for one in drawn)
    assert set(counted.values()) == {3}, "four groups, each as often as the others"
    assert drawn == draw(reversed(candidates()), 12, seed=3), "the order of the log does not decide"
    assert drawn == sorted(drawn, key=lambda one: one.record)
    assert draw(candidates(), 12, seed=4) != drawn
    assert len(draw(candidates(), 1000, seed=3)) == 409
    assert draw([], 5, seed=1) == []


def test_filters_are_narrowed_to_a_sample(reader: AuditReader) -> None:
    wanted = Filters(run=1, language="de")
    drawn = draw(list_edits(reader, wanted, standing=True), 1, seed=7)
    narrowed = narrow(wanted, drawn, sampled="sample 1, seed 7")
    assert list(list_edits(reader, narrowed, standing=True)) == drawn
    assert narrowed.described() == "language de; sample 1, seed 7"
    assert list(find_records(reader, narrow(wanted, []))) == [], "nothing that was drawn does not mean everything"
