"""Marks in a form that the language does not write: a Latin comma in Arabic, a half-width one in Japanese prose.

The locale says which form is an error and which a choice of the publisher. This module only knows how a mark is found,
what must stand around it, and that brackets change in pairs or not at all.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass

import regex
from pydantic import BaseModel, ConfigDict, Field

from midb.domain.defects import DefectFamily, DefectKind, Finding, Severity
from midb.locales import LocaleSection
from midb.text.forms.lines import Line, Lines
from midb.text.inspection import FieldText, Inspection
from midb.text.subjects.punctuation_tasks import is_about_punctuation

#: What ends a word: a blank, the end of the text, a closing bracket or quotation mark, emphasis.
_END = r"(?=[\s\"'”’»)\]」』）*_]|\Z)"


class MarkRule(BaseModel):
    """A mark (``wrong``) for which the language writes another (``right``), where its neighbours prove it.

    ``before`` and ``after`` are patterns for the neighbours (LETTER: a letter of the language); ``after`` is the end of
    a word unless given. ``gap`` is put after the mark where a letter follows directly. ``swallow`` removes a blank that
    follows, for marks whose own glyph holds one. ``line_has`` and ``text_has`` must be found in the line and in the
    field. ``together``: all such marks of a line are changed, or none. ``convention``: it is a matter of print.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    wrong: str
    right: str
    before: str
    after: str = _END
    gap: str = ""
    swallow: bool = False
    line_has: str = ""
    text_has: str = ""
    together: bool = False
    convention: bool = False


@dataclass(frozen=True, slots=True)
class _CompiledRule:
    """A rule and its patterns."""

    rule: MarkRule
    pattern: regex.Pattern[str]
    line_has: regex.Pattern[str] | None
    text_has: regex.Pattern[str] | None

    @classmethod
    def compile(cls, rule: MarkRule, letters: str) -> _CompiledRule:
        """The patterns of a rule; ``letters`` is the pattern that LETTER stands for."""
        mark = regex.escape(rule.wrong)
        before, after = rule.before.replace("LETTER", letters), rule.after.replace("LETTER", letters)
        if rule.gap:
            after = rf"(?:{after}|(?P<letter>(?=\p{{L}})))"
        blank = "[ \u3000]?" if rule.swallow else ""
        # The mark comes first and looks back, so that a text is searched for one character.
        pattern = regex.compile(rf"{mark}(?<={before}{mark}){blank}{after}")
        line_has, text_has = (regex.compile(p) if p else None for p in (rule.line_has, rule.text_has))
        return cls(rule, pattern, line_has, text_has)


class PunctuationForm(LocaleSection, table="punctuation-form"):
    """``marks``: the rules, the stricter one first where two are for one mark.

    ``letters`` and ``full_width``: after such a letter, East Asian forms and what they stand for. ``brackets``: opening
    and closing bracket of a script that has its own.
    """

    letters: str
    marks: tuple[MarkRule, ...] = ()
    full_width: dict[str, str] = Field(default_factory=dict)
    brackets: tuple[str, str] | None = None

    @functools.cached_property
    def rules(self) -> tuple[_CompiledRule, ...]:
        """The rules of ``marks``, and one for each full-width form."""
        forms = (
            MarkRule(wrong=wrong, right=right, before='LETTER["”»)]?', gap=" ")
            for wrong, right in self.full_width.items()
        )
        return tuple(_CompiledRule.compile(rule, self.letters) for rule in (*self.marks, *forms))

    @functools.cached_property
    def letter(self) -> regex.Pattern[str]:
        """One of ``letters``."""
        return regex.compile(self.letters)


PUNCTUATION_FORM = DefectKind(
    name="punctuation-form",
    family=DefectFamily.LOCALIZATION,
    severity=Severity.MINOR,
    summary="a mark in a form the language does not write",
    repairs=True,
    needs=(PunctuationForm,),
)
KINDS = (PUNCTUATION_FORM,)


def detect(inspection: Inspection) -> Iterator[Finding]:
    """Every mark in a wrong form, unless the pair is about punctuation."""
    section = inspection.locale.get(PunctuationForm)
    if section is None:
        return
    findings = [found for item in inspection.filled_fields for found in _find_in_field(item, section, inspection)]
    if findings and not is_about_punctuation(inspection):
        yield from findings


def _find_in_field(item: FieldText, section: PunctuationForm, inspection: Inspection) -> Iterator[Finding]:
    seen: set[int] = set()
    lines = Lines(item)
    typography, language = inspection.typography, inspection.locale.name
    for compiled in section.rules:
        if compiled.rule.wrong in item.text and (typography or not compiled.rule.convention):
            for finding in _find_marks(item, lines, compiled, language):
                if finding.start not in seen:
                    seen.add(finding.start)
                    yield finding
    if section.brackets and ("(" in item.text or ")" in item.text):
        yield from _find_mismatched_brackets(item, lines, section.brackets)
        if typography:
            yield from _find_narrow_brackets(item, lines, section.letter, section.brackets)


def _find_marks(item: FieldText, lines: Lines, compiled: _CompiledRule, language: str) -> Iterator[Finding]:
    rule, text = compiled.rule, item.text
    if compiled.text_has and not compiled.text_has.search(text):
        return
    found: dict[Line, list[regex.Match[str]]] = {}
    for match in compiled.pattern.finditer(text):
        found.setdefault(lines.at(match.start()), []).append(match)
    for line, matches in found.items():
        if compiled.line_has and not compiled.line_has.search(line.text):
            continue
        if rule.together and _count_outside_numbers(rule.wrong, line) != len(matches):
            continue
        for match in matches:
            if lines.are_prose(match.start(), match.end()):
                yield _mark_finding(item, rule, match, language)


def _count_outside_numbers(mark: str, line: Line) -> int:
    """How often a mark stands in a line, but for those within a number."""
    return len(regex.findall(rf"(?<!\d){regex.escape(mark)}|{regex.escape(mark)}(?!\d)", line.text))


def _mark_finding(item: FieldText, rule: MarkRule, match: regex.Match[str], language: str) -> Finding:
    after = rule.right + (rule.gap if rule.gap and match.group("letter") is not None else "")
    evidence = f'"{rule.wrong}" for "{rule.right}"' if rule.right else f'"{rule.wrong}" is no mark of {language}'
    end = match.start() + len(rule.wrong)
    edit = PUNCTUATION_FORM.edit(item.field, match.start(), match.group(), after)
    return PUNCTUATION_FORM.finding(item.field, match.start(), end, evidence, fix=(edit,))


@functools.cache
def _bracket_pattern(opening: str, closing: str) -> regex.Pattern[str]:
    """Text in one pair of brackets, of either width, without others inside."""
    return regex.compile(rf"[({opening}](?P<content>[^(){opening}{closing}\n]{{1,200}})[){closing}]")


def _find_mismatched_brackets(item: FieldText, lines: Lines, forms: tuple[str, str]) -> Iterator[Finding]:
    """A pair of one full-width and one half-width bracket, the only one of its line: no publisher sets it so."""
    if not any(form in item.text for form in forms):
        return
    for match in _bracket_pattern(*forms).finditer(item.text):
        opening, closing = match.group()[0], match.group()[-1]
        if (opening == "(") == (closing == ")"):
            continue
        wrong = match.start() if opening == "(" else match.end() - 1
        if lines.at(wrong).half_width_brackets == 1 and lines.are_prose(wrong, wrong + 1):
            edit = PUNCTUATION_FORM.edit(item.field, wrong, item.text[wrong], forms[item.text[wrong] == ")"])
            yield PUNCTUATION_FORM.finding(
                item.field, match.start(), match.end(), "brackets of two widths", fix=(edit,)
            )


#: (x + 1) and (2, 3) are mathematics in every script.
_MATHEMATICS = regex.compile(r"[=+*/^<>\\]|^[\d\s.,:–-]*$")
_WORD = regex.compile(r"[A-Za-z]{2}")


def _find_narrow_brackets(
    item: FieldText, lines: Lines, letter: regex.Pattern[str], forms: tuple[str, str]
) -> Iterator[Finding]:
    """Half-width brackets that hold words of the script, or Latin ones after a word of it: a convention of print."""
    text = item.text
    for match in _bracket_pattern(*forms).finditer(text):
        content, start = match.group("content"), match.start()
        if match.group()[0] != "(" or match.group()[-1] != ")" or _MATHEMATICS.search(content):
            continue
        blank = text[start - 1 : start] == " "
        follows = bool(letter.match(text, start - 1 - blank)) if start > blank else False
        if not letter.search(content) and not (follows and _WORD.search(content)):
            continue
        start -= blank and follows
        if lines.are_prose(start, match.end()):
            after = match.end() + (
                text[match.end() : match.end() + 1] == " " and bool(letter.match(text, match.end() + 1))
            )
            edits = (
                PUNCTUATION_FORM.edit(item.field, start, text[start : match.start() + 1], forms[0]),
                PUNCTUATION_FORM.edit(item.field, match.end() - 1, text[match.end() - 1 : after], forms[1]),
            )
            yield PUNCTUATION_FORM.finding(
                item.field, match.start(), match.end(), f'"()" for "{"".join(forms)}"', fix=edits
            )
