"""Injectors take a text of one piece again and again as any other: the time grows with the length, and no faster.

Candidates are counted in steps of Python and C, so that no busy machine makes a difference.
"""

from __future__ import annotations

import sys
from random import Random

import pytest

from midb.domain.pairs import InstructionPair
from midb.injectors import CleanPair, injectors

#: Texts differ in length by this factor; steps may grow by twice as much, and would by its square.
FACTOR = 8

PIECES = ("3,5 ", "48.500 ", "é ", "**a** ", "`a` ", "“a” ", "& ", "1. a\n", "愉", "กำ ", "ab, cd ", "17 + 25 = 42 ")


def count_steps(kind: str, text: str) -> int:
    pair = InstructionPair(instruction="List four.", input="", response=text)
    steps = 0

    def count(*_: object) -> None:
        nonlocal steps
        steps += 1

    sys.setprofile(count)
    try:
        injectors()[kind].inject(CleanPair(pair, "de", pair), Random(1))
    finally:
        sys.setprofile(None)
    return steps


@pytest.mark.parametrize("kind", injectors())
def test_steps_grow_with_the_length(kind: str) -> None:
    for piece in PIECES:
        short, long = (count_steps(kind, piece * (size // len(piece))) for size in (400, 400 * FACTOR))
        assert long <= 2 * FACTOR * short + 500, piece
