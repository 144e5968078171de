"""Which pairs are judged where not all are: as many of each language, spread over differences of length. Seeded."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence

from midb.evaluation.pairwise.judging import JudgedPair


def choose_pairs(pairs: Sequence[JudgedPair], count: int, seed: int) -> list[JudgedPair]:
    """So many pairs, in their order; 0: all. The same seed takes the same ones.

    Languages get the same number each, and what one lacks goes to the others.
    """
    if not count or len(pairs) <= count:
        return list(pairs)
    by_language: defaultdict[str, list[JudgedPair]] = defaultdict(list)
    for pair in pairs:
        by_language[pair.language].append(pair)
    kept: set[int] = set()
    for language, share in share_out({code: len(own) for code, own in by_language.items()}, count, seed).items():
        own = sorted(by_language[language], key=lambda pair: (_difference(pair), _lot(seed, pair.item)))
        start = _lot(seed, language) / 2**64
        kept |= {id(own[int((number + start) * len(own) / share)]) for number in range(share)}
    return [pair for pair in pairs if id(pair) in kept]


def share_out(sizes: Mapping[str, int], count: int, seed: int = 0) -> dict[str, int]:
    """Give each as many as possible of the same number, and no more than it has.

    >>> share_out({"de": 100, "fr": 100, "ja": 5}, 45)
    {'ja': 5, 'de': 20, 'fr': 20}
    """
    shares: dict[str, int] = {}
    order = sorted(sizes, key=lambda name: (sizes[name], _lot(seed, name) if seed else name))
    for number, name in enumerate(order):
        shares[name] = min(sizes[name], count // (len(order) - number))
        count -= shares[name]
    return shares


def _difference(pair: JudgedPair) -> float:
    before, after = pair.lengths
    return (after - before) / max(before, 1)


def _lot(seed: int, name: str) -> int:
    return int.from_bytes(hashlib.blake2b(f"{seed} {name}".encode(), digest_size=8).digest())
