"""Letters of Turkish and Vietnamese that were read in the encoding of Western Europe: "þarký" for "şarkı", "ð" for "đ".

Both have an encoding of one byte that differs from Latin-1 in a few letters, which Icelandic and Czech write.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from midb.detectors.translation.orthography.places import Place
from midb.text.quotations import find_quotations
from midb.text.words import count_letters

#: windows-1254 and Latin-1, the only six letters in which they differ.
_TURKISH = str.maketrans("ýþðÝÞÐ", "ışğİŞĞ")
_TURKISH_WORD = re.compile(r"(?<![^\W\d_])[A-Za-zçöüÇÖÜâîûÂÎÛýþðÝÞÐ]*[ýþðÝÞÐ][A-Za-zçöüÇÖÜâîûÂÎÛýþðÝÞÐ]*(?![^\W\d_])")
#: Where one of them stands, the text was not misread as a whole, and the others are the letters of foreign names.
_TURKISH_LETTER = re.compile("[ıŞşĞğİ]")
#: Small letters only, as neither names nor titles have them.
_SMALL_WORD = re.compile("[a-zçöüâîûýþð]{3,}")
#: Two letters behind a capital, which few names have.
_TWICE = re.compile("[A-ZÇÖÜ][a-zçöüâîû]*[ýþð][a-zçöüâîû]*[ýþð][a-zçöüâîûýþð]*")
#: So many words prove it, one of them in small letters: fewer where one has þ or ð, which Czech does not write.
_LEAST_WORDS = 2
_LEAST_WORDS_WITH_Y = 3
#: And fewer in longer texts: of a hundred letters of Turkish eight are ı, ş or ğ, and here there is none. The length in
#: letters, and the words that are enough.
_IN_LONG_TEXTS = ((120, 1), (60, 2))

#: windows-1258 and Latin-1 (ð), and an African letter that is drawn like Đ.
_VIETNAMESE = str.maketrans("ðÐƉ", "đĐĐ")
_VOWELS = "aàáảãạăằắẳẵặâầấẩẫậeèéẻẽẹêềếểễệiìíỉĩịoòóỏõọôồốổỗộơờớởỡợuùúủũụưừứửữựyỳýỷỹỵ"
#: At the beginning of a syllable, as no language writes ð that has these vowels; no phonetic script.
_ETH = re.compile(
    rf"(?<![\w/\[ˈˌ])[ðÐƉ](?=[{_VOWELS}{_VOWELS.upper()}]{{1,3}}(?:ch|ng|nh|[cmnpt]|CH|NG|NH|[CMNPT])?(?![\w/\]ː]))"
)


def find_in_turkish(text: str) -> Iterator[Place]:
    """Every word of a text that was misread as a whole; nothing where one Turkish letter was not.

    >>> [place.after for place in find_in_turkish("çocuklar dýþarýda þarký söylüyor")]
    ['dışarıda', 'şarkı']
    >>> list(find_in_turkish("Guðmundur dışarıda"))
    []
    """
    words = list(_TURKISH_WORD.finditer(text))
    if not words or _TURKISH_LETTER.search(text):
        return
    quoted = list(find_quotations(text))
    told = {word.group() for word in words if not any(start <= word.start() < end for start, end in quoted)}
    small = {word for word in told if _SMALL_WORD.fullmatch(word)}
    proofs = small | {word for word in told if _TWICE.fullmatch(word)}
    certain = any("þ" in word or "ð" in word for word in small)
    least = _LEAST_WORDS if certain else _LEAST_WORDS_WITH_Y
    letters = count_letters(text)
    least = min([least, *(enough for length, enough in _IN_LONG_TEXTS if letters >= length)])
    if small and len(proofs) >= least:
        for match in words:
            word = match.group()
            yield Place(match.start(), word, word.translate(_TURKISH), "windows-1254 read as Latin-1")


def find_in_vietnamese(text: str) -> Iterator[Place]:
    """Every ð that is a đ.

    >>> [place.after for place in find_in_vietnamese("Thủ ðô, ðền chùa, /ðə/")]
    ['đ', 'đ']
    """
    for match in _ETH.finditer(text):
        yield Place(match.start(), match.group(), match.group().translate(_VIETNAMESE), "ð in place of đ")
