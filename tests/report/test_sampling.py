"""Draws of edits: the same ones by the same seed, whatever their order, and never more than asked for."""

from __future__ import annotations

import random

from midb.report.sampling import EditDraw, EditPlace

PLACES = [EditPlace(record=number, decision=2 * number, ordinal=number % 3) for number in range(500)]


def draw(seed: int, most: int, places: list[EditPlace]) -> list[EditPlace]:
    lottery = EditDraw(seed, most)
    for place in places:
        lottery.offer("mojibake" if place.record < 490 else "rare", place)
    return [place for drawn in lottery.drawn().values() for place in drawn]


def test_a_seed_draws_the_same_whatever_the_order() -> None:
    shuffled = random.Random(1).sample(PLACES, len(PLACES))
    assert draw(7, 10, shuffled) == draw(7, 10, PLACES)
    assert draw(8, 10, PLACES) != draw(7, 10, PLACES)


def test_each_kind_has_its_own_share() -> None:
    drawn = draw(0, 4, PLACES)
    assert sum(place.record < 490 for place in drawn) == 4
    assert sum(place.record >= 490 for place in drawn) == 4


def test_every_edit_can_be_drawn() -> None:
    """Over many seeds early and late edits come up alike."""
    drawn = [place.record for seed in range(200) for place in draw(seed, 5, PLACES[:490])]
    assert 0.4 < sum(record < 245 for record in drawn) / len(drawn) < 0.6


def test_none_are_drawn_where_none_are_wanted() -> None:
    assert draw(0, 0, PLACES) == []
