"""Characters of a script that has no place in the text: a Chinese word in an Arabic sentence, Hangul in Greek.

Latin letters are at home in every text. What the source holds, quotations, glosses in brackets, mathematics, faces
made of letters and texts about languages are no defect. Knows scripts, not words.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterator
from itertools import accumulate

import regex

from midb.domain.defects import DefectFamily, DefectKind, Finding, Severity
from midb.domain.pairs import Field
from midb.locales import Locale
from midb.text.forms.chinese import find_chinese_sentences, is_written_in_own_script
from midb.text.inspection import FieldText, Inspection
from midb.text.quotations import find_quotations
from midb.text.subjects.language_tasks import LanguageTask, LanguageTasks

FOREIGN_SCRIPT = DefectKind(
    name="foreign-script",
    family=DefectFamily.TRANSLATION,
    severity=Severity.MAJOR,
    summary="characters of a script that does not belong in the text",
    needs=(LanguageTasks,),
)
KINDS = (FOREIGN_SCRIPT,)

#: What is found in a field is no matter of the response, unless it is found there (see midb.detectors).
FIELD_BY_FIELD = True

#: Letters that are also signs: of faces drawn with letters, of mathematics, of reverence behind a holy name.
_SIGNS = frozenset("ツシッノヅʕʔಠಥлლдДωΩ益ロつづへくのヽﾉㅅㅂㅠㅜㅋㅎᕙᕗงฅ\ufdf0\ufdf2\ufdfa\ufdfb\ufdfd")
#: Letters of Latin, Greek and Cyrillic, which mixed-script-word is about.
_ALPHABET = re.compile(r"[A-Za-z\u00c0-\u024f\u0370-\u052f\u1e00-\u1fff]")
_GREEK = re.compile(r"[\u0370-\u03ff\u1f00-\u1fff]+")
#: Text in brackets, and pronunciations between slashes.
_BRACKETED = re.compile(
    r"\([^()\n]{1,200}\)|\[[^\[\]\n]{1,200}\]|（[^（）\n]{1,200}）|【[^【】\n]{1,200}】|/[^/\s]{1,40}/"
)
#: Behind a colon, an equals sign or a dash a value stands.
_BEFORE_VALUE = re.compile(r"[:：=→➜–—|-][ \t*_]*$")
#: Before a bracket, what the bracket explains.
_BEFORE_GLOSS = re.compile(r"[ \t*_]*[(（=\[]")
_HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff]+")
_HANGUL = re.compile(r"[\uac00-\ud7a3]")
#: Korean newspapers write these for countries, parties and offices among Hangul.
_KOREAN_SIGNS = frozenset("美中日北韓英佛獨露與野軍檢法前現故社氏市對反非女男外內間後無有株新舊")
#: Languages that put no blanks between words.
_UNSPACED = frozenset({"ja", "th"})
#: Scriptures are quoted in these scripts, in texts of any language.
_VERSE = regex.compile(r"[\p{Arabic}\p{Hebrew}\p{Devanagari}]")
#: Letters around a verse, from which on it is quoted; an answer in such a script has none.
_LEAST_AROUND_VERSE = 10
#: Characters on either side of a run in which the ends of its line are looked for.
_LONGEST_LINE = 500


@functools.cache
def _foreign_pattern(scripts: tuple[str, ...]) -> regex.Pattern[str]:
    """Runs of letters that are neither Latin nor in one of these scripts, across the blanks between them."""
    own = "".join(rf"\p{{{script}}}" for script in scripts)
    letter = rf"[[\p{{L}}\p{{M}}]--[\p{{Latin}}\p{{Common}}\p{{Inherited}}\p{{Modifier_Letter}}{own}]]"
    return regex.compile(rf"(?V1){letter}+(?:[\p{{Z}}\p{{P}}\n]{{1,4}}{letter}+)*")


#: Ranges in which all letters and marks are of one script, or of no script of their own.
_HOME = {
    "Latin": "\u0250-\u02af\u1e00-\u1eff",
    "Cyrillic": "\u0400-\u052f",
    "Greek": "\u0370-\u03e1\u1f00-\u1fff",
    "Arabic": "\u0600-\u06ff",
    "Thai": "\u0e00-\u0e7f",
    "Hiragana": "\u3041-\u3096",
    "Katakana": "\u30a0-\u30ff",
    "Han": "\u3400-\u4dbf\u4e00-\u9fff",
    "Hangul": "\u1100-\u11ff\uac00-\ud7a3",
}
_HOME_OF_ALL = "\x00-\u024f\u2000-\u206f\u20a0-\u20bf\u2190-\u2bff\u3000-\u3004\u3008-\u3020\u3030\uff01-\uff20"


@functools.cache
def _strange_pattern(scripts: tuple[str, ...]) -> re.Pattern[str]:
    """A character that may be a foreign letter: cheap to see, and most texts have none."""
    home = "".join(_HOME.get(script, "") for script in ("Latin", *scripts))
    return re.compile(f"[^{_HOME_OF_ALL}{home}]")


def detect(inspection: Inspection) -> Iterator[Finding]:
    """Every run of letters in a script that does not belong in its text."""
    section = inspection.locale.get(LanguageTasks)
    if section is None:
        return
    task = LanguageTask(inspection, section)
    pattern = _foreign_pattern((*inspection.locale.scripts, *(("Han",) if inspection.locale.code == "ko" else ())))
    strange = _strange_pattern(inspection.locale.scripts)
    for item in inspection.filled_fields:
        if item.text.isascii():
            continue
        runs = [match.span() for match in pattern.finditer(item.text)] if strange.search(item.text) else []
        if inspection.locale.code == "ko":
            runs += _find_han_inside_hangul(item.text)
        surroundings = _Surroundings(item.text, task)
        for start, end in runs:
            if not _is_legitimate(item, start, end, surroundings, inspection):
                yield _finding(item, start, end, inspection.locale)
        yield from _find_chinese(item, surroundings, inspection)


class _Surroundings:
    """What matters for every foreign run of one text; it is worked out when the first run asks."""

    def __init__(self, text: str, task: LanguageTask) -> None:
        self._text = text
        self._task = task

    @functools.cached_property
    def _separate(self) -> tuple[list[int], list[int]]:
        """Quotations and brackets: their beginnings, and how far those that begin so early reach at most."""
        ranges = [*find_quotations(self._text), *(match.span() for match in _BRACKETED.finditer(self._text))]
        ranges.sort()
        return [start for start, _ in ranges], list(accumulate((end for _, end in ranges), max))

    @functools.cached_property
    def speak_of_languages(self) -> bool:
        """Whether the task or this text is about languages."""
        return self._task.about_languages or self._task.names_a_language(self._text)

    def quote_verse(self, start: int) -> bool:
        """Whether the run that begins here may be a verse of scripture: other letters are around it, that quote it."""
        return bool(_VERSE.match(self._text, start)) and self._others >= _LEAST_AROUND_VERSE

    @functools.cached_property
    def _others(self) -> int:
        """How many letters of the text are in no script in which scriptures are quoted."""
        return sum(character.isalpha() and not _VERSE.match(character) for character in self._text)

    def are_set_apart(self, start: int, end: int) -> bool:
        """Whether the run stands in quotation marks or brackets."""
        starts, ends = self._separate
        index = bisect_right(starts, start) - 1
        return index >= 0 and end <= ends[index]


def _is_legitimate(item: FieldText, start: int, end: int, surroundings: _Surroundings, inspection: Inspection) -> bool:
    """Whether a run of foreign letters may well stand where it does."""
    text = item.text
    run = text[start:end]
    if item.protected.overlaps(start, end) or _is_a_sign(run) or _is_in_source(run, inspection):
        return True
    if _is_glued(text, start, end, inspection.locale):
        return _is_mixed_word(text, start, end)
    if surroundings.are_set_apart(start, end) or surroundings.speak_of_languages:
        return True
    if _is_a_line(text, start, end) and (item.field is not Field.RESPONSE or surroundings.quote_verse(start)):
        return True  # material for the task, a verse that is quoted
    return bool(_BEFORE_VALUE.search(text[max(0, start - 5) : start]) or _BEFORE_GLOSS.match(text, end))


def _is_in_source(run: str, inspection: Inspection) -> bool:
    return inspection.source is not None and any(run in original for _, original in inspection.source.texts())


def _is_mixed_word(text: str, start: int, end: int) -> bool:
    """Whether the run is part of a word of Latin, Greek and Cyrillic letters; that is a defect of another kind."""
    ends = ((text[start - 1 : start], text[start]), (text[end : end + 1], text[end - 1]))
    return any(_ALPHABET.match(outer) and _ALPHABET.match(inner) for outer, inner in ends)


def _is_a_sign(run: str) -> bool:
    """Letters used as symbols: Greek in mathematics, the mouth or hand of a face."""
    if _GREEK.fullmatch(run) and (len(run) <= 2 or run.isupper()):
        return True
    letters = [character for character in run if character.isalpha()]
    return len(letters) <= 3 and _SIGNS.issuperset(letters)


def _is_glued(text: str, start: int, end: int, locale: Locale) -> bool:
    """Whether a letter stands right before or behind the run, in a language that puts blanks between words."""
    if locale.code in _UNSPACED:
        return False
    before, behind = text[start - 1 : start], text[end : end + 1]
    return before.isalpha() or behind.isalpha()


def _is_a_line(text: str, start: int, end: int) -> bool:
    """Whether no other letter stands on the run's line, as far as a line is long."""
    first = max(text.rfind("\n", max(0, start - _LONGEST_LINE), start) + 1, start - _LONGEST_LINE, 0)
    last = text.find("\n", end, end + _LONGEST_LINE)
    rest = text[first:start] + text[end : last if last >= 0 else end + _LONGEST_LINE]
    return not any(character.isalpha() for character in rest)


def _find_han_inside_hangul(text: str) -> Iterator[tuple[int, int]]:
    """Chinese characters in the middle of a Korean word; before a word they may be a newspaper's."""
    for match in _HAN.finditer(text):
        if _HANGUL.match(text[match.start() - 1 : match.start()]) and not set(match.group()) <= _KOREAN_SIGNS:
            yield match.span()


def _find_chinese(item: FieldText, surroundings: _Surroundings, inspection: Inspection) -> Iterator[Finding]:
    """Chinese sentences in a Japanese or Korean text; one that is Chinese throughout is another kind's."""
    if inspection.locale.code not in ("ja", "ko") or not is_written_in_own_script(item.text):
        return
    for start, end in find_chinese_sentences(item.text):
        sentence = item.text[start:end]
        if surroundings.are_set_apart(start, end) or surroundings.speak_of_languages:
            continue
        if not item.protected.overlaps(start, end) and not _is_in_source(sentence, inspection):
            evidence = f"a Chinese sentence in a text in {inspection.locale.name}"
            yield FOREIGN_SCRIPT.finding(item.field, start, end, evidence)


def _finding(item: FieldText, start: int, end: int, locale: Locale) -> Finding:
    run = item.text[start:end]
    names = dict.fromkeys(_name_script(character) for character in run if character.isalpha())
    evidence = f"{' and '.join(names)} letters in a text in {locale.name}"
    return FOREIGN_SCRIPT.finding(item.field, start, end, evidence)


def _name_script(character: str) -> str:
    """The script of a letter, by the first word of its Unicode name.

    >>> _name_script("愉"), _name_script("ж"), _name_script("학")
    ('Han', 'Cyrillic', 'Hangul')
    """
    name = unicodedata.name(character, "unnamed").split()[0].capitalize()
    return {"Cjk": "Han"}.get(name, name)
