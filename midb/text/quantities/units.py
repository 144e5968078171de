"""Imperial units and the words for them: what stands beside a number in a text. Knows no detector.

Each unit's conversion is pint's; each language's words are its locale's.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from pydantic import Field

from midb.locales import LocaleSection, load
from midb.text.quantities.numbers import NumberWords


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
    """The words of a language: ``units`` by name, ``ordinary`` words that need the source's word, ``before`` a number.

    ``inflected``: an ending may follow a unit's word. ``other`` words only look like units; ``square`` begins words
    that make another unit of the one before them. ``metric``: the units
    that make a conversion superfluous; ``conversion``, ``screens``: parts of words that say that the task is about
    units, or that a screen is measured.
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
    """A unit as pint knows it, the metric one that stands for it, and how the English source writes it."""

    pint: str
    metric: str
    shown: str
    english: str
    symbols: tuple[str, ...] = ()


UNITS = {
    UnitName.MILE: Unit("mile", "kilometer", "km", r"miles?\b|mi\b"),
    UnitName.YARD: Unit("yard", "meter", "m", r"yards?\b|yds?\b", ("yd",)),
    UnitName.FOOT: Unit("foot", "meter", "m", r"f(?:oo|ee)t\b|ft\b|['′’]", ("ft",)),
    UnitName.INCH: Unit("inch", "centimeter", "cm", r"inch(?:es)?\b|in\b|[\"″”]"),
    UnitName.SQUARE_INCH: Unit(
        "inch**2", "centimeter**2", "cm²", r"(?:square|sq\.?)[ -](?:inch(?:es)?|in)\b", ("sq in", "in²")
    ),
    UnitName.SQUARE_MILE: Unit("mile**2", "kilometer**2", "km²", r"(?:square|sq\.?) (?:miles?|mi)\b", ("sq mi",)),
    UnitName.SQUARE_FOOT: Unit(
        "foot**2", "meter**2", "m²", r"(?:square|sq\.?)[ -](?:f(?:oo|ee)t|ft)\b", ("sq ft", "sq. ft.", "ft²")
    ),
    UnitName.CUBIC_FOOT: Unit("foot**3", "meter**3", "m³", r"cubic[ -](?:f(?:oo|ee)t|ft)\b", ("ft³",)),
    UnitName.ACRE: Unit("acre", "hectare", "ha", r"acres?\b"),
    UnitName.MILE_PER_HOUR: Unit("mile/hour", "kilometer/hour", "km/h", r"mph\b|miles? (?:per|an) hour\b", ("mph",)),
    UnitName.POUND: Unit("pound", "kilogram", "kg", r"pounds?\b|lbs?\b", ("lb", "lbs", "lb.", "lbs.")),
    UnitName.OUNCE: Unit("ounce", "gram", "g", r"ounces?\b|oz\b", ("oz", "oz.")),
    UnitName.FLUID_OUNCE: Unit(
        "fluid_ounce", "milliliter", "ml", r"(?:fluid|fl\.?) (?:ounces?|oz)\b", ("fl oz", "fl. oz.", "fl. oz")
    ),
    UnitName.GALLON: Unit("gallon", "liter", "l", r"gallons?\b|gal\b"),
    UnitName.CUP: Unit("cup", "milliliter", "ml", r"cups?\b"),
    UnitName.FAHRENHEIT: Unit(
        "degF",
        "degC",
        "°C",
        r"(?:°|º|degrees?)? ?F(?:ahrenheit)?\b|degrees?\b",
        ("°F", "° F", "º F", "ºF", "℉", "Fahrenheit"),
    ),
}

#: Begins with a set of characters and only then looks back, for the regex engine skips ahead to the first of them.
#: Repetitions are bounded and give nothing back: a search begins at every digit of a long number.
_FIRST = r"[0-9٠-٩۰-۹๐-๙０-９½¼¾⅓⅔⅛](?<![\d.,/A-Za-z$£€].)"
_GROUPING_BLANK = r"[ \N{NO-BREAK SPACE}\N{NARROW NO-BREAK SPACE}]"
_NUMBER = (
    rf"{_FIRST}(?:\d{{0,2}}+(?:{_GROUPING_BLANK}\d{{3}}){{1,5}}+(?!\d)(?:[.,]\d{{1,9}}+)?+"
    r"|\d{0,17}+(?:[.,]\d{1,18}+){0,6}+(?:[ \N{NO-BREAK SPACE}]?[½¼¾⅓⅔⅛]|(?: \d)?/\d{1,3}+)?+)"
)
_AHEAD = r"[ 約약]{0,2}(?P<number>\d{1,9}(?:[.,]\d{1,9})?)(?:度|도)?(?P<magnitude>)(?P<unit>)"
_METRIC_SYMBOLS = r"(?:[kcm]m|m|[km]?g|m?l|L|km/h|ha|m²|km²)(?![\w'’])|°\s?C\b|℃"
_SCREENS = (
    r"\bTV\b|\bHD\b|\b[QO]?LED\b|LCD|AMOLED|display|iPhone|iPad|MacBook|tablet|smartphone|laptop|notebook|monitor"
)


class Patterns:
    """One language's tables, compiled."""

    def __init__(self, words: ImperialWords, numbers: NumberWords) -> None:
        self._units = {_fold(form): name for name, forms in words.units.items() for form in forms}
        self._units |= {_fold(symbol): name for name, unit in UNITS.items() for symbol in unit.symbols}
        self._before = {_fold(word): name for name, forms in words.before.items() for word in forms}
        self._ordinary = {_fold(word) for word in words.ordinary}
        self._other = {_fold(word) for word in words.other}
        forms = [form for words_of_unit in words.units.values() for form in words_of_unit]
        symbols = [symbol for known in UNITS.values() for symbol in known.symbols]
        unit = _any_of((*forms, *symbols, *words.other)).replace(r"\ ", r"\s")
        end = r"(?![A-Za-z0-9²³])" if words.inflected else r"(?![^\W_])"
        if words.square:
            end += rf"(?!\s{_any_of(words.square)})"
        blank = r"[ \N{NO-BREAK SPACE}\N{NARROW NO-BREAK SPACE}\-‐]?"
        magnitude = rf"(?:(?P<magnitude>{_any_of(numbers.magnitudes)})\s?)?"
        measure = rf"(?P<number>{_NUMBER}){blank}{magnitude}(?P<unit>{unit}){end}(?P<before>)"
        self._measure = re.compile(measure, re.IGNORECASE)
        self._ahead = re.compile(rf"(?P<before>{_any_of(self._before)}){_AHEAD}") if self._before else None
        self.metric = re.compile(rf"\d[\s\-]?(?:{_any_of(words.metric)}|{_METRIC_SYMBOLS})", re.IGNORECASE)
        self.conversion = re.compile(_any_of(words.conversion), re.IGNORECASE)
        self.screens = re.compile(rf"{_any_of(words.screens)}|{_SCREENS}", re.IGNORECASE)

    def measures(self, text: str) -> Iterator[re.Match[str]]:
        """Numbers with a unit's word right beside them, in the order of the text but for those where it comes first."""
        yield from self._measure.finditer(text)
        if self._ahead:
            yield from self._ahead.finditer(text)

    def unit(self, match: re.Match[str]) -> UnitName | None:
        """The name of the unit, ``None`` for a word that only looks like one."""
        if match["before"]:
            return self._before[_fold(match["before"])]
        word = _fold(match["unit"])
        return None if word in self._other else self._units.get(word)

    def is_ordinary(self, match: re.Match[str]) -> bool:
        """Whether the unit's word means other things too."""
        return _fold(match["unit"]) in self._ordinary


def _any_of(phrases: Iterable[str]) -> str:
    """A pattern for any of the phrases, longest first; for none at all, one that never matches."""
    found = "|".join(re.escape(phrase) for phrase in sorted(phrases, key=len, reverse=True))
    return f"(?:{found or '(?!)'})"


def _fold(word: str) -> str:
    return " ".join(word.replace("İ", "i").casefold().split())


@functools.cache
def patterns_of(code: str) -> Patterns | None:
    """The patterns of a language, compiled once per process; ``None`` for one without the tables."""
    locale = load(code)
    words, numbers = locale.get(ImperialWords), locale.get(NumberWords)
    return Patterns(words, numbers) if words and numbers else None
