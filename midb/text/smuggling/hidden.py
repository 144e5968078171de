r"""Characters that carry something nobody sees: controls, formats, overrides of direction, selectors, tags, escapes.

Which of them belong where is a matter of scripts: joiners between letters that join, marks of direction beside letters
from right to left, one selector behind a sign that has two forms. What stands elsewhere, or in runs, is hidden.
"""

from __future__ import annotations

import html
import unicodedata
from collections import Counter

import regex

from midb.text.protection import find_protected_spans
from midb.text.smuggling.folding import list_rare
from midb.text.spans import Protected

#: Scripts whose letters join, or that leave out the mark of joining on purpose.
_JOINING = "".join(
    rf"\p{{Script_Extensions={name}}}"
    for name in (
        "Arabic", "Syriac", "Mongolian", "Nko", "Mandaic", "Adlam", "Devanagari", "Bengali", "Gurmukhi", "Gujarati",
        "Oriya", "Tamil", "Telugu", "Kannada", "Malayalam", "Sinhala", "Khmer", "Myanmar", "Tibetan", "Javanese",
        "Balinese", "Sundanese", "Meetei_Mayek",
    )
)  # fmt: skip
_SPACELESS = r"\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}\p{Script=Tibetan}"
_EMOJI = r"\p{Extended_Pictographic}\p{Emoji_Modifier}\ufe0f\u20e3"

#: Whatever may be hidden. Lines end with \n or \r\n.
_ONE = (
    r"\p{Cf}\p{Co}\p{Cs}\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ufe00-\ufe0f\U000e0100-\U000e01ef"
    r"\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\uffa0\ufdd0-\ufdef\ufffe\uffff"
)
_ANY = regex.compile(rf"[{_ONE}]|\r(?!\n)|\p{{M}}{{6}}")

#: Without these, a carriage return aside, no text has any; hardly any text has them.
_ANY_OF = regex.compile(rf"[{_ONE}\p{{M}}]")

#: The flags of England, Scotland and Wales: the only texts of tag characters that stand for a sign.
_FLAGS = "|".join(
    "\U0001f3f4" + "".join(chr(0xE0000 + ord(c)) for c in name) + "\U000e007f" for name in ("gbeng", "gbsct", "gbwls")
)

#: Where such characters belong: one at a time, between the right neighbours.
_IN_PLACE = regex.compile(
    rf"{_FLAGS}"
    rf"|(?<=[{_JOINING}])[\u200c\u200d](?![\u200b-\u200d])|(?<![\u200b-\u200d])[\u200c\u200d](?=[{_JOINING}])"
    rf"|(?<=[{_EMOJI}])\u200d(?=\p{{Extended_Pictographic}})"
    rf"|(?<=[{_SPACELESS}])\u200b(?![\u200b-\u200d])|(?<![\u200b-\u200d])\u200b(?=[{_SPACELESS}])"
    r"|(?<=[[\p{Emoji}\p{Extended_Pictographic}\p{S}]--[\x00-\x7f]])[\ufe0e\ufe0f](?![\ufe00-\ufe0f])"
    r"|(?<=[0-9#*])\ufe0f(?=\u20e3)"
    r"|(?<=[\p{Han}\p{Sm}\p{Myanmar}])[\ufe00-\ufe02](?![\ufe00-\ufe0f])"
    r"|(?<=\p{Han})[\U000e0100-\U000e01ef](?![\U000e0100-\U000e01ef])"
    r"|(?<=\p{Mongolian})[\u180b-\u180f](?![\u180b-\u180f])"
    r"|(?<=[\u1100-\u11ff])[\u115f\u1160]|[\u115f\u1160](?=[\u1100-\u11ff])"
    r"|[\u0600-\u0605\u06dd\u070f\u0890\u0891\u08e2](?=\p{Nd}|\p{Arabic}|\p{Syriac})",
    regex.VERSION1,
)
_RIGHT_TO_LEFT = regex.compile(r"[\p{Script=Arabic}\p{Script=Hebrew}\p{Script=Syriac}\p{Script=Thaana}\p{Script=Nko}]")
_MARKS = regex.compile(r"(?<![\u200e\u200f\u061c])[\u200e\u200f\u061c](?![\u200e\u200f\u061c])")
_ISOLATES = regex.compile("[\u2066-\u2068]([^\u2066-\u2069\n]{0,200})\u2069")

#: An escape sequence written out, which a terminal or a program would carry out.
_WRITTEN = regex.compile(
    r"\\(?:x1b|033|e|u001b|u\{1b\})\s?[\[\]()P]|\^\[\[\d|\\u(?:202[a-e]|206[6-9]|200[b-f]|e00[0-7][0-9a-f])|\\x9b",
    regex.IGNORECASE,
)


def count_hidden(text: str) -> Counter[str]:
    """How often each hidden character stands in a text, and each escape sequence that is written out beside code.

    >>> count_hidden("a\\u200bb\\u202ec")
    Counter({'\\u200b': 1, '\\u202e': 1})
    >>> count_hidden("می\\u200cخواهم, \\U0001f469\\u200d\\U0001f52c, ไทย\\u200bไทย, ❤\\ufe0f")
    Counter()
    """
    found: Counter[str] = Counter()
    if ("\\" in text or "^[" in text) and (written := list(_WRITTEN.finditer(text))):
        code = find_protected_spans(text).only(Protected.CODE)
        found.update(match[0] for match in written if not code.holds(match.start()))
    if "&#" in text:
        text = html.unescape(text)
    if text.isascii() and text.isprintable():
        return found
    if not (_ANY_OF.search(list_rare(text)) or "\r" in text) or not _ANY.search(text):
        return found
    rest = _IN_PLACE.sub(" ", text)
    if _RIGHT_TO_LEFT.search(text):
        rest = _ISOLATES.sub(r" \1 ", _MARKS.sub(" ", rest))
    found.update(match[0][0] if len(match[0]) > 1 else match[0] for match in _ANY.finditer(rest))
    return found


def describe(character: str) -> str:
    """A hidden character for people: its number and its name, never itself.

    >>> describe("\\u202e"), describe("\\x1b")
    ('U+202E right-to-left override', 'U+001B control character')
    """
    if len(character) > 1:
        return f"written-out escape {character!r}"
    if unicodedata.category(character).startswith("M") and character not in "\u034f":
        return f"a heap of combining marks on U+{ord(character):04X}"
    name = unicodedata.name(character, "").lower() or {"Cc": "control character", "Co": "private character"}.get(
        unicodedata.category(character), "character without a meaning"
    )
    return f"U+{ord(character):04X} {name}"
