"""Defects of encodings: mojibake, decomposed letters, invisible characters, characters of old encodings.

Each is made as it arises: by encoding with one code page and decoding with another, by Unicode's own normal forms.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from random import Random

import ftfy.bad_codecs  # noqa: F401  (registers the code pages as browsers read them)

from midb.injectors.base import CleanPair, Expectation, Injection, Injector, change, code_ranges, is_outside, rewrite

#: The code pages that files of a language used to be in; every language's are misread as Western European.
_CODE_PAGES = {
    "ru": ("cp1251",), "el": ("sloppy-windows-1253",), "cs": ("sloppy-windows-1250",), "ar": ("cp1256",),
    "tr": ("sloppy-windows-1254",), "th": ("cp874",), "vi": ("sloppy-windows-1258",),
}  # fmt: skip
_WESTERN = ("sloppy-windows-1252", "latin-1")

#: A word with a letter beyond ASCII in it.
_WORD = re.compile(r"(?<![^\W\d_])[^\W\d_]*[^\W\d_\x00-\x7f][^\W\d_]*")


def _propose_mojibake(clean: CleanPair, random: Random) -> Iterator[Injection]:
    for field, text in clean.texts():
        for page in (*_WESTERN, *_CODE_PAGES.get(clean.language, ())):
            if misread := _misread(text, page):
                yield rewrite("mojibake", f"whole text read as {page}", field, text, misread)
        # One word: a name that was pasted from elsewhere. Decoded as a whole file is more usual in other scripts.
        if clean.locale.script == "Latin":
            for match in _WORD.finditer(text):
                misread = _misread(match.group(), _WESTERN[0])
                if misread and is_outside(*match.span(), code_ranges(text)):
                    yield change("mojibake", "one word", field, match.start(), match.group(), misread)


def _misread(text: str, page: str) -> str:
    """The text as UTF-8, read in another encoding; empty where that is not possible, or changes nothing."""
    try:
        misread = text.encode("utf-8").decode(page)
    except UnicodeDecodeError:
        return ""
    return misread if misread != text else ""


def _propose_decomposed(clean: CleanPair, random: Random) -> Iterator[Injection]:
    for field, text in clean.texts():
        if unicodedata.is_normalized("NFC", text):
            parts = unicodedata.normalize("NFD", text)
            yield rewrite("decomposed-text", "whole text", field, text, parts)
            for match in _WORD.finditer(text):
                parts = unicodedata.normalize("NFD", match.group())
                if parts != match.group():
                    yield change("decomposed-text", "one word", field, match.start(), match.group(), parts)


#: Inside and between words, at the beginning of a text. A joiner or a mark of direction is right in some scripts.
_INSIDE = {"soft hyphen": "\u00ad", "zero width space": "\u200b", "word joiner": "\u2060"}
_LETTERS = re.compile(r"[^\W\d_]{5,}")


def _propose_invisible(clean: CleanPair, random: Random) -> Iterator[Injection]:
    kind = "invisible-character"
    for field, text in clean.texts():
        yield change(kind, "byte order mark", field, 0, "", "\ufeff")
        ranges = code_ranges(text)
        blanks = [m.start() for m in re.finditer(r"(?<=\w) (?=\w)", text) if is_outside(m.start(), m.end(), ranges)]
        for start in blanks[:20]:
            yield change(kind, "control character", field, start, "", "\x7f")
            if clean.language not in ("th", "ja"):  # there it may say where a line can end
                yield change(kind, "zero width space beside a blank", field, start, "", "\u200b")
        if clean.locale.script not in ("Latin", "Cyrillic", "Greek"):
            continue
        for match in list(_LETTERS.finditer(text))[:20]:
            if is_outside(*match.span(), ranges):
                for form, character in _INSIDE.items():
                    middle = match.start() + len(match.group()) // 2
                    yield change(kind, form, field, middle, "", character)


#: Half-width katakana, by the full-width letters they stand for.
_HALF_WIDTH = {unicodedata.normalize("NFKC", chr(code)): chr(code) for code in range(0xFF66, 0xFF9E)}
_HALF_WIDTH |= {unicodedata.normalize("NFC", full + mark): half + small for full, half in list(_HALF_WIDTH.items())
                for mark, small in (("\u3099", "\uff9e"), ("\u309a", "\uff9f"))
                if len(unicodedata.normalize("NFC", full + mark)) == 1}  # fmt: skip
_KATAKANA = re.compile("[ァ-ヶー]{3,}")
_LIGATURES = {"ffi": "ﬃ", "ffl": "ﬄ", "ff": "ﬀ", "fi": "ﬁ", "fl": "ﬂ"}
_LIGATURE = re.compile("|".join(_LIGATURES))


def _list_forms() -> dict[str, dict[str, str]]:
    """The presentation forms of each Arabic letter by position.

    >>> sorted(_list_forms()["ب"])
    ['final', 'initial', 'isolated', 'medial']
    """
    forms: dict[str, dict[str, str]] = {}
    for code in range(0xFE80, 0xFEF5):
        position, *letters = unicodedata.decomposition(chr(code)).split()
        if len(letters) == 1:
            forms.setdefault(chr(int(letters[0], 16)), {})[position.strip("<>")] = chr(code)
    return forms


_FORMS = _list_forms()

_ARABIC_RUN = re.compile("[\u0621-\u064a]+")


def shape(text: str) -> str:
    """Arabic in presentation forms, as old typesetting programs and copies out of PDF have it.

    >>> shape("باب") == "\\ufe91\\ufe8e\\ufe8f"
    True
    """
    return _ARABIC_RUN.sub(lambda match: _shape_run(match.group()), text)


def _shape_run(run: str) -> str:
    shaped, joined = [], False
    for index, letter in enumerate(run):
        forms = _FORMS.get(letter, {})
        following = index + 1 < len(run) and "final" in _FORMS.get(run[index + 1], {})
        joins = following and "initial" in forms
        position = ("medial" if joins else "final") if joined else ("initial" if joins else "isolated")
        shaped.append(forms.get(position, letter))
        joined = joins
    return "".join(shaped)


def _propose_legacy(clean: CleanPair, random: Random) -> Iterator[Injection]:
    kind = "legacy-character"
    for field, text in clean.texts():
        if clean.language == "ar":
            yield rewrite(kind, "presentation forms", field, text, shape(text))
        ranges = code_ranges(text)
        for match in _LIGATURE.finditer(text):
            inside = text[match.start() - 1 : match.start()].isalpha() or text[match.end() : match.end() + 1].isalpha()
            if inside and is_outside(*match.span(), ranges):
                yield change(kind, "ligature", field, match.start(), match.group(), _LIGATURES[match.group()])
        if clean.language == "el":
            for match in re.finditer("(?<=[α-ωά-ώ])μ(?=[α-ωά-ώ])|μ(?=[α-ωά-ώ]{3})", text):
                yield change(kind, "micro sign", field, match.start(), "μ", "\u00b5")
        if clean.language == "ja":
            for match in _KATAKANA.finditer(text):
                half = "".join(_HALF_WIDTH.get(kana, kana) for kana in match.group())
                yield change(kind, "half-width kana", field, match.start(), match.group(), half, Expectation.FLAGGED)
        if clean.language == "ko":
            for match in re.finditer("[가-힣]{2,}", text):
                single = "".join(map(_take_apart, match.group()))
                yield change(kind, "single jamo", field, match.start(), match.group(), single, Expectation.FLAGGED)


_FIRST = "ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎ"
_LAST: list[str] = ["", *"ㄱㄲㄳㄴㄵㄶㄷㄹㄺㄻㄼㄽㄾㄿㅀㅁㅂㅄㅅㅆㅇㅈㅊㅋㅌㅍㅎ"]


def _take_apart(syllable: str) -> str:
    """The letters of a Korean syllable side by side, as a broken input method leaves them.

    >>> _take_apart("한")
    'ㅎㅏㄴ'
    """
    code = ord(syllable) - 0xAC00
    first, vowel, last = code // 588, code % 588 // 28, code % 28
    return f"{_FIRST[first]}{chr(0x314F + vowel)}{_LAST[last]}"


INJECTORS = (
    Injector("mojibake", "UTF-8 is read in the encoding of another system, whole or word by word", _propose_mojibake),
    Injector("decomposed-text", "a file system or a converter takes letters and marks apart", _propose_decomposed),
    Injector("invisible-character", "what a page or an editor hides comes along with a copy", _propose_invisible),
    Injector("legacy-character", "old fonts and copies out of PDF have characters of their own", _propose_legacy),
)
