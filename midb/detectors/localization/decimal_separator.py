"""Decimal separators: the English point in a number of a language that writes a comma.

A number is repaired where the same field of the English source has it, digit for digit, and nothing there says that
it is a version, a section, a time or part of a name. All quantities of a pair are repaired or none: where some belong
to data, code or formulas, or where English thousands commas would stay, a mixed pair would be worse than an English
one.
"""

from __future__ import annotations

import functools
import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from midb.domain.defects import DefectFamily, DefectKind, Finding, Invariant, Severity
from midb.text.code.lines import find_code_blocks
from midb.text.inspection import FieldText, Inspection
from midb.text.quantities.numbers import NumberFormat, NumberWords, number_format
from midb.text.spans import Protected

DECIMAL_SEPARATOR = DefectKind(
    name="decimal-separator",
    family=DefectFamily.LOCALIZATION,
    severity=Severity.MINOR,
    summary="a decimal point where the language writes a comma",
    repairs=True,
    needs_source=True,
    needs=(NumberWords,),
    may_change=frozenset({Invariant.NUMBERS}),
)
KINDS = (DECIMAL_SEPARATOR,)

#: An English number with a decimal point, thousands commas or none, no part of an address, a date, a time or a name.
_DECIMAL = re.compile(
    r"(?<![\w.,:/#@_\\=&])(?<![\d][-–])(?:\d{1,3}(?:,\d{3})+|\d+)\.\d+(?![\d_:#@&=]|/\d{3}|[.,:\-–]\d)"
)
#: Forms of the language itself that have a point in them.
_NATIVE_GROUPS = re.compile(r"\d{1,3}(?:\.\d{3})+")
_WITH_POINTS = re.compile(r"(?<![\d,.])\d[\d,]*(?:\.\d+)+")
_NATIVE_DATE = re.compile(r"\d{1,2}\.\d{1,2}\.(?:\d{4}|\d{2})")
#: Units that are written right behind a number.
_UNITS = re.compile(
    r"(?:[kmcµ]?m|[km]?g|[mcd]?[lL]|[kMGT]?Hz|[kKMGT]B|[km]?W|kWh|[km]?V|MP|s|h|x|K|M|€|°[CFK]?|[²³%‰])\b|[%‰°€²³]"
)
#: Without this a text holds no decimal point.
_ANY_POINT = re.compile(r"\d\.\d")
#: English thousands commas.
_GROUPED = re.compile(r"(?<![\d.,])\d{1,3}(?:,\d{3})+(?![\d,]|\.\d)")

#: Numbers set apart by commas, as in rows and tuples: a decimal comma would run into them.
_ROW = re.compile(
    r"\d\s?[,;](?!\d{3}\.)\s?[-−(]?\d*\.\d|\d\.\d+\)?\s?[,;]\s?[-−(]?\d|[\[{][^\[\]{}\n]{0,200}\d\.\d|[\"']\s?:\s?-?\d+\.\d|\d\.\d+;?\t|\t-?\d+\.\d"
)
#: The argument of a function stands behind this.
_FUNCTION = re.compile(r"[\w\])]\(\s*-?$")
_COORDINATE = re.compile(r"°\s?(?:[NSEWO]\b|\d)")

#: English words before a number that is part of a name, and no quantity.
_NAMED = re.compile(
    r"(?:\b(?:versions?|ver|v|releases?|sections?|sec|chapters?|ch|fig(?:ure)?s?|tables?|exercises?|problems?|questions?"
    r"|steps?|lessons?|appendix|articles?|verses?|psalms?|web|windows|android|ios|macos|python|java|http|usb|bluetooth"
    r"|php|html|css|gpt|licen[cs]e|rfc|iso)\.?|§)\s?$",
    re.IGNORECASE,
)
#: English words of a sentence that speaks of versions or addresses: a bare number in it may be one.
_VERSIONS = re.compile(
    r"\b(?:versions?|releases?|firmware|drivers?|updates?|upgrades?|upgraded|patch(?:es)?|builds?|browsers?|software|kernel"
    r"|operating system|sdk|apis?|protocols?|subnet|netmask|mask|gateway|ip|addresses|address|ports?|changelog|cvss"
    r"|editions?"
    r"|windows|android|ios|macos|linux|ubuntu|debian|python|java|javascript|php|node|ruby|chrome|firefox|safari)\b",
    re.IGNORECASE,
)
#: What follows a quantity, or stands before it: a unit, a magnitude, a currency.
_COUNTED = re.compile(
    r"[ -]?(?:%|percent\b|(?:m|b|tr)illion|thousand|hundred|dozen|[€$£¥°]|[kMGTKmcnµ]?(?:B|b|m|g|l|L|s|W|V|Hz|A|Ω)\b"
    r"|(?:second|minute|hour|day|week|month|year|time|point|star|inche?|mile|met(?:er|re)|kilo\w+|\w+byte|gram|pound"
    r"|ounce|liter|litre|dollar|euro|cent|user|degree|pixel)s?\b|feet\b|foot\b|people\b)"
)
#: How far from a number the ends of its sentence are looked for.
_SENTENCE = 300
_MONEY_BEFORE = re.compile(r"[€$£¥]\s?$")
#: Numbers one after the other, of which the first says what all are: "Android 11.0, 10.0 and 9.0".
_BETWEEN = r"\s?(?:,|/|&|–|-|\band\b|\bor\b|\bto\b|, and|, or)\s?"
_ENUMERATION = re.compile(rf"\d+(?:\.\d+)+(?:{_BETWEEN}\d+(?:\.\d+)+)*{_BETWEEN}$")
#: A score in a fixed form: a number and the most it can be, one of them with decimals that say nothing.
_SCORE = re.compile(r"\d\s?/\s?\d+\.\d|\.0\s?/\s?\d")

#: A word before a number that is itself a name, as it is capitalised inside a sentence.
_CAPITALISED = re.compile(r"(?<![.!?:\n(\"“])(?<!^)\s[A-Z][\w®™'’-]*\s$")
_LAST_WORD = re.compile(r"([^\W\d_]{2,})[ \N{NO-BREAK SPACE}]$")
#: What stands around a time of day that is written with a point.
_AT = re.compile(r"\b(?:at|until|till|before|after|around)\s$", re.IGNORECASE)
_TIME = re.compile(r"[012]?\d\.[0-5]\d")
_CLOCK = re.compile(r"\s?(?:[ap]\.?\s?m\b|o['’]clock|hours?\b|hrs?\b)", re.IGNORECASE)
#: Behind the number of a heading its first word follows.
_HEADING = re.compile(r"[ \t]+[A-Z]")


class _Role(StrEnum):
    """What a number is: a quantity, part of a name (a version, a section), or nobody can tell."""

    QUANTITY = "quantity"
    NAME = "name"
    UNCLEAR = "unclear"


@dataclass(frozen=True, slots=True)
class _Number:
    field: FieldText
    text: str
    start: int


def detect(inspection: Inspection) -> Iterator[Finding]:
    """Every number of the pair that is written the English way, if all of them can be written the language's way."""
    if inspection.source is None or inspection.locale.get(NumberWords) is None:
        return
    convention = number_format(inspection.locale.default_locale)
    if convention is None or convention.decimal != ",":
        return
    fields = [item for item in inspection.fields if item.source and _ANY_POINT.search(item.text)]
    if not fields:
        return
    numbers: list[_Number] = []
    for item in inspection.fields:
        found = _find_english_numbers(item)
        if _keeps_english_groups(item) or (found and (_is_data(item, found) or _is_english(item))):
            return
        numbers += found
    if not numbers or any(_has_other_points(item, numbers) for item in inspection.fields):
        return
    in_source = {
        (item.field, text): _decide_role_in_source(text, item.source or "")
        for item in inspection.fields
        for text in {number.text for number in numbers if number.field is item}
    }
    roles = {number: _decide_role(number, *in_source[number.field.field, number.text]) for number in numbers}
    if _Role.UNCLEAR in roles.values():
        return
    names = {number.text for number, role in roles.items() if role is _Role.NAME}
    for number in numbers:
        if number.text not in names:
            yield _finding(number, convention)


def _find_english_numbers(item: FieldText) -> list[_Number]:
    """The numbers of a field that its source has too, written the same."""
    source = Counter(match.group() for match in _DECIMAL.finditer(item.source or ""))
    found = []
    for match in _DECIMAL.finditer(item.text):
        rest = item.text[match.end() : match.end() + 4]
        attached = rest[:1].isalpha() and rest[:1].isascii()
        if source[match.group()] and (not attached or _UNITS.match(rest)):
            found.append(_Number(item, match.group(), match.start()))
    return found


def _is_data(item: FieldText, found: list[_Number]) -> bool:
    """Whether numbers stand in rows, code, formulas or coordinates."""
    text = item.text
    if _ROW.search(text):
        return True
    guarded = [*item.protected.only(Protected.LATEX, Protected.PLACEHOLDER), *item.possible_code]
    # Code is looked for by itself as well: where it begins inside a tag, it is protected as part of the tag.
    spans = [(span.start, span.end) for span in guarded] + list(find_code_blocks(text))
    if any(_ANY_POINT.search(text, start, end) for start, end in spans):
        return True
    return any(
        _FUNCTION.search(text, max(0, number.start - 4), number.start)
        or (len(number.text.split(".")[1]) >= 3 and _COORDINATE.match(text, number.start + len(number.text)))
        for number in found
    )


def _keeps_english_groups(item: FieldText) -> bool:
    """Whether English thousands commas stand in the field: they would read as decimal ones."""
    source = {match.group() for match in _GROUPED.finditer(item.source or "")}
    return any(match.group() in source for match in _GROUPED.finditer(item.text))


def _is_english(item: FieldText) -> bool:
    """Whether the field was not translated at all."""
    words = re.findall(r"[^\W\d_]{2,}", item.text)
    if len(words) < 2:
        return False
    return item.text.strip() == (item.source or "").strip() or (len(words) >= 4 and item.language == "en")


def _has_other_points(item: FieldText, numbers: list[_Number]) -> bool:
    """Whether the field has more numbers with a point, none of them a thousands point: they would contradict."""
    source = item.source or ""
    known = {number.start for number in numbers if number.field is item}
    for match in _WITH_POINTS.finditer(item.text):
        written = match.group()
        native = _NATIVE_DATE.fullmatch(written) or (
            _NATIVE_GROUPS.fullmatch(written) and written.replace(".", ",") in source
        )
        if match.start() not in known and not native and not item.protected.overlaps(match.start(), match.end()):
            return True
    return False


def _decide_role(number: _Number, role: _Role, words: frozenset[str]) -> _Role:
    """What a number of the translation is. ``role`` is what it is in the source, ``words`` stand before it there."""
    end = number.start + len(number.text)
    if number.field.protected.overlaps(number.start, end) or number.field.demanded.overlaps(number.start, end):
        return _Role.NAME
    before = _LAST_WORD.search(number.field.text, max(0, number.start - 40), number.start)
    if role is _Role.QUANTITY and before and before[1].casefold() in words:
        return _Role.UNCLEAR  # "Web 2.0", "GPA 3.5": the word before it was not translated, so that it may be a name
    return role


def _decide_role_in_source(numeral: str, source: str) -> tuple[_Role, frozenset[str]]:
    """What a number is in English, and the words before it."""
    words = set()
    roles = {_Role.QUANTITY}
    for match in re.finditer(rf"(?<![\d.,]){re.escape(numeral)}(?!\d)", source):
        before = _leave_out_enumeration(source[max(0, match.start() - 60) : match.start()])
        at_start = not before.rpartition("\n")[2].strip(" \t#*-")
        if _NAMED.search(before) or (at_start and "\n" in source.strip() and _HEADING.match(source, match.end())):
            roles.add(_Role.NAME)
        elif (
            _CAPITALISED.search(before)
            or _CLOCK.match(source, match.end())
            or (_AT.search(before) and _TIME.fullmatch(numeral) and not _UNITS.match(source, match.end()))
            or _SCORE.match(source, match.end() - (2 if numeral.endswith(".0") else 1))
            or _may_be_version(source, match)
        ):
            roles.add(_Role.UNCLEAR)
        if word := _LAST_WORD.search(before):
            words.add(word[1].casefold())
    role = next(role for role in (_Role.UNCLEAR, _Role.NAME, _Role.QUANTITY) if role in roles)
    return role, frozenset(words)


def _leave_out_enumeration(before: str) -> str:
    """What stands before the first of the numbers that end a text, so that all of them are judged by it."""
    found = _ENUMERATION.search(before)
    return before[: found.start()] if found else before


def _may_be_version(source: str, match: re.Match[str]) -> bool:
    """Whether a number that counts nothing stands in a sentence about versions or addresses."""
    before = source[max(0, match.start() - _SENTENCE) : match.start()]
    behind = source[match.end() : match.end() + _SENTENCE]
    if _MONEY_BEFORE.search(before) or _COUNTED.match(behind):
        return False
    words = _find_version_words(source)
    if not words:
        return False
    first = max(before.rfind(". "), before.rfind("\n"), before.rfind("? "), before.rfind("! ")) + 1
    ends = [end for end in (behind.find(mark) for mark in (". ", "\n", "? ", "! ")) if end >= 0]
    start = match.start() - len(before) + first
    index = bisect_left(words, start)
    return index < len(words) and words[index] < match.end() + min(ends, default=len(behind))


@functools.lru_cache(maxsize=4)
def _find_version_words(source: str) -> tuple[int, ...]:
    """Where the words of a text stand that speak of versions or addresses; looked for once for all its numbers."""
    return tuple(match.start() for match in _VERSIONS.finditer(source))


def _finding(number: _Number, convention: NumberFormat) -> Finding:
    """The finding whose fix writes every mark of the number as the language does."""
    whole, _, decimals = number.text.partition(".")
    native = f"{whole.replace(',', convention.group)},{decimals}"
    marks = [index for index, mark in enumerate(number.text) if mark in ".,"]
    fix = tuple(
        DECIMAL_SEPARATOR.edit(number.field.field, number.start + index, number.text[index], native[index])
        for index in marks
    )
    return DECIMAL_SEPARATOR.finding(
        number.field.field,
        number.start,
        number.start + len(number.text),
        f"{number.text} as in English; {native} here",
        fix=fix,
    )
