"""Tests of harm: they err as seldom as they say, over all languages together, and need numbers to say anything."""

from __future__ import annotations

import random

from midb.evaluation.pairwise.harm import MARGIN, compare_languages, correct


def draw(chance: random.Random, net: float, rows: int, each: int = 1) -> list[tuple[int, int]]:
    """Outcomes with a net win; those of a row are the same."""
    drawn = []
    for row in range(rows):
        win = 1 if chance.random() < (1 + net) / 2 else -1
        drawn += [(row, win)] * each
    return drawn


def test_languages_that_are_no_worse_are_seldom_called_so() -> None:
    """Of 13 languages without harm, not one may be called worse in more than 5 of 100 evaluations."""
    chance = random.Random(17)
    times = 120
    wrong = sum(
        any(test.worse for test in compare_languages({str(n): draw(chance, 0, 40, 2) for n in range(13)}).values())
        for _ in range(times)
    )
    assert wrong <= 0.1 * times


def test_languages_that_are_worse_by_the_margin_are_seldom_cleared() -> None:
    chance = random.Random(19)
    times = 120
    wrong = sum(
        any(
            test.not_worse for test in compare_languages({str(n): draw(chance, -MARGIN, 60) for n in range(5)}).values()
        )
        for _ in range(times)
    )
    assert wrong <= 0.1 * times


def test_one_harmed_language_among_many_is_found() -> None:
    chance = random.Random(3)
    outcomes = {str(n): draw(chance, 0.6, 60) for n in range(12)} | {"th": draw(chance, -0.6, 60)}
    found = compare_languages(outcomes)
    assert [language for language, test in found.items() if test.worse] == ["th"]
    assert all(found[str(n)].not_worse for n in range(12))
    assert found["th"].needed is None, "no number would show it"


def test_few_that_agree_prove_nothing() -> None:
    assert not compare_languages({"de": [(row, 1) for row in range(3)]})["de"].not_worse
    assert compare_languages({"de": [(row, 1) for row in range(30)]})["de"].not_worse
    once = compare_languages({"de": [(0, -1)] * 500})["de"]
    assert not once.worse, "one row is one observation, however often it is seen"


def test_what_it_takes_is_reckoned() -> None:
    chance = random.Random(5)
    few = compare_languages({"de": draw(chance, 0.0, 60)})["de"]
    assert not few.not_worse
    assert few.needed is None or few.needed > 60


def test_corrections_never_help() -> None:
    values = {"a": 0.2, "b": 0.01, "c": 0.9, "d": 0.02}
    corrected = correct(values)
    assert all(values[name] <= corrected[name] <= 1 for name in values)
    assert corrected["b"] == 0.04
    assert correct({}) == {}
