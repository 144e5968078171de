"""A sample is spread over languages and differences of length, and is the same for the same seed."""

from __future__ import annotations

from collections import Counter

from compared_corpora import make_pair
from hypothesis import given
from hypothesis import strategies as st

from midb.evaluation.pairwise.sampling import choose_pairs, share_out

PAIRS = [
    make_pair(number, "x" * 50, "x" * (10 + number), language)
    for language, count in (("de", 90), ("fr", 60), ("ja", 3))
    for number in range(count)
]


def test_languages_get_the_same_number_as_far_as_they_have_it() -> None:
    chosen = choose_pairs(PAIRS, 43, 7)
    assert Counter(pair.language for pair in chosen) == {"de": 20, "fr": 20, "ja": 3}
    assert chosen == choose_pairs(PAIRS, 43, 7) != choose_pairs(PAIRS, 43, 8)
    assert [PAIRS.index(pair) for pair in chosen] == sorted(PAIRS.index(pair) for pair in chosen)


def test_short_and_long_texts_come_in_their_shares() -> None:
    lengths = sorted(pair.lengths[1] for pair in choose_pairs(PAIRS, 43, 1) if pair.language == "de")
    assert all(abs(length - (10 + 4.5 * number)) < 5 for number, length in enumerate(lengths))


def test_all_where_that_is_asked_for_or_they_are_few() -> None:
    assert choose_pairs(PAIRS, 0, 1) == choose_pairs(PAIRS, 500, 1) == PAIRS


@given(st.dictionaries(st.text(max_size=2), st.integers(0, 50)), st.integers(0, 200), st.integers(0, 3))
def test_shares_add_up(sizes: dict[str, int], count: int, seed: int) -> None:
    shares = share_out(sizes, count, seed)
    assert sum(shares.values()) == min(count, sum(sizes.values()))
    assert all(0 <= shares[name] <= size for name, size in sizes.items())
