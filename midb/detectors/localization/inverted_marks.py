"""Inverted marks: a question or an exclamation that ends in its mark and does not begin with one.

Repaired where the beginning is certain: a line or a sentence that begins with a question word, with no other clause
before it. Where the question may begin inside its sentence ("Si llueve, ¿vienes?"), it is flagged. Code, quotations of
another language, and what has no word of grammar in it are left alone.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator

from midb.domain.defects import DefectFamily, DefectKind, Finding, Severity
from midb.domain.edits import Edit
from midb.domain.pairs import Field
from midb.locales import LocaleSection
from midb.text.inspection import FieldText, Inspection
from midb.text.subjects.punctuation_tasks import is_about_punctuation


class InvertedMarks(LocaleSection, table="inverted_marks"):
    """``marks``: what opens each closing mark. ``questions``: words that only a question begins with; ``before``:
    prepositions that may stand before them. ``common``: words of grammar, one of which is in any sentence.
    ``not_common``: words of grammar of other languages."""

    marks: dict[str, str]
    questions: tuple[str, ...]
    before: tuple[str, ...]
    common: tuple[str, ...]
    not_common: tuple[str, ...]

    @functools.cached_property
    def beginning(self) -> re.Pattern[str]:
        """What a sentence begins with that is a question from its first word on; without its list mark."""
        words, before = "|".join(self.questions), "|".join(self.before)
        return re.compile(rf"(?:(?:{before})\s)?(?:{words})\b(?!:)", re.IGNORECASE)

    @functools.cached_property
    def of_the_language(self) -> re.Pattern[str]:
        return re.compile(rf"\b(?:{'|'.join(self.common)})\b", re.IGNORECASE)

    @functools.cached_property
    def of_another(self) -> re.Pattern[str]:
        return re.compile(rf"\b(?:{'|'.join(self.not_common)})\b", re.IGNORECASE)


INVERTED_MARKS = DefectKind(
    name="inverted-marks",
    family=DefectFamily.LOCALIZATION,
    severity=Severity.MINOR,
    summary="a question or an exclamation without its inverted mark at the beginning",
    repairs=True,
    needs=(InvertedMarks,),
)
KINDS = (INVERTED_MARKS,)

#: A sentence is looked at up to here.
_LONGEST = 300
#: By so many of its last letters a sentence is looked for in the source.
_TAIL = 40
#: A closing mark behind a word and at the end: several of them, and one in brackets or a name, are other things.
_CLOSING = re.compile(r"(?<=[^\W\d_]{2})[?!](?![?!\w)\]¿¡&=/]|\s[^\W\dA-ZÁÉÍÓÚÑÜ_])|(?<=[\d$%])\?(?=\s*(?:\n|\Z))")
#: Behind one of these a quotation begins; a straight one may as well end one.
_QUOTES = "“«‘"
#: Two words, the second of them no name.
_PHRASE = re.compile(r"[^\W\d_]+,? [^\W\dA-ZÁÉÍÓÚÑÜ_]")
#: Where a sentence may begin: behind the end of one, on a new line, behind an opening bracket or quotation mark.
_ENDS = re.compile(r"[.?!…:;]\s|\n|[\"“”«»()\[\]<>|—]")
_LIST_MARK = re.compile(r"\s*(?:(?:[-*•>]|#+|\d{1,3}[.)]|[a-zA-Z][.)])\s+)?[*_]{0,3}")


def detect(inspection: Inspection) -> Iterator[Finding]:
    """Every question and exclamation that lacks its mark at the beginning."""
    marks = inspection.locale.get(InvertedMarks)
    if marks is None or is_about_punctuation(inspection):
        return
    for item in inspection.fields:
        if "?" in item.text or "!" in item.text:
            yield from _find(item, marks, inspection.locale.code)


def _find(item: FieldText, marks: InvertedMarks, code: str) -> Iterator[Finding]:
    text, done = item.text, 0
    for closing in _CLOSING.finditer(text):
        start = max(done, closing.start() - _LONGEST)
        cut = start > done
        done = closing.end()
        if marks.marks[closing.group()] in text[start : closing.start()] or any(
            mark in text[start : closing.start()] for mark in marks.marks.values()
        ):
            continue
        ends = [match.end() for match in _ENDS.finditer(text, start, closing.start())]
        begin = ends[-1] if ends else start
        if cut and not ends:
            continue
        before = text[max(0, begin - 3) : begin].strip(" *_")
        begin = _skip_list_mark(text, begin)
        sentence = text[begin : closing.start()]
        begins_as_question = closing.group() == "?" and marks.beginning.match(sentence)
        if closing.group() == "?" and item.field is Field.INSTRUCTION and not begins_as_question:
            continue  # a command that ends in a question mark has a mark too many
        if not text[closing.start() - 1].isalpha() and not begins_as_question:
            continue
        if not sentence or _is_left_alone(item, begin, closing.end(), sentence, marks, code):
            continue
        if item.is_in_another_language(code):
            return
        is_line = not before or before[-1] in "\n.?!" or before[-1] in _QUOTES
        fix: tuple[Edit, ...] = ()
        opening = marks.marks[closing.group()]
        if is_line and begins_as_question:
            fix = (INVERTED_MARKS.edit(item.field, begin, "", opening),)
        evidence = f"{opening} is missing before “{sentence[:40]}”"
        yield INVERTED_MARKS.finding(item.field, begin, closing.end(), evidence, fix=fix)


def _skip_list_mark(text: str, begin: int) -> int:
    mark = _LIST_MARK.match(text, begin)
    return mark.end() if mark else begin


def _is_left_alone(item: FieldText, start: int, end: int, sentence: str, marks: InvertedMarks, code: str) -> bool:
    """Whether a sentence is no plain one of the language: code, a phrase that is wanted, another language, a name."""
    spans = (item.protected, item.demanded, item.possible_code)
    if any(found.overlaps(start, end) for found in spans):
        return True
    if marks.of_another.search(sentence):
        return True
    if not marks.of_the_language.search(sentence):
        # A short phrase, in a text of the language whose source would have it if it were English.
        known = item.source and item.language == code and _PHRASE.match(sentence)
        if not known:
            return True
    return bool(item.source) and sentence[-_TAIL:] in _find_tails(item.source or "")


@functools.lru_cache(maxsize=4)
def _find_tails(source: str) -> frozenset[str]:
    """What stands before each closing mark of the source: a sentence that ends so was not translated."""
    ends = [match.start() for match in _CLOSING.finditer(source)]
    tails = [source[max(0, end - _TAIL) : end] for end in ends]
    return frozenset(tail[start:] for tail in tails for start in range(len(tail)))
