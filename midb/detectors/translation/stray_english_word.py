"""English words left inside a sentence of another script: "光の beacon のよう", "갓 brewed된 커피".

A word counts that is written small, stands in the same field of the English source, and has a letter of the language's
own script beside it. Names have capitals; quoted words, glosses in brackets, code, units, terms of technology and words
that the task is about are rightly in English. Texts in Latin letters are left alone: there loanwords look the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice

import regex

from midb.domain.defects import DefectFamily, DefectKind, Finding, Severity
from midb.text.inspection import FieldText, Inspection
from midb.text.prose import has_own_letter
from midb.text.quotations import find_quotations
from midb.text.subjects.language_tasks import LanguageTask, LanguageTasks
from midb.text.subjects.topics import asks_for_programming

STRAY_ENGLISH_WORD = DefectKind(
    name="stray-english-word",
    family=DefectFamily.TRANSLATION,
    severity=Severity.MAJOR,
    summary="an English word left inside a sentence of another script",
    needs_source=True,
    needs=(LanguageTasks,),
)
KINDS = (STRAY_ENGLISH_WORD,)

_WORD = r"[a-z]{2,}(?:['’-][a-z]+)*"
#: Up to four words written small, with single blanks between them, that are no part of a name, a number, an address, a
#: formula or a path, and that no bracket explains.
_RUN = regex.compile(
    r"(?<![\p{Latin}\p{N}_'’@#/\\.&=+*<>~-])(?<![\p{Latin}\p{N}][ ,:])"
    rf"{_WORD}(?: {_WORD}){{0,3}}"
    r"(?![\p{Latin}\p{N}_'’@/\\&=+*<>~-]|[ ]?[(（\[=]|[ .,:][\p{Latin}\p{N}]|\.\p{Latin})"
)
#: Behind one of these stands a value, an item of a row, a gloss or a quotation.
_BEFORE = re.compile(r"[(（\[【「『<《“‘\"'`:：=→|/\\@#&+~][ \t]*\Z")
_BEHIND = re.compile(r"[ \t]*[/\\@=|]")
_QUOTE = re.compile(r"[\"'“”‘’«»「」『』`*_]")
#: Words that are written so in texts of any script: units, functions, formats, technology, borrowed Latin, brands.
_AT_HOME = frozenset((
    "mph", "rpm", "kwh", "lbs", "cal", "kcal", "mol", "bpm", "dpi", "fps", "psi", "ppm", "kbps", "mbps", "gbps", "hrs",
    "kg", "km", "cm", "mm", "ml", "mg", "ft", "lb", "oz", "in", "px", "pt", "em", "am", "pm", "ph", "kb", "mb", "gb",
    "hz", "min", "max", "sec", "mins", "secs", "sin", "cos", "tan", "log", "exp", "arctan", "arcsin", "arccos", "mod",
    "lim", "true", "false", "null", "none", "noinput", "nooutput", "input", "output", "rgb", "cmyk", "hex",
    "pdf", "csv", "json", "xml", "html", "css", "jpg", "jpeg", "png", "gif", "svg", "zip", "txt", "doc", "docx", "xlsx",
    "sql", "api", "url", "http", "https", "www", "com", "org", "net", "email", "e-mail", "app", "apps", "web", "wifi",
    "wi-fi", "online", "offline", "blog", "vlog", "podcast", "hashtag", "emoji", "iot", "vs", "etc", "versus", "ok",
    "python", "java", "javascript", "docker", "git", "github", "linux", "numpy", "pandas", "pip", "npm", "bash", "sudo",
    "ssh", "tensorflow", "pytorch", "mysql", "postgresql", "mongodb", "redis", "nginx", "macos", "adidas", "ebay",
    "iphone", "ipad", "infix", "postfix", "in vitro", "in vivo", "de facto", "ad hoc", "per se", "et al", "a priori",
    "pro bono", "sapiens", "homo", "x-ray", "k-pop", "do", "re", "mi", "fa", "sol", "la", "si", "ti",
))  # fmt: skip
#: Tasks whose material is words.
_WORD_TASK = re.compile(
    r"\b(?:words?|synonyms?|antonyms?|verbs?|nouns?|adjectives?|adverbs?|pronouns?|prepositions?|parts? of speech"
    r"|pos tag\w*|letters?|rhym\w+|spell\w*|vowels?|strings?|substrings?|translat\w+|puns?|idioms?|phrases?|acronyms?"
    r"|abbreviat\w+|hashtags?|conjugat\w+|tenses?|gramma\w+|etymolog\w+|pronunciation|prefix\w*|suffix\w*"
    r"|homo(?:phone|nym)s?|palindromes?|anagrams?|misspel\w+|tokeni[sz]e\w*|mnemonics?|alphabet\w*|terms?)\b",
    re.IGNORECASE,
)
_LEAST_LETTERS = 3
#: A unit right behind a number is short.
_LONGEST_UNIT = 4
#: A field with more words in Latin letters is no sentence of another script with one left in it.
_MOST_RUNS = 200
#: Characters of an instruction whose quotations are looked at.
_LONGEST_TASK = 1_000
#: Characters on either side in which the marks of a quotation are looked for.
_NEAR = 300


def detect(inspection: Inspection) -> Iterator[Finding]:
    """Every run of small English words that its field's source has too."""
    section, source = inspection.locale.get(LanguageTasks), inspection.source
    if section is None or source is None or "Latin" in inspection.locale.scripts:
        return
    found = [
        (item, match)
        for item in inspection.filled_fields
        if item.source and has_own_letter(item.text, inspection.locale)
        for match in islice(_RUN.finditer(item.text), _MOST_RUNS)
        if _is_stray(item, match.start(), match.end(), inspection)
    ]
    if not found or _is_about_words(inspection, section):
        return
    for item, match in found:
        evidence = f"“{match.group()}” is left in English, as in the source"
        yield STRAY_ENGLISH_WORD.finding(item.field, match.start(), match.end(), evidence)


def _is_about_words(inspection: Inspection, section: LanguageTasks) -> bool:
    """Whether the task is about words, languages or code, so that English may be its material."""
    instruction = (inspection.source.instruction if inspection.source else None) or ""
    if _WORD_TASK.search(instruction) or asks_for_programming(inspection):
        return True
    return LanguageTask(inspection, section).about_languages


def _is_stray(item: FieldText, start: int, end: int, inspection: Inspection) -> bool:
    """Whether words are left over from the source in the middle of a sentence."""
    text = item.text
    words = text[start:end]
    if len(words) < _LEAST_LETTERS or words in _AT_HOME or all(word in _AT_HOME for word in words.split()):
        return False
    if not _stands_in_source(words, item):
        return False
    before = text[max(0, start - 8) : start]
    if (
        _BEFORE.search(before)
        or _BEHIND.match(text, end)
        or _QUOTE.search(text[start - 1 : start] + text[end : end + 1])
    ):
        return False
    if before.rstrip()[-1:].isdigit() and len(words) <= _LONGEST_UNIT:
        return False
    if not _is_beside_own_letter(text, start, end, inspection) or _is_quoted_by_the_task(words, inspection):
        return False
    if any(spans.overlaps(start, end) for spans in (item.protected, item.possible_code, item.demanded)):
        return False
    near = text[max(0, start - _NEAR) : end + _NEAR]
    offset = max(0, start - _NEAR)
    return not any(offset + first <= start and end <= offset + last for first, last in find_quotations(near))


def _stands_in_source(words: str, item: FieldText) -> bool:
    """Whether the field's source has the words too, in its prose and not only in an address or in code."""
    found = re.finditer(rf"(?<!\w){re.escape(words)}(?!\w)", item.source or "", re.IGNORECASE)
    return any(not item.source_protected.overlaps(*match.span()) for match in found)


def _is_beside_own_letter(text: str, start: int, end: int, inspection: Inspection) -> bool:
    """Whether a letter of the own script is next to the words, a blank or a comma between them at most."""
    before = text[max(0, start - 3) : start].rstrip(" ,،、")[-1:]
    after = text[end : end + 3].lstrip(" ,،、")[:1]
    return any(letter and has_own_letter(letter, inspection.locale) for letter in (before, after))


def _is_quoted_by_the_task(words: str, inspection: Inspection) -> bool:
    """Whether the source's instruction speaks of the words themselves."""
    instruction = (inspection.source.instruction if inspection.source else None) or ""
    return any(words in instruction[start:end].lower() for start, end in find_quotations(instruction[:_LONGEST_TASK]))
