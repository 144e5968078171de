"""Tasks about shapes."""

from __future__ import annotations

import pytest

from midb.detectors.content.results.english import normalise
from midb.detectors.content.results.shapes import read_shape


@pytest.mark.parametrize(
    ("instruction", "given", "value"),
    [
        ("Find the area of a rectangle with width = 4m and height = 7m.", "", 28),
        ("Compute the area of a rectangle where the length is 5 cm and the width is 2 cm.", "", 10),
        ("Calculate the perimeter of a square with side 3", "", 12),
        ("Find the area of this triangle in m2", "Base: 10m Height: 8m", 40),
        ("Find the perimeter of a triangle with sides = 2m, 1m, 3m.", "", 6),
        ("Calculate the area of a triangle with the given side lengths.", "A = 3 cm, B = 4 cm, C = 5 cm", 6),
        ("Find the area of the given trapezoid.", "Bases: 13 cm and 16 cm; Height: 12 cm", 174),
        ("Find the area of a circle given its radius.", "Radius = 4", 50.2655),
        ("Calculate the circumference of a circle with a diameter of 4 cm.", "", 12.5664),
        ("Determine the surface area of the following figure", "A cube with side length 2 cm", 24),
        ("Find the volume of a cube with side 3", "", 27),
    ],
)
def test_values(instruction: str, given: str, value: float) -> None:
    problem = read_shape(normalise(instruction, given))
    assert problem is not None
    assert float(problem.values[0]) == pytest.approx(value, rel=1e-4)


@pytest.mark.parametrize(
    ("instruction", "given"),
    [
        ("Find the area of a rectangle with width 4 m and height 70 cm.", ""),  # two units
        ("Find the area of a rectangle with width 4 m.", ""),
        ("Find the area of a rectangle and a circle with width 4 and length 2.", ""),
        ("Find the area of a triangle with sides 1, 2 and 9.", ""),
        ("Find the area of a painted rectangle with width 4 and length 2.", ""),
        ("Find the volume of a rectangle with width 4 and length 2.", ""),
        ("Find the area of a triangle with height 4 and width 2.", ""),
        ("Find the area of the rectangle.", "0, 3"),
    ],
)
def test_what_is_not_plain(instruction: str, given: str) -> None:
    assert read_shape(normalise(instruction, given)) is None
