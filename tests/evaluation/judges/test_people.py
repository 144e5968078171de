"""A judge beside people: which rows of a sheet count, and how far they agree."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from compared_corpora import RIGHT, is_right, judge_with
from scripted_judges import knows, prefers_first

from midb.domain.errors import UsageError
from midb.evaluation.judges.people import compare_with_people, measure_kappa, read_people


def write(path: Path, rows: list[dict[str, str]]) -> Path:
    names = ["id", "log", "record", "language", "before", "after", "sentence_before", "sentence_after", "verdict"]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, names)
        writer.writeheader()
        writer.writerows({"log": "x", **row} for row in rows)
    return path


def rows(count: int, *, right_every: int = 2) -> list[dict[str, str]]:
    found = []
    for number in range(count):
        texts = [f"Punkt {number} ist so.", f"Punkt {number} ist {RIGHT} so."]
        good = number % right_every == 0
        before, after = texts if good else reversed(texts)
        found.append(
            {"id": f"e-{number}-0", "record": f"de-{number}", "language": "de", "sentence_before": before,
             "sentence_after": after, "verdict": "accept" if good else ("change" if number % 3 else "Reject ")}
        )  # fmt: skip
    return found


def test_a_judge_who_knows_agrees_with_people_who_know(tmp_path: Path) -> None:
    people = read_people(write(tmp_path / "s.csv", rows(30)))
    found = compare_with_people(people, judge_with(knows(is_right), people.pairs), seed=0, resamples=100)
    assert (found["edits"], found["judged"], found["agreement"], found["kappa"]) == (30, 30, 1, 1)
    assert (found["people_accept"], found["judge_accepts"], found["low"], found["high"]) == (0.5, 0.5, 1, 1)


def test_a_judge_by_place_accepts_nothing_and_agrees_by_chance(tmp_path: Path) -> None:
    people = read_people(write(tmp_path / "s.csv", rows(30)))
    found = compare_with_people(people, judge_with(prefers_first, people.pairs), seed=0, resamples=100)
    assert (found["agreement"], found["kappa"], found["judge_accepts"]) == (0.5, 0, 0)


def test_what_does_not_count_is_counted(tmp_path: Path) -> None:
    more = [
        rows(1)[0] | {"id": "f-3"}, rows(1)[0] | {"verdict": ""}, rows(1)[0] | {"verdict": "perhaps"},
        rows(1)[0] | {"language": "xx"}, rows(1)[0] | {"sentence_after": rows(1)[0]["sentence_before"]},
    ]  # fmt: skip
    people = read_people(write(tmp_path / "s.csv", [*rows(3), *more]))
    assert len(people.pairs) == 3
    assert people.left_out == {
        "without a verdict": 1, '"perhaps" is no verdict': 1, "no edit in a language that is known": 3,
    }  # fmt: skip
    found = compare_with_people(people, [None, *judge_with(knows(is_right), people.pairs[1:])], seed=0, resamples=100)
    assert (found["judged"], found["low"]) == (2, None)


def test_what_cannot_be_meant_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="has no verdict on an edit"):
        read_people(write(tmp_path / "s.csv", [rows(1)[0] | {"verdict": ""}]))
    (tmp_path / "x.csv").write_text("a,b\n1,2\n")
    with pytest.raises(UsageError, match="has no column id"):
        read_people(tmp_path / "x.csv")


def test_kappa_of_a_table_of_a_textbook() -> None:
    """Cohen's own sort of example: 20 both yes, 15 both no, 5 and 10 apart: (0.7 - 0.5) / 0.5."""
    said = [(True, True)] * 20 + [(True, False)] * 5 + [(False, True)] * 10 + [(False, False)] * 15
    assert measure_kappa(said) == pytest.approx(0.4)
    assert measure_kappa([]) is None
