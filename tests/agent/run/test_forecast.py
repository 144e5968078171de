"""The sample of a dry run: in the shares the corpus has, whatever order it is in."""

from __future__ import annotations

from collections import Counter

import pytest

from midb.agent.run.batches import Item
from midb.agent.run.forecast import stratified
from midb.corpus.raw import RawRecord


def record(position: int, language: str, length: int) -> Item:
    body = (language + "x" * length).encode()
    return RawRecord.alone(body, position), None


def language(item: Item) -> str:
    return item[0].body[:2].decode()


@pytest.mark.parametrize("size", [400, 40_000])
def test_languages_and_lengths_come_in_the_shares_they_have(size: int) -> None:
    """Three quarters are Thai and come first; of each language half are long."""
    items = [record(n, "th" if n < size * 3 // 4 else "tr", 10 if n % 2 else 1000) for n in range(size)]
    taken, seen = stratified(iter(items), 40, language)
    shares = Counter((language(item), len(item[0].body) > 500) for item in taken)
    assert seen == size
    for name, expected in (("th", 15), ("tr", 5)):
        for long in (False, True):
            assert abs(shares[name, long] - expected) <= 2, shares


@pytest.mark.parametrize(("size", "count"), [(0, 5), (1, 5), (3, 5), (5, 5)])
def test_a_corpus_smaller_than_its_sample_is_taken_whole(size: int, count: int) -> None:
    items = [record(n, "de", n) for n in range(size)]
    taken, seen = stratified(iter(items), count, language)
    assert sorted(item[0].position for item in taken) == list(range(size))
    assert seen == size
