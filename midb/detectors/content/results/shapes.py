"""Tasks about simple shapes: areas, perimeters, surfaces and volumes from lengths in one unit."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from fractions import Fraction

from midb.detectors.content.results.english import EnglishTask
from midb.detectors.content.results.problems import CIRCLE_SLACK, ComputedTask

_N = r"\d+(?:\.\d+)?"
_UNIT = re.compile(
    r"(?P<mm>mm|millimet(?:er|re)s?)|(?P<cm>cm|centimet(?:er|re)s?)|(?P<km>km|kilomet(?:er|re)s?)"
    r"|(?P<m>m|met(?:er|re)s?)|(?P<inch>in|inch|inches)|(?P<ft>ft|foot|feet)|(?P<yd>yd|yards?)|(?P<unit>units?)"
)
_PI = Fraction(math.pi)
#: Words that say how a shape is described, once its name and its lengths are taken out.
_DIMENSIONS = frozenset((
    "length", "width", "height", "base", "side", "radius", "diameter", "edge", "equal", "by", "from", "dimensions",
    "measuring", "sized", "one", "where", "dimension",
))  # fmt: skip
_SHAPES = frozenset((
    "rectangle", "square", "triangle", "right", "circle", "cube", "trapezoid", "trapezium",
))  # fmt: skip
_MEASURES = frozenset((
    "area", "perimeter", "circumference", "surface", "volume", "total", "sum", "figure",
))  # fmt: skip

_Lengths = Sequence[Fraction]


def _heron(sides: _Lengths) -> Fraction | None:
    a, b, c = sorted(sides)
    half = (a + b + c) / 2
    squared = half * (half - a) * (half - b) * (half - c)
    return Fraction(math.sqrt(squared)).limit_denominator(10**9) if squared > 0 else None


#: (shape, measure, names of its lengths): how the measure is computed from them, in the order they are told.
_FORMULAS: dict[tuple[str, str, tuple[str, ...]], Callable[[_Lengths], Fraction | None]] = {
    ("rectangle", "area", ("length", "width")): lambda a: a[0] * a[1],
    ("rectangle", "area", ("height", "width")): lambda a: a[0] * a[1],
    ("rectangle", "perimeter", ("length", "width")): lambda a: 2 * (a[0] + a[1]),
    ("rectangle", "perimeter", ("height", "width")): lambda a: 2 * (a[0] + a[1]),
    ("square", "area", ("side",)): lambda a: a[0] ** 2,
    ("square", "perimeter", ("side",)): lambda a: 4 * a[0],
    ("triangle", "area", ("base", "height")): lambda a: a[0] * a[1] / 2,
    ("circle", "area", ("radius",)): lambda a: _PI * a[0] ** 2,
    ("circle", "area", ("diameter",)): lambda a: _PI * a[0] ** 2 / 4,
    ("circle", "circumference", ("radius",)): lambda a: 2 * _PI * a[0],
    ("circle", "circumference", ("diameter",)): lambda a: _PI * a[0],
    ("cube", "surface", ("side",)): lambda a: 6 * a[0] ** 2,
    ("cube", "surface", ("edge",)): lambda a: 6 * a[0] ** 2,
    ("cube", "volume", ("side",)): lambda a: a[0] ** 3,
    ("cube", "volume", ("edge",)): lambda a: a[0] ** 3,
}


def read_shape(task: EnglishTask) -> ComputedTask | None:
    """The problem of a task about one shape; ``None`` where something else is told about it."""
    words = [word for word in task.text.split() if word != "|"]
    shapes = [word for word in dict.fromkeys(words) if word in _SHAPES and word != "right"]
    measures = [word for word in dict.fromkeys(words) if word in _MEASURES]
    if len(shapes) != 1 or not measures or not 1 <= len(task.numbers) <= 3:
        return None
    if any(number <= 0 for number in task.numbers):
        return None
    measure = "surface" if "surface" in measures else "perimeter" if "sum" in measures else measures[0]
    names, units = _read_dimensions(words)
    if names is None or len(units) > 1:
        return None
    value = _compute(shapes[0], measure, names, task.numbers)
    if value is None:
        return None
    name = "surface area" if measure == "surface" else measure
    slack = CIRCLE_SLACK if shapes[0] == "circle" else Fraction(0)
    return ComputedTask(f"the {name}", (value,), task.numbers, slack=slack, scalable=bool(units - {"unit"}))


def _read_dimensions(words: list[str]) -> tuple[tuple[str, ...] | None, set[str]]:
    """The names of the lengths in the order of their numbers, and the units; no names where a word is not known."""
    names: list[str] = []
    units: set[str] = set()
    for word in words:
        if word[0].isdigit():
            continue
        if word in _DIMENSIONS or re.fullmatch(r"side\d?|abc?|bc|ac|[abc]", word):
            name = "side" if word not in _DIMENSIONS else word
            if name in ("length", "width", "height", "base", "side", "radius", "diameter", "edge"):
                names.append(name)
        elif word in _SHAPES or word in _MEASURES:
            continue
        elif unit := _UNIT.fullmatch(word):
            units.add(str(unit.lastgroup))
        else:
            return None, units
    return tuple(names), units


def _compute(shape: str, measure: str, names: tuple[str, ...], numbers: tuple[Fraction, ...]) -> Fraction | None:
    told = tuple(dict.fromkeys(names))
    if shape == "triangle" and len(numbers) == 3 and set(told) <= {"side", "length"}:
        a, b, c = sorted(numbers)
        if a + b < c:
            return None
        return _heron(numbers) if measure == "area" else a + b + c if measure == "perimeter" else None
    if shape in ("trapezoid", "trapezium"):
        if measure != "area" or len(numbers) != 3 or told != ("base", "height"):
            return None
        return (numbers[0] + numbers[1]) * numbers[2] / 2
    if shape in ("square", "cube") and set(told) in ({"side", "length"}, {"length"}):
        told = ("side",)
    if shape == "triangle" and set(told) == {"base", "height", "length"}:
        told = ("base", "height")
    formula = _FORMULAS.get((shape, measure, tuple(sorted(told))))
    return formula(numbers) if formula and len(numbers) == len(told) else None
