"""Defects of single letters: look-alikes of another script, wrong letters of the own one, lost accents."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from random import Random

from midb.injectors.base import (
    CODE,
    CleanPair,
    Expectation,
    Injection,
    Injector,
    change,
    code_ranges,
    is_outside,
    rewrite,
)
from midb.text.quotations import find_quotations

#: Letters that look alike, as keyboards of two layouts and readers of print confuse them.
_CYRILLIC_FOR_LATIN = dict(zip("aceopxyACEHKMOPTX", "асеорхуАСЕНКМОРТХ", strict=True))
_LATIN_FOR_CYRILLIC = {cyrillic: latin for latin, cyrillic in _CYRILLIC_FOR_LATIN.items()}
_LATIN_FOR_GREEK = dict(zip("ονΑΒΕΗΙΚΜΝΟΡΤΧ", "ovABEHIKMNOPTX", strict=True))
_LOOK_ALIKES = {"ru": _LATIN_FOR_CYRILLIC, "el": _LATIN_FOR_GREEK}

_WORDS = {"ru": re.compile("[а-яёА-ЯЁ]{5,}"), "el": re.compile("[α-ωά-ώΑ-Ω]{5,}")}
_LATIN_WORD = re.compile(r"(?<![\w@#./-])[a-zA-Z]{5,}(?![\w@#/-])")


def _propose_mixed(clean: CleanPair, random: Random) -> Iterator[Injection]:
    table = _LOOK_ALIKES.get(clean.language, _CYRILLIC_FOR_LATIN)
    for field, text in clean.texts():
        ranges = code_ranges(text)
        for match in _WORDS.get(clean.language, _LATIN_WORD).finditer(text):
            word = match.group()
            places = [index for index, letter in enumerate(word) if letter in table]
            # Where half the letters were foreign, nobody could say which script the word is in.
            if not places or not is_outside(*match.span(), ranges):
                continue
            for form, count in (("one letter", 1), ("two letters", 2)):
                if len(places) >= count and len(word) - len(places) >= 2 and count * 2 < len(word):
                    changed = list(word)
                    chosen = sorted(random.sample(places, count))
                    for index in chosen:
                        changed[index] = table[changed[index]]
                    # At the beginning, or in one piece, they may as well stand for their sounds.
                    in_one_piece = count > 1 and chosen[-1] - chosen[0] < count
                    expected = Expectation.FLAGGED if chosen[0] == 0 or in_one_piece else Expectation.REPAIRED
                    yield change("mixed-script-word", form, field, match.start(), word, "".join(changed), expected)


#: What is typed or printed in place of a letter: a pattern and its replacement for each form.
_WRONG: dict[str, tuple[tuple[str, str, str, Expectation], ...]] = {
    "th": (
        ("two vowels for one", "แ", "เเ", Expectation.REPAIRED),
        ("vowel in two parts", "(?<=[ก-ฮ])ำ", "\u0e4d\u0e32", Expectation.REPAIRED),
        (
            "doubled tone mark", "(?<=[ก-ฮ])([\u0e48\u0e49])(?![\u0e31-\u0e3a\u0e47-\u0e4e])", r"\1\1",
            Expectation.REPAIRED,
        ),
        (
            "tone before its vowel", "(?<=[ก-ฮ])([\u0e34-\u0e37\u0e31])([\u0e48\u0e49])(?!ำ)", r"\2\1",
            Expectation.REPAIRED,
        ),
    ),
    "el": (
        ("sigma inside for final sigma", r"(?<=\w\w\w\w)ς(?![\w.’'])", "σ", Expectation.REPAIRED),
        ("final sigma inside", r"(?<=\w)σ(?=[α-ωά-ώ])", "ς", Expectation.FLAGGED),
        ("accent beside its capital", r"(?<!\w)Ά(?=[α-ω]{2})", "\u0384Α", Expectation.REPAIRED),
        ("accent beside its capital", r"(?<!\w)Έ(?=[α-ω]{2})", "\u0384Ε", Expectation.REPAIRED),
        ("accent beside its capital", r"(?<!\w)Ό(?=[α-ω]{2})", "\u0384Ο", Expectation.REPAIRED),
    ),
    "ar": (
        ("word drawn out", "(?<=[بتثسشصضطظفقكلمنهي])(?=[\u0627-\u064a][\u0627-\u064a])", "ـــ", Expectation.FLAGGED),
    ),
    "vi": (("eth", "(?<![\\w])đ(?=[aăâeêioôơuưáàảãạấầẩẫậắằế])", "ð", Expectation.REPAIRED),),
}  # fmt: skip
#: A text that was typed on a Persian keyboard has no Arabic kaf at all.
_PERSIAN_KAF = re.compile("ك")
_TURKISH_AS_WESTERN = str.maketrans("ışğİŞĞ", "ýþðÝÞÐ")


def _propose_wrong(clean: CleanPair, random: Random) -> Iterator[Injection]:
    kind = "wrong-letter"
    for field, text in clean.texts():
        ranges = code_ranges(text)
        for form, pattern, letters, expected in _WRONG.get(clean.language, ()):
            for match in re.finditer(pattern, text):
                if is_outside(match.start(), match.end() + 1, ranges):
                    wrong = match.expand(letters)
                    yield change(kind, form, field, match.start(), match.group(), wrong, expected)
        if clean.language == "tr":
            # The file as a whole was read in the encoding of Western Europe.
            western = text.translate(_TURKISH_AS_WESTERN)
            if sum(one != other for one, other in zip(text, western, strict=True)) >= 4:
                yield rewrite(kind, "read as Western European", field, text, western)
        if clean.language == "ar" and len(re.findall(r"(?<!\w)(?:[وفبك]?ال)\w{3}", text)) >= 3:
            yield rewrite(kind, "Persian keyboard", field, text, _PERSIAN_KAF.sub("ک", text))


#: Languages that write accents in nearly every sentence; some lines of text, or it may be chance that there is none.
_ACCENTED = frozenset({"el", "vi", "tr", "cs", "pt"})
_LEAST_ACCENTS = 8


def _propose_lost(clean: CleanPair, random: Random) -> Iterator[Injection]:
    if clean.language not in _ACCENTED:
        return
    for field, text in clean.texts():
        parts = unicodedata.normalize("NFD", text)
        marks = [part for part in parts if unicodedata.combining(part)]
        plain = "".join(part for part in parts if not unicodedata.combining(part))
        plain = plain.translate(str.maketrans("đĐıİ", "dDiI"))
        if len(marks) >= _LEAST_ACCENTS and len(text) >= 200:
            yield rewrite("lost-accents", "whole text", field, text, plain, Expectation.FLAGGED)


#: Pieces of other scripts, as models that speak many languages let slip in, by the scripts they must not meet.
_PIECES = {
    "Han": ("愉", "体验", "的"), "Hangul": ("경험", "그리고"), "Cyrillic": ("опыт", "который"), "Thai": ("ประสบการณ์",),
    "Devanagari": ("अनुभव", "और"), "Arabic": ("تجربة", "الذي"), "Armenian": ("փորձ",),
}  # fmt: skip


def _propose_foreign(clean: CleanPair, random: Random) -> Iterator[Injection]:
    own = set(clean.locale.scripts) | ({"Han"} if clean.language in ("ja", "ko") else set())
    for field, text in clean.texts():
        ranges = code_ranges(text)
        places = [
            m.start()
            for m in re.finditer(r"(?<=[^\W\d_]{2})(?= [^\W\d_]{3})|(?<=[ぁ-ん])(?=[、。])|(?<=[ก-๎]{3})(?= [ก-๎])", text)
        ]
        for script, pieces in _PIECES.items():
            if script in own:
                continue
            for start in places[:10]:
                if is_outside(start, start + 1, ranges):
                    piece = random.choice(pieces)
                    form = f"a piece of {script}"
                    expected = Expectation.FLAGGED
                    yield change("foreign-script", form, field, start, "", f" {piece}", expected)


#: Scripts in which a Latin word in small letters is no word of the language.
_NOT_LATIN = frozenset({"ar", "ja", "ko", "ru", "el", "th"})


_PLACE = re.compile(r"(?<=[^\W\da-zA-Z_] )[^\W\da-zA-Z_]{3,}(?= [^\W\da-zA-Z_])|(?<=[ぁ-ん])[一-龠]{2}(?=[ぁ-ん])")
#: A word of a Thai text, whose words stand together: how much of a phrase is one word does not matter here.
_THAI_PLACE = re.compile("(?<=[ก-ฮ])[ก-ฮ]{3}(?=[ก-ฮ])|(?<=[ก-ฮ] )[ก-ฮ][ก-\u0e4e]{3,}(?= [ก-ฮ])")


def _propose_stray(clean: CleanPair, random: Random) -> Iterator[Injection]:
    kind = "stray-english-word"
    if clean.language not in _NOT_LATIN:
        return
    for field, text in clean.texts():
        source = CODE.sub(" ", clean.source_text(field))
        english = re.findall(r"(?<![\w{<.$\\/-])[a-z]{5,}(?![\w}>/.-])", source)
        ranges, quoted = code_ranges(text), list(find_quotations(text))
        # Beside a number it may be a unit or a name.
        places = (_THAI_PLACE if clean.language == "th" else _PLACE).finditer(text)
        for match in list(places)[:20]:
            if english and is_outside(*match.span(), ranges) and is_outside(*match.span(), quoted):
                word = random.choice(english)
                yield change(kind, "in place of a word", field, match.start(), match.group(), word, Expectation.FLAGGED)


INJECTORS = (
    Injector("stray-english-word", "a translator leaves a word that it does not know", _propose_stray),
    Injector(
        "mixed-script-word", "keyboards of two scripts, and readers of print, confuse look-alikes", _propose_mixed
    ),
    Injector("wrong-letter", "keyboards, fonts and old encodings put another letter there", _propose_wrong),
    Injector("lost-accents", "a form or a converter lets ASCII through only", _propose_lost),
    Injector("foreign-script", "a model of many languages slips into another one", _propose_foreign),
)
