"""Capitals with marks behind them: sound words, and what tells them from damaged ones."""

from __future__ import annotations

import pytest

from midb.locales import LANGUAGES, UNKNOWN, load
from midb.text.forms.encodings import find_damaged_words
from midb.text.forms.plain_readings import (
    DecodedCharacter,
    Orthography,
    are_strange,
    is_better,
    is_rare,
    may_be_letter,
    own_alphabet,
    pair_pieces,
    reads_well,
)

#: Marks of print, and control characters that are such marks in Windows.
MARKS = "“”„‘’‚«»‹›–—•…®©™°ªº¹²³§¶†‡·%‰€´`'\"-/\u00a0\x84\x91\x92\x93\x94\x95\x96\x97"
#: Those that may stand between two words without a blank.
JOINING = "‘’–—•…·´'-/\x91\x92\x95\x96\x97"
#: A word in capitals before the letter, in each script that has capitals.
BEFORE = {"Latin": "MONT", "Cyrillic": "МОНТ", "Greek": "ΜΟΝΤ"}
WRITTEN = [code for code in LANGUAGES if load(code).get(Orthography)]


@pytest.mark.parametrize("code", WRITTEN)
def test_no_capital_of_a_language_is_joined_with_a_mark(code: str) -> None:
    """Every capital of the alphabet, at the end of a word in capitals, with every mark behind it."""
    locale, changed = load(code), []
    alphabet = own_alphabet(locale)
    word = BEFORE[locale.script]
    capitals = [letter for letter in sorted(alphabet) if letter.isupper()]
    assert capitals
    for letter in capitals:
        for mark in MARKS:
            opening = {"”": "“", "»": "«", "’": "‘"}.get(mark, "")
            for behind in ("", ".", f" {word.lower()}", *((word,) if mark in JOINING else ())):
                text = f"{word} {opening}{word}{letter}{mark}{behind}"
                found = find_damaged_words(
                    text, scripts=locale.scripts, code_pages=(), restores_no_break_space=False, alphabet=alphabet
                )
                changed += [(text, damaged) for damaged in found]
    assert not changed


@pytest.mark.parametrize("code", [code for code in WRITTEN if load(code).script == "Latin" and code != "vi"])
def test_every_letter_of_a_language_is_restored_in_small_letters(code: str) -> None:
    locale = load(code)
    alphabet = own_alphabet(locale)
    for letter in sorted(letter for letter in alphabet if letter.islower()):
        text = f"mon{letter.encode().decode('latin-1')}ta"
        found = find_damaged_words(
            text, scripts=locale.scripts, code_pages=(), restores_no_break_space=False, alphabet=alphabet
        )
        assert [word.after for word in found] == [f"mon{letter}ta"]


def test_an_unknown_language_may_have_all_letters() -> None:
    assert {"ñ", "Ş", "я"} <= own_alphabet(UNKNOWN)
    assert "ñ" not in own_alphabet(load("de"))
    assert own_alphabet(load("th")) == frozenset()


def test_pieces_are_counted_from_the_line() -> None:
    assert pair_pieces(4, "Ã¼Ã¶x", "üöx") == [DecodedCharacter(4, "Ã¼", "ü"), DecodedCharacter(6, "Ã¶", "ö")]
    assert pair_pieces(0, "Ïðèâåò", "Привет") is None


@pytest.mark.parametrize(
    ("line", "piece", "sound"),
    [
        ("MANHÃ—TARDE", DecodedCharacter(4, "Ã—", "×"), True),
        ("3 Ã— 4", DecodedCharacter(2, "Ã—", "×"), False),
        ("a letra “Ã\u201d", DecodedCharacter(9, "Ã\u201d", "Ô"), True),
        ("Ã\u201d fim", DecodedCharacter(0, "Ã\u201d", "Ô"), False),
        ("HISTÃ“RIA", DecodedCharacter(4, "Ã“", "Ó"), False),
        ("MANHÃ“TARDE”", DecodedCharacter(4, "Ã“", "Ó"), True),
        ("NaÃ§Ã£o", DecodedCharacter(2, "Ã§", "ç"), False),
        ("FÃœR", DecodedCharacter(1, "Ãœ", "Ü"), False),
        ("«con cá»…", DecodedCharacter(6, "á»…", "ễ"), True),
        ("con cá»…", DecodedCharacter(5, "á»…", "ễ"), False),
    ],
)
def test_a_capital_and_a_mark_are_sound_where_print_has_them(line: str, piece: DecodedCharacter, sound: bool) -> None:
    assert reads_well(line, piece) is sound


def test_small_letters_do_not_come_into_words_of_capitals() -> None:
    portuguese = own_alphabet(load("pt"))
    assert not is_better("ROMÃ©", [DecodedCharacter(3, "Ã©", "é")], portuguese)
    assert is_better("PÃ•ES", [DecodedCharacter(1, "Ã•", "Õ")], portuguese)


def test_what_is_strange_depends_on_the_language() -> None:
    pieces = [DecodedCharacter(4, "Ã•", "Õ")]
    assert are_strange(pieces, own_alphabet(load("de")))
    assert not are_strange(pieces, own_alphabet(load("pt")))


def test_an_accent_wants_a_small_letter() -> None:
    assert not is_rare(DecodedCharacter(1, "Ì€", "\u0300"), "aÌ€")
    assert is_rare(DecodedCharacter(3, "Ì€", "\u0300"), "LA Ì€")


def test_a_control_behind_a_letter_may_be_half_of_another() -> None:
    assert may_be_letter("HISTÃ\x93RIA", 5, own_alphabet(load("pt")))
    assert not may_be_letter("ARAÇ\x92", 4, own_alphabet(load("tr")))
