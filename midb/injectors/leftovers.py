"""What is left around a text: prompt frames and chat tokens, texts of a page, words of a translator."""

from __future__ import annotations

import html
from collections.abc import Iterator
from random import Random

from midb.domain.pairs import Field
from midb.injectors.base import CleanPair, Expectation, Injection, Injector, change, code_ranges, is_outside
from midb.injectors.words import words_of

_BEFORE: dict[str, tuple[str, ...]] = {
    "frame before the answer": ("### Response:\n", "[/INST] ", "<|im_start|>assistant\n", "### Output:\n"),
}
_BEHIND: dict[str, tuple[str, ...]] = {
    "chat token behind the answer": ("<|im_end|>", "</s>", "<|endoftext|>", "<|eot_id|>"),
    "next turn": ("<|im_end|>\n<|im_start|>user", "\n<|im_start|>user"),
}


def _propose_markup(clean: CleanPair, random: Random) -> Iterator[Injection]:
    kind = "leaked-markup"
    words = words_of(clean.language)
    if clean.pair.input == "" and (not clean.source or not clean.source.input):
        for placeholder in ("<noinput>", "<no input>", *((words.no_input,) if words else ())):
            yield change(kind, "placeholder of an empty input", Field.INPUT, 0, "", placeholder)
    text = clean.response
    if text.strip():
        for form, frames in _BEFORE.items():
            yield change(kind, form, Field.RESPONSE, 0, "", random.choice(frames))
        for form, frames in _BEHIND.items():
            yield change(kind, form, Field.RESPONSE, len(text), "", random.choice(frames))
    for field, text in clean.texts():
        ranges = code_ranges(text)
        for start, character in enumerate(text):
            if character in "&<>" and is_outside(start, start + 1, ranges):
                yield change(kind, "entity", field, start, character, html.escape(character))


def _propose_page(clean: CleanPair, random: Random) -> Iterator[Injection]:
    kind = "page-leftover"
    words = words_of(clean.language)
    text = clean.response
    if not text.strip():
        return
    buttons = ["Regenerate response", *([words.regenerate] if words else [])]
    yield change(kind, "button behind the answer", Field.RESPONSE, len(text), "", f"\n\n{random.choice(buttons)}")
    if "```" in text:
        start = text.index("```") + 3
        start = text.index("\n", start) + 1
        yield change(kind, "button of a code block", Field.RESPONSE, start, "", "Copy code\n")
    if text.rstrip().endswith((".", "。")) and "\n" not in text:
        notes = ["[citation needed]", *([f"[{words.unsourced}]"] if words else [])]
        yield change(
            kind, "note of an encyclopedia", Field.RESPONSE, len(text), "", random.choice(notes), Expectation.FLAGGED
        )
        mark = f"[{random.randint(1, 9)}]"
        yield change(kind, "footnote mark", Field.RESPONSE, len(text), "", mark, Expectation.FLAGGED)


def _propose_note(clean: CleanPair, random: Random) -> Iterator[Injection]:
    kind = "translator-note"
    words = words_of(clean.language)
    for field, text in clean.texts():
        if field is Field.INPUT:
            continue
        announced = ["Here is the translated text:", "Here's the translation:", "Translation:"]
        yield change(kind, "English announcement", field, 0, "", f"{random.choice(announced)}\n\n")
        if words:
            yield change(kind, "announcement", field, 0, "", f"{random.choice(words.announced)}\n\n")
            yield change(kind, "note behind", field, len(text), "", f"\n\n{words.noted}", Expectation.FLAGGED)
        note = "\n\n(Note: I kept the names in English.)"
        yield change(kind, "English note behind", field, len(text), "", note, Expectation.FLAGGED)


INJECTORS = (
    Injector(
        "leaked-markup", "frames of prompts and tokens of chats stay in the text that was cut out", _propose_markup
    ),
    Injector("page-leftover", "buttons and notes of a page come along with a copy", _propose_page),
    Injector("translator-note", "a model that translates announces it, or explains what it did", _propose_note),
)
