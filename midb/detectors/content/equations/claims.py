"""Equations in running text: where one stands, what is claimed, and whether it can be true.

A claim is an expression, an equals sign, and what follows it. Whatever could continue the expression to either side
(a variable, a unit, a percent sign, an open bracket) makes it no claim: better to miss one than to misread one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from math import ceil, floor

from midb.text.quantities.arithmetic import ArithmeticToken, TokenSort, find_values, split_tokens, to_ascii_signs
from midb.text.quantities.numbers import count_decimals, read_numeral

#: How far from its equals sign an expression is looked for.
_REACH = 160

#: A rounded intermediate result changes what is computed with it by less than this share.
_ROUNDING = Fraction(1, 100)

#: A number of so many decimals was computed in floating point.
_FLOAT_DIGITS = 12

_EQUALS = re.compile(r"(?<![=<>!:~/+*\-^|&≈≤≥≠])=(?![=<>~])")
_LIST_MARK = re.compile(r"(?:^|[\s(])\w{1,3}\)\s*$")
_LETTERS_WITHOUT_BLANKS = r"\u0E00-\u0E7F\u3040-\u30FF\u3400-\u9FFF\uAC00-\uD7A3"
_ENDS_IN_SCRIPT_WITHOUT_BLANKS = re.compile(rf"[{_LETTERS_WITHOUT_BLANKS}]$")
_SCRIPT_WITHOUT_BLANKS = re.compile(rf"[{_LETTERS_WITHOUT_BLANKS}\u0600-\u06FF]")
_THAI_MARKS = "\u0e31\u0e34-\u0e3a\u0e47-\u0e4e"
_LAST_WORD = re.compile(rf"[^\W\d_]+[{_THAI_MARKS}]*$")
#: A dash that stands for "is", as in Russian; behind a number or a sign it would be a minus.
_DASH_FOR_IS = re.compile(r"[^\W\d_] —$")
_CLAUSE = re.compile(r"[.,;:!?()\[\]。、，；：！？،؛\n]")
_OPENERS = "([{«“„‘\"'「『【〈《|→⇒⟹•▪◦‣>"
_CLOSERS = ")]}»”’\"'」』】〉》|"
_ARROWS = "→⇒⟹✓✔"


class Following(StrEnum):
    """What follows a claim: nothing that matters, or a word that its last number may count."""

    NOTHING = "nothing"
    WORD = "word"


@dataclass(frozen=True, slots=True)
class Claim:
    """An equation as it stands in a text: ``[start, end)``, and all the ways its left side can be read.

    ``lefts`` are those readings, the likeliest first. ``inside`` says that the left side is the right side of another
    equation; ``after_word`` that a word stands before it. ``crowded``: other numbers stand before it in its clause, so
    that the equation may go on from them; only the English source can tell.
    """

    lefts: tuple[tuple[ArithmeticToken, ...], ...]
    right: tuple[ArithmeticToken, ...]
    following: Following
    inside: bool
    after_word: bool
    crowded: bool = False

    @property
    def start(self) -> int:
        return self.lefts[-1][0].start

    @property
    def end(self) -> int:
        return self.right[-1].end

    @property
    def result(self) -> ArithmeticToken | None:
        """The number that is claimed, ``None`` where the right side is an expression or a negative number."""
        numbers = [token for token in self.right if token.sort is not TokenSort.MARK]
        return numbers[0] if len(numbers) == 1 else None


#: French for "there is", which ends in a word of one letter.
_THERE_IS = re.compile(r"\bil y a\Z", re.IGNORECASE)


def find_claims(text: str) -> Iterator[Claim]:
    """Every equation of a text whose two sides can be read as plain arithmetic.

    >>> [(claim.start, claim.end) for claim in find_claims("We know: 17 + 25 = 42 apples, and x = 3.")]
    [(9, 21)]
    """
    text = to_ascii_signs(text)
    positions = [match.start() for match in _EQUALS.finditer(text)]
    for index, position in enumerate(positions):
        line_start = text.rfind("\n", max(0, position - _REACH), position) + 1 or max(0, position - _REACH)
        line_end = text.find("\n", position, position + _REACH)
        line_end = line_end if line_end >= 0 else min(len(text), position + _REACH)
        previous = positions[index - 1] + 1 if index else 0
        following = positions[index + 1] if index + 1 < len(positions) else len(text)
        start, end = max(line_start, previous), min(line_end, following)
        cut = start == position - _REACH > 0 and text[start - 1] != "\n"
        claim = _read_claim(text, start, position, end, inside=start == previous and index > 0, cut=cut)
        if claim:
            yield claim


def _read_claim(text: str, start: int, equals: int, end: int, *, inside: bool, cut: bool) -> Claim | None:
    """The claim around one equals sign, within ``[start, end)``; ``cut`` says that its line begins before ``start``."""
    left = _take_end(split_tokens(text, start, equals))
    right = _take_beginning(split_tokens(text, equals + 1, end))
    if not left or not right or (cut and left[0].start == start):
        return None
    while right and right[-1].text == "-":  # a dash after the sum
        right.pop()
    following = _classify_rest(text, right[-1].end, end) if right else None
    if following is None:
        return None
    before = text[start : left[0].start]
    lefts = _find_readings(left, at_start=not before.strip() and not inside)
    if not lefts or not ((inside and not before.strip()) or _may_begin(before, lefts[0])):
        return None
    stripped = before.rstrip()
    after_word = bool(_LAST_WORD.search(stripped) or _DASH_FOR_IS.search(stripped))
    crowded = after_word and bool(re.search(r"\d", _CLAUSE.split(stripped)[-1]))
    return Claim(tuple(lefts), tuple(right), following, inside, after_word, crowded)


def _take_end(side: list[ArithmeticToken]) -> list[ArithmeticToken]:
    """The expression at the end of a side: up to a word, a lone bracket, or the start."""
    depth = 0
    first = len(side)
    for index in range(len(side) - 1, -1, -1):
        token = side[index]
        if token.sort is TokenSort.OTHER or (token.sort is TokenSort.OPEN and depth == 0):
            break
        depth += (token.sort is TokenSort.CLOSE) - (token.sort is TokenSort.OPEN)
        first = index
    run = side[first:]
    opened = lone = 0
    for index, token in enumerate(run):  # "1) 2 + 3": what stands before a lone bracket is no part of it
        if token.sort is TokenSort.CLOSE and opened == 0:
            lone = index + 1
        opened += (token.sort is TokenSort.OPEN) - (token.sort is TokenSort.CLOSE and opened > 0)
    run = run[lone:]
    return run[1:] if run and run[0].text == ":" else run  # "Total: 2 + 3"


def _take_beginning(side: list[ArithmeticToken]) -> list[ArithmeticToken]:
    """The expression at the start of a side."""
    run: list[ArithmeticToken] = []
    open_at: list[int] = []
    for token in side:
        if token.sort is TokenSort.OTHER or (token.sort is TokenSort.CLOSE and not open_at):
            break
        if token.sort is TokenSort.OPEN:
            open_at.append(len(run))
        elif token.sort is TokenSort.CLOSE:
            open_at.pop()
        run.append(token)
    return run[: open_at[0]] if open_at else run


def _find_readings(run: list[ArithmeticToken], *, at_start: bool) -> list[tuple[ArithmeticToken, ...]]:
    """The ways a left side can be read, the likeliest first: a bullet is no minus, a list number no decimal."""
    found = [tuple(run)]
    first = run[0]
    if first.sort is TokenSort.OPERATOR:
        if not at_start:
            return [tuple(run)] if first.text == "-" else []
        found.insert(0, tuple(run[1:]))
    elif at_start and re.fullmatch(r"\d{1,2}\.\d+", first.text):
        mark = first.text.index(".") + 1
        found.append((ArithmeticToken(TokenSort.NUMBER, first.text[mark:], first.start + mark, first.end), *run[1:]))
    colons = [index for index, token in enumerate(run) if token.text == ":"]
    found += [tuple(run[index + 1 :]) for index in colons]
    return [reading for reading in found if reading]


def _may_begin(before: str, left: tuple[ArithmeticToken, ...]) -> bool:
    """Whether an expression can begin after ``before``, the text between the line's start and it."""
    first = left[0]
    stripped = before.rstrip()
    if not stripped:
        return True
    last = stripped[-1]
    blank = len(stripped) < len(before)
    if last == ")":
        return _ends_in_list_mark(before)
    if last in ".,;!?…、。，；！？،؛":
        return blank or last not in ".,"
    if last in ":：" or last in _OPENERS:
        return True
    if blank and _DASH_FOR_IS.search(stripped):
        return True
    word = _LAST_WORD.search(stripped)
    if word is None or first.text == "-":
        return False
    if first.text == "(" and not (blank and len(word.group()) > 2 and _goes_on_behind_brackets(left)):
        return False  # the argument of a function
    if not blank and not _ENDS_IN_SCRIPT_WITHOUT_BLANKS.search(stripped):
        return False
    # One letter is a variable, as likely as a word.
    return len(word.group()) > 1 or bool(_SCRIPT_WITHOUT_BLANKS.match(word.group()) or _THERE_IS.search(stripped))


def _ends_in_list_mark(before: str) -> bool:
    """Whether a bracket closes the mark of a list item, as in "b) 2 + 3", and none that was opened: "(x + 4) - 6"."""
    mark = _LIST_MARK.search(before)
    if mark is None:
        return False
    head = before[: mark.start()]
    return "(" in mark.group() or head.count("(") <= head.count(")")


def _goes_on_behind_brackets(left: tuple[ArithmeticToken, ...]) -> bool:
    """Whether what begins with a bracket is more than brackets: "(3 + 5) / 2", but not "(3 + 5)" or "(3)(5)"."""
    depth = 0
    for token in left:
        depth += (token.sort is TokenSort.OPEN) - (token.sort is TokenSort.CLOSE)
        if depth == 0 and token.sort is TokenSort.OPERATOR:
            return any(inner.sort is TokenSort.OPERATOR for inner in left[: left.index(token)])
    return False


def _classify_rest(text: str, position: int, end: int) -> Following | None:
    """What follows the right side, ``None`` where it may change what the number means."""
    rest = text[position : min(end + 1, len(text))].split("\n", 1)[0]
    stripped = rest.lstrip()
    if not stripped:
        return Following.NOTHING
    first = stripped[0]
    blank = len(stripped) < len(rest)
    if first == "(":
        return Following.NOTHING if blank and not re.match(r"\(\s*[\d\-+]", stripped) else None
    if first in ".…":
        return None if stripped.startswith(("...", "…", "..")) or re.match(r"\.\S*\d", stripped) else Following.NOTHING
    if first in ",;:!?、。，；：！？،؛۔":
        return None if first == "!" and not blank else Following.NOTHING
    if first in _CLOSERS or first in _ARROWS or first == "=":
        return Following.NOTHING
    if first.isalpha() and (blank or _SCRIPT_WITHOUT_BLANKS.match(first)):
        return Following.WORD
    return None


def is_true(claim: Claim) -> bool | None:
    """Whether some reading of both sides makes the claim true; ``None`` where neither side can be evaluated."""
    rights = find_values(claim.right)
    if not rights:
        return None
    evaluated = False
    for left in claim.lefts:
        for value in find_values(left) or ():
            evaluated = True
            if any(_agree(value, right, claim, left) for right in rights):
                return True
    return False if evaluated else None


def _agree(value: Fraction, claimed: Fraction, claim: Claim, left: tuple[ArithmeticToken, ...]) -> bool:
    """Whether ``claimed`` is ``value``, exactly or as it would be rounded."""
    if value == claimed:
        return True
    result = claim.result
    if result is None:  # an expression: only rounded intermediate results may differ
        rounded = any(count_decimals(token.text) for token in claim.right if token.sort is TokenSort.NUMBER)
        return rounded and bool(value) and abs(value - claimed) < abs(value) * _ROUNDING
    operators = {token.text for token in left if token.sort is TokenSort.OPERATOR}
    if operators & {"/", ":"} and claimed in (floor(value), ceil(value)):
        return True  # a quotient without its remainder
    if operators & {"*", "/", "^"} and result.text.endswith("00") and abs(value - claimed) <= abs(value) * _ROUNDING:
        zeros = len(result.text) - len(result.text.rstrip("0.,"))
        if abs(value - claimed) * 2 <= 10**zeros:
            return True  # rounded to hundreds or more
    places = 0 if claimed.denominator == 1 and len(read_numeral(result.text)) == 1 else count_decimals(result.text)
    if (value * 10**places).denominator == 1:
        return False
    last_digit = Fraction(1, 10**places)
    if places >= _FLOAT_DIGITS and abs(value - claimed) <= abs(value) / 10**_FLOAT_DIGITS:
        return True  # as a computer prints it: its last digits are none
    rounded_to_nearest = abs(value - claimed) * 2 <= last_digit
    cut_off = abs(claimed) <= abs(value) and abs(value - claimed) < last_digit
    return rounded_to_nearest or cut_off
