"""Imperial units: every word of every language is found, and pint says what it is in metric."""

from __future__ import annotations

import pytest
from examining import Examine

from midb.detectors.localization import imperial_unit
from midb.domain.pairs import InstructionPair
from midb.locales import LANGUAGES, load
from midb.text.quantities.units import UNITS, ImperialWords, UnitName

KIND = [imperial_unit.IMPERIAL_UNIT.name]

#: How a source names each unit.
ENGLISH = {
    UnitName.MILE: "5 miles",
    UnitName.YARD: "5 yards",
    UnitName.FOOT: "5 feet",
    UnitName.INCH: "5 inches",
    UnitName.SQUARE_INCH: "5 square inches",
    UnitName.SQUARE_MILE: "5 square miles",
    UnitName.SQUARE_FOOT: "5 square feet",
    UnitName.CUBIC_FOOT: "5 cubic feet",
    UnitName.ACRE: "5 acres",
    UnitName.MILE_PER_HOUR: "5 miles per hour",
    UnitName.POUND: "5 pounds",
    UnitName.OUNCE: "5 ounces",
    UnitName.FLUID_OUNCE: "5 fluid ounces",
    UnitName.GALLON: "5 gallons",
    UnitName.CUP: "5 cups, 1 teaspoon",
    UnitName.FAHRENHEIT: "5 degrees Fahrenheit",
}


@pytest.mark.parametrize("code", LANGUAGES)
def test_every_word_is_found_beside_a_number(examine: Examine, code: str) -> None:
    words = load(code).get(ImperialWords)
    assert words is not None
    for name, forms in words.units.items():
        source = InstructionPair(response=f"It was {ENGLISH[name]}.")
        for form in forms:
            response = f"5 {form}."
            findings, _ = examine(InstructionPair(response=response), code, source=source, kinds=KIND)
            assert [response[f.start : f.end] for f in findings] == [response[:-1]], form
            assert f" {UNITS[name].abbreviation}" in findings[0].evidence


@pytest.mark.parametrize("code", LANGUAGES)
def test_words_that_only_look_like_units(examine: Examine, code: str) -> None:
    words = load(code).get(ImperialWords)
    assert words is not None
    for word in words.other:
        assert examine(InstructionPair(response=f"5 {word}."), code, kinds=KIND)[0] == [], word
    for word in words.ordinary:
        assert examine(InstructionPair(response=f"5 {word}."), code, kinds=KIND)[0] == [], word
    assert set(words.ordinary) <= {form for forms in words.units.values() for form in forms}


@pytest.mark.parametrize(
    ("language", "text", "evidence"),
    [
        ("de", "5 Meilen", "5 Meilen is about 8 km"),
        ("de", "1.200 Meilen", "1.200 Meilen is about 1,900 km"),
        ("fr", "350 °F", "350 °F is about 177 °C"),
        ("es", "1,5 onzas", "1,5 onzas is about 43 g"),
        ("it", "1/2 gallone", "1/2 gallone is about 1.9 l"),
        ("ja", "5万マイル毎時", "5万マイル毎時 is about 80,000 km/h"),
        ("ar", "٥ أميال", "٥ أميال is about 8 km"),
        ("vi", "½ inch", "½ inch is about 1.3 cm"),
        ("pt", "0/0 milhas", "0/0 milhas is about 0 km"),
    ],
)
def test_metric_values(examine: Examine, language: str, text: str, evidence: str) -> None:
    findings, _ = examine(InstructionPair(response=f"({text})"), language, kinds=KIND)
    assert [finding.evidence for finding in findings] == [evidence]


@pytest.mark.parametrize("code", LANGUAGES)
def test_a_metric_value_beside_it_is_enough(examine: Examine, code: str) -> None:
    words = load(code).get(ImperialWords)
    assert words is not None
    for metric in (*words.metric, "km", "cm", "kg", "°C"):
        assert examine(InstructionPair(response=f"(5 mph, 8 {metric})"), code, kinds=KIND)[0] == []


@pytest.mark.parametrize(
    ("response", "source"),
    [
        ("5 Pfund", "5 pounds sterling"),  # money
        ("5 Tassen", "5 cups of tea for the guests"),  # no recipe
        ("„5 Meilen“", "“5 miles”"),  # a title
        ("`5 mph`", "`5 mph`"),
        ("ein LCD mit 5 Zoll", "an LCD of 5 inches"),
        ("5 Meilen (8 km)", "5 miles (8 km)"),
        ("5 Pfund", "5 kilograms"),  # the source has another unit
    ],
)
def test_what_needs_no_conversion(examine: Examine, response: str, source: str) -> None:
    pair = InstructionPair(response=response)
    assert examine(pair, "de", source=InstructionPair(response=source), kinds=KIND)[0] == []


def test_tasks_about_units_are_left_alone(examine: Examine) -> None:
    pair = InstructionPair(instruction="Wie viele Kilometer? Umrechnen!", response="5 Meilen")
    assert examine(pair, "de", kinds=KIND)[0] == []
    source = InstructionPair(instruction="Convert it.", response="5 miles")
    assert (
        examine(InstructionPair(instruction="Sag es.", response="5 Meilen"), "de", source=source, kinds=KIND)[0] == []
    )


def test_a_unit_is_reported_once_per_field(examine: Examine) -> None:
    pair = InstructionPair(input="3 Meilen", response="5 Meilen, 6 Meilen und 7 Yards")
    findings, repaired = examine(pair, "de", kinds=KIND)
    assert [finding.evidence for finding in findings] == [
        "3 Meilen is about 4.8 km",
        "5 Meilen is about 8 km, and 1 more in this unit",
        "7 Yards is about 6.4 m",
    ]
    assert repaired == pair


def test_a_number_may_still_be_written_as_in_the_source(examine: Examine) -> None:
    pair = InstructionPair(response="(1,200 Meilen)")
    assert [finding.evidence for finding in examine(pair, "de", kinds=KIND)[0]] == ["1,200 Meilen is about 1.9 km"]
    source = InstructionPair(response="(1,200 miles)")
    findings, _ = examine(pair, "de", source=source, kinds=KIND)
    assert [finding.evidence for finding in findings] == ["1,200 Meilen is about 1,900 km"]
