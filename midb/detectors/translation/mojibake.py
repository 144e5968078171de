"""Mojibake: text that was decoded with the wrong encoding.

Only damage to the encoding is repaired; what was lost for good (U+FFFD) is flagged. Knows the scripts of a language
and the encodings it was written in before Unicode, not its words.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

from midb.domain.defects import DefectFamily, DefectKind, Finding, Invariant, Severity
from midb.locales import LocaleSection
from midb.text.forms.encodings import LOST, DamagedWord, find_damaged_words, looks_damaged
from midb.text.forms.plain_readings import own_alphabet
from midb.text.inspection import FieldText, Inspection
from midb.text.subjects.topics import speaks_of_encodings, speaks_of_programming


class MojibakeSection(LocaleSection, table="mojibake"):
    """How a language's text is damaged.

    ``code_pages``: its one-byte encodings before Unicode, likeliest first, whose text may have been read as Latin-1;
    only for scripts that are not Latin, because elsewhere both readings look like words. ``restores_no_break_space``:
    a blank may be the second half of a damaged letter; not where the same could be left of two different letters.
    """

    code_pages: tuple[str, ...] = ()
    restores_no_break_space: bool


MOJIBAKE = DefectKind(
    name="mojibake",
    family=DefectFamily.TRANSLATION,
    severity=Severity.MAJOR,
    summary="characters that were decoded with the wrong encoding",
    repairs=True,
    # The digits of an escape sequence such as \u00e9 are no number.
    may_change=frozenset({Invariant.LANGUAGE, Invariant.LENGTH, Invariant.NUMBERS}),
    explains=frozenset(
        {"wrong-language", "untranslated-text", "foreign-script", "mixed-script-word", "invisible-character"}
        | {"wrong-letter", "legacy-character", "decomposed-text"}
    ),
)

KINDS = (MOJIBAKE,)

#: Characters of a word that a finding quotes.
_QUOTED = 40

#: For a language of which nothing is known.
_UNKNOWN = MojibakeSection(restores_no_break_space=False)


def detect(inspection: Inspection) -> Iterator[Finding]:
    """At most three findings per field: what can be restored, what cannot, and what was lost.

    A word that is sound as it stands, but for the company it is in, is damaged where another word of the pair is.
    """
    section = inspection.locale.get(MojibakeSection) or _UNKNOWN
    fields = [field for field in inspection.filled_fields if field.tell(_may_be_damaged)]
    if not fields or speaks_of_encodings(inspection):  # such a text shows damage on purpose
        return
    found = {field: _find_words(field, section, inspection) for field in fields}
    if len(fields) > 1 and any(word.after for words in found.values() for word in words):
        found = {field: _find_words(field, section, inspection, proven=True) for field in fields}
    for field, words in found.items():
        yield from _findings(field, words)


def _may_be_damaged(field: FieldText) -> bool:
    return looks_damaged(field.text) or LOST in field.text


def _find_words(
    field: FieldText, section: MojibakeSection, inspection: Inspection, *, proven: bool = False
) -> list[DamagedWord]:
    """The damaged words of a field; ``proven`` says that another word of the pair is damaged for certain."""
    words = find_damaged_words(
        field.text,
        scripts=inspection.locale.scripts,
        code_pages=section.code_pages,
        restores_no_break_space=section.restores_no_break_space,
        alphabet=own_alphabet(inspection.locale),
        proven=proven,
    )
    return [word for word in words if not _is_code(word, inspection)]


def _is_code(word: DamagedWord, inspection: Inspection) -> bool:
    """Whether an escape sequence stands where it belongs."""
    return word.before.startswith("\\u") and speaks_of_programming(inspection)


def _findings(field: FieldText, words: list[DamagedWord]) -> Iterator[Finding]:
    sure: list[DamagedWord] = []
    unsure: list[DamagedWord] = []
    for word in words:
        touches_code = field.protected.overlaps(word.start, word.start + len(word.before))
        (unsure if word.after is None or touches_code else sure).append(word)
    for group in (sure, unsure):
        if group:
            first, more = group[0], f" (and {len(group) - 1} more)" if group[1:] else ""
            edits = [MOJIBAKE.edit(field.field, w.start, w.before, w.after or "") for w in group if group is sure]
            yield MOJIBAKE.finding(
                field.field, first.start, first.start + len(first.before), _describe(first) + more, fix=tuple(edits)
            )
    lost = field.text.find(LOST)
    if lost >= 0 and not any(word.start <= lost < word.start + len(word.before) for word in words):
        count = field.text.count(LOST)
        yield MOJIBAKE.finding(field.field, lost, lost + 1, f"{count} x U+FFFD: characters were lost in decoding")


def _describe(word: DamagedWord) -> str:
    """The word and what it reads, shortened for people; a blank by its name.

    >>> _describe(DamagedWord(0, "cafÃ©", "café"))
    '"cafÃ©" reads "café"'
    """
    if word.after is None:
        return f'"{_shorten(word.before)}" is damaged'
    if word.after.isspace():
        return f'"{_shorten(word.before)}" reads {unicodedata.name(word.after[0], "?")}'
    return f'"{_shorten(word.before)}" reads "{_shorten(word.after)}"'


def _shorten(word: str) -> str:
    return word if len(word) <= _QUOTED else word[: _QUOTED - 1] + "…"
