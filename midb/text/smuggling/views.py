"""The views of a text: what it says once it is decoded, turned round or read as it looks, in all the usual ways.

Whoever hides an order from a search expects a model to find it: in Base64, in rot13, backwards, in Morse, in look-alike
or invisible characters. Each function makes its views, or none where there is no sign of its trick. Knows no languages.
"""

from __future__ import annotations

import base64
import binascii
import re
import string
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from urllib.parse import unquote

import regex

from midb.text.smuggling.folding import fold, read_as_latin

#: Decoded texts may be encoded once more; deeper than this nobody looks.
_DEPTH = 2

#: Characters of a text that are looked at from either end; no model reads more at once.
_LONGEST = 60_000

#: Encoded passages that are looked at in one text.
_MOST_PASSAGES = 50


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


def _read_letters(text: str) -> str:
    return text if text.isascii() else text.translate(_LETTERS)


def _drop_marks(text: str) -> str:
    """Latin letters without what stands above or below them: "ígnôre"."""
    if text.isascii():
        return text
    return regex.sub(r"(?<=\p{Latin})\p{Mn}+", "", unicodedata.normalize("NFD", text))


# -- characters that nobody sees ---------------------------------------------------------------------------------------

_TAGS = regex.compile(r"[\U000e0020-\U000e007e]+")
_SELECTORS = regex.compile(r"[\ufe00-\ufe0f\U000e0100-\U000e01ef]{4,}")
_ZERO_WIDTH = regex.compile(r"[\u200b-\u200f\u2060-\u2064\ufeff]{32,}")


def _read_tags(text: str) -> Iterator[str]:
    if text.isascii():
        return
    if found := _TAGS.findall(text):
        yield "".join(chr(ord(character) - 0xE0000) for character in "".join(found))


def _read_selectors(text: str) -> Iterator[str]:
    """Bytes as variation selectors: the first sixteen, then the others."""
    if text.isascii():
        return
    for run in _SELECTORS.findall(text)[:_MOST_PASSAGES]:
        numbers = (ord(character) for character in run)
        yield from _read_bytes(bytes(n - 0xFE00 if n < 0xE0100 else n - 0xE0100 + 16 for n in numbers))


def _read_zero_width(text: str) -> Iterator[str]:
    """Bits as two sorts of characters without width."""
    if text.isascii():
        return
    for run in _ZERO_WIDTH.findall(text)[:_MOST_PASSAGES]:
        sorts = sorted(set(run))
        for zero, one in ((0, 1), (1, 0)) if len(sorts) == 2 else ():
            yield from _read_bits(run.replace(sorts[zero], "0").replace(sorts[one], "1"))


# -- encodings ---------------------------------------------------------------------------------------------------------

# The simpler engine finds simple runs in a quarter of the time.
_BASE64 = re.compile(r"(?<![A-Za-z0-9+/_-])[A-Za-z0-9+/_-]{12,}={0,2}(?:\s[A-Za-z0-9+/_-]{4,}={0,2})*")
_BASE32 = regex.compile(r"(?<![A-Za-z0-9])[A-Z2-7]{20,}={0,6}")
_HEX = re.compile(r"(?<![A-Za-z0-9])(?:(?:0x|\\x|%)?[0-9a-fA-F]{2}[\s:,-]{0,2}){10,}(?![A-Za-z0-9])")
_DECIMAL = regex.compile(r"(?<!\d)(?:\d{2,3}[\s,;-]{1,2}){9,}\d{2,3}(?!\d)")
_BITS = regex.compile(r"(?<![01])(?:[01]{8}[\s,]?){8,}")
_ESCAPES = regex.compile(r"(?:\\u[0-9a-fA-F]{4}|\\u\{[0-9a-fA-F]{2,6}\}|&#x?[0-9a-fA-F]{2,6};){4,}")
_ONE_ESCAPE = regex.compile(r"[0-9a-fA-F]{2,6}")


def _read_bytes(data: bytes) -> Iterator[str]:
    """Bytes as a text, if they are one: UTF-8, nearly all of it letters and blanks."""
    for encoding in ("utf-8", "utf-16-le") if b"\x00" in data else ("utf-8",):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if len(text) >= 6 and sum(c.isalpha() or c in " \n.,:;!?'\"-" for c in text) >= 0.8 * len(text):
            yield text


def _read_base64(text: str) -> Iterator[str]:
    for run in _BASE64.findall(text)[:_MOST_PASSAGES]:
        pieces = run.replace("-", "+").replace("_", "/").replace("=", "").split()
        if len(pieces) == 1:
            yield from _read_base64_piece(pieces[0])
            continue
        # Lines of one passage, and a word of the sentence around it at either end; or each line by itself.
        ends = range(max(len(pieces) - 2, 1), len(pieces) + 1)
        joined = ["".join(pieces[first:last]) for first in range(min(3, len(pieces))) for last in ends]
        for piece in dict.fromkeys((*joined, *pieces[:_MOST_PASSAGES])):
            yield from _read_base64_piece(piece)


def _read_base64_piece(piece: str) -> Iterator[str]:
    try:
        yield from _read_bytes(binascii.a2b_base64(piece + "=" * (-len(piece) % 4)))
    except binascii.Error:
        return


def _read_base32(text: str) -> Iterator[str]:
    for run in _BASE32.findall(text)[:_MOST_PASSAGES]:
        plain = run.rstrip("=")
        try:
            yield from _read_bytes(base64.b32decode(plain + "=" * (-len(plain) % 8)))
        except (binascii.Error, ValueError):
            continue


def _read_hex(text: str) -> Iterator[str]:
    for run in _HEX.findall(text)[:_MOST_PASSAGES]:
        digits = regex.sub(r"0x|\\x|[^0-9a-fA-F]", "", run)
        yield from _read_bytes(bytes.fromhex(digits[: len(digits) // 2 * 2]))


def _read_decimal(text: str) -> Iterator[str]:
    for run in _DECIMAL.findall(text)[:_MOST_PASSAGES]:
        numbers = [int(number) for number in regex.findall(r"\d+", run)]
        if all(number < 256 for number in numbers):
            yield from _read_bytes(bytes(numbers))


def _read_binary(text: str) -> Iterator[str]:
    for run in _BITS.findall(text)[:_MOST_PASSAGES]:
        yield from _read_bits(regex.sub(r"[^01]", "", run))


def _read_bits(bits: str) -> Iterator[str]:
    yield from _read_bytes(bytes(int(bits[n : n + 8], 2) for n in range(0, len(bits) - 7, 8)))


def _read_escapes(text: str) -> Iterator[str]:
    if _ESCAPES.search(text):
        codes = (_ONE_ESCAPE.search(found) for found in regex.findall(r"\\u\{?[0-9a-fA-F]{2,6}\}?|&#x?\w{2,6};", text))
        yield "".join(chr(int(code[0], 16)) for code in codes if code and int(code[0], 16) < 0x110000)
    if text.count("%") >= 2:
        yield unquote(text, errors="ignore")


# -- letters moved about -----------------------------------------------------------------------------------------------

_LEET = str.maketrans("0134578@$!|+€", "oieastbasilte")
_LEET_L = str.maketrans("0134578@$!|+€", "oleastbasllte")
_WORD = regex.compile(r"\S+")
_LEET_SIGN = re.compile(r"[0134578@$!|+€]")
_LATIN_LETTER = regex.compile(r"[A-Za-z]")
_APART = regex.compile(r"(?<![\p{L}\p{N}])\p{L}(?:[\s.\-_*~+|/·•,]{1,3}\p{L}(?![\p{L}\p{N}])){5,}")
#: Without this there is none: two of its letters, neither of them the first or the last.
_APART_SIGN = re.compile(r"[\s.\-_*~+|/·•,][^\W_][\s.\-_*~+|/·•,]{1,3}[^\W_][\s.\-_*~+|/·•,]")
_SPLIT = regex.compile(r"(?<=\p{L})[_\-.*~+|/·•]+(?=\p{L})")
_CAMEL = regex.compile(r"(?<=\p{Ll})(?=\p{Lu})")
_MORSE = regex.compile(r"(?<![\p{L}\p{N}.])(?:[.\-·•−–—_]{1,5}[ /|\n]{1,3}){8,}[.\-·•−–—_]{0,5}")
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
    words = set(_KEYWORD.findall(text.lower()))
    yield from (_rotate(text, shift) for shift in sorted({_ROTATED[word] for word in words & _ROTATED.keys()} - {13}))


def _read_leet(text: str) -> Iterator[str]:
    if not _LEET_SIGN.search(text):
        return
    words = [word for word in _WORD.finditer(text) if _LEET_SIGN.search(word[0]) and _LATIN_LETTER.search(word[0])]
    for table in (_LEET, _LEET_L) if len(words) >= 2 else ():
        parts, position = [], 0
        for word in words:
            parts += [text[position : word.start()], word[0].translate(table)]
            position = word.end()
        yield "".join([*parts, text[position:]])


def _read_backwards(text: str) -> Iterator[str]:
    yield text[::-1]
    if _TURNED.search(text):
        turned = text.translate(_UPSIDE_DOWN)
        yield turned
        yield turned[::-1]


def _read_shuffled(text: str) -> Iterator[str]:
    """Each word backwards, and the words from last to first."""
    words = text.split()
    yield " ".join([word[::-1] for word in words])
    yield " ".join(reversed(words))


def _read_apart(text: str) -> Iterator[str]:
    """Letters one by one, and words with signs between them."""
    if _APART_SIGN.search(text) and (found := _APART.findall(text)):
        yield " ".join(
            regex.sub(r"[^\p{L}]{2,}", " ", regex.sub(r"(?<=\p{L})[^\p{L}](?=\p{L})", "", run)) for run in found
        )
        yield " ".join(regex.sub(r"[^\p{L}]+", "", run) for run in found)
    if _SPLIT.search(text) or _CAMEL.search(text):
        yield _CAMEL.sub(" ", _SPLIT.sub(" ", text))
        yield _SPLIT.sub("", text)


def _read_morse(text: str) -> Iterator[str]:
    for run in _MORSE.findall(text)[:_MOST_PASSAGES]:
        signs = regex.sub("[−–—_]", "-", regex.sub("[·•]", ".", run))
        words = regex.split(r"\s*[/|\n]\s*|\s{2,}", signs.strip())
        yield " ".join("".join(_MORSE_LETTERS.get(letter, "") for letter in word.split()) for word in words)


Decoder = Callable[[str], Iterator[str]]

_DECODERS: tuple[Decoder, ...] = (
    _read_tags, _read_selectors, _read_zero_width, _read_base64, _read_base32, _read_hex, _read_decimal, _read_binary,
    _read_escapes, _read_rotated, _read_leet, _read_backwards, _read_shuffled, _read_apart, _read_morse,
)  # fmt: skip

#: Those that look for what folding drops or changes.
_RAW = frozenset(
    {_read_tags, _read_selectors, _read_zero_width, _read_escapes, _read_backwards, _read_shuffled, _read_apart}
)

#: Those that move letters about.
_MOVED = frozenset({_read_rotated, _read_leet, _read_backwards, _read_shuffled, _read_apart, _read_morse})

#: Those whose views may be encoded once more.
_NESTED = frozenset(
    {_read_tags, _read_selectors, _read_zero_width, _read_base64, _read_base32, _read_hex, _read_binary}
)
