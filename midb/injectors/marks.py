"""Defects of punctuation: marks in the form of another language, blanks at marks, percent signs, quotation marks."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Sequence
from random import Random

from midb.injectors.base import CleanPair, Expectation, Injection, Injector, change, code_ranges, is_outside, rewrite
from midb.text.quotations import find_quotations

#: Marks of a language, and what a translator who types the marks of English (or of Chinese) puts there.
_ENGLISH = {
    "ar": {"،": ",", "؟": "?", "؛": ";"},
    "el": {";": "?"},
    "ja": {"、": ",", "。": ".", "？": "?", "！": "!"},
}  # fmt: skip
_CHINESE = {",": "，", ".": "。", "?": "？", "!": "！", ":": "："}

_LETTER_BEFORE = r"(?<=[^\W\d_])"
#: In another script a Latin name may have brought its own mark along.
_OWN_LETTER_BEFORE = r"(?<=[^\W\d_A-Za-z])"


def _propose_form(clean: CleanPair, random: Random) -> Iterator[Injection]:
    kind = "punctuation-form"
    native = _ENGLISH.get(clean.language, {})
    behind = r"|[^\W\d_]" if clean.language == "ja" else ""
    for field, text in clean.texts():
        ranges = code_ranges(text)

        def places(mark: str, text: str = text, ranges: Sequence[tuple[int, int]] = ranges) -> list[int]:
            before = _OWN_LETTER_BEFORE if native else _LETTER_BEFORE
            found = re.finditer(rf"{before}{re.escape(mark)}(?=\s|\Z{behind})", text)
            return [match.start() for match in found if is_outside(match.start(), match.end(), ranges)]

        for mark, english in native.items():
            # A text without any mark of its own has a style, if a foreign one.
            if clean.language == "ja" and sum(text.count(one) for one in native) < 2:
                continue
            wrong = f"{english} " if clean.language == "ja" and english == "," else english
            for start in places(mark):
                if mark == "。" and text[start + 1 : start + 2].strip():
                    continue  # a full stop of English has a blank behind it
                yield change(kind, f"English {english}", field, start, mark, wrong)
        if clean.language not in ("ja", "ar", "el"):
            for mark, chinese in _CHINESE.items():
                for start in places(mark):
                    yield change(kind, f"Chinese {chinese}", field, start, mark, chinese)


def _propose_spacing(clean: CleanPair, random: Random) -> Iterator[Injection]:
    kind = "punctuation-spacing"
    if clean.language == "th":
        return
    never_before = {"fr": ",.", "ar": "،؛؟.", "el": ",.;!", "ja": "、。？！"}.get(clean.language, ",.;!?")
    comma = {"ar": "،", "ja": ""}.get(clean.language, ",")
    for field, text in clean.texts():
        ranges = code_ranges(text)
        for match in re.finditer(rf"(?<=[^\W\d_]{{2}})[{re.escape(never_before)}](?=\s|\Z)", text):
            if is_outside(match.start(), match.end(), ranges):
                yield change(kind, "blank before a mark", field, match.start(), "", " ")
        if comma and re.search(r"[.!?؟]\s*\Z", text):
            for match in re.finditer(rf"(?<=[^\W\d_]{{3}}){comma} (?=[^\W\d_]{{3}})", text):
                word = text[: match.start()].rsplit(None, 1)[-1]
                if is_outside(match.start(), match.end(), ranges) and word[0].islower() | (
                    clean.language in ("ar", "ko")
                ):
                    yield change(kind, "no blank behind a comma", field, match.start(), match.group(), comma)
        if clean.language == "fr":
            high = list(re.finditer("(?<=[^\\W\\d_]{2})[ \u00a0\u202f]+[?!;](?=\\s|\\Z)", text))
            for match in high if len(high) > 1 else ():  # a text that has one mark only may be Canadian
                glued = match.group().strip()
                yield change(kind, "no blank before a high mark", field, match.start(), match.group(), glued)


#: Languages that print a no-break space before the sign.
_WITH_BLANK = frozenset({"de", "fr", "es", "ru", "cs"})
_PERCENT = re.compile("(?<![\\w.,])(\\d+(?:[.,]\\d+)?)([ \u00a0\u202f]?)%(?![\\w%])")
_TURKISH_PERCENT = re.compile(r"(?<![\w%])%(\d+(?:,\d+)?)(?![\d,])")


def _propose_percent(clean: CleanPair, random: Random) -> Iterator[Injection]:
    kind = "percent-form"
    for field, text in clean.texts():
        ranges = code_ranges(text)
        if clean.language == "tr":
            for match in _TURKISH_PERCENT.finditer(text):
                if is_outside(*match.span(), ranges):
                    yield change(kind, "sign as in English", field, match.start(), match.group(), f"{match[1]}%")
            continue
        found = [
            match for match in _PERCENT.finditer(text) if match[2].strip() == "" and is_outside(*match.span(), ranges)
        ]
        for match in found if clean.language in _WITH_BLANK else ():
            if match[2]:
                plain = change(kind, "plain blank", field, match.start(2), match[2], " ")
                yield dataclasses.replace(plain, convention=True)


def _propose_inverted(clean: CleanPair, random: Random) -> Iterator[Injection]:
    if clean.language != "es":
        return
    for field, text in clean.texts():
        for match in re.finditer("[¿¡]", text):
            # A question shows by its first word that it is one, an exclamation does not.
            expected = Expectation.REPAIRED if match.group() == "¿" else Expectation.FLAGGED
            yield change(
                "inverted-marks", f"{match.group()} left out", field, match.start(), match.group(), "", expected
            )


#: Marks of print that a keyboard does not have: everybody types the straight ones.
_PRINTED = {"“": "”", "„": "“", "«": "»", "「": "」"}


def _propose_quotes(clean: CleanPair, random: Random) -> Iterator[Injection]:
    kind = "quotation-marks"
    for field, text in clean.texts():
        straight = list(text)
        count = 0
        for start, end in find_quotations(text):
            first = text[start - 1]
            if first not in _PRINTED or clean.language == "ar" or not is_outside(start, end, code_ranges(text)):
                continue
            inner = text[start:end].strip()
            straight[start - 1 : end + 1] = [f'"{inner}"', *([""] * (end - start + 1))]
            count += 1
            yield change(kind, "one quotation", field, start - 1, text[start - 1 : end + 1], f'"{inner}"')
        if count > 1:
            yield rewrite(kind, "every quotation", field, text, "".join(straight))


INJECTORS = (
    Injector("punctuation-form", "marks are typed as in English or Chinese", _propose_form),
    Injector(
        "punctuation-spacing",
        "blanks are typed as in another language, or tokens are joined with blanks",
        _propose_spacing,
    ),
    Injector(
        "percent-form", "the sign stays on the side where English has it, or its blank may break", _propose_percent
    ),
    Injector("inverted-marks", "marks that English does not have are left out", _propose_inverted),
    Injector("quotation-marks", "a keyboard has the straight marks only", _propose_quotes),
)
