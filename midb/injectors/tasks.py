"""Defects of what a task asks for: a length that is missed, and what works, costs or is called so in English alone."""

from __future__ import annotations

import dataclasses
import re
import unicodedata
from collections.abc import Iterator
from random import Random

from midb.domain.pairs import Field
from midb.injectors.base import CleanPair, Expectation, Injection, Injector, change, rewrite
from midb.injectors.words import ANIMALS, words_of

_FLAGGED = Expectation.FLAGGED

_NUMBERS = {"two": 2, "three": 3, "four": 4, "five": 5}
#: Plain words of an English task; only such a task says so clearly that anybody would see it missed.
_LENGTH = re.compile(
    r"\b(?P<how>in|at most|no more than|within|up to)(?: at most)? (?P<number>\d+|two|three|four|five)"
    r" (?P<unit>word|sentence|character)s\b"
)
_SENTENCE = re.compile(r"[^.!?。！？؟]+[.!?。！？؟]+[»”」]?\s*|[^.!?。！？؟]+\Z")
#: A model that does not care for a length misses it by far: where words are counted in two ways, in either.
_TOO_LONG, _TOO_LONG_IN_WORDS = 2.0, 2.8


def _propose_length(clean: CleanPair, random: Random) -> Iterator[Injection]:
    kind = "length-limit"
    asked = _LENGTH.findall(clean.source_text(Field.INSTRUCTION))
    words, text = words_of(clean.language), clean.response
    if len(asked) != 1 or words is None or "```" in text:
        return
    how, said, unit = asked[0]
    limit = int(_NUMBERS.get(said, 0) or said)
    if clean.language in {"sentence": ("th",), "word": ("ja", "th")}.get(unit, ()):
        return  # nothing shows where one ends
    gap = "" if clean.language == "ja" else " "
    own = [sentence.strip() for sentence in _SENTENCE.findall(text)]
    more = [sentence.strip() for sentence in _SENTENCE.findall(words.paragraph)]
    # Korean and Vietnamese words may be counted in two ways.
    factor = _TOO_LONG_IN_WORDS if unit == "word" and clean.language in ("ko", "vi") else _TOO_LONG
    for form, parts in (("goes on", [*own, *more]), ("says something else, and at length", [*more, *own])):
        longer = parts[:1]
        for index in range(1, 200):
            if _measure(gap.join(longer), unit) > factor * limit + 1:
                break
            longer.append(parts[index % len(parts)])
        yield rewrite(kind, form, Field.RESPONSE, text, gap.join(longer), _FLAGGED)
    if how == "in" and unit == "sentence" and limit >= 3 and len(own) >= 3:
        yield rewrite(kind, "stops early", Field.RESPONSE, text, random.choice(own), _FLAGGED)


def _measure(text: str, unit: str) -> int:
    """How long a text is in words, sentences or characters.

    >>> _measure("One. And two.", "sentence"), _measure("One. And two.", "word")
    (2, 3)
    """
    return {"word": len(text.split()), "sentence": len(_SENTENCE.findall(text))}.get(unit, len(text))


_DOLLARS = re.compile(r"\$(\d+(?:\.\d\d)?)")


def _propose_currency(clean: CleanPair, random: Random) -> Iterator[Injection]:
    """Prices of the task alone: what an answer says may be a fact of the world."""
    words = words_of(clean.language)
    if words is None:
        return
    signs = "|".join(map(re.escape, words.currency))
    number = "\\d{1,3}(?:[.,\u00a0\u202f]?\\d{3})*(?:[.,]\\d\\d)?"
    price = re.compile(rf"(?:{signs})\s?{number}|(?<![\d.,]){number}\s?(?:{signs})")
    for field in (Field.INSTRUCTION, Field.INPUT):
        text, amounts = clean.pair.text(field) or "", _DOLLARS.findall(clean.source_text(field))
        if amounts and len(price.findall(text)) == len(amounts):
            gap = "" if clean.language in ("ja", "ko") else " "
            for form, before, behind in (
                ("sign as in English", "$", ""),
                ("sign behind", "", f"{gap}$"),
                ("dollars", "", f"{gap}{words.dollars}"),
            ):
                told = iter(amounts)
                copied = price.sub(lambda _, t=told, b=before, e=behind: f"{b}{next(t)}{e}", text)  # type: ignore[misc]
                yield rewrite("foreign-currency", form, field, text, copied, _FLAGGED)


_JOHN = re.compile(r"\b(?:John|Jane) (?:Smith|Doe)\b")


def _propose_name(clean: CleanPair, random: Random) -> Iterator[Injection]:
    kind = "english-name"
    words = words_of(clean.language)
    if words is None:
        return
    native = re.compile("|".join(map(re.escape, sorted(words.names, key=len, reverse=True))))
    for field, text in clean.texts():
        english = _JOHN.search(clean.source_text(field))
        for match in native.finditer(text) if english else ():
            assert english
            yield change(kind, "as in English", field, match.start(), match.group(), english.group(), _FLAGGED)
            for name in words.english_names:
                yield change(kind, "by its sound", field, match.start(), match.group(), name, _FLAGGED)


_INITIAL = re.compile(r"\bstart(?:s|ing)? with the letter\b", re.IGNORECASE)
_REVERSE = re.compile(r"\breverse the letters\b", re.IGNORECASE)
_RHYME = re.compile(r"\brhym(?:e|es|ing)\b", re.IGNORECASE)
_ITEM_GAP = re.compile(r"[,،、]\s*")


def _propose_bound(clean: CleanPair, random: Random) -> Iterator[Injection]:
    for form, text in _translate_literally(clean, random):
        made = rewrite("english-bound-task", form, Field.RESPONSE, clean.response, text, _FLAGGED)
        yield dataclasses.replace(made, of_pair=True)


def _translate_literally(clean: CleanPair, random: Random) -> Iterator[tuple[str, str]]:
    """Responses that no longer do what the task asks for, with the name of the form."""
    task, english, text = clean.source_text(Field.INSTRUCTION), clean.source_text(Field.RESPONSE), clean.response
    words = words_of(clean.language)
    if _REVERSE.search(task) and english and english != text:
        yield "letters of the English word", english
    if _RHYME.search(task) and text.count("\n"):
        for _ in range(8):
            if unrhymed := _lose_rhymes(text, random):
                yield "translated for its sense", unrhymed
    own, known = _ITEM_GAP.split(text), _ITEM_GAP.split(english.lower())
    if words and _INITIAL.search(task) and len(own) >= 3 and set(known) <= set(ANIMALS):
        gap = (_ITEM_GAP.search(text) or [""])[0]
        translated = [words.animals[ANIMALS.index(animal)] for animal in known]
        others = [animal for animal in translated if _letters(animal)[:1] != _letters(own[0])[:1]]
        if others:
            yield "every item translated", gap.join(translated)
        for index in range(len(own)):
            for animal in others:
                yield "one item translated", gap.join([*own[:index], animal, *own[index + 1 :]])


def _letters(text: str) -> str:
    """The small letters of a text, those of Korean syllables one by one."""
    return "".join(filter(str.isalpha, unicodedata.normalize("NFD", text.casefold())))


_LAST_MARKS = re.compile(r"[^\w\u0300-\u036f\u0e31-\u0e4e]*\Z")


def _lose_rhymes(verse: str, random: Random) -> str:
    """A verse with the words of each line in another order, so that no two lines end alike; empty where none was found.

    >>> _lose_rhymes("so is the snow,\\nwhere you go", Random(1)) != ""
    True
    """
    for _ in range(30):
        lines = []
        for line in verse.split("\n"):
            marks = (_LAST_MARKS.search(line) or [""])[0]
            words = line.removesuffix(marks).split()
            turn = random.randrange(1, len(words)) if len(words) > 1 else 0
            lines.append((" ".join(words[turn:] + words[:turn]), marks))
        ends = [_letters(text)[-1:] for text, _ in lines]
        if len(set(ends)) == len(ends):
            return "\n".join(f"{text}{marks}" for text, marks in lines)
    return ""


INJECTORS = (
    Injector("length-limit", "a model does not count what it writes", _propose_length),
    Injector("foreign-currency", "prices are translated and not converted", _propose_currency),
    Injector("english-name", "the names of an English form are copied, or written by their sound", _propose_name),
    Injector("english-bound-task", "what English letters and sounds carry is translated by its sense", _propose_bound),
)
