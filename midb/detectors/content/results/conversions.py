"""Tasks that ask for the same in another form: units, temperatures, bases, Roman numerals, fractions, times."""

from __future__ import annotations

import re
from datetime import datetime
from fractions import Fraction

from midb.detectors.content.results.english import EnglishTask
from midb.detectors.content.results.problems import UNIT_SLACK, ComputedTask
from midb.text.quantities.units import unit_registry

_N = r"-?\d+(?:\.\d+)?"
#: English words of units, by the names that pint knows them by; only those that mean one thing.
_UNITS = {
    "meter": "m|met(?:er|re)s?", "centimeter": "cm|centimet(?:er|re)s?", "millimeter": "mm|millimet(?:er|re)s?",
    "kilometer": "km|kilomet(?:er|re)s?", "inch": "inch|inches", "foot": "ft|foot|feet", "yard": "yd|yards?",
    "mile": "miles?", "gram": "g|grams?", "kilogram": "kg|kilos?|kilograms?", "pound": "lbs?|pounds?",
    "second": "seconds?", "minute": "minutes?", "hour": "hours?", "day": "days?", "week": "weeks?",
    "liter": "lit(?:er|re)s?", "milliliter": "ml|millilit(?:er|re)s?",
}  # fmt: skip
_UNIT = "|".join(f"(?:{words})" for words in _UNITS.values())
_FROM_TO = re.compile(
    rf"convert(?:ed)? (?:length |distance |weight |mass )?(?P<n>{_N}) (?P<a>{_UNIT}) (?:to|into) (?P<b>{_UNIT})"
    rf"|convert (?:from )?(?P<a2>{_UNIT}) (?:to|into) (?P<b2>{_UNIT})(?: distance)? \| (?P<n2>{_N})(?: (?P<c>{_UNIT}))?"
)
_SCALE = "celsius|fahrenheit|kelvin|°c|°f|c|f"
_TEMPERATURE = re.compile(
    rf"convert (?:temperatures? )?(?P<n>{_N}) (?:degrees )?(?P<a>{_SCALE}) (?:to|into) (?P<b>{_SCALE})"
    rf"|convert (?:from )?(?:temperatures? )?(?:from )?(?:(?P<a2>{_SCALE}) )?(?:temperatures? )?"
    rf"(?:from (?P<a4>{_SCALE}) )?"
    rf"(?:to|into) (?:degrees )?(?P<b2>{_SCALE})(?: state)? \| (?:temperatures? )?(?:(?P<a3>{_SCALE}) )?(?P<n2>{_N})"
    rf"(?: (?:degrees )?(?P<c>{_SCALE})| degrees)?"
    rf"|2 temperature fahrenheit celsius convert fahrenheit to celsius \| fahrenheit (?P<n3>{_N}) celsius {_N}"
)
_BASES = {"binary": 2, "octal": 8, "hexadecimal": 16, "hex": 16}
_BASE = "binary|octal|hexadecimal|hex"
_FORM = r"(?: (?:form|format|equivalent|representation|notation|code|system))?"
_TO = r"(?:(?:to|into) )?"
_FILL = r"(?:representation|equivalent|form|format|notation)"
_TO_BASE = re.compile(
    rf"convert (?:decimal )?(?P<n>\d+) (?:from (?:base 10|decimal) )?{_TO}(?:{_FILL} )?(?P<b>{_BASE}){_FORM}"
    rf"|convert (?:from )?(?:base 10|decimal)? ?{_TO}(?:{_FILL} )?(?P<b2>{_BASE}){_FORM}(?: \|)? (?P<n2>\d+)"
    rf"|(?P<b3>{_BASE}) (?:representation|equivalent|form) (?:decimal )?(?P<n3>\d+)"
)
_FROM_BASE = re.compile(
    rf"convert (?:from )?(?P<b>{_BASE}) (?P<n>\S+)? ?(?:to|into) (?:base 10|decimal){_FORM}(?: \| (?P<n2>\S+))?"
)
_ROMAN = re.compile(
    r"convert (?:(?P<n>\d+) )?(?:to|into) (?:equivalent )?roman (?:numerals?|representation|form)?"
    r"(?: representation| equivalent)?(?: \|)?(?: (?P<n2>\d+))?"
)
_NUMERALS = ((1000, "M"), (900, "CM"), (500, "D"), (400, "CD"), (100, "C"), (90, "XC"), (50, "L"), (40, "XL"),
             (10, "X"), (9, "IX"), (5, "V"), (4, "IV"), (1, "I"))  # fmt: skip
_TO_DECIMAL = re.compile(r"convert fraction (?:to|into) decimal(?: form)? \| (\d+) / (\d+)")
_DATE = r"(?:January|February|March|April|May|June|July|August|September|October|November|December) \d{1,2}, \d{4}"
_MOMENT = rf"{_DATE}(?: ?[-,] ?| )(?:at )?\d{{1,2}}:\d\d ?[AP]M(?: UTC)?"
_DIFFERENCE = re.compile(r"time difference (minutes|hours) (?:2 )?dates\b")
_MOMENTS = re.compile(rf"\s*({_MOMENT})\s*(?:and|to|-)\s*({_MOMENT})\s*\.?")
#: Digits of a converted length or weight.
_FINE = 10**9


def read_conversion(task: EnglishTask, given: str) -> ComputedTask | None:
    """The problem of a task that asks for another form; ``None`` where it is none, or none that is plain."""
    return (
        _read_units(task)
        or _read_temperature(task)
        or _read_base(task)
        or _read_roman(task)
        or _read_fraction(task)
        or _read_time_difference(task, given)
    )


def _read_units(task: EnglishTask) -> ComputedTask | None:
    found = _FROM_TO.fullmatch(task.text)
    if found is None:
        return None
    number = found["n"] or found["n2"]
    old, new = _name_unit(found["a"] or found["a2"]), _name_unit(found["b"] or found["b2"])
    if (found["c"] and _name_unit(found["c"]) != old) or old == new:
        return None
    registry = unit_registry()
    if registry.Quantity(1, old).dimensionality != registry.Quantity(1, new).dimensionality:
        return None
    factor = Fraction(registry.Quantity(1.0, old).to(new).magnitude).limit_denominator(_FINE)
    # Whole factors are known by heart; of the others people take three digits.
    slack = Fraction(0) if 1 in (factor.denominator, factor.numerator) else UNIT_SLACK
    return ComputedTask(f"{number} {old} in {new}", (Fraction(number) * factor,), task.numbers, slack=slack)


def _name_unit(word: str) -> str:
    return next(name for name, words in _UNITS.items() if re.fullmatch(words, word))


def _read_temperature(task: EnglishTask) -> ComputedTask | None:
    found = _TEMPERATURE.fullmatch(task.text)
    if found is None:
        return None
    told = {_initial(found[group]) for group in ("a", "a2", "a3", "a4", "c") if found[group]} or {"f", "c", "k"}
    new = _initial(found["b"] or found["b2"] or "c")
    old = told - {new} if len(told) > 1 and (found["a2"] or found["a4"]) is None and found["a"] is None else told
    old = {"f"} if found["n3"] else old
    number = Fraction(found["n"] or found["n2"] or found["n3"])
    if len(old) != 1 or old == {new}:
        return None
    celsius = {"c": number, "f": (number - 32) * Fraction(5, 9), "k": number - Fraction("273.15")}[old.pop()]
    value = {"c": celsius, "f": celsius * Fraction(9, 5) + 32, "k": celsius + Fraction("273.15")}[new]
    name = {"c": "Celsius", "f": "Fahrenheit", "k": "Kelvin"}[new]
    return ComputedTask(f"the temperature in {name}", (value,), task.numbers)


def _initial(scale: str) -> str:
    return scale.strip("°")[0]


def _read_base(task: EnglishTask) -> ComputedTask | None:
    if found := _TO_BASE.fullmatch(task.text):
        number = int(found["n"] or found["n2"] or found["n3"])
        base = _BASES[found["b"] or found["b2"] or found["b3"]]
        if number < 8:
            return None  # the same digit in nearly every base
        spelled = format(number, {2: "b", 8: "o", 16: "X"}[base])
        letters = {2: "[01]{2,}", 8: "[0-7]{2,}", 16: "[0-9A-F]*[0-9][0-9A-F]*"}[base]
        return ComputedTask(f"{number} in base {base}", (), task.numbers, spelled=spelled, letters=letters)
    if found := _FROM_BASE.fullmatch(task.text):
        written, base = found["n"] or found["n2"] or "", _BASES[found["b"]]
        digits = {2: "[01]{3,}", 8: "[0-7]{2,}", 16: "[0-9a-f]{2,}"}[base]
        if re.fullmatch(digits, written):
            return ComputedTask(f"{written} in base 10", (Fraction(int(written, base)),), task.numbers)
    return None


def _read_roman(task: EnglishTask) -> ComputedTask | None:
    found = _ROMAN.fullmatch(task.text)
    if found is None or (found["n"] is None) == (found["n2"] is None):
        return None
    number = int(found["n"] or found["n2"])
    if not 0 < number < 4000:
        return None
    spelled, rest = "", number
    for value, letters in _NUMERALS:
        spelled += letters * (rest // value)
        rest %= value
    return ComputedTask(f"{number} in Roman numerals", (), task.numbers, spelled=spelled, letters="[IVXLCDM]+")


def _read_fraction(task: EnglishTask) -> ComputedTask | None:
    found = _TO_DECIMAL.fullmatch(task.text)
    if found is None or found[2] == "0":
        return None
    return ComputedTask(
        "the fraction as a decimal", (Fraction(int(found[1]), int(found[2])),), task.numbers, whole=False
    )


def _read_time_difference(task: EnglishTask, given: str) -> ComputedTask | None:
    unit, moments = _DIFFERENCE.match(task.text), _MOMENTS.fullmatch(given)
    if unit is None or moments is None:
        return None
    first, last = (_read_moment(moment) for moment in moments.groups())
    if first is None or last is None:
        return None
    seconds = Fraction(int(abs((last - first).total_seconds())))
    divisor = 60 if unit[1] == "minutes" else 3600
    return ComputedTask(f"the difference in {unit[1]}", (seconds / divisor,), task.numbers)


def _read_moment(text: str) -> datetime | None:
    plain = re.sub(r"\s*(?:[-,]|\bat\b|\bUTC\b)\s*", " ", text)
    words = re.sub(r"(?=[AP]M)", " ", plain).split()
    try:
        return datetime.strptime(" ".join(words), "%B %d %Y %I:%M %p")
    except ValueError:
        return None
