"""Words for imperial units: what stands beside a number, which unit it is, and what only looks like one."""

from __future__ import annotations

from fractions import Fraction

import pytest

from midb.locales import LANGUAGES
from midb.text.quantities.units import UNITS, UnitName, UnitPatterns, load_patterns, unit_registry

#: What pint calls each unit, and the metric one.
NAMES = {
    UnitName.MILE: ("mile", "kilometer"), UnitName.YARD: ("yard", "meter"), UnitName.FOOT: ("foot", "meter"),
    UnitName.INCH: ("inch", "centimeter"), UnitName.SQUARE_INCH: ("inch**2", "centimeter**2"),
    UnitName.SQUARE_MILE: ("mile**2", "kilometer**2"), UnitName.SQUARE_FOOT: ("foot**2", "meter**2"),
    UnitName.CUBIC_FOOT: ("foot**3", "meter**3"), UnitName.ACRE: ("acre", "hectare"),
    UnitName.MILE_PER_HOUR: ("mile/hour", "kilometer/hour"), UnitName.POUND: ("pound", "kilogram"),
    UnitName.OUNCE: ("ounce", "gram"), UnitName.FLUID_OUNCE: ("fluid_ounce", "milliliter"),
    UnitName.GALLON: ("gallon", "liter"), UnitName.CUP: ("cup", "milliliter"), UnitName.FAHRENHEIT: ("degF", "degC"),
}  # fmt: skip


def test_units_are_what_pint_says() -> None:
    """Which takes half a second to load, so that runs have the definitions themselves."""
    registry = unit_registry()
    assert NAMES.keys() == UNITS.keys()
    for unit, (imperial, metric) in NAMES.items():
        for value in (Fraction(1), Fraction(7, 2), Fraction(451)):
            expected = registry.Quantity(float(value), imperial).to(metric).magnitude
            assert UNITS[unit].to_metric(value) == pytest.approx(expected, rel=1e-12), unit


def patterns(code: str) -> UnitPatterns:
    found = load_patterns(code)
    assert found is not None
    return found


def measures(code: str, text: str) -> list[tuple[str, UnitName | None]]:
    known = patterns(code)
    return [(match.group(), known.name_unit(match)) for match in known.find_measures(text)]


@pytest.mark.parametrize(
    ("code", "text", "expected"),
    [
        ("de", "Es sind 5 Meilen, also 26.400 Fuß.", [("5 Meilen", "mile"), ("26.400 Fuß", "foot")]),
        ("fr", "à 350 °F pendant 20 minutes", [("350 °F", "fahrenheit")]),
        ("es", "un paquete de 1/2 libra", [("1/2 libra", "pound")]),
        ("ja", "華氏350度で5万マイル", [("5万マイル", "mile"), ("華氏350度", "fahrenheit")]),
        ("ar", "على بعد ٥ أميال", [("٥ أميال", "mile")]),
        ("vi", "cao ½ inch", [("½ inch", "inch")]),
        ("ru", "120 sq. ft.", [("120 sq. ft.", "square_foot")]),
        ("de", "zu Fuß, viele Meilen weit", []),
        ("de", "Kapitel 5", []),
        ("ja", "第5章", []),
    ],
)
def test_measures(code: str, text: str, expected: list[tuple[str, str]]) -> None:
    assert measures(code, text) == expected


@pytest.mark.parametrize("code", LANGUAGES)
def test_symbols_are_the_same_in_every_language(code: str) -> None:
    for name, unit in UNITS.items():
        for symbol in unit.symbols:
            assert measures(code, f"(7 {symbol})") == [(f"7 {symbol}", name)], symbol


@pytest.mark.parametrize("text", ["v5 mph", "$5 mph", "a5 mph", "/5 mph", "5 mphx", "5 mph²"])
def test_what_is_part_of_something_else_is_no_measure(text: str) -> None:
    assert measures("de", text) == []


def test_a_magnitude_is_part_of_the_measure() -> None:
    (match,) = patterns("de").find_measures("3,5 Millionen Meilen")
    assert (match["number"], match["magnitude"], match["unit"]) == ("3,5", "Millionen", "Meilen")


def test_an_ordinary_word_is_one_that_needs_the_source() -> None:
    known = patterns("fr")
    ordinary = {match["unit"]: known.is_ordinary(match) for match in known.find_measures("5 livres, 5 pieds, 5 miles")}
    assert ordinary["livres"]
    assert not ordinary["miles"]


@pytest.mark.parametrize("text", ["8 km", "3,5 kg", "177 °C", "20 cm"])
def test_metric_values_are_recognised(text: str) -> None:
    assert patterns("de").metric.search(text)
    assert not patterns("de").metric.search("8 Monate, 3 Kinder")


def test_tasks_about_units_and_screens_are_recognised() -> None:
    known = patterns("de")
    assert known.conversion.search("Das soll in Kilometer umgerechnet werden: umrechnen.")
    assert known.screens.search("ein LCD mit 27 Zoll")
    assert not known.screens.search("ein Brett von 27 Zoll")


def test_an_unknown_language_has_no_patterns() -> None:
    assert load_patterns("und") is None
    assert load_patterns("de") is load_patterns("de"), "compiled once"
