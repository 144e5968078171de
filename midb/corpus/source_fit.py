"""Whether an English original can be that of a pair: a source file that is off by a line fits no record.

Translations keep numbers, names and signs of Latin script, and whether there is an input at all. Where two of these
speak against an original, or one very loudly, it is that of another pair. Knows no language but English as such.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from midb.domain.pairs import InstructionPair
from midb.text.words import count_ideographs, count_letters

#: The share of a sample whose originals do not fit above which none is used. Shifted by a line it is a half and more;
#: of 26,918 real pairs and their originals it is one in a thousand.
MISALIGNED = 0.25
#: The share that is worth a warning.
DOUBTFUL = 0.02
#: Fewer originals are no sample.
LEAST_SAMPLE = 10

_NUMBER = re.compile(r"[0-9]+")
#: Words with a capital: no other is a name.
_CAPITALISED = re.compile(r"(?<![A-Za-z])[a-z]*[A-Z][A-Za-z]*")
#: Words that translations keep: names and terms. In texts of other scripts any Latin word is one.
_NAME = re.compile(r"[A-Z][a-z]{3,}|[A-Z]{2,}|[A-Za-z]*[a-z][A-Z][A-Za-z]*")
#: How many letters of English a letter of the pair may stand for, at least and at most.
_LENGTHS = (0.25, 4.0)
#: Letters below which a length says nothing.
_SHORT = 60


def find_misfit(pair: InstructionPair, source: InstructionPair) -> str:
    """Why a source cannot be the original of a pair, in words for people; empty where it may be."""
    ours, theirs = _join(pair), _join(source)
    numbers, originals = set(_NUMBER.findall(ours)), set(_NUMBER.findall(theirs))
    if numbers & originals or _share_name(ours, theirs):
        return ""
    signs = []
    if weight := _weigh_numbers(numbers, originals):
        signs += ["it has other numbers"] * weight
    if pair.input is not None and source.input is not None and bool(pair.input.strip()) != bool(source.input.strip()):
        signs.append("only one of the two has an input")
    compared = [(pair.instruction, source.instruction), (pair.response, source.response)]
    while compared and len(signs) + len(compared) >= 2 > len(signs):  # letters are counted where they can decide
        ours_text, theirs_text = compared.pop(0)
        if ours_text and theirs_text and _differ_in_length(ours_text, theirs_text):
            signs.append("their lengths do not fit")
    return signs[0] if len(signs) >= 2 else ""


@dataclass(frozen=True)
class SourceFit:
    """How many originals of a sample were looked at, how many do not fit, and the first of those, for people."""

    seen: int = 0
    misfits: int = 0
    first: str = ""

    @property
    def misaligned(self) -> bool:
        """Whether so many do not fit that none can be trusted."""
        return self.seen >= LEAST_SAMPLE and self.misfits >= MISALIGNED * self.seen

    def describe(self) -> str:
        """What is to be warned of; empty where there is nothing."""
        if not self.misfits or self.misfits < DOUBTFUL * self.seen:
            return ""
        share = f"{self.misfits / self.seen:.0%} of the English originals of a sample do not fit their records"
        used = "none is used" if self.misaligned else "those are not used"
        return f"{share} (the first: {self.first}): {used}. Are they in the same order?"


def measure_fit(found: Iterable[tuple[str, str]]) -> SourceFit:
    """How well the originals of some records fit: of each that has one its key, and why it is not the original."""
    seen = misfits = 0
    first = ""
    for key, misfit in found:
        seen += 1
        misfits += bool(misfit)
        if misfit and not first:
            first = f"{key}: {misfit}"
    return SourceFit(seen, misfits, first)


def _share_name(ours: str, theirs: str) -> bool:
    """Whether a name of the original is in the other text."""
    ours = ours.casefold()
    for word in _CAPITALISED.finditer(theirs):
        for name in _NAME.findall(word.group()):
            if len(name) > 3 and name.casefold() in ours:
                return True
    return False


def _join(pair: InstructionPair) -> str:
    return "\n".join(text for _, text in pair.texts())


def _weigh_numbers(ours: set[str], theirs: set[str]) -> int:
    """How loudly numbers that have nothing in common speak: small ones may be words in the other language."""
    long = [{number for number in side if len(number) > 1} for side in (ours, theirs)]
    if all(long):
        return 2
    if max(len(ours), len(theirs)) >= 3 or (any(long) and max(len(ours), len(theirs)) >= 2):
        return 2
    return 1 if any(long) or (ours and theirs) else 0


def _differ_in_length(ours: str, theirs: str) -> bool:
    """Whether one is so much longer than the other that it is no translation."""
    letters = count_letters(ours) + 2 * count_ideographs(ours)
    original = count_letters(theirs)
    if max(letters, original) < _SHORT:
        return False
    least, most = _LENGTHS
    return not least * original <= letters <= most * original
