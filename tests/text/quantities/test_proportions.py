"""How long translations are for their sources."""

from __future__ import annotations

import pytest

from midb.locales import LANGUAGES, load
from midb.text.quantities.proportions import TranslationLength, compare_lengths


def test_every_language_has_a_ratio_and_those_of_few_characters_a_small_one() -> None:
    ratios = {code: section.ratio for code in LANGUAGES if (section := load(code).get(TranslationLength))}
    assert set(ratios) == set(LANGUAGES)
    assert all(0.3 < ratio < 1.5 for ratio in ratios.values())
    assert max(ratios["ja"], ratios["ko"]) < 0.6 < min(ratios["ar"], ratios["th"]) < 0.9 < ratios["de"]


@pytest.mark.parametrize(
    ("text", "source", "times"), [("x" * 110, "y" * 100, 1.0), ("", "y", 0.0), ("  x" * 0, " ", None)]
)
def test_blanks_at_the_ends_do_not_count(text: str, source: str, times: float | None) -> None:
    assert compare_lengths(f" {text}\n", f"\n{source} ", load("fr")) == (
        times if times is None else pytest.approx(times)
    )


def test_of_a_language_that_is_not_known_nothing_is_said() -> None:
    assert compare_lengths("Een zin.", "A sentence.", load("nl")) is None
