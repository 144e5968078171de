"""Rhymes and syllables, as far as letters show them: enough to see that a translated verse kept them, or lost them.

Whoever asks leaves a text alone that may well rhyme; no rhyme is proved here. Knows no pair.
"""

from __future__ import annotations

import re
import unicodedata

#: Scripts whose last letter is a syllable, or stands for a word's end alone.
_SYLLABLE = re.compile(r"[\u0600-\u06ff\u0e00-\u0e7f\u3041-\u30ff\u3400-\u9fff]")
_WORD = re.compile(r"[^\W\d_]+")
#: A Thai syllable whose vowel is written before its consonants, or in another way that sounds the same.
_THAI_AI = re.compile("(?:[ไใ][ก-ฮ]{1,2}[\u0e48-\u0e4b]?|\u0e31ย)[^ก-\u0e4e]*\\Z")
#: Lines that are looked back for a rhyme.
_REACH = 3
_VOWELS = re.compile(r"[aeiouyàáâãäåæèéêëìíîïòóôõöøùúûüýœıαεηιουωаеёиоуыэюя]+")
_KANA = re.compile(r"[\u3041-\u30fc]")
_SMALL_KANA = re.compile(r"[ゃゅょャュョぁぃぅぇぉァィゥェォ]")
_HAN = re.compile(r"[\u3400-\u9fff]")
_HANGUL = re.compile(r"[\uac00-\ud7a3]")
#: Moras or syllables of a haiku; letters show them roughly.
_HAIKU = range(13, 23)


def last_letters(text: str) -> str:
    """What a rhyme is heard by, roughly: the last letters of the last word, without accents.

    >>> last_letters("the cold and the snow,"), last_letters("déjà vu!"), last_letters("사랑")
    ('ow', 'vu', 'ᅡᆼ')
    """
    words = _WORD.findall(text.casefold())
    if not words:
        return ""
    if _THAI_AI.search(text):
        return "ไ"
    letters = [letter for letter in unicodedata.normalize("NFD", words[-1]) if not unicodedata.combining(letter)]
    return "".join(letters[-1:] if _SYLLABLE.match(letters[-1]) else letters[-2:])


def _last_word(text: str) -> str:
    words = _WORD.findall(text.casefold())
    return words[-1] if words else ""


def may_rhyme(lines: list[str]) -> bool:
    """Whether half of the lines or more end as one of their neighbours does, in another word.

    >>> may_rhyme(["Winter comes with its chill and snow,", "Blowing gales and days of woe"])
    False
    >>> may_rhyme(["so deep is the snow,", "and wherever you go"]), may_rhyme(["one", "two", "three"])
    (False, False)
    """
    ends = [(last_letters(line), _last_word(line)) for line in lines]
    ends = [end for end in ends if end[1]]
    rhyming = 0
    for place, (sound, word) in enumerate(ends):
        near = ends[max(0, place - _REACH) : place] + ends[place + 1 : place + 1 + _REACH]
        rhyming += any(sound == other and word != other_word for other, other_word in near)
    return len(ends) > 1 and 2 * rhyming >= len(ends)


def rhymes_with(word: str, others: list[str]) -> bool:
    """Whether most of the others end as a word does.

    >>> rhymes_with("hat", ["Mat", "rat", "bat"]), rhymes_with("chapeau", ["Mat", "rat", "bat"])
    (True, False)
    """
    return bool(others) and 2 * sum(last_letters(word) == last_letters(other) for other in others) > len(others)


def may_be_haiku(text: str, language: str) -> bool:
    """Whether a verse may have the 17 syllables or moras of a haiku, as far as its letters show them.

    >>> may_be_haiku("Sous la pluie du soir", "fr"), may_be_haiku("古池や蛙飛びこむ水の音", "ja")
    (False, True)
    """
    if language in ("ar", "th"):
        return True  # vowels are not written, or not one for a syllable
    if language == "ko":
        return len(_HANGUL.findall(text)) in _HAIKU
    if language == "vi":
        return len(_WORD.findall(text)) in _HAIKU
    if language == "ja":
        least = len(_KANA.findall(text)) - len(_SMALL_KANA.findall(text)) + len(_HAN.findall(text))
        return least < _HAIKU.stop and least + 2 * len(_HAN.findall(text)) >= _HAIKU.start
    return len(_VOWELS.findall(text.casefold())) in _HAIKU
