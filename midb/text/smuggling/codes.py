"""What a text says in a code: in characters that nobody sees, in Base64, as numbers, by escapes.

Each decoder yields what the passages of a text say, or nothing where there is no sign of its code.
"""

from __future__ import annotations

import base64
import binascii
import re
import string
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from urllib.parse import unquote

import regex

from midb.text.smuggling.folding import list_rare

#: Encoded passages that are looked at in one text.
MOST_PASSAGES = 50


@dataclass(frozen=True, eq=False, slots=True)
class Code:
    """A way to write in other signs: how a passage in it looks, and what one says, if anything.

    ``sign`` tells which texts may have such passages, in a small part of the time that it takes to look for them.
    """

    passage: re.Pattern[str] | regex.Pattern[str]
    read: Callable[[str], Iterator[str]]
    sign: Callable[[str], bool]

    def find(self, text: str) -> list[str]:
        """The passages of a text."""
        return self.passage.findall(text) if self.sign(text) else []

    def __call__(self, text: str) -> Iterator[str]:
        """What the passages of a text say."""
        for run in self.find(text)[:MOST_PASSAGES]:
            yield from self.read(run)


def has_run(characters: str, length: int) -> Callable[[str], bool]:
    """Tells whether a text may have so many of some characters in a row: in its bytes, where that takes no time."""
    own = set(characters.encode())
    table, run = bytes(byte in own for byte in range(256)), b"\1" * length
    return lambda text: run in text.encode("utf-8", "surrogatepass").translate(table)


def has_one(characters: str) -> Callable[[str], bool]:
    """Tells whether a text has a character of a class, none of which is printable ASCII."""
    pattern = regex.compile(characters)
    return lambda text: not text.isascii() and bool(pattern.search(list_rare(text)))


_HEX_DIGITS = "0123456789abcdefABCDEF"
_DIGITS_AND_CAPITALS = string.digits + string.ascii_uppercase
#: Blanks that folding leaves.
_BLANKS = " \t\n\v\f\r\x1c\x1d\x1e\x1f\x85\u1680\u2028\u2029"
_TWO_DIGITS = regex.compile(r"\d\d")
_TAG = "[\U000e0020-\U000e007e]"
_SELECTOR = "[\ufe00-\ufe0f\U000e0100-\U000e01ef]"
_WITHOUT_WIDTH = "[\u200b-\u200f\u2060-\u2064\ufeff]"
_TAGS = regex.compile(f"{_TAG}+")
_ESCAPES = regex.compile(r"(?:\\u[0-9a-fA-F]{4}|\\u\{[0-9a-fA-F]{2,6}\}|&#x?[0-9a-fA-F]{2,6};){4,}")
_ONE_ESCAPE = regex.compile(r"[0-9a-fA-F]{2,6}")


def _read_bytes(data: bytes) -> Iterator[str]:
    """Bytes as a text, if they are one: UTF-8, nearly all of it letters and blanks."""
    if len(data) < 6 or (0x80 <= data[0] < 0xC0 and b"\x00" not in data):  # what most words of a sentence are
        return
    for encoding in ("utf-8", "utf-16-le") if b"\x00" in data else ("utf-8",):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if len(text) >= 6 and sum(c.isalpha() or c in " \n.,:;!?'\"-" for c in text) >= 0.8 * len(text):
            yield text


def _read_bits(run: str) -> Iterator[str]:
    bits = regex.sub(r"[^01]", "", run)
    yield from _read_bytes(bytes(int(bits[n : n + 8], 2) for n in range(0, len(bits) - 7, 8)))


_has_tag = has_one(_TAG)

#: Whether a text has any of the characters without a glyph that carry a code.
may_be_hidden = has_one(f"{_TAG}|{_SELECTOR}|{_WITHOUT_WIDTH}")


def read_tags(text: str) -> Iterator[str]:
    if _has_tag(text):
        yield "".join(chr(ord(character) - 0xE0000) for character in "".join(_TAGS.findall(text)))


def _read_selector_run(run: str) -> Iterator[str]:
    """Bytes as variation selectors: the first sixteen, then the others."""
    numbers = (ord(character) for character in run)
    yield from _read_bytes(bytes(n - 0xFE00 if n < 0xE0100 else n - 0xE0100 + 16 for n in numbers))


def _read_zero_width_run(run: str) -> Iterator[str]:
    """Bits as two sorts of characters without width."""
    sorts = sorted(set(run))
    for zero, one in ((0, 1), (1, 0)) if len(sorts) == 2 else ():
        yield from _read_bits(run.replace(sorts[zero], "0").replace(sorts[one], "1"))


#: How a piece of Base64 begins whose first byte no text in UTF-8 begins with, as every other word does; and what is in
#: each that holds a byte of zeros, as texts in UTF-16 do.
_WITHIN_A_LETTER = "ghijklmnopqrstuv"
_MAY_MAKE_NULL = re.compile("[A-D]")


def _read_base64_run(run: str) -> Iterator[str]:
    pieces = run.replace("-", "+").replace("_", "/").replace("=", "").split()
    if len(pieces) == 1:
        yield from _read_base64_piece(pieces[0])
        return
    # Lines of one passage, and a word of the sentence around it at either end; or each line by itself.
    ends = range(max(len(pieces) - 2, 1), len(pieces) + 1)
    joined = ["".join(pieces[first:last]) for first in range(min(3, len(pieces))) for last in ends]
    for piece in dict.fromkeys((*joined, *pieces[:MOST_PASSAGES])):
        yield from _read_base64_piece(piece)


def _read_base64_piece(piece: str) -> Iterator[str]:
    if piece[:1] in _WITHIN_A_LETTER and not _MAY_MAKE_NULL.search(piece):
        return
    try:
        yield from _read_bytes(binascii.a2b_base64(piece + "=" * (-len(piece) % 4)))
    except binascii.Error:
        return


def _read_base32_run(run: str) -> Iterator[str]:
    plain = run.rstrip("=")
    try:
        yield from _read_bytes(base64.b32decode(plain + "=" * (-len(plain) % 8)))
    except (binascii.Error, ValueError):
        return


def _read_hex_run(run: str) -> Iterator[str]:
    digits = regex.sub(r"0x|\\x|[^0-9a-fA-F]", "", run)
    yield from _read_bytes(bytes.fromhex(digits[: len(digits) // 2 * 2]))


def _read_decimal_run(run: str) -> Iterator[str]:
    numbers = [int(number) for number in regex.findall(r"\d+", run)]
    if all(number < 256 for number in numbers):
        yield from _read_bytes(bytes(numbers))


def read_escapes(text: str) -> Iterator[str]:
    if ("\\u" in text or "&#" in text) and _ESCAPES.search(text):
        codes = (_ONE_ESCAPE.search(found) for found in regex.findall(r"\\u\{?[0-9a-fA-F]{2,6}\}?|&#x?\w{2,6};", text))
        yield "".join(chr(int(code[0], 16)) for code in codes if code and int(code[0], 16) < 0x110000)
    if text.count("%") >= 2:
        yield unquote(text, errors="ignore")


read_selectors = Code(regex.compile(f"{_SELECTOR}{{4,}}"), _read_selector_run, has_one(_SELECTOR))
read_zero_width = Code(regex.compile(f"{_WITHOUT_WIDTH}{{32,}}"), _read_zero_width_run, has_one(_WITHOUT_WIDTH))
# The simpler engine finds simple runs in a quarter of the time.
read_base64 = Code(
    re.compile(r"(?<![A-Za-z0-9+/_-])[A-Za-z0-9+/_-]{12,}={0,2}(?:\s[A-Za-z0-9+/_-]{4,}={0,2})*"),
    _read_base64_run,
    has_run(f"{string.ascii_letters}{string.digits}+/_-", 12),
)
read_base32 = Code(
    regex.compile(r"(?<![A-Za-z0-9])[A-Z2-7]{20,}={0,6}"), _read_base32_run, has_run(_DIGITS_AND_CAPITALS, 20)
)
read_hex = Code(
    re.compile(r"(?<![A-Za-z0-9])(?:(?:0x|\\x|%)?[0-9a-fA-F]{2}[\s:,-]{0,2}){10,}(?![A-Za-z0-9])"),
    _read_hex_run,
    has_run(f"{_HEX_DIGITS}x\\%:,-{_BLANKS}", 20),
)
read_decimal = Code(
    regex.compile(r"(?<!\d)(?:\d{2,3}[\s,;-]{1,2}){9,}\d{2,3}(?!\d)"),
    _read_decimal_run,
    lambda text: bool(_TWO_DIGITS.search(text)),
)
read_binary = Code(regex.compile(r"(?<![01])(?:[01]{8}[\s,]?){8,}"), _read_bits, has_run(f"01,{_BLANKS}", 64))
