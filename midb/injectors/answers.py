"""Defects of whole answers: empty, refused, cut off, repeated without end, left in English, of the wrong number."""

from __future__ import annotations

import re
from collections.abc import Iterator
from random import Random

from midb.domain.pairs import Field
from midb.injectors.base import CleanPair, Expectation, Injection, Injector, change, code_ranges, rewrite
from midb.injectors.words import words_of

_FLAGGED = Expectation.FLAGGED


def _propose_empty(clean: CleanPair, random: Random) -> Iterator[Injection]:
    text = clean.response
    if len(text) < 8:  # the answer may be a sign
        return
    for form, nothing in (("nothing", ""), ("blanks", " \n"), ("dots", "..."), ("invisible", "\u200b"), ("dash", "-")):
        yield change("empty-response", form, Field.RESPONSE, 0, text, nothing, _FLAGGED)


def _propose_refusal(clean: CleanPair, random: Random) -> Iterator[Injection]:
    words = words_of(clean.language)
    if words and clean.response:
        for number, refusal in enumerate(words.refusals):
            yield change("refusal", f"form {number}", Field.RESPONSE, 0, clean.response, refusal, _FLAGGED)


def _propose_echo(clean: CleanPair, random: Random) -> Iterator[Injection]:
    instruction = clean.pair.instruction or ""
    least = 10 if clean.language in ("ja", "ko") else 20  # a character says more there
    if len(instruction) >= least and not clean.pair.input and clean.response:
        yield change("echoed-task", "word for word", Field.RESPONSE, 0, clean.response, instruction, _FLAGGED)


_CHANGES = re.compile(
    r"^(?:please )?(?:correct|rewrite|paraphrase|edit|fix|improve|translate|rephrase|proofread)\b", re.IGNORECASE
)


def _propose_unchanged(clean: CleanPair, random: Random) -> Iterator[Injection]:
    given = clean.pair.input or ""
    if _CHANGES.search(clean.source_text(Field.INSTRUCTION)) and len(given) >= 10 and clean.response != given:
        yield change("unchanged-text", "input as it is", Field.RESPONSE, 0, clean.response, given, _FLAGGED)


_SENTENCE_END = re.compile(r"(?<=[.!?。！？؟])(?:\s+|(?=[^\s\d\"'”」»)]))")


def _propose_cut(clean: CleanPair, random: Random) -> Iterator[Injection]:
    text = clean.response
    if clean.language == "th" or "```" in text or "\n" in text or len(clean.source_text(Field.RESPONSE)) < 160:
        return
    for share in (0.35, 0.45, 0.55):
        end = text.find(" ", int(len(text) * share))
        if clean.language == "ja":
            end = int(len(text) * share)
        if end > 0 and text[end - 1].isalpha() and text[end - 1] not in "。":
            yield change("truncated-response", f"at {share:.0%}", Field.RESPONSE, end, text[end:], "", _FLAGGED)


def _propose_loop(clean: CleanPair, random: Random) -> Iterator[Injection]:
    kind = "repetition-loop"
    text = clean.response
    if "\n" in text or len(text) < 40 or code_ranges(text):
        return
    sentences = [part for part in _SENTENCE_END.split(text) if part and part.strip()]
    # Refrains and chants are repeated as well, so that a person must look; a mark on one letter nobody draws twice.
    if len(sentences) >= 2 and len(sentences[-1]) >= 15 and not any(map(str.isdigit, sentences[-1])):
        gap = "" if clean.language == "ja" else " "
        again = (gap + sentences[-1]) * random.randint(6, 25)
        yield change(kind, "last sentence", Field.RESPONSE, len(text), "", again, _FLAGGED)
        line = ("\n" + sentences[-1]) * random.randint(6, 25)
        yield change(kind, "last sentence on lines of its own", Field.RESPONSE, len(text), "", line, _FLAGGED)
    if "$" in text:
        return
    for match in re.finditer(r"(?<![^\W\d_])[^\W\d_]{3,}[^\W\d_xX](?=[.!](?:\s|\Z))", text):
        long = match.group()[-1] * random.randint(60, 200)
        yield change(kind, "last letter of a word", Field.RESPONSE, match.end(), "", long, _FLAGGED)
    for match in re.finditer("[\u064b-\u0652\u0e48-\u0e4b]", text):
        more = match.group() * random.randint(12, 40)
        yield change(kind, "a mark on one letter", Field.RESPONSE, match.end(), "", more)


def _propose_english(clean: CleanPair, random: Random) -> Iterator[Injection]:
    source = clean.source_text(Field.RESPONSE)
    if len(source) >= 60 and "```" not in source and clean.response:
        yield change("untranslated-text", "whole answer", Field.RESPONSE, 0, clean.response, source, _FLAGGED)


def _propose_language(clean: CleanPair, random: Random) -> Iterator[Injection]:
    near = {"id": "ms", "ms": "id"}  # told apart by few words, and one is read for the other
    others = ("it", "es", "fr", "de", "ru", "ar", "tr", "ja", "ko", "pt", "cs", "el", "id", "th", "vi", "ms")
    for other in others:
        words = words_of(other)
        if words and clean.response and other not in (clean.language, near.get(clean.language)):
            paragraph = words.paragraph
            yield change("wrong-language", other, Field.RESPONSE, 0, clean.response, paragraph, _FLAGGED)


_COUNTED = re.compile(r"\b(?:three|four|five|six|[3-9])\b", re.IGNORECASE)
_ITEM = re.compile(r"^\d+[.)] .+$", re.MULTILINE)


def _propose_count(clean: CleanPair, random: Random) -> Iterator[Injection]:
    text = clean.response
    items = list(_ITEM.finditer(text))
    if not _COUNTED.search(clean.source_text(Field.INSTRUCTION)) or len(items) < 3 or items[-1].end() != len(text):
        return
    last = items[-1]
    start = last.start() - 1
    yield change("item-count-mismatch", "one too few", Field.RESPONSE, start, text[start:], "", _FLAGGED)
    extra = f"\n{len(items) + 1}{text[last.start() + 1]} {items[0].group()[3:]} ({items[1].group()[3:]})"
    yield change("item-count-mismatch", "one too many", Field.RESPONSE, len(text), "", extra, _FLAGGED)


_SORTED = re.compile(
    r"\b(?:sort|arrange|order)\b.*\b(?:alphabetical|ascending|descending|smallest|largest|order)", re.IGNORECASE
)


def _propose_unsorted(clean: CleanPair, random: Random) -> Iterator[Injection]:
    text = clean.response
    if not _SORTED.search(clean.source_text(Field.INSTRUCTION)):
        return
    separator = next((mark for mark in ("、", "، ", ", ", "\n") if mark in text), "")
    items = text.split(separator) if separator else []
    if len(items) < 3 or len(set(items)) < len(items):
        return
    for form, first in (("neighbours swapped", random.randrange(len(items) - 1)),):
        swapped = list(items)
        swapped[first], swapped[first + 1] = swapped[first + 1], swapped[first]
        yield rewrite("unsorted-list", form, Field.RESPONSE, text, separator.join(swapped))
    swapped = [items[-1], *items[1:-1], items[0]]
    yield rewrite("unsorted-list", "first and last swapped", Field.RESPONSE, text, separator.join(swapped))


def _propose_length(clean: CleanPair, random: Random) -> Iterator[Injection]:
    text = clean.pair.instruction or ""
    least = 100 if clean.language in ("ja", "ko") else 200  # a character says more there
    if text and len(clean.response) >= 3 * len(text) and len(clean.response) >= least:
        carried_out = f"{text}\n\n{clean.response}"
        yield change("instruction-length", "carried out", Field.INSTRUCTION, 0, text, carried_out, _FLAGGED)


INJECTORS = (
    Injector("empty-response", "a request failed, and its empty answer was kept", _propose_empty),
    Injector("refusal", "a model declines what it was asked for", _propose_refusal),
    Injector("echoed-task", "a model, or a copy by hand, says the task again", _propose_echo),
    Injector("unchanged-text", "a model gives a text back as it got it", _propose_unchanged),
    Injector("truncated-response", "an answer was longer than its limit of tokens", _propose_cut),
    Injector("repetition-loop", "a model falls into a loop at the end of its answer", _propose_loop),
    Injector("untranslated-text", "a translator gives the English back", _propose_english),
    Injector("wrong-language", "a row of another corpus, or a model that changes languages", _propose_language),
    Injector("item-count-mismatch", "a model does not count what it lists", _propose_count),
    Injector("unsorted-list", "a sorted list is translated item by item, or was never sorted", _propose_unsorted),
    Injector("instruction-length", "a translator carries the instruction out", _propose_length),
)
