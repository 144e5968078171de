"""Blanks around marks: one that must not be there, and one that is missing.

Blanks that are only wider or narrower than print would have them, and double ones, are left alone. What French wants,
a blank before some marks, is found by midb.text.forms.spaced_marks.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator

import regex
from pydantic import BaseModel, ConfigDict

from midb.domain.defects import DefectFamily, DefectKind, Finding, Severity
from midb.locales import LocaleSection
from midb.text.forms.lines import Lines
from midb.text.forms.spaced_marks import SpacedMarks, find_missing_blanks, find_plain_blanks
from midb.text.inspection import FieldText, Inspection
from midb.text.spans import Protected
from midb.text.subjects.punctuation_tasks import is_about_punctuation, is_spoken_of
from midb.text.words import holds_any


class GluedRule(BaseModel):
    """Marks after which a blank is missing where ``after`` follows; ``before`` is the pattern of the word's end."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    marks: str
    before: str
    after: str


#: How far behind a comma a quotation may close that it opened.
_QUOTED = 80


class PunctuationSpacing(LocaleSection, table="punctuation-spacing"):
    """``never_before``: marks that follow their word at once. ``wide``: they carry their own blank, whatever follows.

    ``never_after``: opening marks that their content follows at once. ``glued``: where a blank is missing after a mark.
    ``spaced``: marks that want a blank before them.
    """

    never_before: str = ""
    never_after: str = ""
    wide: bool = False
    glued: tuple[GluedRule, ...] = ()
    spaced: SpacedMarks | None = None

    @functools.cached_property
    def surplus(self) -> regex.Pattern[str]:
        """Blanks before a mark that must follow its word, or after an opening one."""
        marks = regex.escape(self.never_before)
        if self.wide:
            opening = regex.escape(self.never_after)
            return regex.compile(
                rf"(?<=[\w{marks}{opening}])[ \u3000]++(?=[{marks}])|(?<=[{opening}])[ \u3000]++(?=\S)"
            )
        # One blank only: more of them are a layout. A word or what closes one stands before, and none after.
        run = "|[!?]{2,3}" if "?" in self.never_before else ""
        return regex.compile(
            rf"(?<=[\p{{L}}\p{{M}}\p{{N}})\]\"'”’»%°$€£])[ \u00a0\u202f](?=(?:[{marks}]{run})(?:[\s\"”’»)]|\Z))"
        )

    @functools.cached_property
    def may_be_surplus(self) -> re.Pattern[str]:
        """What every match of ``surplus`` holds: a blank beside a mark, seen at once."""
        if self.wide:
            return re.compile(rf"[ \u3000][{re.escape(self.never_before)}]|[{re.escape(self.never_after)}][ \u3000]")
        return re.compile(rf"[ \u00a0\u202f][{re.escape(self.never_before)}!?]")

    @functools.cached_property
    def may_be_missing(self) -> tuple[re.Pattern[str], ...]:
        """The same for each of ``missing``: a mark with no blank behind it."""
        return tuple(re.compile(rf"[{re.escape(rule.marks)}](?=\S)") for rule in self.glued)

    @functools.cached_property
    def may_be_swapped(self) -> tuple[str, ...]:
        """The same for ``swapped``."""
        return tuple(f" {mark}" for mark in ",،؛")

    @functools.cached_property
    def swapped(self) -> regex.Pattern[str] | None:
        """A comma (or an Arabic semicolon) behind its blank: "word ,word"; ``None`` where none is written so.

        Where a quotation may close behind it, a comma may be the mark that opened it.
        """
        marks = "".join(mark for mark in ",،؛" if mark in self.never_before)
        if not marks or self.wide:
            return None
        return regex.compile(
            rf"(?<=[\p{{L}}\p{{M}}\p{{N}})\]\"”»%]) [{marks}](?=\p{{L}})"
            rf"(?![^\n]{{0,{_QUOTED}}}?['‘’`](?!\p{{L}}))"
        )

    @functools.cached_property
    def missing(self) -> tuple[regex.Pattern[str], ...]:
        """One word, mark, one word, with nothing else in the token."""
        return tuple(
            regex.compile(
                rf"(?<![^\s\"'«„“])\p{{L}}[\p{{L}}\p{{M}}]{{0,30}}(?<={rule.before})(?P<mark>[{regex.escape(rule.marks)}])"
                rf"(?={rule.after}[\p{{L}}\p{{M}}]{{0,30}}[.,;:!?؟،)\"'»”…]{{0,3}}(?:\s|\Z))"
            )
            for rule in self.glued
        )


PUNCTUATION_SPACING = DefectKind(
    name="punctuation-spacing",
    family=DefectFamily.LOCALIZATION,
    severity=Severity.MINOR,
    summary="a blank that must not stand at a mark, or that is missing there",
    repairs=True,
    needs=(PunctuationSpacing,),
)
KINDS = (PUNCTUATION_SPACING,)


def detect(inspection: Inspection) -> Iterator[Finding]:
    """Every blank too many or too few, unless the pair is about punctuation."""
    section = inspection.locale.get(PunctuationSpacing)
    if section is None:
        return
    findings = [found for item in inspection.filled_fields for found in _find_in_field(item, section, inspection)]
    if findings and not is_about_punctuation(inspection):
        yield from findings


def _find_in_field(item: FieldText, section: PunctuationSpacing, inspection: Inspection) -> Iterator[Finding]:
    lines = Lines(item)
    yield from _find_surplus(item, lines, section, inspection)
    yield from _find_swapped(item, lines, section, inspection)
    yield from _find_missing(item, lines, section, inspection)
    if section.spaced is not None:
        for position, mark, blank in find_missing_blanks(item, lines, section.spaced, inspection):
            edit = PUNCTUATION_SPACING.edit(item.field, position, "", blank)
            yield PUNCTUATION_SPACING.finding(
                item.field, position, position + 1, f'no blank before "{mark}"', fix=(edit,)
            )
        for position, mark, blank in find_plain_blanks(item, lines, section.spaced) if inspection.typography else ():
            edit = PUNCTUATION_SPACING.edit(item.field, position, item.text[position], blank)
            evidence = f'a line may break at "{mark}"'
            yield PUNCTUATION_SPACING.finding(item.field, position, position + 1, evidence, fix=(edit,))


def _keeps_off_address(item: FieldText, start: int) -> bool:
    """Whether an address ends right before a blank: that keeps the mark from being read as a part of the address."""
    return item.protected.only(Protected.URL, Protected.EMAIL).holds(start - 1)


def _find_surplus(
    item: FieldText, lines: Lines, section: PunctuationSpacing, inspection: Inspection
) -> Iterator[Finding]:
    if not section.never_before or not section.may_be_surplus.search(item.text):
        return
    for match in section.surplus.finditer(item.text):
        start, end = match.span()
        if _keeps_off_address(item, start):
            continue
        if lines.are_native_prose(start, end, inspection) and not is_spoken_of(item.text, end, inspection):
            mark = item.text[end]
            place = f'before "{mark}"' if mark in section.never_before else f'after "{item.text[start - 1]}"'
            edit = PUNCTUATION_SPACING.edit(item.field, start, match.group(), "")
            yield PUNCTUATION_SPACING.finding(item.field, start, end, f"a blank {place}", fix=(edit,))


def _find_swapped(
    item: FieldText, lines: Lines, section: PunctuationSpacing, inspection: Inspection
) -> Iterator[Finding]:
    if section.swapped is None or not holds_any(item.text, section.may_be_swapped):
        return
    for match in section.swapped.finditer(item.text):
        start, end = match.span()
        if lines.are_native_prose(start, end, inspection):
            mark = item.text[end - 1]
            edit = PUNCTUATION_SPACING.edit(item.field, start, match.group(), f"{mark} ")
            yield PUNCTUATION_SPACING.finding(item.field, start, end, f'"{mark}" behind its blank', fix=(edit,))


#: Fewer words than this, and a line may be data ("red,green") rather than prose.
_PROSE_WORDS = 6


def _find_missing(
    item: FieldText, lines: Lines, section: PunctuationSpacing, inspection: Inspection
) -> Iterator[Finding]:
    for pattern, sign in zip(section.missing, section.may_be_missing, strict=True):
        for match in pattern.finditer(item.text) if sign.search(item.text) else ():
            start, end = match.span("mark")
            line = lines.at(start)
            if match.group("mark") == "." and _may_be_name(match, item.text):
                continue
            if line.word_count >= _PROSE_WORDS and lines.are_native_prose(start, end, inspection):
                edit = PUNCTUATION_SPACING.edit(item.field, end, "", " ")
                yield PUNCTUATION_SPACING.finding(
                    item.field, start, end, f'no blank after "{match.group("mark")}"', fix=(edit,)
                )


def _may_be_name(match: regex.Match[str], text: str) -> bool:
    """Whether two words with a full stop between them may be one name, such as that of a site: both have a capital."""
    return text[match.start()].isupper() and text[match.end("mark")].isupper()
