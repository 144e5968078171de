"""Group separators: English thousands commas in a language whose comma stands before decimals: "1,500" reads as 1.5.

A number is looked at where the same field of the English source has it, digit for digit, and as often; there its comma
can only stand between groups. All such numbers of a pair are repaired or none: where other numbers have an English
decimal point, or stand in data, code or formulas, they are flagged at most. Knows no language: the mark is CLDR's.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from midb.domain.defects import DefectFamily, DefectKind, Finding, Invariant, Severity
from midb.text.inspection import FieldText, Inspection, join_task, join_texts
from midb.text.quantities.numbers import NumberWords, number_format

GROUP_SEPARATOR = DefectKind(
    name="group-separator",
    family=DefectFamily.LOCALIZATION,
    severity=Severity.MINOR,
    summary="English thousands commas where the language writes a point or a blank",
    repairs=True,
    needs_source=True,
    needs=(NumberWords,),
    may_change=frozenset({Invariant.NUMBERS}),
)
KINDS = (GROUP_SEPARATOR,)

#: Without this a text has no such number.
_ANY = re.compile(r"\d,\d{3}")
#: An English number in groups, no part of a longer one, of a name, an address, a row or a pair of coordinates.
_GROUPED = re.compile(r"(?<![\w.,;:/#@\\=&\-–\[{])[1-9]\d{0,2}(?:,\d{3})+(?![\w_:#@&=/\]}]|[.,;\-–]\d|,\S)")
#: Units that are written right behind a number.
_UNIT = re.compile(r"(?:[kmc]?m|[kmc]?g|km/h|[mcd]?[lL]|[kMG]?Hz|kW|kWh|[kMGT]B)\b|[²³%‰°€]")
_GROUPED_WITH_UNIT = re.compile(r"(?<![\w.,;:/#@\\=&\-–\[{])[1-9]\d{0,2}(?:,\d{3})+(?=[a-zA-Z²³%‰°€])")
_ANY_GROUPED = re.compile(r"(?<![\d.,])\d{1,3}(?:,\d{3})+(?!\d)")
_IN_BRACKETS = re.compile(r"\(\s*\d[\d,]*\s*\)")
#: A decimal point of English, or what may be one: digits, a point, and not three digits behind it.
_POINT = re.compile(r"\d\.\d(?!\d\d(?!\d))")
_ANY_POINT = re.compile(r"\d\.\d")
#: Tasks about how numbers are written, or whose numbers are data.
_ABOUT_FORM = re.compile(
    r"\b(?:commas?|separators?|delimit\w*|csv|format(?:ted)?|dois?|coordinates?|tuples?|spreadsheet|array|json"
    r"|separated)\b",
    re.IGNORECASE,
)
#: A word behind the number that may be part of a name: "10,000 Maniacs".
_NAMED = re.compile(r"[1-9]\d{0,2}(?:,\d{3})+ [A-Z][a-z]{2,}\b")

#: A year of an era: in most languages no mark stands in it at all, so that neither form would be right.
_YEAR = re.compile(r"(?<![\d.,])(\d,\d{3}) ?(?:BCE?|B\. ?C\.|CE|AD|A\. ?D\.)(?![A-Za-z])")


@dataclass(frozen=True, slots=True)
class _GroupedNumber:
    field: FieldText
    text: str
    start: int


def detect(inspection: Inspection) -> Iterator[Finding]:
    """Every number of the pair with English thousands commas."""
    convention = number_format(inspection.locale.default_locale)
    if inspection.source is None or convention is None or convention.decimal != "," or convention.group == ",":
        return
    if not any(_ANY.search(item.text) for item in inspection.fields):
        return
    if _ABOUT_FORM.search(join_task(inspection.source)):
        return
    numbers = [number for item in inspection.fields for number in _find_numbers(item)]
    if not numbers:
        return
    certain = not _has_other_conventions(inspection, numbers)
    for number in numbers:
        native = number.text.replace(",", convention.group)
        marks = [index for index, mark in enumerate(number.text) if mark == ","]
        fix = tuple(
            GROUP_SEPARATOR.edit(number.field.field, number.start + index, ",", convention.group) for index in marks
        )
        evidence = f"{number.text} as in English; {native} here"
        end = number.start + len(number.text)
        yield GROUP_SEPARATOR.finding(number.field.field, number.start, end, evidence, fix=fix if certain else ())


def _find_numbers(item: FieldText) -> list[_GroupedNumber]:
    """The numbers of a field that its source has too, written the same and as often."""
    source = item.source or ""
    if not _ANY.search(item.text) or not _ANY.search(source) or _is_untranslated(item):
        return []
    in_source = Counter(match.group() for match in _iterate(source))
    matches = list(_iterate(item.text))
    written = Counter(match.group() for match in matches)
    found = []
    names = {match.group() for match in _NAMED.finditer(source)}
    years = {match[1] for match in _YEAR.finditer(source)}
    for match in matches:
        start, end = match.span()
        if (
            match.group() in years
            or in_source[match.group()] < written[match.group()]
            or _is_bound(item, start, end, names)
        ):
            continue
        found.append(_GroupedNumber(item, match.group(), start))
    return found


def _iterate(text: str) -> Iterator[re.Match[str]]:
    """The English numbers in groups; a unit may follow at once."""
    bracketed = {match.start() + match[0].index(match[0].strip("( )")[0]) for match in _IN_BRACKETS.finditer(text)}
    found = [*_GROUPED.finditer(text)]
    found += [match for match in _GROUPED_WITH_UNIT.finditer(text) if _UNIT.match(text, match.end())]
    yield from sorted((match for match in found if match.start() not in bracketed), key=lambda match: match.start())


def _is_bound(item: FieldText, start: int, end: int, names: set[str]) -> bool:
    """Whether a number is code, an address, data, wanted word for word, or part of a name that was not translated.

    ``names`` are numbers of the source with the capitalised word behind each.
    """
    if any(spans.overlaps(start, end) for spans in (item.protected, item.demanded, item.possible_code)):
        return True
    name = _NAMED.match(item.text, start)
    return name is not None and name.group() in names


def _is_untranslated(item: FieldText) -> bool:
    """Whether the field is still in English, or the same as its source."""
    if item.text.strip() == (item.source or "").strip():
        return bool(re.search(r"[^\W\d_]{2}", item.text))
    return len(item.text) > 60 and item.language == "en"


def _has_other_conventions(inspection: Inspection, numbers: list[_GroupedNumber]) -> bool:
    """Whether numbers would be left that are written as in English: the pair would have two conventions."""
    known = {(number.field.field, number.start) for number in numbers}
    for item in inspection.fields:
        if _ANY_POINT.search(item.text) and _POINT.search(item.text):
            return True
        english = {match.group() for match in _ANY_GROUPED.finditer(item.source or "")}
        for match in _ANY_GROUPED.finditer(item.text):
            if (item.field, match.start()) not in known and match.group() in english:
                return True
    return bool(_POINT.search(join_texts(inspection.pair)))
