"""The bounds of the passes: each may do no more than its business, and on a pair that steers hardly anything."""

from __future__ import annotations

from midb.checks.bounds import BOUNDS, STRICT, Bounds
from midb.domain.decisions import Pass


def test_every_rewriting_pass_has_bounds() -> None:
    assert set(BOUNDS) == {Pass.CONTENT, Pass.TRANSLATION, Pass.LOCALIZATION}


def test_bounds_are_sensible() -> None:
    for bounds in (*BOUNDS.values(), STRICT):
        assert 0 < bounds.shortest < 1 < bounds.longest
        assert 0 < bounds.kept < 1
        assert min(bounds.slack, bounds.names, bounds.numbers, bounds.lost_numbers) >= 0


def narrower(one: Bounds, other: Bounds) -> bool:
    return (
        one.shortest > other.shortest
        and one.longest < other.longest
        and one.slack < other.slack
        and one.kept > other.kept
        and one.names < other.names
        and one.numbers <= other.numbers
        and one.lost_numbers <= other.lost_numbers
        and not one.code
    )


def test_a_pair_that_steers_is_held_tighter_than_any_pass() -> None:
    assert all(narrower(STRICT, bounds) for bounds in BOUNDS.values())


def test_only_the_content_pass_may_bring_code_and_a_translation_no_number() -> None:
    assert [pass_ for pass_, bounds in BOUNDS.items() if bounds.code] == [Pass.CONTENT]
    assert BOUNDS[Pass.TRANSLATION].numbers == BOUNDS[Pass.TRANSLATION].lost_numbers == 0
