"""Letters of Turkish and Vietnamese that were read in the encoding of Western Europe: "þarký" for "şarkı", "ð" for "đ".

Both have an encoding of one byte that differs from Latin-1 in a few letters, which Icelandic and Czech write.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from midb.detectors.translation.orthography.places import Place
from midb.text.quotations import find_quotations

#: windows-1254 and Latin-1, the only six letters in which they differ.
_TURKISH = str.maketrans("ýþðÝÞÐ", "ışğİŞĞ")
_TURKISH_WORD = re.compile(r"(?<![^\W\d_])[A-Za-zçöüÇÖÜâîûÂÎÛýþðÝÞÐ]*[ýþðÝÞÐ][A-Za-zçöüÇÖÜâîûÂÎÛýþðÝÞÐ]*(?![^\W\d_])")
#: Where one of them stands, the text was not misread as a whole, and the others are the letters of foreign names.
_TURKISH_LETTER = re.compile("[ıŞşĞğİ]")
#: Small letters only, as neither names nor titles have them.
_SMALL_WORD = re.compile("[a-zçöüâîûýþð]+")
#: So many words in small letters prove it: fewer where one has þ or ð, which Czech does not write.
_LEAST_WORDS = 2
_LEAST_WORDS_WITH_Y = 3

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
    small = {
        word.group()
        for word in words
        if len(word.group()) > 2
        and _SMALL_WORD.fullmatch(word.group())
        and not any(start <= word.start() < end for start, end in quoted)
    }
    certain = any("þ" in word or "ð" in word for word in small)
    if len(small) >= (_LEAST_WORDS if certain else _LEAST_WORDS_WITH_Y):
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
