"""English tasks in a normal form, so that one pattern reads many wordings: "sum 3 17 37", "area rectangle width 4 m".

Words that change nothing are left out, words of one meaning become one word. Every word that is not known stays, so
that a pattern for the whole text does not match: "rounded", "about" and "each" make another task.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

from midb.text.quantities.arithmetic import to_ascii_signs

#: Words that ask, or that name what is asked about without changing it.
_NEUTRAL = frozenset((
    "a", "an", "the", "of", "to's", "and", "is", "are", "was", "be", "this", "that", "these", "those", "it", "its",
    "with", "has", "have", "having", "given", "provided", "below", "following", "please", "calculate", "compute",
    "find", "determine", "evaluate", "give", "output", "return", "provide", "tell", "show", "me", "state",
    "identify", "get", "work", "out", "what", "what's", "would", "result", "results", "answer", "value", "values",
    "number", "numbers", "integer", "integers", "list", "array", "set", "sets", "data", "dataset", "sequence",
    "series", "input", "in", "numerical", "numeric", "all", "your", "for", "then", "using", "without", "calculator",
    "whose", "each_other", "final", "correct", "respectively", "between", "arithmetic", "mathematical", "math",
    "maths", "expression", "operation", "problem", "question", "equation", "basic", "simple", "perform",
    "calculation", "calculations", "solve", "simplify", "elements", "items",
))  # fmt: skip
_SAME = {
    "add": "sum", "adding": "sum", "plus": "+", "total": "total", "average": "mean", "multiply": "product",
    "multiplied": "product", "times": "times", "lowest": "smallest", "least": "smallest", "minimum": "smallest",
    "min": "smallest", "biggest": "largest", "maximum": "largest", "max": "largest", "highest": "largest",
    "greatest": "largest", "factor": "divisor", "lenght": "length",
    "lengths": "length", "long": "length", "sides": "side",
    "bases": "base", "celcius": "celsius", "farenheit": "fahrenheit", "centigrade": "celsius", "degree": "degrees",
    "triangular": "triangle", "angled": "", "rectangular": "rectangle", "wide": "width", "breadth": "width",
    "high": "height", "circular": "circle", "subtracted": "subtract", "divided": "divide",
}  # fmt: skip
_SHORT = {"gcd": "largest common divisor", "gcf": "largest common divisor", "hcf": "largest common divisor",
          "lcm": "smallest common multiple"}  # fmt: skip
_SPOKEN = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
NUMBER_WORDS = {word: value for value, word in enumerate(_SPOKEN)}
#: A number of numbers says nothing that the numbers do not say.
_COUNTED = re.compile(
    rf"\b(?:{'|'.join(NUMBER_WORDS)})\s+(?=(?:(?:given|following|different)\s+)?"
    r"(?:numbers?|values?|integers?|items?|elements?|data)\b)"
)
_EXPONENT = re.compile(
    r"(?<![^\W\d_])((?:mm|cm|dm|km|m|in|ft|yd|inches|feet|meters)\s?)(?:\^\s?[23]|[23](?![\d.,]\d)(?!\d)|[²³])",
    re.IGNORECASE,
)
_NUMBER = r"(?:\d{1,3}(?:,\d{3})+(?![\d,])|\d+)(?:\.\d+)?"
_TOKEN = re.compile(rf"{_NUMBER}|[a-z]+(?:['’-][a-z]+)*|°\s?[cf]\b|\S")
_SEPARATORS = frozenset(",;:.?!()[]{}\"'“”‘’=&•*`|$€£")


def hide_exponents(text: str) -> str:
    """``text`` with the exponents of units as blanks, so that they are no numbers; of the same length.

    >>> hide_exponents("50 cm2 or 3 m^2")
    '50 cm  or 3 m  '
    """
    return _EXPONENT.sub(lambda match: match[1] + " " * (len(match[0]) - len(match[1])), text)


@dataclass(frozen=True, slots=True)
class EnglishTask:
    """``text`` in normal form, its input behind a bar where it adds something; ``numbers`` in reading order."""

    text: str
    numbers: tuple[Fraction, ...]
    counts: tuple[Fraction, ...]


def normalise(instruction: str, given: str) -> EnglishTask:
    """The normal form of an instruction and its input.

    >>> normalise("Please calculate the average of these four numbers.", "[2, 3, 7, 1]").text
    'mean | 2 3 7 1'
    """
    parts = [_normalise_text(text) for text in (instruction, given)]
    numbers = [[Fraction(word) for word in part if _is_number(word)] for part in parts]
    if numbers[0] and numbers[0] == numbers[1] and set(parts[1]) <= {*parts[0], "+"}:
        parts[1], numbers[1] = [], []  # the input says the same once more
    counts = [
        Fraction(NUMBER_WORDS[word]) for word in re.findall(r"[a-z]+", instruction.lower()) if word in NUMBER_WORDS
    ]
    text = " ".join(parts[0]) + (" | " + " ".join(parts[1]) if parts[1] else "")
    return EnglishTask(text.strip(), (*numbers[0], *numbers[1]), tuple(counts))


def _is_number(word: str) -> bool:
    return word[-1].isdigit() and word[-1].isascii()


def _normalise_text(text: str) -> list[str]:
    text = hide_exponents(to_ascii_signs(text)).lower()
    text = re.sub(r"<?\b(?:no\s?input|none|n/a)\b>?|^\s*[-*]\s(?=\s*\d)", " ", text, flags=re.MULTILINE)
    text = _COUNTED.sub(" ", text)
    found: list[str] = []
    before = ","  # what stands before decides whether a hyphen is a minus
    for match in _TOKEN.finditer(text):
        word = match.group()
        if word[0].isdigit():
            number = word.replace(",", "")
            if found and found[-1] == "-" and before == "-," and text[match.start() - 1] == "-":
                found[-1] = f"-{number}"
            else:
                found.append(number)
            before = "0"
        elif word == "-":
            before = "-," if before in (",", "w") else "-"
            found.append("-")
        elif word in _SEPARATORS and word not in "()*":
            before = ","
        else:
            before = "w" if word[0].isalpha() else word
            found += _rename(word)
    return [word for word in found if word]


def _rename(word: str) -> list[str]:
    if word in _NEUTRAL:
        return []
    if word in _SHORT:
        return _SHORT[word].split()
    if word in NUMBER_WORDS:
        return [str(NUMBER_WORDS[word])]
    return [part for part in (_SAME.get(piece, piece) for piece in word.split("-")) if part and part not in _NEUTRAL]
