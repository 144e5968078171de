"""Imperial units and the words for them, as they stand beside a number in a text. Knows no defect.

Each unit's conversion is pint's; each language's words are its locale's.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from typing import Any

from pydantic import Field

from midb.locales import LocaleSection, load
from midb.text.quantities.numbers import NumberWords
from midb.text.words import any_of, fold_case


class UnitName(StrEnum):
    """The imperial units this project looks for."""

    MILE = "mile"
    YARD = "yard"
    FOOT = "foot"
    INCH = "inch"
    SQUARE_INCH = "square_inch"
    SQUARE_MILE = "square_mile"
    SQUARE_FOOT = "square_foot"
    CUBIC_FOOT = "cubic_foot"
    ACRE = "acre"
    MILE_PER_HOUR = "mile_per_hour"
    POUND = "pound"
    OUNCE = "ounce"
    FLUID_OUNCE = "fluid_ounce"
    GALLON = "gallon"
    CUP = "cup"
    FAHRENHEIT = "fahrenheit"


class ImperialWords(LocaleSection, table="imperial_units"):
    """The words of a language.

    ``units``: the words of each unit. ``ordinary``: those of them that are everyday words too, and mean the unit only
    where the source has it. ``before``: words that stand before their number. ``inflected``: an ending may follow a
    unit's word. ``other``: words that only look like a unit's. ``square``: how words begin that make another unit of
    the one before them. ``metric``: the units that make a conversion superfluous. ``conversion``, ``screens``: parts of
    words that say that the task is about units, or that a screen is measured.
    """

    units: dict[UnitName, tuple[str, ...]]
    ordinary: tuple[str, ...] = ()
    before: dict[UnitName, tuple[str, ...]] = Field(default_factory=dict)
    other: tuple[str, ...] = ()
    square: tuple[str, ...] = ()
    inflected: bool = False
    metric: tuple[str, ...]
    conversion: tuple[str, ...]
    screens: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Unit:
    """An imperial unit and the metric one that stands for it.

    ``factor`` is how many of the metric one it is, as it is defined; ``zero`` where the metric scale begins on its own.
    ``abbreviation`` is the metric one's for people. ``english`` is a pattern for how the English source writes the
    unit, ``symbols`` are the same in every language.
    """

    factor: Fraction
    abbreviation: str
    english: str
    symbols: tuple[str, ...] = ()
    zero: int = 0

    def to_metric(self, value: Fraction) -> float:
        """So many of the unit in the metric one.

        >>> UNITS[UnitName.MILE].to_metric(Fraction(3)), UNITS[UnitName.FAHRENHEIT].to_metric(Fraction(212))
        (4.828032, 100.0)
        """
        return float((value - self.zero) * self.factor)


#: Metres of a yard's third, and of the older one by which an acre is still defined; grams of a pound, millilitres of a
#: gallon.
_FOOT, _SURVEY_FOOT = Fraction("0.3048"), Fraction(1200, 3937)
_POUND, _GALLON = Fraction("453.59237"), Fraction("3785.411784")


UNITS = {
    UnitName.MILE: Unit(5280 * _FOOT / 1000, "km", r"miles?\b|mi\b"),
    UnitName.YARD: Unit(3 * _FOOT, "m", r"yards?\b|yds?\b", ("yd",)),
    UnitName.FOOT: Unit(_FOOT, "m", r"f(?:oo|ee)t\b|ft\b|['′’]", ("ft",)),
    UnitName.INCH: Unit(Fraction("2.54"), "cm", r"inch(?:es)?\b|in\b|[\"″”]"),
    UnitName.SQUARE_INCH: Unit(
        Fraction("2.54") ** 2, "cm²", r"(?:square|sq\.?)[ -](?:inch(?:es)?|in)\b", ("sq in", "in²")
    ),
    UnitName.SQUARE_MILE: Unit((5280 * _FOOT / 1000) ** 2, "km²", r"(?:square|sq\.?) (?:miles?|mi)\b", ("sq mi",)),
    UnitName.SQUARE_FOOT: Unit(
        _FOOT**2, "m²", r"(?:square|sq\.?)[ -](?:f(?:oo|ee)t|ft)\b", ("sq ft", "sq. ft.", "ft²")
    ),
    UnitName.CUBIC_FOOT: Unit(_FOOT**3, "m³", r"cubic[ -](?:f(?:oo|ee)t|ft)\b", ("ft³",)),
    UnitName.ACRE: Unit(43560 * _SURVEY_FOOT**2 / 10_000, "ha", r"acres?\b"),
    UnitName.MILE_PER_HOUR: Unit(5280 * _FOOT / 1000, "km/h", r"mph\b|miles? (?:per|an) hour\b", ("mph",)),
    UnitName.POUND: Unit(_POUND / 1000, "kg", r"pounds?\b|lbs?\b", ("lb", "lbs", "lb.", "lbs.")),
    UnitName.OUNCE: Unit(_POUND / 16, "g", r"ounces?\b|oz\b", ("oz", "oz.")),
    UnitName.FLUID_OUNCE: Unit(
        _GALLON / 128, "ml", r"(?:fluid|fl\.?) (?:ounces?|oz)\b", ("fl oz", "fl. oz.", "fl. oz")
    ),
    UnitName.GALLON: Unit(_GALLON / 1000, "l", r"gallons?\b|gal\b"),
    UnitName.CUP: Unit(_GALLON / 16, "ml", r"cups?\b"),
    UnitName.FAHRENHEIT: Unit(
        Fraction(5, 9),
        "°C",
        r"(?:°|º|degrees?)? ?F(?:ahrenheit)?\b|degrees?\b",
        ("°F", "° F", "º F", "ºF", "℉", "Fahrenheit"),
        zero=32,
    ),
}

#: The first character of a number. The set of characters stands before the look behind it, because the regular
#: expression engine can then skip to the next of them.
_FIRST = r"[0-9٠-٩۰-۹๐-๙０-９½¼¾⅓⅔⅛](?<![\d.,/A-Za-z$£€].)"
_GROUPING_BLANK = r"[ \N{NO-BREAK SPACE}\N{NARROW NO-BREAK SPACE}]"
#: Every repetition is bounded and possessive, because a search begins at every digit of a long number.
_NUMBER = (
    rf"{_FIRST}(?:\d{{0,2}}+(?:{_GROUPING_BLANK}\d{{3}}){{1,5}}+(?!\d)(?:[.,]\d{{1,9}}+)?+"
    r"|\d{0,17}+(?:[.,]\d{1,18}+){0,6}+(?:[ \N{NO-BREAK SPACE}]?[½¼¾⅓⅔⅛]|(?: \d)?/\d{1,3}+)?+)"
)
#: What follows a unit's word that stands before its number, as in Japanese and Korean.
_NUMBER_BEHIND = r"[ 約약]{0,2}(?P<number>\d{1,9}(?:[.,]\d{1,9})?)(?:度|도)?(?P<magnitude>)(?P<unit>)"
_METRIC_SYMBOLS = r"(?:[kcm]m|m|[km]?g|m?l|L|km/h|ha|m²|km²)(?![\w'’])|°\s?C\b|℃"
_SCREENS = (
    r"\bTV\b|\bHD\b|\b[QO]?LED\b|LCD|AMOLED|display|iPhone|iPad|MacBook|tablet|smartphone|laptop|notebook|monitor"
)


class UnitPatterns:
    """One language's words for imperial units, as regular expressions."""

    def __init__(self, words: ImperialWords, numbers: NumberWords) -> None:
        self._units = {fold_case(form): name for name, forms in words.units.items() for form in forms}
        self._units |= {fold_case(symbol): name for name, unit in UNITS.items() for symbol in unit.symbols}
        self._before = {fold_case(word): name for name, forms in words.before.items() for word in forms}
        self._ordinary = {fold_case(word) for word in words.ordinary}
        self._other = {fold_case(word) for word in words.other}
        forms = [form for words_of_unit in words.units.values() for form in words_of_unit]
        symbols = [symbol for known in UNITS.values() for symbol in known.symbols]
        unit = any_of((*forms, *symbols, *words.other)).replace(r"\ ", r"\s")
        end = r"(?![A-Za-z0-9²³])" if words.inflected else r"(?![^\W_])"
        if words.square:
            end += rf"(?!\s{any_of(words.square)})"
        blank = r"[ \N{NO-BREAK SPACE}\N{NARROW NO-BREAK SPACE}\-‐]?"
        magnitude = rf"(?:(?P<magnitude>{any_of(numbers.magnitudes)})\s?)?"
        measure = rf"(?P<number>{_NUMBER}){blank}{magnitude}(?P<unit>{unit}){end}(?P<before>)"
        self._measure = re.compile(measure, re.IGNORECASE)
        self._unit_first = re.compile(rf"(?P<before>{any_of(self._before)}){_NUMBER_BEHIND}") if self._before else None
        self.metric = re.compile(rf"\d[\s\-]?(?:{any_of(words.metric)}|{_METRIC_SYMBOLS})", re.IGNORECASE)
        self.conversion = re.compile(any_of(words.conversion), re.IGNORECASE)
        self.screens = re.compile(rf"{any_of(words.screens)}|{_SCREENS}", re.IGNORECASE)

    def find_measures(self, text: str) -> Iterator[re.Match[str]]:
        """Numbers with a unit's word right beside them: groups ``number``, ``magnitude``, and ``unit`` or ``before``.

        In the order of the text; those whose unit comes first (``before``) follow after all others.
        """
        yield from self._measure.finditer(text)
        if self._unit_first:
            yield from self._unit_first.finditer(text)

    def name_unit(self, match: re.Match[str]) -> UnitName | None:
        """The name of the unit, ``None`` for a word that only looks like one."""
        if match["before"]:
            return self._before[fold_case(match["before"])]
        word = fold_case(match["unit"])
        return None if word in self._other else self._units.get(word)

    def is_ordinary(self, match: re.Match[str]) -> bool:
        """Whether the unit's word means other things too."""
        return fold_case(match["unit"]) in self._ordinary


@functools.cache
def load_patterns(code: str) -> UnitPatterns | None:
    """The patterns of a language, compiled once per process; ``None`` for one without the tables."""
    locale = load(code)
    words, numbers = locale.get(ImperialWords), locale.get(NumberWords)
    return UnitPatterns(words, numbers) if words and numbers else None


@functools.cache
def unit_registry() -> Any:
    """pint's unit registry; it takes half a second, so only a process that needs it builds it, once."""
    import pint

    return pint.UnitRegistry()
