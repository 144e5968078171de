"""Tasks about numbers alone: expressions, the four operations, and what a list of numbers has."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from fractions import Fraction
from math import gcd, isqrt, lcm, prod

from midb.detectors.content.results.english import EnglishTask
from midb.detectors.content.results.problems import ComputedTask
from midb.text.quantities.arithmetic import TokenSort, find_values, split_tokens, to_ascii_signs

_N = r"-?\d+(?:\.\d+)?"
_LIST = rf"{_N}(?: {_N})+"
#: Digits of a square root that is told.
_ROOT_DIGITS = 12

_Numbers = Sequence[Fraction]


def _median(numbers: _Numbers) -> Fraction:
    ordered = sorted(numbers)
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2


def _mode(numbers: _Numbers) -> Fraction | None:
    counted = Counter(numbers).most_common(2)
    if counted[0][1] < 2 or (len(counted) > 1 and counted[0][1] == counted[1][1]):
        return None
    return counted[0][0]


def _whole(fold: Callable[..., int]) -> Callable[[_Numbers], Fraction | None]:
    def compute(numbers: _Numbers) -> Fraction | None:
        if any(number.denominator != 1 or number < 1 for number in numbers):
            return None
        return Fraction(fold(*map(int, numbers)))

    return compute


#: Normal forms before a list of numbers (a bar between them or not), what each asks for, and how it is computed.
_OF_LISTS: tuple[tuple[str, str, Callable[[_Numbers], Fraction | None]], ...] = (
    (r"(?:total )?sum(?: up| together| total)?", "the sum", lambda numbers: sum(numbers, Fraction(0))),
    ("product(?: together)?", "the product", lambda numbers: Fraction(prod(numbers))),
    ("mean", "the mean", lambda numbers: sum(numbers, Fraction(0)) / len(numbers)),
    ("median", "the median", _median),
    ("mode", "the mode", _mode),
    ("range", "the range", lambda numbers: max(numbers) - min(numbers)),
    ("largest", "the largest", max),
    ("smallest", "the smallest", min),
    ("largest common divisor", "the greatest common divisor", _whole(gcd)),
    ("smallest common multiple", "the least common multiple", _whole(lcm)),
    (r"subtract smallest from largest(?: 1)?|largest possible difference(?: 2)?|difference largest smallest",
     "the difference", lambda numbers: max(numbers) - min(numbers)),
)  # fmt: skip
_LISTS = tuple(
    (re.compile(rf"(?:use to |how do you |how to )?(?:{form})(?: from)?(?: \|)? ({_LIST})"), what, compute)
    for form, what, compute in _OF_LISTS
)
_PLUS_LIST = re.compile(rf"(?:(?:total )?sum(?: together)?)(?: \|)? ({_N}(?: \+ {_N})+)")

_Two = Callable[[Fraction, Fraction], Fraction | None]
#: Two numbers, in the order of their computation: normal forms, what each asks for, and how it is computed.
_OF_PAIRS: tuple[tuple[tuple[str, ...], str, _Two], ...] = (
    (("divide {a} by {b}", r"divide by {b} \| {a}"), "the quotient", lambda a, b: a / b if b else None),
    (
        ("subtract {b} from {a}", r"subtract {b} from \| {a}", "{a} minus {b}", "{a} - {b}"),
        "the difference",
        lambda a, b: a - b,
    ),
    (("sum {a} (?:to|\\+) {b}", r"sum {a} to \| {b}", r"{a} \+ {b}"), "the sum", lambda a, b: a + b),
    (
        ("product {a} by {b}", r"product by {b} \| {a}", "{a} (?:times|product by) {b}"),
        "the product",
        lambda a, b: a * b,
    ),
    (("{a} (?:%|percent) {b}",), "the percentage", lambda a, b: a * b / 100),
    (
        (
            "(?:exponential )?{a} (?:raised )?to power {b}",
            "(?:exponential )?{a} (?:raised )?to {b}(?: ?(?:rd|nd|th|st))? power",
        ),
        "the power",
        lambda a, b: a ** int(b) if b.denominator == 1 and 0 < b <= 20 and abs(a) <= 1000 else None,
    ),
    (
        (
            r"total cost {a}(?: products| books| tickets)? if each (?:item|product|book|ticket) costs {b}",
            "total cost purchase quantity {a} price {b}",
            r"total cost \| there {a} cost {b} each",
        ),
        "the total",
        lambda a, b: a * b,
    ),
)
_PAIRS = tuple(
    (re.compile(form.replace("{a}", f"(?P<a>{_N})").replace("{b}", f"(?P<b>{_N})")), what, compute)
    for forms, what, compute in _OF_PAIRS
    for form in forms
)
_DIFFERENCE = re.compile(rf"difference(?: \|)? ({_N}) (?:to )?({_N})")
_FROM_TO = re.compile(r"(?:total )?sum (?:from )?(\d+) (?:to|through) (\d+)")
_FIRST = re.compile(r"(?:total )?sum first (\d+) (odd|even|natural)(?: numbers)?")
_DIGITS = re.compile(r"sum (?:digits)(?: \|)? (\d+)")
_ROOT = re.compile(r"square root(?: \|)? (\d+)")
_BARE_WORDS = re.compile(r"(?:(?:smallest|largest|sum|fraction) )?(?:\| )?[-\d.+*/^()x :]+")
_EXPRESSION = re.compile(r"[-+*/^().\dx×÷ ]*\d[-+*/^().\dx×÷ ]*[-+*/^x×÷][-+*/^().\dx×÷ ]*\d[)\s]*")


def read_sum(task: EnglishTask, instruction: str, given: str) -> ComputedTask | None:
    """The problem of a task about numbers; ``None`` where it is none, or none that is plain."""
    if "|" in task.text and any(re.search(_N, part) is None for part in task.text.split("|")[1:]):
        return None
    return (
        _read_list(task)
        or _read_two(task)
        or _read_series(task)
        or _read_words_and_expression(task, instruction, given)
    )


def _read_list(task: EnglishTask) -> ComputedTask | None:
    for pattern, what, compute in _LISTS:
        if found := pattern.fullmatch(task.text):
            numbers = [Fraction(number) for number in found[1].split()]
            value = compute(numbers)
            return value if value is None else ComputedTask(what, (value,), task.numbers, whole=what == "the mean")
    if found := _PLUS_LIST.fullmatch(task.text):
        value = sum((Fraction(number) for number in found[1].split(" + ")), Fraction(0))
        return ComputedTask("the sum", (value,), task.numbers)
    return None


def _read_two(task: EnglishTask) -> ComputedTask | None:
    for pattern, what, compute in _PAIRS:
        if found := pattern.fullmatch(task.text):
            value = compute(Fraction(found["a"]), Fraction(found["b"]))
            return value if value is None else ComputedTask(what, (value,), task.numbers)
    if found := _DIFFERENCE.fullmatch(task.text):
        value = abs(Fraction(found[1]) - Fraction(found[2]))
        return ComputedTask("the difference", (value, -value), task.numbers)
    return None


def _read_series(task: EnglishTask) -> ComputedTask | None:
    if (found := _FROM_TO.fullmatch(task.text)) and int(found[1]) < int(found[2]):
        first, last = int(found[1]), int(found[2])
        return ComputedTask("the sum", (Fraction((first + last) * (last - first + 1), 2),), task.numbers)
    if found := _FIRST.fullmatch(task.text):
        count = int(found[1])
        values = {"odd": [count**2], "even": [count * (count + 1), count * (count - 1)],
                  "natural": [count * (count + 1) // 2, count * (count - 1) // 2]}[found[2]]  # fmt: skip
        return ComputedTask("the sum", tuple(map(Fraction, values)), task.numbers)
    if found := _DIGITS.fullmatch(task.text):
        return ComputedTask("the sum of its digits", (Fraction(sum(map(int, found[1]))),), task.numbers)
    if found := _ROOT.fullmatch(task.text):
        scale = 10**_ROOT_DIGITS
        return ComputedTask("the square root", (Fraction(isqrt(int(found[1]) * scale**2), scale),), task.numbers)
    return None


def _read_words_and_expression(task: EnglishTask, instruction: str, given: str) -> ComputedTask | None:
    """An expression, and no word beside it that is not neutral."""
    if not _BARE_WORDS.fullmatch(task.text):
        return None
    for text in (instruction, given):
        found = [match.group() for match in _EXPRESSION.finditer(to_ascii_signs(text))]
        if len(found) == 1:
            rest = to_ascii_signs(f"{instruction}\n{given}").replace(found[0].strip(), " ")
            if re.search(r"\d", rest):
                return None
            return read_expression(found[0])
    return None


def read_expression(text: str) -> ComputedTask | None:
    """The problem of an expression alone, with an equals sign behind it or not.

    >>> str(read_expression("8 + 4 * 9 =").values[0])
    '44'
    """
    text = to_ascii_signs(text).strip().rstrip("=?. \t")
    tokens = split_tokens(text, 0, len(text))
    operators = [token.text for token in tokens if token.sort is TokenSort.OPERATOR]
    if not operators or ":" in operators or any(token.sort is TokenSort.OTHER for token in tokens):
        return None
    values = find_values(tokens)
    if values is None or len(values) != 1 or any(token.sort is TokenSort.MARK for token in tokens):
        return None
    given = [Fraction(token.text) for token in tokens if token.sort is TokenSort.NUMBER and "," not in token.text]
    return ComputedTask(text, (values.pop(),), tuple(given))
