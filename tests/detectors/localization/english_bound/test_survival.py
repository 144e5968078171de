"""Translated pairs that still do what their English task asks for."""

from __future__ import annotations

import pytest

from midb.detectors.localization.english_bound.survival import survives
from midb.detectors.localization.english_bound.tasks import Bond
from midb.domain.pairs import InstructionPair

WRONG = InstructionPair(instruction="Correct the sentence.", input="She go home.", response="She goes home.")


def pair(instruction: str, response: str, given: str = "") -> InstructionPair:
    return InstructionPair(instruction=instruction, input=given, response=response)


@pytest.mark.parametrize(
    ("bond", "translated", "kept"),
    [
        (Bond.RHYME, pair("Reime!", "Ein Haus\neine Maus"), True),
        (Bond.RHYME, pair("Reime!", "Ein Haus\neine Katze"), False),
        (Bond.RHYME, pair("Reimwörter", "Maus, Laus, raus", "Haus"), True),
        (Bond.RHYME, pair("Reimwörter", "Maus, Katze, Hund", "Haus"), False),
        (Bond.RHYME, pair("Welches Reimschema?", "AAA", "im Haus\neine Maus\nschaut heraus"), True),
        (Bond.LETTERS, pair('Tiere mit "B"', "Bär, Biber, Biene"), True),
        (Bond.LETTERS, pair('Tiere mit "B"', "Bär, Katze, Hund, Maus"), False),
        (Bond.LETTERS, pair('Ein Tier mit "B"', "Der Biber lebt am Wasser."), True),
        (Bond.LETTERS, pair("Drehe um", "tleW", "Welt"), True),
        (Bond.LETTERS, pair('Wie oft "E"?', "2", "Ende"), True),
        (Bond.LETTERS, pair('Wie oft "E"?', "3", "Ende"), False),
        (Bond.LETTERS, pair("Wie viele Vokale?", "2", "Ende"), True),
        (Bond.ALPHABET, pair("Sortiere", "Affe, Bär, Hund"), True),
        (Bond.ALPHABET, pair("Sortiere", "Hund, Affe, Bär"), False),
        (Bond.WORDPLAY, pair("Alliteration", "Milch macht müde Männer munter"), True),
        (Bond.WORDPLAY, pair("Wortspiel", "Ein Fahrrad war sehr müde"), False),
        (Bond.ACRONYM, pair("Akrostichon", "Oben\nruht\ntief", "ORT"), True),
        (Bond.ACRONYM, pair("Akrostichon", "Oben\nschläft\ntief", "ORT"), False),
        (Bond.CORRECTION, pair("Korrigiere", "Sie geht nach Hause.", "Sie gehen nach Hause."), True),
        (Bond.CORRECTION, pair("Korrigiere", "Sie geht nach Hause.", "Sie geht nach Hause."), False),
        (Bond.IDIOM, pair("Erkläre", "Es regnet.", "Es regnet Katzen."), False),
        (Bond.IDIOM, pair("Erkläre", " "), True),
    ],
)
def test_kept_or_lost(bond: Bond, translated: InstructionPair, kept: bool) -> None:
    assert survives(bond, translated, WRONG, "de") is kept


def test_nothing_was_wrong_in_english_either() -> None:
    right = InstructionPair(instruction="Correct it.", input="She goes.", response="The sentence is correct.")
    assert survives(Bond.CORRECTION, pair("Korrigiere", "Sie geht.", "Sie geht."), right, "de")


def test_a_long_text_is_not_compared() -> None:
    long = pair("Korrigiere", "Sie geht heute. " * 200, "Sie gehen heute. " * 200)
    assert not survives(Bond.CORRECTION, long, WRONG, "de")
