"""Letters written as a letter and a mark, or as parts of a syllable, where one character exists for them.

Composing them changes nothing that can be read: Unicode calls both spellings canonically the same. Only what composes
is touched; the order of Arabic vowel signs, which normalization would change as well, is left as it is.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from midb.detectors.translation.orthography.places import Place
from midb.domain.defects import DefectFamily, DefectKind, Invariant, Severity

DECOMPOSED_TEXT = DefectKind(
    name="decomposed-text",
    family=DefectFamily.TRANSLATION,
    severity=Severity.MINOR,
    summary="letters apart from their marks, or syllables in parts, where one character exists for them",
    repairs=True,
    # A Korean syllable in three parts becomes one character.
    may_change=frozenset({Invariant.LENGTH}),
)

#: A letter with its marks: those of Latin, Greek and Cyrillic, of Arabic (madda, hamza above and below), of kana.
_MARKED = r"[^\W\d_][\u0300-\u036f\u0653-\u0655\u3099\u309a]{1,3}(?![\u0300-\u036f])"
#: A syllable in parts: beginning, vowel and perhaps end; or a whole one whose end stands apart.
_SYLLABLE = r"[\u1100-\u1112][\u1161-\u1175][\u11a8-\u11c2]?|[\uac00-\ud7a3][\u11a8-\u11c2]"
#: One of them after the other is one place.
_RUN = re.compile(f"(?:{_MARKED}|{_SYLLABLE})+")
_PART = re.compile(f"{_MARKED}|{_SYLLABLE}")

#: What the small form of Turkish İ is where letters were made small by the rules of English: i and a dot of its own.
_DOTTED = "i\u0307"

_REASON = "letters in parts"


def find_decomposed(text: str) -> Iterator[Place]:
    """Every run of letters in parts.

    >>> [place.after for place in find_decomposed("Ha\\u0300 No\\u0323\\u0302i, i\\u0307zmir")]
    ['à', 'ộ', 'i']
    """
    if text.isascii() or (_DOTTED not in text and unicodedata.is_normalized("NFC", text)):
        return
    for run in _RUN.finditer(text):
        if run.group().startswith(_DOTTED) and _is_among_capitals(text, run):
            continue  # whether it is a small letter nobody knows
        composed = _PART.sub(_compose, run.group())
        if composed != run.group():
            yield Place(run.start(), run.group(), composed, _REASON)


def _is_among_capitals(text: str, run: re.Match[str]) -> bool:
    return text[run.start() - 1 : run.start()].isupper() and text[run.end() : run.end() + 1].isupper()


def _compose(match: re.Match[str]) -> str:
    """The part in fewer characters, as it is where there are none."""
    part = match.group()
    if part in (_DOTTED, "ı\u0307"):
        return "i"
    composed = unicodedata.normalize("NFC", part)
    return composed if len(composed) < len(part) else part
