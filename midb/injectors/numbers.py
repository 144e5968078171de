"""Defects of numbers: English decimal points and thousands commas, imperial measures, wrong results."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from random import Random

from babel import Locale as BabelLocale
from babel.numbers import get_decimal_symbol, get_group_symbol

from midb.domain.pairs import Field
from midb.injectors.base import CleanPair, Expectation, Injection, Injector, change, code_ranges, is_outside, rewrite
from midb.injectors.words import words_of


def _propose_decimal(clean: CleanPair, random: Random) -> Iterator[Injection]:
    kind = "decimal-separator"
    if get_decimal_symbol(clean.locale.default_locale) != ",":
        return
    for field, text in clean.texts():
        source = clean.source_text(field)
        found = [
            match
            for match in re.finditer(r"(?<![\w.,])(\d+),(\d+)(?![\w,])(?!\.\d)", text)
            if is_outside(*match.span(), code_ranges(text)) and _stands_in(f"{match[1]}.{match[2]}", source)
        ]
        for match in found:
            yield change(kind, "one number", field, match.start(), match.group(), f"{match[1]}.{match[2]}")
        if len(found) > 1:
            english = list(text)
            for match in found:
                english[match.end(1)] = "."
            yield rewrite(kind, "every number", field, text, "".join(english))


def _stands_in(number: str, source: str) -> bool:
    """Whether a number stands in the source, and is no part of a longer one."""
    return number in _numbers_of(source)


@functools.lru_cache(maxsize=8)
def _numbers_of(text: str) -> frozenset[str]:
    """The numbers of an English text as they are written.

    >>> sorted(_numbers_of("In 2.5.1, 12.5 of 1,300."))
    ['1,300', '12.5', '2.5.1']
    """
    return frozenset(re.findall(r"\d+(?:[.,]\d+)*", text))


def _propose_group(clean: CleanPair, random: Random) -> Iterator[Injection]:
    kind = "group-separator"
    if get_decimal_symbol(clean.locale.default_locale) != ",":
        return
    marks = {get_group_symbol(clean.locale.default_locale), ".", "\u00a0", "\u202f"}
    inner = "".join(re.escape(mark) for mark in sorted(marks))
    # Spain writes four digits together and others with a blank; what is together has no mark to be exchanged.
    for field, text in clean.texts():
        for match in re.finditer(rf"(?<![\w.,])\d{{1,3}}(?:[{inner}]\d{{3}})+(?![\w,.]\w)", text):
            english = re.sub(rf"[{inner}]", ",", match.group())
            if _stands_in(english, clean.source_text(field)) and is_outside(*match.span(), code_ranges(text)):
                yield change(kind, "English commas", field, match.start(), match.group(), english)


#: Signs and words of metric units, by the imperial one that an English text has there.
_UNITS = {
    "mile": "km|Kilometern?|kilomètres|chilometri|kilómetros|quilômetros|километр\\w*|км|كيلومتر\\w*|كم|kilometre"
    "|キロメートル|킬로미터|kilometrů|χιλιόμετρα|กิโลเมตร|กม\\.|ki-?lô-?mét|kilometer",
    "pound": "kg|Kilogramm|kilogrammes|chili|kilogramos|quilos|килограмм\\w*|кг|كيلوغرام\\w*|كغ|キログラム|킬로그램"
    "|กิโลกรัม|กก\\.",
    "fahrenheit": "°C|℃",
}
_ENGLISH_UNITS = {
    "mile": re.compile(r"\bmiles?\b"),
    "pound": re.compile(r"\b(?:pounds?|lbs?)\b"),
    "fahrenheit": re.compile("°F|Fahrenheit"),
}
#: How many of the one are one of the other; degrees are no multiples.
_FACTORS = {"mile": 0.6214, "pound": 2.2046}


def _propose_imperial(clean: CleanPair, random: Random) -> Iterator[Injection]:
    kind = "imperial-unit"
    words = words_of(clean.language)
    if words is None:
        return
    for field, text in clean.texts():
        found = [
            (match, unit)
            for unit, names in _UNITS.items()
            if _ENGLISH_UNITS[unit].search(clean.source_text(field))
            for match in re.finditer(rf"(?<![\d.,])(\d{{1,3}})([ \u00a0\u202f]?)(?:{names})(?![a-zà-ÿ])", text)
            if is_outside(*match.span(), code_ranges(text))
        ]
        gap = "" if clean.language in ("ja", "ko") else " "
        parts, position = [], 0
        for match, unit in sorted(found, key=lambda one: one[0].start()):
            measure = f"{_convert(int(match[1]), unit)}{match[2] or gap}{words.units[unit]}"
            parts += [text[position : match.start()], measure]
            position = match.end()
        if found:
            imperial = "".join([*parts, text[position:]])
            yield rewrite(kind, "every measure", field, text, imperial, Expectation.FLAGGED)


def _convert(number: int, unit: str) -> str:
    """A metric number in the imperial unit."""
    return str(round(number * _FACTORS[unit]) if unit in _FACTORS else round(number * 9 / 5 + 32))


_EQUATION = re.compile(
    r"(?<![\d.,=+*/×÷−-])(?<![=+*/×÷−-] )\d+(?: [+×*÷/−-] \d+)+ = (\d+)(?![\d.,]\d|\d|%| [+×*÷/=−-])"
)


#: A word that the result counts, with no blank before it where nothing is written with blanks.
_COUNTED = re.compile("[ \u00a0]?[^\\W\\d_]")


def _propose_equation(clean: CleanPair, random: Random) -> Iterator[Injection]:
    kind = "false-equation"
    plural = BabelLocale.parse(clean.locale.default_locale).plural_form
    for field, text in clean.texts():
        for match in _EQUATION.finditer(text):
            if not is_outside(*match.span(), code_ranges(text)):
                continue
            counts = _COUNTED.match(text, match.end())
            for form, wrong in _wrong_values(match[1], random):
                # Where the noun behind it has the form for another number, the noun would have to change as well.
                same = not counts or plural(int(wrong)) == plural(int(match[1]))
                expected = Expectation.REPAIRED if same else Expectation.FLAGGED
                yield change(kind, form, field, match.start(1), match[1], wrong, expected)


def _wrong_values(digits: str, random: Random) -> Iterator[tuple[str, str]]:
    """Results as people and models get them wrong.

    >>> dict(_wrong_values("42", Random(1)))["digits swapped"]
    '24'
    """
    value = int(digits)
    yield "off by one", str(value + 1)
    yield "off by some", str(value + random.choice([2, 3, 5]))
    if value >= 20:
        yield "off by ten", str(value - 10)
    if len(digits) >= 2 and digits[-1] != digits[-2] and digits[-1] != "0":
        yield "digits swapped", digits[:-2] + digits[-1] + digits[-2]


def _propose_answer(clean: CleanPair, random: Random) -> Iterator[Injection]:
    kind = "wrong-answer"
    text, task = clean.response, f"{clean.source_text(Field.INSTRUCTION)} {clean.source_text(Field.INPUT)}"
    if (
        re.fullmatch(r"\d{1,5}", text)
        and text == clean.source_text(Field.RESPONSE)
        and len(re.findall(r"\d+", task)) >= 2
    ):
        for form, wrong in _wrong_values(text, random):
            yield change(kind, form, Field.RESPONSE, 0, text, wrong)


INJECTORS = (
    Injector("decimal-separator", "numbers are copied from the English source as they stand", _propose_decimal),
    Injector("group-separator", "numbers are copied from the English source as they stand", _propose_group),
    Injector("imperial-unit", "measures are translated and not converted", _propose_imperial),
    Injector("false-equation", "a model calculates wrongly, or digits are mistyped", _propose_equation),
    Injector("wrong-answer", "a model calculates wrongly", _propose_answer),
)
