"""What a response says is the answer: its one number, the one that is not of the task, or what its last equals sign
stands before. In any language; where it may be meant otherwise, nothing is read."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from fractions import Fraction

from midb.detectors.content.results.english import hide_exponents
from midb.detectors.content.results.problems import ComputedTask
from midb.text.quantities.arithmetic import to_ascii_signs
from midb.text.quantities.numbers import NUMERAL, count_decimals, read_numeral

#: Longer responses explain, and hold many numbers.
LONGEST_REPLY = 600

_GROUPED = re.compile(r"(?<![\d.,])\d{1,3}(?: \d{3})+(?:[.,]\d+)?(?![\d])")
_NUMERAL = re.compile(rf"(?<![A-Za-z\d])(?<!\d[.,])(?:{_GROUPED.pattern}|{NUMERAL})")
_SCIENTIFIC = re.compile(r"\b10\s?\^|[*x]\s?10\b|\d[eE][-+]?\d|\^")
_FRACTION = re.compile(r"(?:(\d+)\s)?(\d+)\s?/\s?(\d+)")
_VULGAR = re.compile("[\N{VULGAR FRACTION ONE QUARTER}-\N{VULGAR FRACTION THREE QUARTERS}"
                     "\N{VULGAR FRACTION ONE THIRD}-\N{VULGAR FRACTION SEVEN EIGHTHS}]")  # fmt: skip
#: Magnitudes that are written right behind their number.
_MAGNITUDE = re.compile(r"\s?(?:[千万億兆百]|[천만억조백십]|\N{THAI CHARACTER LO LING}้าน|พัน|หมื่น|แสน)")
_LAST_EQUALS = re.compile(rf"=\s*[$€£]?\s*(-?{NUMERAL})[^\d=]{{0,30}}$")
#: A response that is a number: marks before it, a unit behind it that is no sentence.
_ALONE = re.compile(
    rf"[\s*_`'\"“”«»$€£]*(?P<number>-?(?:{_GROUPED.pattern}|{NUMERAL}))"
    r"(?P<unit>\s?[^\d\s.!?;:,。()]{0,20}(?:\s[^\d\s.!?;:,。()]{1,20})?)[\s*_`'\"“”«»$€£]*[.。!]?\s*"
)
_SYMBOLS = re.compile(r"\s*(?:|[°º]?\s?[CFK]?|[mcdk]?m|ft|in|[mk]?g|lbs?|m?[lL]|%|[€$£¥])(?:\s|[²³])*")


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer of a response: where it stands, how it is written, and every value it can have.

    ``alone`` says that the response is nothing but that number; ``unit`` is what stands behind it then.
    """

    start: int
    written: str
    values: tuple[Fraction, ...]
    alone: bool
    unit: str = ""

    @property
    def has_symbol(self) -> bool:
        """Whether behind the number stands nothing, or a unit that no number changes."""
        return bool(_SYMBOLS.fullmatch(self.unit))

    @property
    def end(self) -> int:
        return self.start + len(self.written)


def read_wrong_reply(text: str, problem: ComputedTask, magnitudes: Collection[str]) -> Reply | None:
    """The answer of a response, if it is plain which it is, and wrong; ``magnitudes`` multiply the number before them.

    >>> problem = ComputedTask("the sum", (Fraction(57),), (Fraction(3), Fraction(17), Fraction(37)))
    >>> (read_wrong_reply("Die Summe von 3, 17 und 37 ist 58.", problem, ()) or problem).written
    '58'
    >>> read_wrong_reply("Die Summe von 3, 17 und 37 ist 57.", problem, ()) is None
    True
    """
    plain = hide_exponents(to_ascii_signs(text))
    if problem.spelled:
        return _read_spelled(plain, problem)
    if _SCIENTIFIC.search(plain) or _VULGAR.search(text) or _says_fraction(plain, problem):
        return None
    found = [_read_number(plain, match) for match in _NUMERAL.finditer(plain)]
    if not found or any(_is_right(reply, problem) for reply in found) or _has_magnitude(plain, found, magnitudes):
        return None
    if "%" in plain or any(not reply.values for reply in found):
        return None
    reply = _choose(plain, found, problem)
    if reply is None or _is_scaled(reply, problem):
        return None
    return reply


def _read_number(plain: str, match: re.Match[str]) -> Reply:
    """A numeral with its sign; it is alone where the text is nothing else."""
    start, written = match.start(), match.group()
    if plain[start - 1 : start] == "-" and (start < 2 or plain[start - 2] in " =:(*$"):
        start, written = start - 1, f"-{written}"
    sign = -1 if written.startswith("-") else 1
    values = tuple(sign * value for value in read_numeral(written.lstrip("-").replace(" ", "\N{NO-BREAK SPACE}")))
    alone = _ALONE.fullmatch(plain)
    is_alone = alone is not None and alone.start("number") == start and alone["number"] == written
    return Reply(start, written, values, is_alone, alone["unit"] if alone and is_alone else "")


def _is_right(reply: Reply, problem: ComputedTask) -> bool:
    places = count_decimals(reply.written)
    for value in reply.values:
        if problem.accepts(value, places if value.denominator > 1 or len(reply.values) == 1 else 0):
            return True
    return any(problem.accepts(value, places) for value in reply.values)


def _says_fraction(plain: str, problem: ComputedTask) -> bool:
    """Whether a fraction or a mixed number is the answer."""
    for match in _FRACTION.finditer(plain):
        if int(match[3]) and len(match[0]) < 20:
            value = Fraction(int(match[2]), int(match[3]))
            if {Fraction(match[2]), Fraction(match[3])} <= set(problem.given):
                continue  # the task itself
            if {value, value + int(match[1] or 0)} & set(problem.values):
                return True
    return False


def _has_magnitude(plain: str, found: list[Reply], magnitudes: Collection[str]) -> bool:
    """Whether a word such as "thousand" multiplies a number."""
    for reply in found:
        rest = plain[reply.end : reply.end + 24]
        if _MAGNITUDE.match(rest) or any(rest.lstrip().startswith(word) for word in magnitudes):
            return True
    return False


def _choose(plain: str, found: list[Reply], problem: ComputedTask) -> Reply | None:
    """The number that answers."""
    if len(found) == 1:
        return found[0]
    given = set(problem.given)
    new = [reply for reply in found if not set(map(abs, reply.values)) & {abs(number) for number in given}]
    if len({reply.values for reply in new}) == 1 and "\n" not in plain.strip() and new[-1] is found[-1]:
        return new[-1]
    last = _LAST_EQUALS.search(plain)
    if last and "\n" not in plain.strip():
        return next((reply for reply in found if reply.start == last.start(1)), None)
    return None


def _is_scaled(reply: Reply, problem: ComputedTask) -> bool:
    """Whether the answer is right in another unit: square metres for square centimetres."""
    if not problem.scalable:
        return False
    ratios = [abs(value / problem.values[0]) for value in reply.values if problem.values[0] and value]
    return any(re.fullmatch(r"10+|1/10+", str(ratio)) for ratio in ratios)


def _read_spelled(plain: str, problem: ComputedTask) -> Reply | None:
    """An answer that is no decimal number."""
    found = []
    whole = plain.strip(" \n.。*`")
    for match in re.finditer(r"(?<![\w.,])(?:0[xX]|0[bB]|#)?([0-9A-Za-z]+)(?![.,]?\w)", plain):
        bare = match[1] if problem.letters.startswith("[IV") else match[1].upper()
        if bare.lstrip("0") == problem.spelled:
            return None
        if re.fullmatch(problem.letters, bare) or (
            (match[0][:2] == "0x" or match[0] == whole)
            and "0-9A" in problem.letters
            and re.fullmatch("[0-9A-F]+", bare)
        ):
            found.append(match)
    given = {str(number) for number in problem.given}
    new = [match for match in found if match[1] not in given]
    if problem.spelled in plain.upper() or len({match[1] for match in new}) != 1:
        return None
    start = new[0].start(1)
    alone = whole == new[0].group()
    return Reply(start, new[0][1], (), alone)
