"""Text in the wrong language: left in English, or in a language that is neither the corpus's nor English.

English is recognised by its words of grammar, every other language by script or words of grammar; lingua confirms what
they suspect. Names, titles, quotations, code and the English that a task is about are no defect. Knows of a language's
grammar nothing but the words that its locale lists.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator

from midb.domain.defects import DefectFamily, DefectKind, Finding, Severity
from midb.domain.pairs import Field
from midb.locales import Locale
from midb.text.inspection import FieldText, Inspection, PairTask
from midb.text.languages import find_evident_language, language_name, same_language
from midb.text.names import are_names
from midb.text.prose import (
    blank_foreign_parts,
    find_english_words,
    find_foreign_runs,
    has_own_letter,
    is_copied,
    is_in_own_script,
    reads_as_english,
)
from midb.text.spans import NO_SPANS
from midb.text.subjects.language_tasks import LanguageTask, LanguageTasks
from midb.text.words import count_ideographs, count_letters, function_words, holds_any, split_words

UNTRANSLATED_TEXT = DefectKind(
    name="untranslated-text",
    family=DefectFamily.TRANSLATION,
    severity=Severity.MAJOR,
    summary="text left in English",
    needs=(LanguageTasks,),
)
WRONG_LANGUAGE = DefectKind(
    name="wrong-language",
    family=DefectFamily.TRANSLATION,
    severity=Severity.MAJOR,
    summary="a text in another language than the corpus, and not in English",
    needs=(LanguageTasks,),
    explains=frozenset({"foreign-script"}),
)
KINDS = (UNTRANSLATED_TEXT, WRONG_LANGUAGE)

#: A field of fewer letters is too short to judge. For an instruction fewer are enough: it is hardly ever a name or a
#: quotation.
_LEAST_LETTERS = {Field.INSTRUCTION: 20, Field.INPUT: 40, Field.RESPONSE: 40}
#: The same for a sentence inside a field that is otherwise in its language.
_LEAST_LETTERS_OF_PART = 45
#: Foreign material that a task is about is short; a longer text is an answer.
_LONGEST_MATERIAL = 200
#: Words of a phrase that is a copy of its source, from which on it is a phrase.
_LEAST_WORDS_OF_COPY = 3
#: Items of a list of slogans, and words of each.
_LEAST_ITEMS = 3
_LEAST_WORDS_OF_ITEM = 2
#: How tasks call slogans.
_SLOGANS = re.compile(
    r"\b(?:e?slogans?|e?slóganes|slogany|sloganů|taglines?|mottos?|lemas?|heslo|hesla|hesel|werbesprüche?|khẩu hiệu)\b"
    r"|слоган|лозунг|スローガン|キャッチフレーズ|슬로건|คำขวัญ|สโลแกน|شعار|σλόγκαν|σύνθημα|συνθήματα",
    re.IGNORECASE,
)
#: What each of these words holds, in whatever case.
_IN_SLOGANS = (
    *("slog", "slóg", "tagl", "mott", "lema", "hesl", "hese", "werbespr", "khẩu"),
    *("слоган", "лозунг", "スローガン", "キャッチフレーズ", "슬로건", "คำขวัญ", "สโลแกน", "شعار"),
    *("σλόγκαν", "σύνθημα", "συνθήματα"),
)  # fmt: skip
#: English texts of some length hold one of these.
_INEVITABLE = (" the ", " of ", " and ", " to ", " is ", " are ", " with ", " for ", "The ", " that ")
#: Characters of a text that are enough to see that it is in its language.
_BEGINNING = 240

_BRACKETS = re.compile(r"\([^()\n]{1,200}\)|（[^（）\n]{1,200}）")
_SENTENCE = re.compile(r"[^\n.!?。！？؟]+[.!?。！？؟]*")


def detect(inspection: Inspection) -> Iterator[Finding]:
    """Fields, and sentences in them, that are in English or in another wrong language."""
    section = inspection.locale.get(LanguageTasks)
    if section is None:
        return
    task = _Task(inspection, section)
    for item in inspection.filled_fields:
        short = len(item.text) < _LEAST_LETTERS[item.field]
        if short and not _may_be_short_copy(item):
            continue
        text = item.tell(blank_foreign_parts)
        findings = list(_find_untranslated(item, text, task)) if not short else []
        if not findings and (_is_short_copy(item, text, task) or _is_list_of_slogans(item, text, task)):
            start, end = _trim(item.text, 0, len(item.text))
            findings.append(UNTRANSLATED_TEXT.finding(item.field, start, end, _describe(item, text, task)))
        yield from findings
        if not findings and not short:
            yield from _find_wrong_language(item, text, task)


class _Task(LanguageTask):
    """The task of a pair, and what else of the pair shows which language a field should be in."""

    #: What an English instruction asks for is in English because nobody translated it, whatever it asks.
    reads_english = False

    def __init__(self, inspection: Inspection, section: LanguageTasks) -> None:
        super().__init__(inspection, section)
        self.inspection = inspection
        self.locale = inspection.locale

    @functools.cached_property
    def in_english(self) -> bool:
        """Whether the instruction itself was left in English; what it asks for is then English for no good reason."""
        item = self.inspection.field(Field.INSTRUCTION)
        return item is not None and _is_all_english(item, item.tell(blank_foreign_parts), self)

    def repeats(self, item: FieldText, text: str) -> bool:
        """Whether another field of the pair holds three words in a row of these: then the text is quoted, not left."""
        triples = _find_triples(text)
        others = (other for other in self.inspection.fields if other.field is not item.field)
        return any(not triples.isdisjoint(_find_triples(other.text)) for other in others)


def _find_triples(text: str) -> set[tuple[str, str, str]]:
    tokens = split_words(text.lower())
    return set(zip(tokens, tokens[1:], tokens[2:], strict=False))


def _find_untranslated(item: FieldText, text: str, task: _Task) -> Iterator[Finding]:
    if not holds_any(text, _INEVITABLE) and not (item.field is Field.INSTRUCTION and _may_be_english(item, text, task)):
        return
    if _is_all_english(item, text, task):
        if item.field is Field.INSTRUCTION or not _english_is_wanted(item, text, task):
            severity = Severity.CRITICAL if item.field is Field.RESPONSE else Severity.MAJOR
            start, end = _trim(item.text, 0, len(item.text))
            yield UNTRANSLATED_TEXT.finding(item.field, start, end, _describe(item, text, task), severity=severity)
    elif len(text) >= _LEAST_LETTERS_OF_PART and len(find_english_words(text, task.locale)) >= 3:
        yield from _find_untranslated_sentences(item, text, task)


def _may_be_english(item: FieldText, text: str, task: _Task) -> bool:
    """Whether an instruction without the commonest English words may be English all the same."""
    if item.tell(is_copied) or not ("Latin" in task.locale.scripts or has_own_letter(text, task.locale)):
        return True
    return len(find_english_words(text, task.locale)) >= 2


def _is_all_english(item: FieldText, text: str, task: _Task) -> bool:
    """Whether a field is English from beginning to end; ``text`` is the field without its foreign parts."""
    if count_letters(text) < _LEAST_LETTERS[item.field]:
        return False
    if reads_as_english(text, task.locale):
        return item.field is not Field.INSTRUCTION or item.tell(is_copied) or _asks_in_english(text, task)
    if item.field is not Field.INSTRUCTION:
        return False
    # An order of four words may hold no word of grammar. That nothing of it was translated tells.
    tokens = split_words(text)
    if len(tokens) < 4 or are_names(tokens) or is_in_own_script(text, task.locale):
        return False
    if item.tell(is_copied) and find_english_words(text, task.locale):
        return True
    unmistakable = "Latin" not in task.locale.scripts or item.tell(is_copied)
    return unmistakable and task.inspection.identifier.identify(text, NO_SPANS) == "en"


def _asks_in_english(instruction: str, task: _Task) -> bool:
    """Whether what an instruction asks for is English, and not just the material that follows its colon."""
    asked, colon, _ = instruction.partition(":")
    return not colon or bool(find_english_words(asked, task.locale))


def _english_is_wanted(item: FieldText, text: str, task: _Task) -> bool:
    """Whether an input or a response is rightly in English."""
    if task.about_languages:
        return True
    if task.in_english:
        return False
    if task.repeats(item, text):
        return True
    if item.field is Field.RESPONSE and item.tell(is_copied) and count_letters(text) >= _LEAST_LETTERS_OF_PART:
        return False  # a whole sentence that nobody touched and nothing in the pair quotes
    return task.about_material and count_letters(text) < _LONGEST_MATERIAL


def _may_be_short_copy(item: FieldText) -> bool:
    """Whether an input or a response is its source letter for letter."""
    return item.field is not Field.INSTRUCTION and item.source is not None and item.text.strip() == item.source.strip()


def _is_short_copy(item: FieldText, text: str, task: _Task) -> bool:
    """Whether an input or a response is an English phrase that nobody translated, too short for grammar to tell.

    Its task has no use for foreign words, and most of its own are written small, as in names and titles they are not.
    """
    if not _may_be_short_copy(item) or task.about_languages or task.about_material or len(item.code):
        return False
    tokens = split_words(text)
    small = sum(word.islower() for word in tokens)
    if len(tokens) < _LEAST_WORDS_OF_COPY or 2 * small <= len(tokens) or are_names(tokens):
        return False
    return _is_identified_as_english(text, task)


def _is_list_of_slogans(item: FieldText, text: str, task: _Task) -> bool:
    """Whether a response lists slogans, all of them English; such phrases hardly have a word of grammar."""
    if item.field is not Field.RESPONSE or "\n" not in text.strip():
        return False
    if not task.inspection.task.tell(_asks_for_slogans) or task.about_languages:
        return False
    items = [line for line in text.split("\n") if len(split_words(line)) >= _LEAST_WORDS_OF_ITEM]
    return len(items) >= _LEAST_ITEMS and _is_identified_as_english("\n".join(items), task)


def _asks_for_slogans(task: PairTask) -> bool:
    return any(holds_any(asked.casefold(), _IN_SLOGANS) and _SLOGANS.search(asked) for asked in task.texts)


def _is_identified_as_english(text: str, task: _Task) -> bool:
    """Whether a text without words of its own language is English as far as the library of languages can tell."""
    if "Latin" not in task.locale.scripts and has_own_letter(text, task.locale):
        return False
    return task.inspection.identifier.identify(text, NO_SPANS) == "en"


def _find_untranslated_sentences(item: FieldText, text: str, task: _Task) -> Iterator[Finding]:
    """Runs of English sentences in a field that is otherwise in its language."""
    if task.about_languages or task.about_material:
        return
    blanked = _BRACKETS.sub(lambda match: " " * len(match.group()), text)
    runs: list[tuple[int, int]] = []
    for start, end in _find_english_ranges(blanked, task.locale):
        sentence = blanked[start:end]
        if task.repeats(item, sentence):
            continue
        if runs and not text[runs[-1][1] : start].strip():
            runs[-1] = (runs[-1][0], end)
        else:
            runs.append((start, end))
    runs = [run for run in runs if count_letters(text[slice(*run)]) >= _LEAST_LETTERS_OF_PART]
    for run in runs:
        start, end = _trim(item.text, *run)
        yield UNTRANSLATED_TEXT.finding(item.field, start, end, _describe(item, text[start:end], task))


def _find_english_ranges(text: str, locale: Locale) -> Iterator[tuple[int, int]]:
    """English sentences; in a sentence of another script, what stands between its letters and reads as English.

    Thai has no mark between sentences, and translators leave the second half of one.
    """
    least = _LEAST_LETTERS[Field.INSTRUCTION]
    for match in _SENTENCE.finditer(text):
        if len(match.group()) < least:
            continue
        if reads_as_english(match.group(), locale):
            yield match.span()
        elif "Latin" not in locale.scripts:
            for first, last in find_foreign_runs(match.group(), locale):
                if last - first >= least and reads_as_english(match.group()[first:last], locale):
                    yield match.start() + first, match.start() + last


def _find_wrong_language(item: FieldText, text: str, task: _Task) -> Iterator[Finding]:
    # The beginning of nearly every text settles that nothing is wrong.
    if same_language(item.tell(_tell_beginning), task.locale.code):
        return
    code = find_evident_language(text, NO_SPANS)
    if code is None or code == "en" or same_language(code, task.locale.code):
        return
    if count_letters(text) + count_ideographs(text) < _LEAST_LETTERS[Field.RESPONSE] or task.about_languages:
        return
    tokens = split_words(text)
    own = function_words(task.locale.code) - function_words(code)
    if 10 * sum(word.lower() in own for word in tokens) > len(tokens) or are_names(tokens, code):
        return
    if task.inspection.identifier.identify(text, NO_SPANS) != code:
        return
    start, end = _trim(item.text, 0, len(item.text))
    evidence = f"reads as {language_name(code)}, not as {task.locale.name}"
    yield WRONG_LANGUAGE.finding(item.field, start, end, evidence)


def _tell_beginning(item: FieldText) -> str | None:
    """The language that the beginning of a field makes evident."""
    return find_evident_language(item.tell(blank_foreign_parts)[:_BEGINNING], NO_SPANS)


def _describe(item: FieldText, text: str, task: _Task) -> str:
    found = list(dict.fromkeys(find_english_words(text, task.locale)))[:4]
    listed = f" ({', '.join(found)})" if found else ""
    return f"English text{listed}{', a copy of the source' if item.tell(is_copied) else ''}"


def _trim(text: str, start: int, end: int) -> tuple[int, int]:
    """The range without the blanks at its ends."""
    stripped = text[start:end].strip()
    start = text.index(stripped, start)
    return start, start + len(stripped)
