"""Responses that give back what was given: the task itself, or the text that was to be changed.

A translator who is given an exercise ("correct the sentence") writes the sentence correctly at once, and nothing is
left to do. With the English source that is seen in every task; without it only where the task asks for a change in
words that the locale knows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from midb.domain.defects import DefectFamily, DefectKind, Finding, Severity
from midb.domain.pairs import Field, InstructionPair
from midb.locales import LocaleSection
from midb.text.inspection import Inspection
from midb.text.quotations import find_quotations
from midb.text.words import count_ideographs, count_letters


class ChangeTasks(LocaleSection, table="change_tasks"):
    """Parts of words, in lower case. ``asks``: by which a task asks to correct, rewrite or translate a text;
    ``unless``: by which it leaves open whether there is anything to change."""

    asks: tuple[str, ...]
    unless: tuple[str, ...]


UNCHANGED = DefectKind(
    name="unchanged-text",
    family=DefectFamily.CONTENT,
    severity=Severity.MAJOR,
    summary="the response is the text that it was to change, and nothing was changed",
)
ECHO = DefectKind(
    name="echoed-task",
    family=DefectFamily.CONTENT,
    severity=Severity.CRITICAL,
    summary="the response is the instruction, or the question, once more",
)
KINDS = (UNCHANGED, ECHO)

#: The same as ChangeTasks for an instruction that stayed in English.
_ASKS = ("correct the", "correct this", "rewrite", "rephrase", "paraphrase", "fix the", "proofread")
_UNLESS = (" if ", "whether", "unless", "where necessary", "as needed")

#: Marks at either end of a text that make no other text of it.
_ENDS = " \t\n.。．!！?？…\"'“”„«»‘’「」『』"
#: By so many characters a text and the same text with other marks at its ends may differ.
_SLACK = 8
#: Letters below which a task that comes back may be an answer: "Hello", which is greeted again.
_LEAST_LETTERS = 20
#: And below which a part of the instruction that comes back may be a word that was to be chosen.
_LEAST_LETTERS_OF_PART = 12
#: Longer instructions hold texts, and not a sentence to be changed.
_LONGEST_INSTRUCTION = 1_000

#: Blanks inside a line: words that are put into one line are changed.
_BLANKS = re.compile(r"[^\S\n]+")

_QUESTION = ("?", "？", "؟")


def detect(inspection: Inspection) -> Iterator[Finding]:
    """At most one finding, over the whole response."""
    pair = inspection.pair
    response = (pair.response or "").strip()
    if not response:
        return
    found = _find_echo(inspection, response) or _find_unchanged(inspection, response)
    if found is not None:
        kind, evidence = found
        yield kind.finding(Field.RESPONSE, 0, len(pair.response or ""), evidence)


def _find_echo(inspection: Inspection, response: str) -> tuple[DefectKind, str] | None:
    """Whether the response is the instruction, or a question that the input asks."""
    pair, source = inspection.pair, inspection.source
    if pair.instruction and _are_alike(pair.instruction, response) and _has_letters(response, _LEAST_LETTERS):
        if not _is_echo(source):
            return ECHO, "the response is the instruction"
    elif (
        source is None
        and response.endswith(_QUESTION)
        and pair.input
        and pair.input.strip() == response
        and _has_letters(response, _LEAST_LETTERS)
        and not _asks_for_change(inspection)
    ):
        return ECHO, "the response is the question of the input"
    return None


def _is_echo(source: InstructionPair | None) -> bool:
    """Whether the source too gives back its instruction."""
    if source is None or not source.instruction or not source.response:
        return False
    return _are_alike(source.instruction, source.response)


def _find_unchanged(inspection: Inspection, response: str) -> tuple[DefectKind, str] | None:
    """Whether the response is the input, or a sentence of the instruction, that was to be changed."""
    pair, source = inspection.pair, inspection.source
    given = (pair.input or "").strip()
    if given and abs(len(given) - len(response)) <= _SLACK and _are_alike(given, response):
        if source is None or not source.input or not source.response:
            changes = given == response and _asks_for_change(inspection)
            return (UNCHANGED, "asked to change a text, and it is the same") if changes else None
        if _is_unchanged(source.input, source.response, exact=given != response):
            return None
        return UNCHANGED, "the response is the input; in the source they differ"
    if given or not pair.instruction or not _LEAST_LETTERS_OF_PART // 2 <= len(response) <= len(pair.instruction):
        return None
    if not any(_are_alike(part, response) for part in _split_instruction(pair.instruction, response)):
        return None
    if not _has_letters(response, _LEAST_LETTERS_OF_PART):
        return None
    if source is None or not source.instruction or not source.response:
        changes = response in pair.instruction and _asks_for_change(inspection)
        return (UNCHANGED, "asked to change a sentence, and it is the same") if changes else None
    if _take_letters(source.response) in _take_letters(source.instruction):
        return None
    return UNCHANGED, "the response is the sentence of the instruction; in the source it is another one"


def _is_unchanged(given: str, response: str, *, exact: bool) -> bool:
    """Whether an English response is its input.

    Where the pair's are not the same to the last mark (``exact``), marks and capitals may be what was to be changed.
    """
    if exact:
        return _take_letters(given) == _take_letters(response)
    return given.strip(_ENDS) == response.strip(_ENDS)


def _split_instruction(instruction: str, response: str) -> Iterator[str]:
    """The parts of an instruction that may be a text to work on, as far as they are as long as the response."""
    if len(instruction) > _LONGEST_INSTRUCTION:
        return
    parts = [instruction[start:end] for start, end in find_quotations(instruction)]
    parts += instruction.strip().split("\n")
    parts += [instruction[at + 1 :] for at, mark in enumerate(instruction) if mark in ":："]
    yield from (part for part in parts if abs(len(part.strip()) - len(response)) <= _SLACK)


def _asks_for_change(inspection: Inspection) -> bool:
    """Whether the instruction asks for a change, and does not leave open whether there is anything to change."""
    section = inspection.locale.get(ChangeTasks)
    asks, unless = (section.asks, section.unless) if section else ((), ())
    asked = (inspection.pair.instruction or "").lower()
    return any(word in asked for word in asks + _ASKS) and not any(word in asked for word in unless + _UNLESS)


def _are_alike(one: str, other: str) -> bool:
    """Whether two texts are the same but for capitals, blanks that follow each other, and marks at their ends."""
    if abs(len(one.strip()) - len(other.strip())) > _SLACK:
        return False
    return _fold(one) == _fold(other)


def _fold(text: str) -> str:
    return _BLANKS.sub(" ", text.strip(_ENDS).casefold())


def _take_letters(text: str) -> str:
    """The letters and digits of a text, without case: what is left if marks and blanks do not count."""
    return "".join(filter(str.isalnum, text.casefold()))


def _has_letters(text: str, least: int) -> bool:
    """Whether a text has so many letters, an ideograph counting as two."""
    return count_letters(text) + count_ideographs(text) >= least
