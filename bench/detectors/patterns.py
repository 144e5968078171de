"""More clean pairs: texts of our own with places for numbers, names and words, filled in differently each time.

A pattern has the same name and the same places in every language of tests/cases/clean/patterns, and the same values
come into all of them, written as each language writes them. So a kind that has little to hold on to in a few texts (a
formula, an address, a price) is tried on many. Pairs of one pattern differ in what is filled in alone.
"""

from __future__ import annotations

import functools
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from random import Random
from typing import Any

from babel.numbers import format_decimal, get_group_symbol
from registry import ROOT

from midb.domain.pairs import Field, InstructionPair
from midb.injectors import CleanPair
from midb.locales import LANGUAGES, load

PATTERNS = ROOT / "tests" / "cases" / "clean" / "patterns"

#: Pairs of each pattern; the village has enough sentences for more.
VARIANTS = 6
_MORE = {
    "village": 25, "sentences": 12, "words": 12, "characters": 14, "verse": 1, "rename": 25,
    "prices": 12, "form": 14, "initials": 4, "fruits": 14, "quotes": 8, "measures": 26, "percents": 8,
    "programs": 30, "code": 7}  # fmt: skip

_SLOT = re.compile(r"<([^<>\n]+)>")
_FORMULAS = (
    r"\frac{a}{b}", r"\sqrt{x + 1}", r"\sum_{k=1}^{n} k", r"\int_{0}^{1} x^2", r"\alpha + \beta", r"\sqrt{a^2 + b^2}",
    r"\frac{n + 1}{2}", r"\pi r^2",
)  # fmt: skip
_PLACEHOLDERS = (
    ("{first_name}", "{customer}", "{user}"), ("{order_number}", "{order}", "{reference}"),
    ("{order_date}", "{date}", "{created}"), ("{amount}", "{total}", "{price}"), ("{arrival}", "{day}", "{delivery}"),
)  # fmt: skip
_PATH_WORDS = ("summer", "winter", "airport", "harbour", "north", "centre", "students", "night")
_PROGRAMS = ("Windows", "Firefox", "Office", "Photoshop", "Outlook", "Netflix", "Android", "Spotify")
_PROGRAM_TEXTS = (
    "def double(x):\n    return 2 * x\n\nfor n in [1, 2, 3]:\n    if n > 1:\n        print(double(n))",
    "def largest(items):\n    best = items[0]\n    for item in items:\n        if item > best:\n"
    "            best = item\n    return best\n\nprint(largest([4, 9, 2]))",
    "n = 10\nwhile n > 0:\n    if n % 2 == 0:\n        print(n)\n    else:\n        print(-n)\n    n = n - 1",
    "def sign(x):\n    if x < 0:\n        return -1\n    else:\n        return 1\n\nprint(sign(-5))",
    "def total(numbers):\n    result = 0\n    for number in numbers:\n        result = result + number\n"
    "    return result\n\nif total([1, 2]) == 3:\n    print('three')",
    "def countdown(n):\n    while n > 0:\n        print(n)\n        n = n - 1\n    return n\n\nif countdown(3) == 0:\n"
    "    print('done')",
    "def is_short(word):\n    if len(word) < 5:\n        return True\n    else:\n        return False\n\n"
    "for word in ['sea', 'mountain']:\n    print(is_short(word))",
)
#: Marks between the items of a list; Japanese and Thai sentences are joined as they are written there.
_COMMAS = {"ja": "、", "ar": "، "}


@functools.cache
def _texts(language: str) -> dict[str, Any]:
    return tomllib.loads((PATTERNS / f"{language}.toml").read_text(encoding="utf-8"))


def pattern_pairs(most: int | None = None, languages: Sequence[str] = LANGUAGES) -> Iterator[tuple[str, CleanPair]]:
    """Every pair of every pattern in some languages with its id, at most ``most`` of each pattern and language."""
    for language in languages:
        for name in _texts(language)["texts"]:
            for variant in range(min(_MORE.get(name, VARIANTS), most or VARIANTS * VARIANTS)):
                yield f"{language}-{name}-{variant}", make_pair(language, name, variant)


def make_pair(language: str, name: str, variant: int) -> CleanPair:
    """One pair of a pattern, with its English source."""
    both = [_Filling(code, name, variant) for code in (language, "en")]
    for one, other in (both, reversed(both)):
        one.share_limits(other)
    pair, source = (filling.fill() for filling in both)
    return CleanPair(pair, language, source)


class _Filling:
    """What comes into the places of a pattern in one language. The same seed draws the same for each language."""

    def __init__(self, language: str, name: str, variant: int) -> None:
        self._language = language
        self._words = _texts(language)
        self._text: Mapping[str, str] = self._words["texts"][name]
        self._values = dict(self._draw(Random(f"{name} {variant}"), variant))

    def fill(self) -> InstructionPair:
        """The pair."""
        return InstructionPair(**{
            field.value: _SLOT.sub(lambda slot: self._values[slot[1]], self._text.get(field.value, ""))
            for field in Field
        })  # fmt: skip

    def share_limits(self, other: _Filling) -> None:
        """Let both texts keep the limits of length that their tasks name."""
        for limit in ("words", "characters"):
            self._values[limit] = str(max(int(self._values[limit]), int(other._values[limit])))

    def _draw(self, random: Random, variant: int) -> Iterator[tuple[str, str]]:
        words = self._words
        yield from self._draw_numbers(random)
        first, second = random.sample(range(len(words["names"])), 2)
        yield "A", words["names"][first]
        yield "B", words["names"][second]
        yield "N", words["placeholder_names"][variant % 4]
        for number, formula in enumerate(random.sample(_FORMULAS, 4), start=1):
            yield f"f{number}", formula
        for number, names in enumerate(_PLACEHOLDERS, start=1):
            yield f"v{number}", random.choice(names)
        for number, word in enumerate(random.sample(_PATH_WORDS, 3), start=1):
            yield f"w{number}", word
        yield "programs", self._join(random.sample(_PROGRAMS, 4))
        yield "code", _PROGRAM_TEXTS[variant % len(_PROGRAM_TEXTS)]
        for number in (1, 2, 3):
            yield f"c{number}", self._price(random.choice((2, 3, 4, 5, 6, 7)))
        yield from self._draw_texts(random)
        yield from self._draw_words(random, variant)

    def _draw_numbers(self, random: Random) -> Iterator[tuple[str, str]]:
        for number in range(1, 7):
            yield f"n{number}", str(random.randint(3, 29))
            yield f"d{number}", self._number(random.randint(11, 98) / 10 + random.choice((0, 0.05)))
            yield f"g{number}", self._number(random.randrange(10_100, 98_900, 50))
            yield f"p{number}", self._percent(random.choice((random.randint(2, 60), random.randint(11, 98) / 10)))
        for number, sign in enumerate(("+", "×", "-"), start=1):
            one, other = sorted((random.randint(3, 12), random.randint(13, 40)), reverse=True)
            result = {"+": one + other, "-": one - other}.get(sign, one * other)
            yield f"e{number}", f"{one} {sign} {other} = {result}"
        values = random.sample(range(2, 90), 4)
        values.append(200 - sum(values) % 5)  # so that the average is a whole number
        yield "list", self._join(map(str, values))
        yield "sorted", self._join(map(str, sorted(values)))
        yield "average", str(sum(values) // 5)

    def _draw_texts(self, random: Random) -> Iterator[tuple[str, str]]:
        gap = "" if self._language == "ja" else " "
        village = self._words["village"]
        yield "village", gap.join(village[index] for index in sorted(random.sample(range(8), 5)))
        count = random.randint(2, 4)
        short = gap.join(village[index] for index in sorted(random.sample(range(8), count)))
        yield "short village", short
        yield "sentences", str(count)
        yield "words", str(len(short.split()) // 5 * 5 + 5)
        yield "characters", str(len(short) // 10 * 10 + 10)
        colon = {"fr": "\u00a0: ", "ja": "："}.get(self._language, ": ")
        lines = (self._words["weather"][index] for index in random.sample(range(6), 4))
        yield "weather", "\n".join(f"**{term}**{colon}{explanation}" for term, explanation in lines)
        fruits = [self._words["fruits"][index] for index in random.sample(range(8), random.randint(5, 7))]
        yield "count", str(len(fruits))
        yield "fruits", "\n".join(f"{number}. {fruit}" for number, fruit in enumerate(fruits, start=1))

    def _draw_words(self, random: Random, variant: int) -> Iterator[tuple[str, str]]:
        word = self._words["words"][variant % 6]
        yield "word", word
        yield "reversed", word[::-1].lower()
        initials = self._words["initials"]
        initial, *animals = initials[variant % len(initials)]
        yield "initial", initial
        yield "animals", self._join(animals)
        yield "verse", "\n".join(self._words["verse"])

    def _join(self, items: Iterator[str] | list[str]) -> str:
        return _COMMAS.get(self._language, ", ").join(items)

    @property
    def _locale(self) -> str:
        return "en_US" if self._language == "en" else load(self._language).default_locale

    def _number(self, value: float) -> str:
        return format_decimal(value, locale=self._locale, numbering_system="latn")

    def _percent(self, value: float) -> str:
        number = self._number(value)
        if self._language == "tr":
            return f"%{number}"
        blank = "\u00a0" if self._language in ("de", "fr", "es", "ru", "cs") else ""
        return f"{number}{blank}%"

    def _price(self, dollars: int) -> str:
        amount = dollars * self._words["price_factor"]
        number = self._number(amount) if amount >= 10_000 else str(amount)
        if 1_000 <= amount < 10_000:
            number = f"{amount:,}".replace(",", get_group_symbol(self._locale, numbering_system="latn"))
        return str(self._words["price"]).replace("<n>", number)
