"""Rows of translated files without ids find their English row by the distances that all files repeat."""

from __future__ import annotations

import random

from midb.training.data.alignment import align_rows


def test_missing_rows_and_missing_numbers_are_seen() -> None:
    chance = random.Random(3)
    english: list[float | None] = [float(chance.randrange(400)) for _ in range(300)]
    kept = [row for row in range(300) if row not in (17, 172, 299)]
    distances = [english[row] for row in kept]
    distances[40] = None
    found = align_rows(distances, english)
    assert found == kept


def test_another_file_is_not_aligned() -> None:
    chance = random.Random(4)
    one, other = ([float(chance.randrange(400)) for _ in range(200)] for _ in range(2))
    assert align_rows(one, other) == [None] * 200
    assert align_rows([], other) == []
