"""Literals that a translator must not touch, and touches: addresses, placeholders, formulas, keywords of code."""

from __future__ import annotations

import re
from collections.abc import Iterator
from random import Random

from midb.injectors.base import CleanPair, Injection, Injector, change, is_outside
from midb.injectors.words import words_of

_URL = re.compile(r"https?://[\w.-]+(/[\w./-]*\w)?")


def _propose_url(clean: CleanPair, random: Random) -> Iterator[Injection]:
    kind = "altered-url"
    words = words_of(clean.language)
    for field, text in clean.texts():
        source = clean.source_text(field)
        for match in _URL.finditer(text):
            url, path = match.group(), match.group(1)
            if url not in source:
                continue
            yield change(kind, "blank behind the scheme", field, match.start(), url, url.replace("://", ":// ", 1))
            if path:
                start = match.start(1)
                yield change(kind, "blank in the path", field, start, path, path.replace("/", "/ ", 1))
                if words and (segments := re.findall(r"[a-z]{4,}", path)):
                    translated = path.replace(random.choice(segments), words.path_word, 1)
                    yield change(kind, "part of the path translated", field, start, path, translated)


_FORMULA = re.compile(r"\$([^$\n]+)\$")
_PLACEHOLDER = re.compile(r"\{\{?\s?([a-z_]+)\s?\}?\}|%[sd]\b")


def _propose_placeholder(clean: CleanPair, random: Random) -> Iterator[Injection]:
    kind = "altered-placeholder"
    words = words_of(clean.language)
    for field, text in clean.texts():
        source = clean.source_text(field)
        formulas = [match.span() for match in _FORMULA.finditer(text)]
        for match in _PLACEHOLDER.finditer(text):
            written, name = match.group(), match.group(1)
            if written not in source or not is_outside(*match.span(), formulas):
                continue
            if name is None:
                yield change(kind, "blank in it", field, match.start(), written, f"% {written[1]}")
                continue
            yield change(kind, "capital", field, match.start(), written, written.replace(name, name.capitalize()))
            if words:
                translated = written.replace(name, words.placeholder)
                yield change(kind, "name translated", field, match.start(), written, translated)


_COMMAND = re.compile(r"\\([a-z]{3,})")


def _propose_formula(clean: CleanPair, random: Random) -> Iterator[Injection]:
    kind = "altered-formula"
    for field, text in clean.texts():
        source = clean.source_text(field)
        for match in _FORMULA.finditer(text):
            formula = match.group()
            if formula not in source or not _COMMAND.search(formula):
                continue
            apart = _COMMAND.sub(r"\\ \1", formula)
            yield change(kind, "commands set apart", field, match.start(), formula, apart)
            spaced = re.sub(r"(?<=[a-z}])\{", " {", apart)
            yield change(kind, "braces set apart", field, match.start(), formula, f"$ {spaced[1:-1]} $")


_FENCE = re.compile(r"```(?:python|py)\n(.*?)```", re.DOTALL)


def _propose_code(clean: CleanPair, random: Random) -> Iterator[Injection]:
    words = words_of(clean.language)
    if words is None:
        return
    for field, text in clean.texts():
        for match in _FENCE.finditer(text):
            code = match.group(1)
            if code not in clean.source_text(field):
                continue
            present = [keyword for keyword in words.keywords if _keyword(keyword).search(code)]
            # One machine translates them all, another only some.
            some = [present[:count] for count in range(2, len(present))]
            for form, chosen in (("every keyword", present), *(("some keywords", part) for part in some)):
                translated = code
                for keyword in chosen:
                    translated = _keyword(keyword).sub(words.keywords[keyword], translated)
                if len(chosen) >= 2:
                    yield change("translated-code", form, field, match.start(1), code, translated)


def _keyword(keyword: str) -> re.Pattern[str]:
    """The keyword where it begins a statement; a call of print as well."""
    return re.compile(rf"(?<![\w.\"']){keyword}(?=[ :(\n])")


INJECTORS = (
    Injector("altered-url", "a translator takes the words of an address for words", _propose_url),
    Injector("altered-placeholder", "a translator translates the name between braces", _propose_placeholder),
    Injector(
        "altered-formula", "a translator takes LaTeX for text, and blanks come between its marks", _propose_formula
    ),
    Injector("translated-code", "a translator takes the keywords of a program for words", _propose_code),
)
