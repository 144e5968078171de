"""False equations: "17 + 25 = 43" in a response, checked in exact fractions and under every reading of its numbers.

What an exercise shows wrong on purpose, and what the instruction or the input already contains, is left alone. Knows
no algebra, no units, no other base than ten.
"""

from __future__ import annotations

import functools
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from fractions import Fraction

from midb.detectors.content.equations.claims import Claim, Following, find_claims, is_true
from midb.detectors.content.equations.corrections import Corrections
from midb.domain.defects import DefectFamily, DefectKind, Finding, Invariant, Severity
from midb.domain.edits import Edit
from midb.domain.pairs import Field
from midb.locales import LocaleSection
from midb.text.code.signs import equates_as_code
from midb.text.inspection import FieldText, Inspection, join_task
from midb.text.quantities.arithmetic import ArithmeticToken, TokenSort, find_values, to_ascii_signs
from midb.text.quantities.numbers import read_numeral


class EquationWords(LocaleSection, table="equations"):
    """``not_sums``: parts of words that say an equation may be wrong on purpose, or not in base ten."""

    not_sums: tuple[str, ...]

    @functools.cached_property
    def pattern(self) -> re.Pattern[str]:
        return re.compile("|".join(map(re.escape, (*self.not_sums, *_NOT_SUMS))), re.IGNORECASE)


FALSE_EQUATION = DefectKind(
    name="false-equation",
    family=DefectFamily.CONTENT,
    severity=Severity.MAJOR,
    summary="an equation between numbers that does not hold",
    repairs=True,
    needs=(EquationWords,),
    may_change=frozenset({Invariant.NUMBERS}),
    explains=frozenset({"wrong-answer"}),
)
KINDS = (FALSE_EQUATION,)

#: Written the same everywhere: congruence, inequality, and marks of a wrong answer.
_NOT_SUMS = ("≡", "≠", "(mod", "≟", "✗", "✘", "❌")
_NOT_SUMS_IN_ENGLISH = re.compile(
    r"\b(?:errors?|mistakes?|wrong|incorrect|false|correct the|fix the|puzzle|riddle|joke|binary|octal|hexadecimal"
    r"|modulo|mod|base|matchsticks?|roman|clock|fun|parody|lie)\b",
    re.IGNORECASE,
)
#: How much of a line around an equation is looked at.
_LINE = 200
#: Characters of the lines above and below that are looked at.
_ABOVE = 40
_BELOW = 20

#: A line that ends so goes on in the next.
_OPEN_ENDED = re.compile(r"[-+*/^=]$")
#: And a line that begins so goes on from the one above.
_CONTINUED = re.compile(r"\s*[+*/^)]")


def detect(inspection: Inspection) -> Iterator[Finding]:
    """Equations of the response that hold under no reading."""
    response = inspection.field(Field.RESPONSE)
    words = inspection.locale.get(EquationWords)
    if response is None or words is None or ("=" not in response.text and "＝" not in response.text):
        return
    found = [(claim, is_true(claim)) for claim in find_claims(response.text)]
    if not any(true is False for _, true in found):
        return
    task = join_task(inspection.pair)
    if words.pattern.search(task) or (inspection.source and _NOT_SUMS_IN_ENGLISH.search(join_task(inspection.source))):
        return
    given = _find_given([claim for claim, true in found if true is False], response.text, task)
    corrections = Corrections(response.text, task, response.source or "", inspection.locale.default_locale)
    for claim, true in found:
        if claim.crowded and not corrections.is_confirmed(claim):
            continue
        if true:
            corrections.learn(claim)
        elif true is None or response.protected.overlaps(claim.start, claim.end):
            continue
        elif _spell_claim(claim, response.text) not in given:
            yield from _finding(claim, response, corrections, words)


def _is_certain(claim: Claim, text: str, words: EquationWords, *, confirmed: bool) -> bool:
    """Whether nothing on the page suggests that the equation means something else than it says.

    ``confirmed``: the English source has its left side, with the right result.
    """
    left = claim.lefts[0]
    value = min(find_values(left) or (), key=abs, default=None)
    claimed = find_values(claim.right) or set()
    if value is None or any(token.text == ":" for token in claim.right):
        return False
    near = any(value and Fraction(1, 2) < right / value < 2 for right in claimed)
    if not near and not confirmed and (claim.following is Following.WORD or claim.after_word):
        return False  # another unit or another scale: "60 + 60 = 2 hours", "500000 * 3 = 1.5 million"
    return not (
        _is_in_code_or_continued(claim, text, words)
        or _is_legend(left, text, near)
        or _is_saying(left, claim)
        or _is_run_on(value, claim)
        or _is_list_or_vector(value, claim)
    )


def _is_in_code_or_continued(claim: Claim, text: str, words: EquationWords) -> bool:
    near, far = max(0, claim.start - _LINE), min(len(text), claim.end + _LINE)
    start = text.rfind("\n", near, claim.start) + 1 or near
    end = text.find("\n", claim.end, far)
    end = far if end < 0 else end
    line = text[start:end]
    if equates_as_code(line) or words.pattern.search(line):
        return True
    above = to_ascii_signs(text[max(0, start - _ABOVE) : start].rstrip("\n \t"))
    below = to_ascii_signs(text[end + 1 : end + _BELOW])
    before = text[start : claim.start].strip()
    return bool((not before and _OPEN_ENDED.search(above)) or _CONTINUED.match(below))


def _is_legend(left: tuple[ArithmeticToken, ...], text: str, near: bool) -> bool:
    """Ranges, grades, scores, dates and times: "90-100 = 1", "3/4 = 75", "9:30 + 1 = 10:30"."""
    operators = [token for token in left if token.sort is TokenSort.OPERATOR]
    if not operators:
        return True
    spaced = all(
        text[token.start - 1 : token.start].isspace() and text[token.end : token.end + 1].isspace()
        for token in operators
    )
    if any(token.text == ":" for token in operators) and not (spaced and near):
        return True
    if len(operators) > 1:
        return not spaced and all(token.text == "-" for token in operators)
    if operators[0].text == "-":
        numbers = [max(read_numeral(token.text)) for token in left if token.sort is TokenSort.NUMBER]
        return not spaced or len(numbers) < 2 or numbers[0] < numbers[1]
    return operators[0].text == "/" and not spaced and not near


def _is_saying(left: tuple[ArithmeticToken, ...], claim: Claim) -> bool:
    """ "1 + 1 = 3" and "2 + 2 = 5" are figures of speech; zeros and ones alone may be binary."""
    numbers = [token.text for token in (*left, *claim.right) if token.sort is TokenSort.NUMBER]
    saying = [token.text for token in left if token.sort is not TokenSort.MARK] in (["1", "+", "1"], ["2", "+", "2"])
    return saying or all(set(number) <= {"0", "1"} for number in numbers)


def _is_run_on(value: Fraction, claim: Claim) -> bool:
    """ "5 + 3 = 8 * 2 = 16": loose, but every step is right."""
    return (
        len(claim.right) > 1 and claim.right[0].sort is TokenSort.NUMBER and value in read_numeral(claim.right[0].text)
    )


def _is_list_or_vector(value: Fraction, claim: Claim) -> bool:
    """ "3+2=5,5+2=7" is two equations, "(1,2)·(3,4)" no product of decimals."""
    left, first = claim.lefts[0], claim.right[0].text
    if (claim.inside and any("," in token.text for token in left)) or (
        len(claim.right) > 1 and first.startswith(f"{value},")
    ):
        return True
    triples = zip(left, left[1:], left[2:], strict=False)
    return any(a.sort is TokenSort.OPEN and "," in b.text and c.sort is TokenSort.CLOSE for a, b, c in triples)


def _spell_claim(claim: Claim, text: str) -> str:
    """An equation without blanks, in ASCII signs."""
    return re.sub(r"\s", "", to_ascii_signs(text[claim.start : claim.end]))


def _find_given(claims: Sequence[Claim], text: str, task: str) -> set[str]:
    """Which equations of a response, as ``_spell_claim`` has them, stand in the instruction or the input.

    Looked for at the equals signs of the task: each of many equations in the whole of a long one would take too long.
    """
    wanted: dict[tuple[int, int], set[str]] = defaultdict(set)  # by the place of the equals sign and the length
    for claim in claims:
        spelled = _spell_claim(claim, text)
        wanted[spelled.index("="), len(spelled)].add(spelled)
    given = re.sub(r"\s", "", to_ascii_signs(task))
    found = set()
    for equals in re.finditer("=", given):
        for (before, length), equations in wanted.items():
            start = equals.start() - before
            if start >= 0 and given[start : start + length] in equations:
                found.add(given[start : start + length])
    return found


def _finding(claim: Claim, response: FieldText, corrections: Corrections, words: EquationWords) -> Iterator[Finding]:
    """The finding, if the claim is surely meant as it stands, and its repair, if the right result is certain."""
    if not _is_certain(claim, response.text, words, confirmed=corrections.is_confirmed(claim)):
        return
    left = claim.lefts[0]
    rights = find_values(claim.right) or {Fraction(0)}
    # Of several readings, the one that the writer had in mind is nearest to what is claimed.
    value = min(find_values(left) or (Fraction(0),), key=lambda one: min(abs(one - right) for right in rights))
    asked = response.text[left[0].start : left[-1].end].strip("*_ ")
    claimed = response.text[claim.right[0].start : claim.end].strip("*_ ")
    evidence = f"{asked} is {_spell(value)}, not {claimed}"
    if corrections.same_error_in_source(claim):
        evidence += "; the English source has the same error"
    fix: tuple[Edit, ...] = ()
    if (result := claim.result) and (native := corrections.correct(claim)):
        fix = (FALSE_EQUATION.edit(Field.RESPONSE, result.start, response.text[result.start : result.end], native),)
    yield FALSE_EQUATION.finding(Field.RESPONSE, left[0].start, claim.end, evidence, fix=fix)


def _spell(value: Fraction) -> str:
    """
    >>> _spell(Fraction(5, 2)), _spell(Fraction(42))
    ('2.5', '42')
    """
    return str(value) if value.denominator == 1 else f"{float(value):.6g}"
