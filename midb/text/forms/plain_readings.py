"""What looks like a damaged letter and may be a sound one: ``ARAÇ’``, ``MANHÃ—TARDE``, ``AMANHÃ®``.

In UTF-8 read as a one-byte encoding, a letter is a capital with a mark behind it. Words in capitals that end in such a
letter, before a quotation mark, a dash or a sign of a trade mark, look the same and are sound. Knows the letters of
languages and how marks stand in words; no defect.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass

from midb.locales import LANGUAGES, Locale, LocaleSection, load


class Orthography(LocaleSection, table="orthography"):
    """``letters``: those of the language's alphabet beyond those of English, in lower case."""

    letters: str


@functools.cache
def _letters_of_all() -> frozenset[str]:
    """The letters beyond those of English that one of the languages writes, small and capital."""
    return frozenset().union(*(own_alphabet(load(code)) for code in LANGUAGES))


def own_alphabet(locale: Locale) -> frozenset[str]:
    """The letters of a language beyond those of English, small and capital; for an unknown one those of all.

    >>> sorted(own_alphabet(load("de")))
    ['Ä', 'Ö', 'Ü', 'ß', 'ä', 'ö', 'ü', 'ẞ']
    """
    section = locale.get(Orthography)
    if section is None:
        return frozenset() if locale.code in LANGUAGES else _letters_of_all()
    return frozenset(section.letters) | {_capital(letter) for letter in section.letters}


def _capital(letter: str) -> str:
    """
    >>> _capital("ß"), _capital("ι")
    ('ẞ', 'Ι')
    """
    return "ẞ" if letter == "ß" else letter.upper()[:1]


#: Marks that may join two words without a blank: dashes, points, apostrophes, dots.
_JOINING = frozenset("-–—•·’‘'´…/\N{NO-BREAK SPACE}\N{SOFT HYPHEN}")
#: Marks of quotations and what closes each.
_CLOSED_BY = {"“": "”", "‘": "’", "«": "»", "‹": "›", "„": "“”", "‚": "‘’", "»": "«", "›": "‹", "”": "”"}
#: Other marks that may stand right behind a word.
_BEHIND = frozenset("“”„‘’‚«»‹›®©™°ªº¹²³§¶†‡‰%€£¥¢¤±×¿¡¨¯´¸¬¦¼½¾")
#: What Windows has where Unicode has control characters: the marks that a wrongly read text holds as such.
_WINDOWS = {chr(byte): bytes([byte]).decode("cp1252", errors="replace") for byte in range(0x80, 0xA0)}

#: How far from a mark the rest of its word, and the other mark of a quotation, are looked for.
_REACH = 300

#: Capitals that are no word by themselves in any of the languages.
_NO_WORD = frozenset("ÃÂ")

#: What the letters of European languages begin with where UTF-8 was read as Latin-1 or as Windows has it.
_LEADS = frozenset("ÃÄÅ")

#: Letters that no language of the project writes, and that damaged ones are never decoded to: African and Pinyin
#: letters, phonetic signs. Those with a horn (ơ, ư) and Romanian ones are left out.
_RARE = re.compile("[\u0180-\u019f\u01a2-\u01ae\u01b1-\u0217\u021c-\u02ff]")


@dataclass(frozen=True, slots=True)
class DecodedCharacter:
    """One character ``after`` that the characters ``before``, at ``start`` of their line, may stand for."""

    start: int
    before: str
    after: str


def pair_pieces(start: int, before: str, after: str) -> list[DecodedCharacter] | None:
    """Which characters of a word became which; ``None`` where it was not one step of decoding.

    ``start`` is where the word stands in its line. Characters that stay as they are are left out.

    >>> pair_pieces(0, "cafÃ©", "café")
    [DecodedCharacter(start=3, before='Ã©', after='é')]
    """
    pieces: list[DecodedCharacter] = []
    position = 0
    for character in after:
        size = len(character.encode("utf-8", errors="surrogatepass"))
        piece = before[position : position + size]
        if piece != character:
            pieces.append(DecodedCharacter(start + position, piece, character))
        position += size
    return pieces if position == len(before) else None


def is_rare(piece: DecodedCharacter, line: str) -> bool:
    """Whether a character decodes to a letter that no language of the project writes, or to an accent on nothing.

    An accent belongs to a small letter before it, as in Vietnamese with accents apart.

    >>> is_rare(DecodedCharacter(7, "Ç”", "ǔ"), "Behzat Ç”"), is_rare(DecodedCharacter(1, "Æ¡", "ơ"), "cÆ¡m")
    (True, False)
    """
    if "\u0300" <= piece.after <= "\u036f":
        return not line[piece.start - 1 : piece.start].islower()
    return bool(_RARE.search(piece.after))


def reads_well(line: str, piece: DecodedCharacter) -> bool:
    """Whether the characters before decoding are sound where they stand: a capital that ends a word, and a mark.

    >>> reads_well("ARAÇ‘IN fiyatı", DecodedCharacter(3, "Ç‘", "Ǒ"))
    True
    >>> reads_well("cafÃ© noir", DecodedCharacter(3, "Ã©", "é"))
    False
    """
    lead, marks = piece.before[0], [_WINDOWS.get(mark, mark) for mark in piece.before[1:]]
    end = piece.start + len(piece.before)
    before, behind = line[max(0, piece.start - _REACH) : piece.start], line[end : end + _REACH]
    closes = bool(marks) and _closes(marks[0], before)
    if not lead.isupper():
        return lead.isalpha() and closes and all(mark in _BEHIND | _JOINING for mark in marks)
    if lead not in _letters_of_all() or not all(mark in _BEHIND | _JOINING for mark in marks):
        return False
    word = _letters_before(before)
    if word and not word.isupper():
        return False  # a capital inside a word in small letters
    if not word and lead in _NO_WORD and not closes:
        return False
    if len(word) == 1 and piece.after.islower():
        return False  # "Só" and "Lá" are words everywhere, and a word of two capitals before such a mark is rare
    if not behind[:1].isalpha():
        return True
    return marks[-1] in _JOINING or closes or _opens(marks[-1], behind)


def _letters_before(text: str) -> str:
    """The letters at the end of a text."""
    size = len(text)
    while size and text[size - 1].isalpha():
        size -= 1
    return text[size:]


def _closes(mark: str, before: str) -> bool:
    """Whether a mark closes a quotation that stands open before it."""
    return any(
        mark in closing and before.count(opening) > sum(before.count(other) for other in closing if other != opening)
        for opening, closing in _CLOSED_BY.items()
        if opening in before
    )


def _opens(mark: str, behind: str) -> bool:
    """Whether a mark opens a quotation that is closed behind it."""
    return any(closing in behind for closing in _CLOSED_BY.get(mark, ""))


def is_better(word: str, pieces: list[DecodedCharacter], alphabet: frozenset[str]) -> bool:
    """Whether a word whose pieces all read well as they are may be better for their decoding, in damaged company.

    What comes out are letters of the language, and no small one in a word of capitals.

    >>> german = own_alphabet(load("de"))
    >>> is_better("KÃ–LN", [DecodedCharacter(1, "Ã–", "Ö")], german)
    True
    >>> is_better("CAFÉ•BAR", [DecodedCharacter(3, "É•", "ɕ")], german)
    False
    """
    rest = word
    for before in {piece.before for piece in pieces}:
        rest = rest.replace(before, "")
    shouting = sum(map(str.isalpha, rest)) > 1 and rest == rest.upper()
    return all(piece.after in alphabet and not (shouting and piece.after.islower()) for piece in pieces)


def are_strange(pieces: list[DecodedCharacter], alphabet: frozenset[str]) -> bool:
    """Whether all pieces begin with a capital that damage is known for and the language does not write.

    >>> are_strange([DecodedCharacter(2, "Ã–", "Ö")], own_alphabet(load("de")))
    True
    >>> are_strange([DecodedCharacter(2, "Ã“", "Ó")], own_alphabet(load("pt")))
    False
    """
    return all(piece.before[0] in _LEADS and piece.before[0] not in alphabet for piece in pieces)


def may_be_letter(text: str, start: int, alphabet: frozenset[str]) -> bool:
    """Whether the control character at ``start`` may be, with the letter before it, a damaged letter of the language.

    >>> turkish = own_alphabet(load("tr"))
    >>> may_be_letter("Behzat Ç\\x94", 8, turkish), may_be_letter("NEDÃ\\x9cR", 4, turkish)
    (False, True)
    """
    before = text[start - 1 : start]
    if not before or before not in _letters_of_all():
        return True
    try:
        decoded = (before + text[start]).encode("latin-1").decode("utf-8")
    except UnicodeError:
        return False
    return decoded in alphabet or decoded in _letters_of_all()
