"""Alphabets: the letters of a language in their order, where its locale lists them. Knows no defect."""

from __future__ import annotations

import functools
import unicodedata

from midb.locales import LocaleSection


class LetterOrder(LocaleSection, table="alphabet"):
    """Small ``letters`` in their order. ``undecided``: letters or pairs of them that are sorted in several ways."""

    letters: str
    undecided: tuple[str, ...] = ()

    @functools.cached_property
    def places(self) -> dict[str, int]:
        return {letter: place for place, letter in enumerate(self.letters)}

    def read(self, text: str) -> list[int] | None:
        """The places of the letters of an item, -1 for a blank and the like; ``None`` where it cannot be sorted surely.

        >>> LetterOrder(letters="abc").read("Cà b"), LetterOrder(letters="abc").read("cx")
        ([2, 0, -1, 1], None)
        """
        small = text.replace("I", "ı").replace("İ", "i").lower() if "ı" in self.places else text.lower()
        small = small.replace("ς", "σ")  # the same letter, at the end of a word
        if any(pair in small for pair in self.undecided):
            return None
        found = []
        for letter in unicodedata.normalize("NFC", small):
            bare = letter if letter in self.places else unicodedata.normalize("NFD", letter)[0]
            if bare.isalpha() and bare not in self.places:
                return None
            found.append(self.places.get(bare, -1))
        return found
