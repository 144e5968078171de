"""Vietnamese syllables with the tone on the wrong vowel: "tóan" for "toán", "qúy" for "quý".

Two ways are in use for oa, oe and uy at the end of a syllable (hòa, hoà); both are right here. Knows how syllables are
built, and no words.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from midb.detectors.translation.orthography.places import Place

_TONES = "\u0300\u0301\u0303\u0309\u0323"
_TONE = re.compile(f"[{_TONES}]")
#: A word with a toned letter in it; others cannot be wrong.
_TONED = "àáảãạằắẳẵặầấẩẫậèéẻẽẹềếểễệìíỉĩịòóỏõọồốổỗộờớởỡợùúủũụừứửữựỳýỷỹỵ"
#: A toned vowel beside another vowel, or behind a "q" or "g" and a vowel: the rest cannot be on the wrong one.
_SUSPECT = re.compile(
    rf"(?<!\w)[^\W\d_]{{0,4}}(?:[{_TONED}](?:[aăâeêioôơuưy]|[{_TONED}])|[aăâeêioôơuưy][{_TONED}])[^\W\d_]{{0,3}}(?!\w)",
    re.IGNORECASE,
)
_SYLLABLE = re.compile(
    "(?P<onset>ngh|ng|nh|gh|gi(?=[aăâeêioôơuưy])|qu|kh|ph|th|tr|ch|[bcdđghklmnprstvx])?"
    "(?P<vowels>[aăâeêioôơuưy]{1,3})(?P<coda>ch|ng|nh|[cmnpt])?"
)
_MODIFIED = "ăâêôơư"
#: The vowels that stand together in Vietnamese without a modified one among them, and where the tone may be then: at
#: the end of a syllable, and before a consonant.
_OPEN = {
    "ai": {0}, "ao": {0}, "au": {0}, "ay": {0}, "eo": {0}, "ia": {0}, "iu": {0}, "oi": {0}, "ua": {0}, "ui": {0},
    "oa": {0, 1}, "oe": {0, 1}, "uy": {0, 1}, "oai": {1}, "oay": {1}, "oao": {1}, "oeo": {1}, "uyu": {1}, "uya": {1},
}  # fmt: skip
_CLOSED = {"oa": {1}, "oe": {1}, "uy": {1}}
#: And with one.
_WITH_MODIFIED = frozenset(
    {"ây", "âu", "êu", "iê", "iêu", "yê", "yêu", "ôi", "ơi", "ưa", "ưi", "ưu", "uê", "uơ", "uô", "uôi", "ươ", "ươi"}
    | {"ươu", "uâ", "uây", "uyê", "oă"}
)


def find_misplaced_tones(text: str) -> Iterator[Place]:
    """Every syllable whose tone is where no way of writing puts it.

    At the end of a syllable of plain vowels it is not put right: such a word may be one of another language ("baú").

    >>> found = find_misplaced_tones("môn tóan qúy gía, baú, hòa hoà, thủy, của, già")
    >>> [(place.before, place.after) for place in found]
    [('tóan', 'toán'), ('qúy', 'quý'), ('gía', 'giá'), ('baú', None)]
    """
    for match in _SUSPECT.finditer(text):
        word = match.group()
        right = _put_tone_right(word)
        if right is not None:
            yield Place(match.start(), word, right or None, "a tone on the wrong vowel")


def _put_tone_right(word: str) -> str | None:
    """The word with its tone where it belongs; empty where that is not certain, ``None`` for what is not wrong.

    What is no syllable with one tone is not wrong either: it is not Vietnamese.
    """
    apart = unicodedata.normalize("NFD", word)
    tones = _TONE.findall(apart)
    plain = unicodedata.normalize("NFC", _TONE.sub("", apart))
    match = _SYLLABLE.fullmatch(plain.lower())
    if len(tones) != 1 or match is None or len(plain) != len(word):
        return None
    if not (word.islower() or word.istitle() or word.isupper()):
        return None  # a capital inside a word: letters of a wrong encoding
    vowels, first = match["vowels"], match.start("vowels")
    places = _find_places(vowels, closed=match["coda"] is not None)
    toned = next(index for index, letter in enumerate(word) if _TONE.search(unicodedata.normalize("NFD", letter)))
    if places is None or toned - first in places:
        return None
    if not match["coda"] and match["onset"] not in ("qu", "gi") and not any(vowel in _MODIFIED for vowel in vowels):
        return ""
    place = first + max(places)
    return unicodedata.normalize("NFC", plain[: place + 1] + tones[0] + plain[place + 1 :])


def _find_places(vowels: str, *, closed: bool) -> set[int] | None:
    """Which of the vowels may bear the tone; ``None`` for vowels that do not stand together."""
    if len(vowels) == 1:
        return {0}
    if any(vowel in _MODIFIED for vowel in vowels):
        return {max(vowels.rfind(vowel) for vowel in _MODIFIED)} if vowels in _WITH_MODIFIED else None
    return (_CLOSED if closed else _OPEN).get(vowels)
