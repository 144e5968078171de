"""Imperial units: miles, feet, pounds or degrees Fahrenheit where the readers use metric ones.

A digit must stand right beside the unit's word, for "foot" and "pound" are ordinary words in most languages; words
that are ordinary even there need the English source to confirm them. Tasks about conversion, and texts that give both
measures, are left alone. Nothing is rewritten: the evidence holds the metric value.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction

from midb.domain.defects import DefectFamily, DefectKind, Finding, Severity
from midb.text.inspection import FieldText, Inspection, join_task, join_texts
from midb.text.quantities.numbers import ASCII_DIGITS, NumberWords, number_format, read_numeral
from midb.text.quantities.units import UNITS, ImperialWords, UnitName, UnitPatterns, load_patterns
from midb.text.quotations import find_quotations

IMPERIAL_UNIT = DefectKind(
    name="imperial-unit",
    family=DefectFamily.LOCALIZATION,
    severity=Severity.MINOR,
    summary="a measure in miles, feet, pounds or degrees Fahrenheit",
    needs=(ImperialWords, NumberWords),
)
KINDS = (IMPERIAL_UNIT,)

#: What is found in a field is no matter of the response, unless it is found there (see midb.detectors).
FIELD_BY_FIELD = True

_ENGLISH_CONVERSION = re.compile(r"\b(?:convert|conversion|metric|imperial|equivalent|how many)\b", re.IGNORECASE)
#: English words by which a pound is money.
_MONEY = re.compile(r"£|\b(?:sterling|GBP|quid)\b|\bBritish pounds?\b", re.IGNORECASE)
#: A number, in digits or as a word: any other word before "feet" may be one that they have.
_ENGLISH_NUMBER = (
    r"(?:\d|[½¼¾⅓⅔]|\b(?:an?|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|fifteen|twenty|thirty|forty"
    r"|fifty|sixty|seventy|eighty|ninety|hundred|thousand|[mb]illion|half|quarter|dozen|few|several|many|some|couple of"
    r"|per|square|cubic|of|in|by|and|to|degrees?))"
)
#: Cups that are drunk.
_DRINK = re.compile(r"\bcups? of (?:\w+ )?(?:tea|coffee|cocoa|espresso|hot chocolate)\b", re.IGNORECASE)
#: English words by which a cup is a measure.
_RECIPE = re.compile(r"\b(?:tea|table)spoons?\b|\bts?p\b|\btbsps?\b|\bounces?\b|°F|\bpreheat", re.IGNORECASE)
#: Behind one of these a measure may be part of a title.
_QUOTES = "\"'«“„‘「『‹"
#: A quotation that is no longer, and no sentence, may be a title with a measure in it.
_LONGEST_TITLE = 60
#: Signs of fractions, as numerator and denominator.
_VULGAR = {"½": (1, 2), "¼": (1, 4), "¾": (3, 4), "⅓": (1, 3), "⅔": (2, 3), "⅛": (1, 8)}

#: How far from a measure its metric value, or the screen it measures, is looked for.
_NEAR = 45


def detect(inspection: Inspection) -> Iterator[Finding]:
    """The first measure in each imperial unit of each field."""
    patterns = load_patterns(inspection.locale.code)
    if patterns is None:
        return
    found = {item: list(patterns.find_measures(item.text)) for item in inspection.filled_fields}
    if not any(found.values()):
        return
    pair, source = inspection.pair, inspection.source
    if patterns.conversion.search(join_task(pair)):
        return
    if _ENGLISH_CONVERSION.search(join_task(pair)) and inspection.is_asked_in_english:
        return
    if source and _ENGLISH_CONVERSION.search(join_task(source)):
        return
    english = join_texts(source) if source else None
    for item, matches in found.items():
        units: dict[UnitName, list[re.Match[str]]] = {}
        for match in matches:
            unit = patterns.name_unit(match)
            if unit and _is_confirmed(unit, match, patterns, english) and _is_alone(item, match, unit, patterns):
                units.setdefault(unit, []).append(match)
        for unit, places in units.items():
            yield _finding(item, unit, places, inspection)


def _is_confirmed(unit: UnitName, match: re.Match[str], patterns: UnitPatterns, english: str | None) -> bool:
    """Whether the source has the unit; without a source, whether the word can mean nothing else."""
    if english is None:
        return unit is not UnitName.CUP and not patterns.is_ordinary(match)
    if unit is UnitName.POUND and _MONEY.search(english):
        return False
    if unit is UnitName.CUP and (not _RECIPE.search(english) or _DRINK.search(english)):
        return False
    return bool(re.search(rf"{_ENGLISH_NUMBER}[\s-]{{0,3}}(?:{UNITS[unit].english})", english, re.IGNORECASE))


def _is_alone(item: FieldText, match: re.Match[str], unit: UnitName, patterns: UnitPatterns) -> bool:
    """Whether a measure has no metric value beside it and belongs to no screen, no title and no code."""
    text, start, end = item.text, match.start(), match.end()
    around = text[max(0, start - _NEAR) : end + _NEAR]
    if patterns.metric.search(around) or (unit is UnitName.INCH and patterns.screens.search(around)):
        return False
    if text[start - 1 : start] in tuple(_QUOTES) or item.protected.overlaps(start, end):
        return False
    quoted = find_quotations(text)
    return not any(first <= start and end <= last and _may_be_title(text[first:last]) for first, last in quoted)


def _may_be_title(quoted: str) -> bool:
    """Whether what stands in quotation marks may be a title: short, one line, begun with a capital, without an end.

    >>> _may_be_title("Around 20 Miles"), _may_be_title("I ran 20 miles."), _may_be_title("for 20 miles")
    (True, False, False)
    """
    quoted = quoted.strip()
    if len(quoted) > _LONGEST_TITLE or "\n" in quoted or quoted[:1].islower():
        return False
    return not quoted.endswith((".", "!", "?", ",", ";", "…", "。", "！", "？", "؟"))


def _finding(item: FieldText, unit: UnitName, places: list[re.Match[str]], inspection: Inspection) -> Finding:
    first = places[0]
    written = item.text[first.start() : first.end()]
    evidence = f"{' '.join(written.split())} is about {_convert(first, unit, inspection)}"
    if len(places) > 1:
        evidence += f", and {len(places) - 1} more in this unit"
    return IMPERIAL_UNIT.finding(item.field, first.start(), first.end(), evidence)


def _convert(match: re.Match[str], unit: UnitName, inspection: Inspection) -> str:
    """The measure in metric units, with as many digits as it has itself, two at least."""
    number = match["number"].translate(ASCII_DIGITS)
    value = _read_measure(number, inspection.locale.default_locale, join_texts(inspection.source))
    words = inspection.locale.get(NumberWords)
    if match["magnitude"] and words:
        value *= words.magnitudes.get(match["magnitude"], 1)
    known = UNITS[unit]
    metric = known.to_metric(value)
    digits = max(2, len(re.sub(r"\D|(?<=\d)0+$", "", number)))
    places = 0 if unit is UnitName.FAHRENHEIT else digits
    rounded = f"{metric:.0f}" if places == 0 else f"{float(f'{metric:.{places}g}'):,.10g}"
    return f"{rounded} {known.abbreviation}"


def _read_measure(number: str, locale: str, english: str = "") -> Fraction:
    """The number as the language writes it, or as English does where the source has it like that.

    >>> str(_read_measure("1.200", "de_DE")), str(_read_measure("1 1/2", "de_DE"))
    ('1200', '3/2')
    >>> str(_read_measure("1,200", "de_DE", "1,200 miles"))
    '1200'
    """
    total = Fraction(0)
    number = re.sub(r"(?<=\d)\s(?=\d{3}(?!\d))", "", number)
    convention = number_format(locale)
    for part in re.findall(r"\d+/\d+|\d+(?:[.,]\d+)*|[½¼¾⅓⅔⅛]", number):
        if part in _VULGAR:
            total += Fraction(*_VULGAR[part])
        elif "/" in part:
            over, under = part.split("/")
            total += Fraction(int(over), int(under)) if int(under) else 0
        elif possible := read_numeral(part):
            mark = "." if part in english or convention is None else convention.decimal
            total += possible[0 if mark in part else -1]
    return total
