"""The text so far: where its latest tokens stood before."""

from __future__ import annotations

import itertools

import hypothesis.strategies as st
from hypothesis import given

from midb.kernels.engine.drafting.history import TokenHistory

TOKENS = st.lists(st.integers(0, 3), max_size=30)


def list_ends(tokens: list[int], searched: list[int], gap: int) -> list[int]:
    """Every place behind an occurrence where a token follows, but not the end of the first text."""
    size = len(searched)
    places = range(size, len(tokens))
    return [end for end in places if tokens[end - size : end] == searched and end != gap]


@given(TOKENS, TOKENS, st.integers(1, 3), st.integers(0, 32), st.integers(0, 32))
def test_every_end_is_found(first: list[int], rest: list[int], size: int, cursor: int, stop: int) -> None:
    history = TokenHistory(first, len(first))
    for token in rest:
        history.extend([token])
    tokens = first + rest
    assert history.tokens == tokens
    if len(tokens) < size:
        return
    latest = history.latest(size)
    ends = list_ends(tokens, tokens[-size:], len(first))
    assert list(history.iterate_back(latest)) == ends[::-1]
    assert list(history.iterate_back(latest, cursor)) == [end for end in reversed(ends) if end <= cursor]
    assert list(history.iterate_on(latest, cursor, stop)) == [end for end in ends if cursor < end < stop]


@given(TOKENS, TOKENS, st.lists(st.tuples(st.booleans(), st.lists(st.integers(0, 3), max_size=4)), max_size=8))
def test_it_is_noticed_when_two_tokens_come_again(
    first: list[int], rest: list[int], steps: list[tuple[bool, list[int]]]
) -> None:
    """Whatever was appended without a look in between; also across the gap, where a search finds no end."""
    history, tokens = TokenHistory(first + rest, len(first)), first + rest
    for watched, more in steps:
        if watched and more:
            tokens += more[:1]
            pairs = list(itertools.pairwise(tokens))
            assert history.note(more[:1]) is (len(pairs) > 0 and pairs[-1] in pairs[:-1])
        else:
            history.extend(more)
            tokens += more
        assert history.tokens == tokens
        if tokens:
            assert [ord(one) for one in history.latest(3)] == tokens[-3:]


def test_ids_of_the_largest_vocabularies() -> None:
    """Among them those that are no characters: halves of a surrogate pair."""
    history = TokenHistory([262_143, 0xD800, 0xDC00, 7], 4)
    history.extend([262_143, 0xD800, 0xDC00])
    assert list(history.iterate_back(history.latest(3))) == [3]
    assert list(history.iterate_back(history.latest(1))) == [3]
