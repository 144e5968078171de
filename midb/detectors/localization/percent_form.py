"""Percentages: the sign on the wrong side of the number, and (with typography) the blank before it.

Which side and which blank a language has is CLDR's to say. Only the side is an error to a native reader; the blank is
a convention of print, and a text that writes none anywhere is left as it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from midb.domain.defects import DefectFamily, DefectKind, Finding, Severity
from midb.locales import LocaleSection
from midb.text.inspection import FieldText, Inspection
from midb.text.quantities.numbers import number_format


class PercentWords(LocaleSection, table="percent"):
    """``spoken``: words for percent, which take the sign's place; ``adjectives``: "12%" without a blank is one."""

    spoken: tuple[str, ...] = ()
    adjectives: bool = False


PERCENT_FORM = DefectKind(
    name="percent-form",
    family=DefectFamily.LOCALIZATION,
    severity=Severity.MINOR,
    summary="a percent sign on the wrong side of its number, or (with --typography) without its blank",
    repairs=True,
    needs=(PercentWords,),
)
KINDS = (PERCENT_FORM,)

_NO_BREAK_SPACE = "\N{NO-BREAK SPACE}"
_NARROW = "\N{NARROW NO-BREAK SPACE}"
#: How far from a percentage the ends of its line are looked for.
_REACH = 300
_NUMBER = r"\d+(?:[.,]\d+)*"

#: What cannot follow a percentage: letters (an ending, a format), another sign, the rest of a formula.
_NO_OPERAND = r"(?![\w%({\[=;}]|\s?[\d(*×/+=^<>])"

#: "12%", "10-15%", "10%-15%"; no remainder, no format, no operand.
_SIGN_LAST = re.compile(
    rf"(?<![\w.,%٪/$#=+\-–−^*&?])(?P<first>{_NUMBER})"
    rf"(?:\s?(?P<inner>%)?\s?[-–]\s?(?P<second>{_NUMBER}))?"
    rf"(?P<blank>[ {_NO_BREAK_SPACE}{_NARROW}]?)%{_NO_OPERAND}"
)
_SIGN_AFTER_BLANK = re.compile(
    rf"(?<![\w.,%/$#=^*&?])(?:[-−+])?{_NUMBER}(?P<blank>[ {_NO_BREAK_SPACE}{_NARROW}]?)%(?!-){_NO_OPERAND}"
)
#: A row of a table or of data, or a formula.
_ROW = re.compile(r"[|\t=]|[^\W\d][,;]\d[\d.]*%|%[,;]\S")
#: An operand stands behind this.
_OPERATOR = re.compile(r"(?:^|[\s)\d])[x×*·/^=+÷]\s?$")
#: What is set in a style sheet, right before its value: that is written as programs read it.
_STYLE = re.compile(
    r"(?<![\w-])(?:[a-z]+(?:-[a-z]+)+|width|height|margin|padding|opacity|top|left|right|bottom|flex|zoom|scale|border"
    r"|radius|gap|inset|hue|saturate|brightness|contrast)\s?:\s?\Z"
)
#: The longest of its names.
_LONGEST_NAME = 40
_NEXT_WORD = re.compile(r" ([^\W\d_]{3,})")


def detect(inspection: Inspection) -> Iterator[Finding]:
    """Percentages of every field that are not written as the language writes them."""
    words = inspection.locale.get(PercentWords)
    fields = [item for item in inspection.fields if "%" in item.text]
    if not fields or words is None:
        return
    convention = number_format(inspection.locale.default_locale)
    if convention is None:
        return
    for item in fields:
        if convention.percent.startswith("%"):
            yield from _find_wrong_side(item, words)
        elif inspection.typography and _NO_BREAK_SPACE in convention.percent:
            yield from _find_blanks(item, words)


def _find_wrong_side(item: FieldText, words: PercentWords) -> Iterator[Finding]:
    """The sign belongs before the number."""
    found = [match for match in _SIGN_LAST.finditer(item.text) if _is_prose(item, match.start(), match.end())]
    if not found or item.language == "en":
        return
    for match in found:
        before = item.text[max(0, match.start() - 20) : match.start()]
        if before.casefold().rstrip().endswith(words.spoken) or _OPERATOR.search(before) or _is_english(item, match):
            continue
        native = "%" + match["first"]
        if match["second"]:
            middle = item.text[match.end("inner" if match["inner"] else "first") : match.start("second")]
            native += middle + ("%" if match["inner"] else "") + match["second"]
        edits = [PERCENT_FORM.edit(item.field, match.start(), "", "%")]
        if match["inner"]:
            edits.append(PERCENT_FORM.edit(item.field, match.start("inner"), "%", ""))
            edits.append(PERCENT_FORM.edit(item.field, match.start("second"), "", "%"))
        edits.append(PERCENT_FORM.edit(item.field, match.start("blank"), match["blank"] + "%", ""))
        evidence = f"{match.group()} is written {native}"
        yield PERCENT_FORM.finding(item.field, match.start(), match.end(), evidence, fix=tuple(edits))


def _is_prose(item: FieldText, start: int, end: int) -> bool:
    """Whether ``[start, end)`` is no code, and its line no table, no row of data and no formula."""
    text = item.text
    first = text.rfind("\n", max(0, start - _REACH), start) + 1
    last = text.find("\n", end, end + _REACH) + 1 or end + _REACH
    line = text[first:last]
    if _ROW.search(line) or item.protected.overlaps(start, end):
        return False
    if _STYLE.search(text[max(0, start - _LONGEST_NAME) : start]):
        return False
    return not (item.possible_code.overlaps(start, end) or item.demanded.overlaps(start, end))


def _is_english(item: FieldText, match: re.Match[str]) -> bool:
    """Whether the percentage and the word after it stand like that in the source: they were not translated."""
    word = _NEXT_WORD.match(item.text, match.end())
    return bool(word and item.source and f"{match.group()} {word[1]}" in item.source)


def _find_blanks(item: FieldText, words: PercentWords) -> Iterator[Finding]:
    """The no-break space before the sign, where the text writes a blank there at all."""
    found = [match for match in _SIGN_AFTER_BLANK.finditer(item.text) if _is_prose(item, match.start(), match.end())]
    if not any(match["blank"] for match in found):
        return
    native = _NARROW if any(match["blank"] == _NARROW for match in found) else _NO_BREAK_SPACE
    for match in found:
        blank = match["blank"]
        if blank in (_NARROW, _NO_BREAK_SPACE) or (not blank and words.adjectives):
            continue
        fix = (PERCENT_FORM.edit(item.field, match.start("blank"), blank, native),)
        evidence = "plain blank before %" if blank else "no blank before %, unlike elsewhere in this text"
        yield PERCENT_FORM.finding(item.field, match.start(), match.end(), evidence, fix=fix)
