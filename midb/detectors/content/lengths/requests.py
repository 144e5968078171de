"""The length that an English instruction asks for: "in 50 words or less", "a five-line poem", "three sentences about".

Only what is said plainly, and once. Knows no pair and no response.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from midb.text.words import holds_any


class Measure(StrEnum):
    """What a length is counted in."""

    WORDS = "words"
    SENTENCES = "sentences"
    LINES = "lines"
    PARAGRAPHS = "paragraphs"
    CHARACTERS = "characters"


#: Of fewer words nobody means the length of a text; of fewer characters neither.
FEWEST = {Measure.WORDS: 5, Measure.CHARACTERS: 40}


@dataclass(frozen=True, slots=True)
class LengthLimit:
    """From ``least`` to ``most`` of a measure; ``most`` is ``None`` where there is no upper bound.

    ``named``: just a number is said, which is the upper bound at least ("200 words" may stand behind "within").
    """

    measure: Measure
    least: int
    most: int | None
    named: bool = False

    def __str__(self) -> str:
        """As evidence says it.

        >>> str(LengthLimit(Measure.WORDS, 0, 50)), str(LengthLimit(Measure.LINES, 3, None))
        ('at most 50 words', 'at least 3 lines')
        """
        if self.most is None:
            return f"at least {self.least} {self.measure}"
        if self.least == 0 and not self.named:
            return f"at most {self.most} {self.measure}"
        both = f"{self.most}" if self.named or self.least == self.most else f"{self.least} to {self.most}"
        return f"{both} {self.measure if self.most > 1 else self.measure[:-1]}"


_SPOKEN = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
_NUMBERS = {word: value for value, word in enumerate(_SPOKEN, 1)} | {"a single": 1}
_NUMBER = rf"(?:\d{{1,4}}|\d,\d{{3}}|a single|{'|'.join(_SPOKEN)})"
_RANGE = rf"(?P<one>{_NUMBER})(?: ?(?:-|–|to|or) ?(?P<two>{_NUMBER}))?"
_UNIT = r"(?P<unit>word|sentence|line|paragraph|character)"
_BELOW = r"(?P<below>less than|fewer than|under|below|<)"
_MOST = (
    r"(?P<most>no more than|not more than|at most|up to|(?:a )?max(?:imum)?(?: of)?|within|no longer than|≤|not exceed)"
)
_LEAST = r"(?P<least>at least|(?:a )?min(?:imum)?(?: of)?|no less than|no fewer than|not less than|more than|≥)"
_ABOUT = r"(?:exactly|about|around|approximately|roughly|only|just|nearly|almost|precisely)"
_BEHIND = (
    r"(?P<behind_most> or (?:less|fewer)| max(?:imum)?\b| at most)|(?P<behind_least> or (?:more|longer)| minimum\b)"
)
#: What stands before a number that is a length, and not a number of things that are given.
_FRAME = r"(?:in|using|of|with(?:in)?|into|to|has|have|having|contain(?:s|ing)?|be|is)"
_WRITE = r"(?:write|compose|generate|create|provide|give|output|produce|construct|craft|make)(?: me| us)?"
_THINGS = (
    r"(?:story|stories|poem|tweet|essay|summary|article|report|description|paragraph|response|answer|text|letter"
    r"|e?-?mail|review|introduction|speech|dialogue|(?:film )?script|definition|explanation|overview|post|blog|bio"
    r"|biography|narrative|analysis|statement|caption|passage|sentence|motto|slogan|song|verse|monologue)"
)
_WRITTEN_ABOUT = (
    r"(?:about|describing|to describe|on the|explaining|that describes?|summari[sz]ing|of dialogue|story|essay|report)"
)
_FORMS = tuple(
    re.compile(form, re.IGNORECASE)
    for form in (
        rf"(?:\b{_FRAME} )?(?:{_BELOW}|{_MOST}|{_LEAST}) ?(?P<one>{_NUMBER})[ -]{_UNIT}s?\b",
        rf"\b{_FRAME} (?:the )?(?:{_ABOUT} )?{_RANGE}[ -]{_UNIT}s?\b(?:{_BEHIND})?",
        rf"\bbetween (?P<one>{_NUMBER}) and (?P<two>{_NUMBER}) {_UNIT}s\b",
        rf"\b(?:an?|the|your|this) (?:{_ABOUT} )?{_RANGE}[ -]{_UNIT}s? (?:[a-z]+ ){{0,2}}?{_THINGS}\b",
        rf"\b{_WRITE} (?:{_ABOUT} )?{_RANGE}[ -]{_UNIT}s?\b(?=[^.?!]{{0,20}}\b{_WRITTEN_ABOUT}\b)",
    )
)
_UNITS = ("word", "sentence", "line", "paragraph", "character")
_ANY = re.compile(r"\b(?:words?|sentences?|lines?|paragraphs?|characters?)\b", re.IGNORECASE)
_GIVEN = r"(?:two|three|four|five|\d+)"
#: Where lengths are of parts, of what is given or listed, or of something else than prose.
_OTHER = re.compile(
    r"\b(?:each|every|per|apiece|words? (?:search|list|cloud|puzzle|game|combination)"
    rf"|following {_GIVEN} (?:words?|sentences?|lines?|paragraphs?)|given {_GIVEN}|these {_GIVEN}|longer than"
    r"|shorter than|(?:list|series|set|pair|group) of|codes?|programs?|functions?|passwords?|python|main characters?"
    r"|script that|regex|string)\b",
    re.IGNORECASE,
)
_LONGEST_TASK = 700
#: Where several things are asked for one by one, a length is that of one of them.
SEVERAL = re.compile(r"(?:^|\s)(?:1[.)]\s[\s\S]*\s2[.)]|a\)[\s\S]*\bb\))\s?")


def read_limit(task: str) -> LengthLimit | None:
    """The one length that an English task asks for, ``None`` where it asks for none, for several, or not plainly.

    >>> str(read_limit("Summarize the text in 50 words or less.")), str(read_limit("Write a 3-5 sentence story."))
    ('at most 50 words', '3 to 5 sentences')
    """
    if len(task) > _LONGEST_TASK or not holds_any(task.lower(), _UNITS) or not _ANY.search(task):
        return None
    if _OTHER.search(task) or SEVERAL.search(task):
        return None
    found: dict[int, LengthLimit] = {}
    for form in _FORMS:
        for match in form.finditer(task):
            limit = _read(match)
            if limit is not None:
                found.setdefault(match.start("unit"), limit)
    return next(iter(found.values())) if len(set(found.values())) == 1 else None


def _read(match: re.Match[str]) -> LengthLimit | None:
    said = match.groupdict()
    measure = Measure(f"{said['unit'].lower()}s")
    one = _read_number(said["one"])
    two = _read_number(said["two"]) if said.get("two") else one
    if not 0 < one <= two or two < FEWEST.get(measure, 1):
        return None
    if said.get("below"):
        return LengthLimit(measure, 0, max(one - 1, 1))
    if said.get("most") or said.get("behind_most"):
        return LengthLimit(measure, 0, two)
    if said.get("least") or said.get("behind_least"):
        return LengthLimit(measure, one, None)
    return LengthLimit(measure, one, two)


def _read_number(number: str) -> int:
    return _NUMBERS.get(number.lower()) or int(number.replace(",", ""))
