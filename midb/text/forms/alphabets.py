"""Alphabets: the letters of a language in their order, where its locale lists them. Knows no defect."""

from __future__ import annotations

import functools
import re
import unicodedata

from midb.locales import LocaleSection


class LetterOrder(LocaleSection, table="alphabet"):
    """Small ``letters`` in their order. ``undecided``: letters or pairs of them that are sorted in several ways.

    ``ranges``: letters whose order is that of Unicode, by the first and the last of each range. ``leading``:
    vowels that are written before the consonant behind which they are sorted. ``article``: what a word may begin with
    that some count and others do not.
    """

    letters: str = ""
    undecided: tuple[str, ...] = ()
    ranges: tuple[str, ...] = ()
    leading: str = ""
    article: str = ""

    @functools.cached_property
    def places(self) -> dict[str, int]:
        listed = [*self.letters]
        for ends in self.ranges:
            listed += map(chr, range(ord(ends[0]), ord(ends[-1]) + 1))
        return {letter: place for place, letter in enumerate(listed)}

    @functools.cached_property
    def _leading(self) -> re.Pattern[str]:
        return re.compile(f"([{self.leading}])([^{self.leading}])" if self.leading else "(?!)(.)(.)")

    def read(self, text: str) -> list[int] | None:
        """The places of the letters of an item, -1 for a blank and the like; ``None`` where it cannot be sorted surely.

        >>> LetterOrder(letters="abc").read("Cà b"), LetterOrder(letters="abc").read("cx")
        ([2, 0, -1, 1], None)
        >>> LetterOrder(letters="aâb").read("bấ"), LetterOrder(letters="กขเ", leading="เ").read("เข")
        ([2, 1], [1, 2])
        """
        small = text.replace("I", "ı").replace("İ", "i").lower() if "ı" in self.places else text.lower()
        small = small.replace("ς", "σ")  # the same letter, at the end of a word
        if any(pair in small for pair in self.undecided):
            return None
        found = []
        for letter in self._leading.sub(r"\2\1", unicodedata.normalize("NFC", small)):
            bare = self._find_bare(letter)
            if bare not in self.places and unicodedata.category(bare)[0] in "LM":
                if unicodedata.combining(bare):
                    continue  # a tone
                return None
            found.append(self.places.get(bare, -1))
        return found

    def _find_bare(self, letter: str) -> str:
        """The letter of the alphabet that a letter with marks is: itself, with one of its marks, or with none."""
        if letter in self.places:
            return letter
        parts = unicodedata.normalize("NFD", letter)
        base = parts[0]
        with_one = (unicodedata.normalize("NFC", base + mark) for mark in parts[1:])
        return next((one for one in with_one if one in self.places), base)
