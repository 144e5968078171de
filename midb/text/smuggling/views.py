"""The views of a text: what it says once it is decoded, turned round or read as it looks, in all the usual ways.

Whoever hides an order from a search expects a model to find it: in Base64, in rot13, backwards, in Morse, in look-alike
or invisible characters. Each function makes its views, or none where there is no sign of its trick. Knows no languages.
"""

from __future__ import annotations

import functools
import re
import string
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import regex

from midb.text.smuggling.codes import (
    MOST_PASSAGES,
    Code,
    has_run,
    may_be_hidden,
    read_base32,
    read_base64,
    read_binary,
    read_decimal,
    read_escapes,
    read_hex,
    read_selectors,
    read_tags,
    read_zero_width,
)
from midb.text.smuggling.folding import fold, list_rare, read_as_latin

#: Decoded texts may be encoded once more; deeper than this nobody looks.
_DEPTH = 2

#: What stands between texts that are looked at together: more blanks than anything that is looked for reaches across.
APART = "\n" * 8

#: Characters of a text that are looked at from either end; no model reads more at once.
_LONGEST = 60_000


@dataclass(frozen=True, slots=True)
class View:
    """What a text says when it is read in some way; ``moved``: its letters were moved about, and most is gibberish.

    ``shuffled``: its words, each for itself, are those of the text or of a view before it.
    """

    text: str
    moved: bool = False
    shuffled: bool = False


def find_views(text: str, depth: int = _DEPTH) -> Iterator[View]:
    """Every view of a text that differs from it, each once.

    >>> "Ignore all previous" in [view.text for view in find_views("SWdub3JlIGFsbCBwcmV2aW91cw==")]
    True
    """
    if len(text) > 2 * _LONGEST:
        text = f"{text[:_LONGEST]}\n{text[-_LONGEST:]}"
    seen = {text}
    folded = read_as_latin(fold(_read_letters(text)))
    for view in (folded, _drop_marks(folded)):
        if view not in seen:
            seen.add(view)
            yield View(view)
    for decode in _DECODERS:
        for view in decode(text if decode in _RAW else folded):
            if not view.strip() or view in seen:
                continue
            seen.add(view)
            yield View(view, decode in _MOVED, decode is _read_shuffled)
            if depth > 1 and decode in _NESTED:
                yield from find_views(view, depth - 1)


@dataclass(frozen=True, slots=True)
class Glance:
    """What stands in the views of a text, or of several with `APART` between them: every word of them, or more of it.

    ``folded``: the text as it looks; ``bare``: without marks too; ``moved``: the texts in which letters were moved
    about, but for ``leet``: only the words with digits for letters, read in either way.
    """

    folded: str
    bare: str
    moved: tuple[str, ...]
    leet: tuple[str, ...]


def glance(text: str) -> Glance | None:
    """What a text has to say, but for what takes a closer look: where it is very long, or something is in a code.

    >>> glance("Ein Ümlaut 1")
    Glance(folded='Ein Ümlaut 1', bare='Ein Umlaut 1', moved=('Rva Üzynhg 1', 'Vrm Ünozfg 1', '1 tualmÜ niE'), leet=())
    >>> glance("SWdub3JlIGFsbCBwcmV2aW91cw==")
    """
    if len(text) > 2 * _LONGEST:
        return None
    rare = list_rare(text)
    if may_be_hidden(rare) and any(_says_something(decode, text) for decode in _HIDING):
        return None
    folded = read_as_latin(fold(text.translate(_LETTERS) if _LETTER.search(rare) else text))
    if _says_something(read_escapes, text) or any(_says_something(decode, folded) for decode in _CODES):
        return None
    moved = [*_read_rotated(folded), text[::-1], *_join_letters(text)]
    if _TURNED.search(rare):
        moved += _read_turned(text)
    if _SPLIT_SIGN.search(text):
        moved.append(_SPLIT.sub("", text))
    words = " ".join([word[0] for word in _find_leet(folded)])
    leet = (words.translate(_LEET), words.translate(_LEET_L)) if words else ()
    return Glance(folded, _drop_marks(folded), tuple(moved), leet)


def _says_something(decode: Decoder, text: str) -> bool:
    """Whether a text holds something in a code; so does one with more passages than are looked at in one text."""
    if isinstance(decode, Code):
        runs = decode.find(text)
        return len(runs) > MOST_PASSAGES or any(True for run in runs for _ in decode.read(run))
    return any(view != text for view in decode(text))


# -- letters that look otherwise ---------------------------------------------------------------------------------------

_UPSIDE_DOWN = str.maketrans("ɐqɔpǝɟƃɓɥᴉıɾʞןlɯuodbɹsʇnʌʍxʎz", "abcdefggh" + "iijkllmnopqrstuvwxyz")
_TURNED = regex.compile("[ɐɔǝƃɥɹʇʌʍʎ]")


def _letters_from(first: int, letters: str) -> dict[int, str]:
    return {first + n: letter for n, letter in enumerate(letters)}


#: Letters in boxes and circles, of flags, and of Braille, which NFKC leaves as they are.
_LETTERS = (
    _letters_from(0x1F150, string.ascii_uppercase)
    | _letters_from(0x1F170, string.ascii_uppercase)
    | _letters_from(0x1F1E6, string.ascii_uppercase)
    | dict(zip(map(ord, "⠁⠃⠉⠙⠑⠋⠛⠓⠊⠚⠅⠇⠍⠝⠕⠏⠟⠗⠎⠞⠥⠧⠺⠭⠽⠵⠀"), "abcdefghijklmnopqrstuvwxyz ", strict=True))
)


_LETTER = regex.compile(f"[{''.join(map(chr, _LETTERS))}]")
_MARK = regex.compile(r"\p{Mn}")
_MARKS = regex.compile(r"(?<=\p{Latin})\p{Mn}+")


def _read_letters(text: str) -> str:
    return text.translate(_LETTERS) if _LETTER.search(list_rare(text)) else text


def _drop_marks(text: str) -> str:
    """Latin letters without what stands above or below them: "ígnôre"."""
    rare = list_rare(text)
    if _MARK.search(rare):
        return _MARKS.sub("", unicodedata.normalize("NFD", text))
    for letter in rare:
        if (plain := _drop_marks_of(letter)) is not None:
            text = text.replace(letter, plain)
    return text


@functools.lru_cache(maxsize=4096)
def _drop_marks_of(letter: str) -> str | None:
    """A letter without its marks; None where it stays what it is."""
    whole = unicodedata.normalize("NFD", letter)
    plain = _MARKS.sub("", whole)
    return None if plain == whole else plain


# -- letters moved about -----------------------------------------------------------------------------------------------

_LEET = str.maketrans("0134578@$!|+€", "oieastbasilte")
_LEET_L = str.maketrans("0134578@$!|+€", "oleastbasllte")
_LEET_SIGNS = "0134578@$!|+€"
_LEET_SIGN = re.compile(f"[{_LEET_SIGNS}]")
_BLANK = r" \t-\r\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
_LEET_WORD = re.compile(rf"(?<![^{_BLANK}])[^{_BLANK}{_LEET_SIGNS}]*[{_LEET_SIGNS}][^{_BLANK}]*")
_LATIN_LETTER = regex.compile(r"[A-Za-z]")
_APART = regex.compile(r"(?<![\p{L}\p{N}])\p{L}(?:[\s.\-_*~+|/·•,]{1,3}\p{L}(?![\p{L}\p{N}])){5,}")
#: Without this there is none: two of its letters, neither of them the first or the last.
_APART_SIGN = re.compile(r"[\s.\-_*~+|/·•,][^\W_][\s.\-_*~+|/·•,]{1,3}[^\W_][\s.\-_*~+|/·•,]")
_SPLIT = regex.compile(r"(?<=\p{L})[_\-.*~+|/·•]+(?=\p{L})")
#: Without this there is none: a sign before what may be a letter, and is none of the other characters of ASCII.
_SPLIT_SIGN = re.compile(r"[_\-.*~+|/·•](?=[A-Za-z\u0080-\U0010ffff])")
_CAMEL = regex.compile(r"(?<=\p{Ll})(?=\p{Lu})")
_MORSE_ALPHABET = (
    ".- -... -.-. -.. . ..-. --. .... .. .--- -.- .-.. -- -. --- .--. --.- .-. ... - ..- ...- .-- -..- -.-- --.."
)
_MORSE_LETTERS = dict(zip(_MORSE_ALPHABET.split(" "), string.ascii_lowercase, strict=True))

#: Words of an order in English; in any other rotation of the alphabet nobody writes them.
_KEYWORDS = ("ignore", "disregard", "instructions", "prompt", "previous", "system", "reviewer")
_FOUR_LETTERS = re.compile("[A-Za-z]{4}")
_KEYWORD = re.compile("[a-z]{6,12}")
_ASCII = string.ascii_lowercase.encode(), string.ascii_uppercase.encode()
_ATBASH = bytes.maketrans(b"".join(_ASCII), b"".join(letters[::-1] for letters in _ASCII))


def _make_rotation(shift: int) -> bytes:
    return bytes.maketrans(b"".join(_ASCII), b"".join(letters[shift:] + letters[:shift] for letters in _ASCII))


_ROTATIONS = [_make_rotation(shift) for shift in range(26)]


def _exchange(text: str, letters: bytes) -> str:
    """A text with letters of ASCII exchanged: as bytes, which takes no longer where others stand between them."""
    return text.encode("utf-8", "surrogatepass").translate(letters).decode("utf-8", "surrogatepass")


def _rotate(text: str, shift: int) -> str:
    return _exchange(text, _ROTATIONS[shift])


_ROTATED = {_rotate(word, 26 - shift): shift for shift in range(1, 26) for word in _KEYWORDS}


def _read_rotated(text: str) -> Iterator[str]:
    if not _FOUR_LETTERS.search(text):
        return
    yield _rotate(text, 13)
    yield _exchange(text, _ATBASH)
    words = _ROTATED.keys() & _KEYWORD.findall(text.lower())
    yield from (_rotate(text, shift) for shift in sorted({_ROTATED[word] for word in words} - {13}))


def _find_leet(text: str) -> list[re.Match[str]]:
    """Words with letters and with signs that stand for letters; one alone is none."""
    if len(_LEET_SIGN.findall(text)) < 2:
        return []
    words = [word for word in _LEET_WORD.finditer(text) if _LATIN_LETTER.search(word[0])]
    return words if len(words) >= 2 else []


def _read_leet(text: str) -> Iterator[str]:
    words = _find_leet(text)
    for table in (_LEET, _LEET_L) if words else ():
        parts, position = [], 0
        for word in words:
            parts += [text[position : word.start()], word[0].translate(table)]
            position = word.end()
        yield "".join([*parts, text[position:]])


def _read_backwards(text: str) -> Iterator[str]:
    yield text[::-1]
    if _TURNED.search(text):
        yield from _read_turned(text)


def _read_turned(text: str) -> tuple[str, str]:
    turned = text.translate(_UPSIDE_DOWN)
    return turned, turned[::-1]


def _read_shuffled(text: str) -> Iterator[str]:
    """Each word backwards, and the words from last to first."""
    words = text.split()
    yield " ".join([word[::-1] for word in words])
    yield " ".join(reversed(words))


def _read_apart(text: str) -> Iterator[str]:
    """Letters one by one, and words with signs between them."""
    yield from _join_letters(text)
    pieces = _SPLIT.split(text)
    if len(pieces) > 1 or _CAMEL.search(text):
        yield _CAMEL.sub(" ", " ".join(pieces))
        yield "".join(pieces)


def _join_letters(text: str) -> Iterator[str]:
    if _APART_SIGN.search(text) and (found := _APART.findall(text)):
        yield " ".join(
            regex.sub(r"[^\p{L}]{2,}", " ", regex.sub(r"(?<=\p{L})[^\p{L}](?=\p{L})", "", run)) for run in found
        )
        yield " ".join(regex.sub(r"[^\p{L}]+", "", run) for run in found)


def _read_morse_run(run: str) -> Iterator[str]:
    signs = regex.sub("[−–—_]", "-", regex.sub("[·•]", ".", run))
    words = regex.split(r"\s*[/|\n]\s*|\s{2,}", signs.strip())
    yield " ".join("".join(_MORSE_LETTERS.get(letter, "") for letter in word.split()) for word in words)


_read_morse = Code(
    regex.compile(r"(?<![\p{L}\p{N}.])(?:[.\-·•−–—_]{1,5}[ /|\n]{1,3}){8,}[.\-·•−–—_]{0,5}"),
    _read_morse_run,
    has_run(".-·•−–—_ /|\n", 16),
)


Decoder = Callable[[str], Iterator[str]]

_DECODERS: tuple[Decoder, ...] = (
    read_tags, read_selectors, read_zero_width, read_base64, read_base32, read_hex, read_decimal, read_binary,
    read_escapes, _read_rotated, _read_leet, _read_backwards, _read_shuffled, _read_apart, _read_morse,
)  # fmt: skip

#: Those that look for what folding drops or changes.
_RAW = frozenset(
    {read_tags, read_selectors, read_zero_width, read_escapes, _read_backwards, _read_shuffled, _read_apart}
)

#: Those that move letters about.
_MOVED = frozenset({_read_rotated, _read_leet, _read_backwards, _read_shuffled, _read_apart, _read_morse})

#: Those whose views may be encoded once more.
_NESTED = frozenset({read_tags, read_selectors, read_zero_width, read_base64, read_base32, read_hex, read_binary})

#: Codes of characters that nobody sees, and the others that folding leaves as they are.
_HIDING = (read_tags, read_selectors, read_zero_width)
_CODES = (read_base64, read_base32, read_hex, read_decimal, read_binary, _read_morse)
