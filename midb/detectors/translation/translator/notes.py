"""What a translating model says in its own name: "Here is the translation:", "(Note: nouns have capitals in German.)".

A line that announces a translation goes where the source shows that nothing of it was asked for; notes are flagged, for
one may hold what the reader needs. A pair that is about translation, or whose source says the same, is left alone.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator

from midb.domain.defects import DefectFamily, DefectKind, Finding, Invariant, Severity
from midb.domain.pairs import Field
from midb.locales import Locale, LocaleSection
from midb.text.inspection import FieldText, Inspection
from midb.text.languages import find_evident_language, same_language
from midb.text.prose import find_english_words, reads_as_english
from midb.text.subjects.language_tasks import LanguageTask, LanguageTasks
from midb.text.words import any_of, compile_any, function_words, holds_any, split_words


class TranslatorNotes(LocaleSection, table="translator_notes"):
    """``preambles``: patterns of what stands before a translation, up to the colon; ``notes``: how a translator's note
    is called; ``stems``: how the words for a translation begin. All in lower case; a line break stands for a blank."""

    preambles: tuple[str, ...]
    notes: tuple[str, ...]
    stems: tuple[str, ...]

    @functools.cached_property
    def preamble(self) -> re.Pattern[str]:
        return _compile_preamble((*self.preambles, *_PREAMBLES))

    @functools.cached_property
    def note(self) -> re.Pattern[str]:
        """A note as such: behind a bracket, or before a colon; not at the end of a word ("Rembrandt:" holds "ndt:")."""
        names = any_of(self.notes)
        return re.compile(rf"(?<=[(\[（【])\s?{names}|(?<!\w){names}(?:(?<=[:：])|(?=\s?[:：]))", re.IGNORECASE)


TRANSLATOR_NOTE = DefectKind(
    name="translator-note",
    family=DefectFamily.TRANSLATION,
    severity=Severity.MAJOR,
    summary="words of the translator in the text: an announcement of the translation, or a note about it",
    repairs=True,
    needs=(TranslatorNotes, LanguageTasks),
    may_change=frozenset({Invariant.LENGTH, Invariant.LANGUAGE}),
)
KINDS = (TRANSLATOR_NOTE,)

_LANGUAGE = (
    "english|german|french|spanish|italian|portuguese|russian|arabic|turkish|japanese|korean|chinese|czech|greek"
    "|indonesian|malay|thai|vietnamese"
)
#: What an English-speaking model says before a translation, up to the colon.
_PREAMBLES = (
    r"(?:sure(?: thing)?|certainly|of course|absolutely|okay|ok)?[!,. ]{0,3}"
    r"(?:here(?:['’]s| is| are)|below is|this is|the following is)[^\n:]{0,60}translat[^\n:]{0,60}",
    rf"(?:(?:{_LANGUAGE}) )?translation(?: (?:in|into|to) (?:{_LANGUAGE}))?",
    rf"(?:translated (?:text|version|instruction|sentence|response)|text in (?:{_LANGUAGE}))",
)
#: The same without a word about translation: the line is in English, and what follows is not.
_OPENER = re.compile(
    r"[\s\"“]*(?:(?:sure|certainly|of course|absolutely)[!,.] ?[^\n]{0,150}|here(?:['’]s| is| are) [^\n]{5,150}:)\n",
    re.IGNORECASE,
)
#: What a model says at the end.
_CLOSING = re.compile(
    r"\n[ \t]*(?:i hope (?:this|that|it)(?: translation)? helps|(?:please )?let me know if|(?:please )?feel free to ask"
    r"|is there anything else)[^\n]*\Z",
    re.IGNORECASE,
)

_NAME = r"(?P<name>(?:translator['’]?s? )?note|translation|t/?n|n\.b\.)"
_IN_BRACKETS = re.compile(
    rf"[(\[（【]\s*\**{_NAME}\**\s*[:：]\**\s*(?P<said>[^()\[\]\n（）【】]{{3,400}})[)\]）】]", re.IGNORECASE
)
_LINE = re.compile(
    r"^[ \t*_]*(?P<name>(?:translator['’]?s? )?note)[*_]*\s?[:：][*_]*\s*(?P<said>\S[^\n]{10,400})$",
    re.IGNORECASE | re.MULTILINE,
)
#: What a note about a translation speaks of.
_ABOUT = re.compile(rf"translat|\b(?:{_LANGUAGE})\b|idiom", re.IGNORECASE)
#: Words of an English text that speak of translations, or call something a note.
#: (A transfer and a biography are called a translation in some languages.)
_TRANSLATES = re.compile(r"translat|interpret|transfer|biograph|(?<![a-z])(?:language|version)", re.IGNORECASE)
_BRACKETS = re.compile(r"[(（【\[][^()（）【】\[\]\n]{3,300}[)）】\]]")
#: Marks of emphasis: an announcement that has half of a pair cannot go alone.
_STARS = re.compile(r"\*+")
#: Characters of the text behind an announcement by which its language is seen.
_SAMPLE = 400


def _compile_preamble(patterns: tuple[str, ...]) -> re.Pattern[str]:
    """A pattern of a field's beginning: announcements up to their colons, or lines that are some."""
    words = compile_any(patterns).pattern
    end = r"(?:\*{0,2}[:：]\*{0,2}|[.!。]?(?=[ \t]*\n))"
    return re.compile(rf"(?:[\s*#]{{0,4}}(?:{words}){end}\s*)+", re.IGNORECASE)


def detect(inspection: Inspection) -> Iterator[Finding]:
    """Announcements, notes and closing words, in every field of a pair that is not about translation."""
    section = inspection.locale.get(TranslatorNotes)
    tasks = inspection.locale.get(LanguageTasks)
    if section is None or tasks is None:
        return
    pair = _Pair(inspection, section, LanguageTask(inspection, tasks))
    for item in inspection.filled_fields:
        begin, finding = _find_preamble(item, pair)
        if finding is not None and not pair.is_about_translation:
            yield finding
        for start, end, evidence in _find_notes(item, begin, pair):
            yield TRANSLATOR_NOTE.finding(item.field, start, end, evidence)


class _Pair:
    """A pair, and whether it is about translation. Nothing is read before it is asked."""

    def __init__(self, inspection: Inspection, section: TranslatorNotes, task: LanguageTask) -> None:
        self.locale = inspection.locale
        self.source = inspection.source
        self.section = section
        self._task = task

    @functools.cached_property
    def is_about_translation(self) -> bool:
        """Whether the source speaks of translations or languages; without a source, whether the task does."""
        if self.source is None:
            return self._task.about_languages
        return any(_TRANSLATES.search(text) for _, text in self.source.texts())


def _find_preamble(item: FieldText, pair: _Pair) -> tuple[int, Finding | None]:
    """Where the text begins behind an announcement, and the finding that tells of it."""
    text = item.text
    if match := pair.section.preamble.match(text):
        head, rest = text[: match.end()], text[match.end() :]
        if not rest.strip() or (item.source and _is_announced(item.source)):
            return 0, None
        proved = bool(item.source) and _is_sentence(rest) and len(_STARS.findall(head)) % 2 == 0
        fix = (TRANSLATOR_NOTE.edit(item.field, 0, head, ""),) if proved else ()
        evidence = f'announces a translation: "{head.strip()}"'
        return match.end(), TRANSLATOR_NOTE.finding(item.field, 0, len(head.rstrip()), evidence, fix=fix)
    if item.field is Field.RESPONSE and (match := _OPENER.match(text)):
        rest = text[match.end() :][:_SAMPLE]
        same = item.source is not None and item.source.lstrip()[:4].casefold() == text.lstrip()[:4].casefold()
        if not same and _is_in(rest, pair.locale) and _is_english(match.group(), pair.locale):
            evidence = f'announced in English: "{match.group().strip()}"'
            return match.end(), TRANSLATOR_NOTE.finding(item.field, 0, len(match.group().rstrip()), evidence)
    return 0, None


def _find_notes(item: FieldText, begin: int, pair: _Pair) -> Iterator[tuple[int, int, str]]:
    """Notes in brackets and in lines of their own, and the last line, from ``begin`` on: (start, end, evidence)."""
    text = item.text
    lowered = text.lower()
    told: list[tuple[int, int, str]] = []
    bracketed = holds_any(text, "([（【")
    if "note" in lowered or (bracketed and holds_any(lowered, ("translation", "tn:", "t/n", "n.b."))):
        for pattern in (_IN_BRACKETS, _LINE):
            for note in pattern.finditer(text, begin):
                if _is_note(note, item, pair):
                    told.append((*note.span(), f'a note in English: "{note.group("said")[:60]}"'))
    if item.field is Field.RESPONSE and (match := _CLOSING.search(text, max(begin, len(text) - 200))):
        last = match.group().strip()
        if last.casefold()[:12] not in (item.source or "").casefold() and _is_in(
            text[begin : match.start()][-_SAMPLE:], pair.locale
        ):
            told.append((match.end() - len(match.group().lstrip()), match.end(), f'ends in English: "{last[:60]}"'))
    if bracketed or ":" in text or "：" in text:
        told += _find_native_notes(item, lowered, pair.section)
    end = 0
    for start, stop, evidence in sorted(told):
        if start >= end and not pair.is_about_translation:
            yield start, stop, evidence
            end = stop


def _is_note(match: re.Match[str], item: FieldText, pair: _Pair) -> bool:
    """Whether an English note is the translator's: it is about languages, or the source has none."""
    if match.group("name").casefold() in (item.source or "").casefold():
        return False
    if not _is_english(match.group("said"), pair.locale) or not _is_in(item.text, pair.locale):
        return False
    return bool(item.source) or bool(_ABOUT.search(match.group("said")))


def _find_native_notes(item: FieldText, lowered: str, section: TranslatorNotes) -> Iterator[tuple[int, int, str]]:
    """Notes in the language of the pair: called a translator's, or in brackets and about a translation."""
    text = item.text
    if holds_any(lowered, section.notes) and (match := section.note.search(text)):
        start, end = match.start(), text.find("\n", match.end())
        end = len(text) if end < 0 else end
        opening = max(text.rfind(mark, max(0, start - 4), start) for mark in "([（【")
        closing = min((at for mark in ")]）】" if (at := text.find(mark, start, end)) >= 0), default=-1)
        if opening >= 0 and closing >= 0:
            start, end = opening, closing + 1
        yield start, end, f'a note of the translator: "{match.group()}"'
        return
    if not item.source or not holds_any(lowered, section.stems):
        return
    for match in _BRACKETS.finditer(item.text):
        said = match.group().lower()
        if any(stem in said for stem in section.stems):
            yield *match.span(), f'speaks of a translation, and the source does not: "{match.group()[:60]}"'


def _is_announced(source: str) -> bool:
    """Whether the first line of a source announces what follows: then the pair's is its translation."""
    first, _, rest = source.strip().partition("\n")
    return bool(rest) and first.rstrip("* ").endswith(":")


def _is_sentence(rest: str) -> bool:
    """Whether what is left begins like a text, and not in the middle of one."""
    return rest.lstrip()[:1].isalnum() or rest.lstrip()[:1] in '"“„«「『¿¡#*-('


def _is_english(text: str, locale: Locale) -> bool:
    """Whether a short text is English: some word of English grammar, and none of the locale's own."""
    if not text.isascii() and sum(map(str.isascii, text)) < 0.9 * len(text):
        return False
    if reads_as_english(text, locale):
        return True
    own = function_words(locale.code) - function_words("en")
    english = find_english_words(text, locale)
    return bool(english or _ABOUT.search(text)) and not any(word.lower() in own for word in split_words(text))


def _is_in(text: str, locale: Locale) -> bool:
    """Whether a text is evidently in the language of the locale; a short one, whether it does not read as English."""
    found = find_evident_language(text)
    return same_language(found, locale.code) or (found is None and not reads_as_english(text, locale))
