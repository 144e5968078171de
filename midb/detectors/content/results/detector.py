"""Wrong answers: a task whose answer can be computed, and a response that says another one.

The task is read from the English source; without one only an expression that stands alone is read. Where the pair has
other numbers than its source, the task is another one, and nothing is said. Knows no algebra.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction

from babel import Locale as BabelLocale

from midb.detectors.content.results.conversions import read_conversion
from midb.detectors.content.results.english import EnglishTask, hide_exponents, normalise
from midb.detectors.content.results.problems import ComputedTask
from midb.detectors.content.results.replies import LONGEST_REPLY, Reply, read_wrong_reply
from midb.detectors.content.results.shapes import read_shape
from midb.detectors.content.results.sums import read_expression, read_sum
from midb.detectors.content.results.weekdays import find_wrong_weekday, read_weekday
from midb.domain.defects import DefectFamily, DefectKind, Finding, Invariant, Severity
from midb.domain.edits import Edit
from midb.domain.pairs import Field, InstructionPair
from midb.text.inspection import Inspection, PairTask, join_task
from midb.text.quantities.arithmetic import to_ascii_signs
from midb.text.quantities.numbers import (
    NUMERAL,
    NumberWords,
    count_decimals,
    find_separators,
    number_format,
    read_numeral,
)

WRONG_ANSWER = DefectKind(
    name="wrong-answer",
    family=DefectFamily.CONTENT,
    severity=Severity.MAJOR,
    summary="an answer that is not what the task's numbers come to",
    repairs=True,
    needs=(NumberWords,),
    may_change=frozenset({Invariant.NUMBERS}),
)
KINDS = (WRONG_ANSWER,)

#: Longer tasks tell more than their numbers.
_LONGEST_TASK = 300

_NUMERAL = re.compile(NUMERAL)
_BARE = re.compile(r"[\s\d.,+\-*/^()=?×÷−·:]+")
#: What every task that is read has one of; looked for first, as few have.
_ASKS = re.compile(
    r"\b(?:sum|add|plus|total|product|multiply|times|mean|average|median|mode|range|largest|smallest|minimum|maximum"
    r"|biggest|highest|lowest|greatest|least|gcd|gcf|lcm|hcf|divide|subtract|minus|difference|power|square root|area"
    r"|perimeter|circumference|volume|convert|hexadecimal|binary|octal|roman|percent|evaluate|expression|calculate"
    r"|compute|solve|calculations?|math|equation|divided|multiplied)\b|\d\s?%|\d\s?[-+*/^×÷%]\s?\d",
    re.IGNORECASE,
)
_DIGIT = re.compile(r"\d")
_WEEKDAY = re.compile(r"\bday of the week\b|\bweek ?day\b")
_DIGIT_OR_NUMERAL = re.compile(r"\d|[IVXLCDM]{2}")


def detect(inspection: Inspection) -> Iterator[Finding]:
    """The answer of the response, where it is plain and wrong."""
    response, source = inspection.pair.response, inspection.source
    words = inspection.locale.get(NumberWords)
    if not response or words is None or len(response) > LONGEST_REPLY:
        return
    if source is not None and "week" in (source.instruction or "") and _WEEKDAY.search(source.instruction or ""):
        yield from _find_weekday(inspection, source, response)
        return
    problem = inspection.task.tell(_read_problem)
    if problem is None or not _DIGIT_OR_NUMERAL.search(response):
        return
    reply = read_wrong_reply(response, problem, words.magnitudes)
    if reply is None:
        return
    right = problem.spelled or _spell(problem.values[0])
    evidence = f"{problem.what} is {right}, not {reply.written}"
    if source is not None and source.response and read_wrong_reply(source.response, problem, ()):
        evidence += "; the English source is wrong too"
    fix: tuple[Edit, ...] = ()
    native = _correct(inspection, problem, reply, response)
    if native is not None:
        fix = (WRONG_ANSWER.edit(Field.RESPONSE, reply.start, response[reply.start : reply.end], native),)
    yield WRONG_ANSWER.finding(Field.RESPONSE, reply.start, reply.end, evidence, fix=fix)


def _find_weekday(inspection: Inspection, source: InstructionPair, response: str) -> Iterator[Finding]:
    """The weekday that a response names, where the date has another one."""
    day = read_weekday(source.instruction or "", source.input or "")
    if day is None or {day.year, day.day} - set(map(int, re.findall(r"\d{1,9}", join_task(inspection.pair)))):
        return
    match, right = find_wrong_weekday(response, day, inspection.locale.default_locale)
    if match:
        evidence = f"{day:%Y-%m-%d} is {right}, not {match.group()}"
        yield WRONG_ANSWER.finding(Field.RESPONSE, match.start(), match.end(), evidence)


def _read_problem(task: PairTask) -> ComputedTask | None:
    return _read_own(task) if task.source is None else _read_source(task, task.source)


def _read_own(pair: PairTask) -> ComputedTask | None:
    """The problem of a task that needs no words: an expression, and nothing else."""
    texts = [text.strip() for text in (pair.instruction, pair.input) if text and text.strip()]
    if len(texts) != 1 or len(texts[0]) > _LONGEST_TASK or not _BARE.fullmatch(to_ascii_signs(texts[0])):
        return None
    return read_expression(texts[0])


def _read_source(pair: PairTask, source: InstructionPair) -> ComputedTask | None:
    """The problem of the source's task, if the pair's has the same numbers."""
    instruction, given = source.instruction or "", source.input or ""
    if len(instruction) + len(given) > _LONGEST_TASK:
        return None
    if not (_DIGIT.search(instruction) or _DIGIT.search(given)) or not _ASKS.search(instruction):
        return None
    task = normalise(instruction, given)
    if not task.numbers:
        return None
    problem = read_shape(task) or read_conversion(task, given) or read_sum(task, instruction, given)
    return problem if problem and _has_same_numbers(pair, source, task) else None


def _has_same_numbers(pair: PairTask, source: InstructionPair, task: EnglishTask) -> bool:
    """Whether the numbers of both tasks are the same, in whatever convention; a number word may have become digits."""
    text = join_task(pair)
    if len(text) > 2 * _LONGEST_TASK:
        return False
    english = _find_numerals(join_task(source))
    found = _find_numerals(text)
    wanted = [set(read_numeral(numeral)) for numeral in english]
    for numeral in found:
        values = set(read_numeral(numeral))
        same = next((number for number in wanted if number & values), None)
        if same is not None:
            wanted.remove(same)
        elif not values & set(task.counts):
            return False
    return not wanted


def _find_numerals(text: str) -> list[str]:
    plain = hide_exponents(to_ascii_signs(text))
    plain = re.sub(r"(?<=\d), ?(?=\d{1,2}(?:\D|$)|\d{3},? )(?=.*,.*)", " ; ", plain) if plain.count(",") > 1 else plain
    return _NUMERAL.findall(plain)


def _correct(inspection: Inspection, problem: ComputedTask, reply: Reply, response: str) -> str | None:
    """The right answer as the response writes numbers, where the response is nothing but the wrong one."""
    if not reply.alone or response[reply.start : reply.end] != reply.written:
        return None
    if problem.spelled:
        return problem.spelled.lower() if reply.written.islower() else problem.spelled
    value, locale = problem.values[0], inspection.locale.default_locale
    if value < 0 or len(problem.values) > 1 or problem.slack or len(reply.values) != 1:
        return None
    if not reply.has_symbol and not _have_same_plural(value, reply.values[0], locale):
        return None
    numerals = [numeral for numeral in _find_numerals(join_task(inspection.pair)) if not numeral.isdigit()]
    separators = find_separators([*numerals, reply.written], number_format(locale))
    if separators is None:
        return None
    places = next((digits for digits in range(5) if (value * 10**digits).denominator == 1), None)
    if places is None:
        places = count_decimals(reply.written)
        if places < 2:
            return None
    return separators.spell(value, places, grouped=False)


def _have_same_plural(one: Fraction, other: Fraction, locale: str) -> bool:
    """Whether a noun after both numbers has the same form."""
    plural = BabelLocale.parse(locale).plural_form
    return one.denominator == other.denominator == 1 and plural(int(one)) == plural(int(other))


def _spell(value: Fraction) -> str:
    """
    >>> _spell(Fraction(5, 2)), _spell(Fraction(42))
    ('2.5', '42')
    """
    return str(value) if value.denominator == 1 else f"{float(value):.6g}"
