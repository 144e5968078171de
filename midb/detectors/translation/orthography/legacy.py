"""Characters of old encodings and fonts in place of letters.

Unicode took them over so that old files can be read; text has letters. Arabic presentation forms, Latin ligatures and
signs inside Greek words are put right, half-width katakana and single jamo are told. Signs that mean something of their
own stay: religious formulas, currencies, units, formulas.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from midb.detectors.translation.orthography.places import Place
from midb.domain.defects import DefectFamily, DefectKind, Invariant, Severity

LEGACY_CHARACTER = DefectKind(
    name="legacy-character",
    family=DefectFamily.TRANSLATION,
    severity=Severity.MINOR,
    summary="characters of old encodings in place of letters: Arabic presentation forms, ligatures, half-width kana",
    repairs=True,
    # A ligature is several letters.
    may_change=frozenset({Invariant.LENGTH}),
)

#: Everything this module is about, for one search.
_ANY = re.compile(
    "[\u00b5\u2126\u2206\u220f\u2211\u03d0\u03d1\u03d5\u03d6\u03f0\u03f1\u3131-\u318e\ufb00-\ufb06"
    "\ufb50-\ufbb1\ufbd3-\ufd3d\ufd50-\ufdc7\ufe70-\ufefc\uff66-\uff9f]"
)

#: Arabic presentation forms of letters and of ligatures of letters; not the signs ﷲ to ﷽, ﴾ and ﴿.
_FORMS = "\ufb50-\ufbb1\ufbd3-\ufd3d\ufd50-\ufdc7\ufe70-\ufefc"
_FORM_WORD = re.compile(f"[{_FORMS}\u0621-\u065f]*[{_FORMS}][{_FORMS}\u0621-\u065f]*")
_FORM = re.compile(f"[{_FORMS}]")
#: Words in such forms from which on a text is written in them; a single one may be shown on purpose.
_LEAST_WORDS = 2

_LIGATURE = re.compile("(?:(?<=[A-Za-zß-ÿ])[\ufb00-\ufb06]|[\ufb00-\ufb06](?=[a-zß-ÿ]))")

#: Signs that look like Greek letters, and the letters.
_GREEK_SIGNS = dict(zip("µΩ∆∏∑ϐϑϕϖϰϱ".replace("Ω", "\u2126"), "μΩΔΠΣβθφπκρ", strict=True))
_SIGNS = "".join(_GREEK_SIGNS)
_TABLE = str.maketrans(_GREEK_SIGNS)
_GREEK = "\u0386\u0388-\u038a\u038c\u038e-\u03a1\u03a3-\u03ce"
#: A word with such a sign; not an index or exponent of a formula, nor a word in phonetic script.
_GREEK_WORD = re.compile(f"(?<![\\w_^{{\\\\/])[{_GREEK}]*[{_SIGNS}][{_GREEK}{_SIGNS}]*(?![\\w/])")
#: Letters beside the sign from which on it is a word rather than a formula: fewer where the sign is µ, which was typed
#: for its letter for decades.
_LEAST_LETTERS = {"µ": 2}
_LEAST_LETTERS_ELSE = 3
#: Shorter words.
_SHORT = {"µε", "µη"}
_VOWEL = re.compile("[αεηιουωάέήίόύώϊϋΐΰΑΕΗΙΟΥΩΆΈΉΊΌΎΏ]")

#: Kana of half width with their marks, and a kana among them: faces such as (ﾟ∀ﾟ) have the marks alone.
_HALF_WIDTH = re.compile("[\uff66-\uff9f]{2,}")
_KANA = re.compile("[\uff66-\uff6f\uff71-\uff9d]")
#: Syllables in single jamo, two at least: "ㅎㅏㄴㄱㅜㄱ", and not the laughter "ㅋㅋㅋ" or the letter "ㄱ".
_JAMO = re.compile("(?:[ㄱ-ㅎ][ㅏ-ㅣ][ㄱ-ㅎ]?){2,}")


def find_legacy(text: str) -> Iterator[Place]:
    """Every place of a text with such characters.

    >>> [(place.before, place.after) for place in find_legacy("Η µάζα, 5 µm, deﬁnizione, ﾗｰﾒﾝ")]
    [('ﬁ', 'fi'), ('µάζα', 'μάζα'), ('ﾗｰﾒﾝ', None)]
    """
    if text.isascii() or not _ANY.search(text):
        return
    yield from _find_forms(text)
    for match in _LIGATURE.finditer(text):
        plain = unicodedata.normalize("NFKC", match.group())
        yield Place(match.start(), match.group(), plain, "a ligature of print")
    yield from _find_greek_signs(text)
    for match in _HALF_WIDTH.finditer(text):
        if _KANA.search(match.group()):
            yield Place(match.start(), match.group(), None, "katakana of half width")
    for match in _JAMO.finditer(text):
        yield Place(match.start(), match.group(), None, "syllables in single jamo")


def _find_greek_signs(text: str) -> Iterator[Place]:
    """Greek words in which a sign stands for a letter that it looks like."""
    for match in _GREEK_WORD.finditer(text):
        word = match.group()
        signs = [letter for letter in word if letter in _GREEK_SIGNS]
        least = max(_LEAST_LETTERS.get(sign, _LEAST_LETTERS_ELSE) for sign in signs)
        if word.lower() in _SHORT or (len(word) - len(signs) >= least and _VOWEL.search(word)):
            yield Place(match.start(), word, word.translate(_TABLE), "a sign in place of a Greek letter")


def _find_forms(text: str) -> Iterator[Place]:
    """Words in Arabic presentation forms, unless there is only one of them."""
    words = [match for match in _FORM_WORD.finditer(text) if len(match.group()) > 1]
    if len(words) < _LEAST_WORDS:
        return
    turned = _are_turned_round(words)
    for match in _FORM_WORD.finditer(text):
        plain = None if turned else _FORM.sub(lambda form: _spell(form.group()), match.group())
        reason = "Arabic presentation forms, last letter first" if turned else "Arabic presentation forms"
        yield Place(match.start(), match.group(), plain, reason)


def _spell(form: str) -> str:
    """The letters of a form; a vowel sign that is shown on a blank or on a line is the sign alone.

    >>> _spell("ﻻ"), _spell("\\ufe70") == "\\u064b"
    ('لا', True)
    """
    plain = unicodedata.normalize("NFKC", form)
    return plain.lstrip(" \u0640") or plain


def _are_turned_round(words: list[re.Match[str]]) -> bool:
    """Whether words stand in the order in which they are drawn: they begin with the form of an ending.

    Nobody can be sure then what becomes of digits and Latin words between them.
    """
    begun = [unicodedata.decomposition(match.group()[0]).partition(" ")[0] for match in words]
    return sum(form in ("<final>", "<medial>") for form in begun) > sum(form == "<initial>" for form in begun)
