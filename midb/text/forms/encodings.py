"""Undoing a wrong decoding, in a single text. Knows encodings and scripts, no languages and no pairs.

The work is ftfy's; this module adds a test that is cheap enough for every text, spans word by word, a judgement on
the result, and two sorts of damage that ftfy does not look for.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import regex
from ftfy import TextFixerConfig, fix_encoding_and_explain
from ftfy.badness import is_bad

LOST = "\N{REPLACEMENT CHARACTER}"

#: Where a damaged word starts, the word, and what it was meant to be (``None``: it cannot be told).
Word = tuple[int, str, str | None]

_ENCODINGS = (
    "latin-1", "sloppy-windows-1252", "sloppy-windows-1251", "sloppy-windows-1250", "sloppy-windows-1253",
    "sloppy-windows-1254", "sloppy-windows-1257", "iso-8859-2", "macroman", "cp437",
)  # fmt: skip


def _config(*, restores_no_break_space: bool) -> TextFixerConfig:
    """Every step of ftfy that does not undo a wrong encoding is off: by default it changes half of Japanese texts."""
    return TextFixerConfig(
        unescape_html=False,
        remove_terminal_escapes=False,
        restore_byte_a0=restores_no_break_space,
        fix_c1_controls=False,
        fix_latin_ligatures=False,
        fix_character_width=False,
        uncurl_quotes=False,
        fix_line_breaks=False,
        fix_surrogates=False,
        remove_control_chars=False,
        normalization=None,
    )


_CONFIGS = {choice: _config(restores_no_break_space=choice) for choice in (True, False)}


def _characters(encoding: str, first: int, last: int) -> str:
    return bytes(range(first, last + 1)).decode(encoding)


def _utf8_read_as(encoding: str) -> str:
    """A pattern for the characters of ``encoding`` whose bytes are one UTF-8 sequence."""
    follow = f"[{re.escape(_characters(encoding, 0x80, 0xBF))}]"
    leads = ((0xC2, 0xDF, 1), (0xE0, 0xEF, 2), (0xF0, 0xF4, 3))
    return "|".join(f"[{re.escape(_characters(encoding, a, b))}]{follow}{{{n}}}" for a, b, n in leads)


def _any_encoding(first: int, last: int) -> str:
    characters = sorted({c for name in _ENCODINGS for c in _characters(name, first, last)})
    return f"[{re.escape(''.join(characters))}]"


# ftfy's own test takes 30-90 microseconds a text. The first pattern takes one; the second, tried where the first
# matches, asks that one encoding explain the whole sequence, which holds in 30 of 100,000 clean texts.
_LEAD_AND_FOLLOW = re.compile(_any_encoding(0xC2, 0xF4) + _any_encoding(0x80, 0xBF))
_SEQUENCE = re.compile("|".join(map(_utf8_read_as, _ENCODINGS)))
# Sequences that lost a byte: a no-break space that became a blank, a quotation mark cut short.
_SHORTENED = re.compile(r"[ÃÂÐÎÅ] |â€|вЂ|Ã\N{REPLACEMENT CHARACTER}|[à-ã][^\x00-\x9f] ")

# Four characters in a row of which none is ASCII: in Latin-1 no language writes words like that.
_HIGH_LATIN = re.compile(r"(?<![\w])[\u00a1-\u00ff]{4,}(?!\w)")
_HIGH_LATIN_ANY = re.compile(r"(?<![\w])[\u00a1-\u00ff]+(?!\w)")
# UTF-8 kana and ideographic punctuation read as Shift_JIS (縺繧繝縲) or as GBK (銇銈銉銆).
_KANA_READ_AS = {"cp932": re.compile("[縺繧繝縲]"), "gbk": re.compile("[銇銈銉銆]")}
_WORD = re.compile(r"[^\x00-\x20]+")
# ASCII letters right next to Cyrillic or Greek ones.
_MIXED = re.compile(r"[A-Za-z][\u0370-\u03ff\u0400-\u04ff]|[\u0370-\u03ff\u0400-\u04ff][A-Za-z]")
_NOT_ASCII = re.compile(r"[^\x00-\x7f]+")
_ESCAPES = re.compile(r"(?<![\\\w:])(?:\\u[0-9a-fA-F]{4})+|(?<=[^\W\d_])(?:\\u[0-9a-fA-F]{4})+")


@dataclass(frozen=True, slots=True)
class Restored:
    """``before`` at ``start`` was meant to read ``after``; ``None`` where it cannot be told."""

    start: int
    before: str
    after: str | None


def looks_damaged(text: str) -> bool:
    """Whether it is worth looking closer.

    >>> looks_damaged("cafÃ©"), looks_damaged("café à la carte")
    (True, False)
    """
    if "\\u" in text:
        return True
    if text.isascii():
        return False
    return (
        any(_SEQUENCE.match(text, match.start()) for match in _LEAD_AND_FOLLOW.finditer(text))
        or bool(_SHORTENED.search(text) or _HIGH_LATIN.search(text))
        or any(pattern.search(text) for pattern in _KANA_READ_AS.values())
    )


def restored(
    text: str, *, scripts: Iterable[str], code_pages: Iterable[str], restores_no_break_space: bool
) -> Iterator[Restored]:
    """Every damaged word of a text, with what it was meant to be where that is certain.

    ``scripts`` are the scripts a result may be written in, besides Latin; ``code_pages`` the one-byte encodings that
    may have been read as Latin-1; ``restores_no_break_space`` says whether a blank after a stray ``Ã`` may be the rest
    of an ``à``.
    """
    writing = Writing(scripts)
    position = 0
    for line in text.split("\n"):
        if looks_damaged(line):
            words = _whole_line(line, restores_no_break_space)
            if words is None:
                words = _by_word(line, writing)
                words = words or [*_old_code_page(line, tuple(code_pages), writing)] or [*_misread_kana(line)]
                words = words or [*_escapes(line)]
            for start, before, after in words:
                certain = after is not None and writing.plausible(after) and len(after) <= len(before)
                yield Restored(position + start, before, after if certain else None)
        position += len(line) + 1


class Writing:
    """The scripts of a language, as a judge of results."""

    def __init__(self, scripts: Iterable[str]) -> None:
        own = [rf"\p{{Script={script}}}" for script in sorted(set(scripts) - {"Latin"})]
        self._own = regex.compile(rf"[{''.join(own)}]") if own else None
        letters = "".join([*own, r"\p{Script=Latin}\p{Script=Common}\p{Script=Inherited}"])
        self._plausible = regex.compile(rf"[[{letters}]--[\p{{Cc}}\p{{Co}}\p{{Cn}}\ufffd]]*", regex.V1)

    def plausible(self, text: str) -> bool:
        """Whether a text of this language, or one in Latin letters, could look like this."""
        return bool(self._plausible.fullmatch(text))

    def proves(self, before: str, after: str) -> bool:
        """Whether a word that decodes is more than a coincidence.

        It looks wrong to ftfy; or its two scripts become one; or it becomes a word in the language's own script.
        """
        if not self.plausible(after) or is_bad(after):
            return False
        if is_bad(before) or (_MIXED.search(before) and not _MIXED.search(after)):
            return True
        return self._own is not None and not self._own.search(before) and len(self._own.findall(after)) > 1


def _whole_line(line: str, restores_no_break_space: bool) -> list[Word] | None:
    """The words that differ if all of the line was damaged in the same way, ``None`` if it was not."""
    fixed, steps = fix_encoding_and_explain(line, _CONFIGS[restores_no_break_space])
    if fixed == line or any(
        step.action == "apply" or (step.action == "decode" and not step.parameter.startswith("utf-8"))
        for step in steps or ()
    ):
        return None
    return _words(line, fixed)


def _by_word(line: str, writing: Writing) -> list[Word]:
    """The words that one encoding explains; the encoding is the one that explains most, and proves one."""
    best: list[Word] = []
    for encoding in _ENCODINGS:
        words: list[Word] = []
        proven = False
        for match in _WORD.finditer(line):
            before = match.group()
            if before.isascii():
                continue
            try:
                after = before.encode(encoding).decode("utf-8")
            except UnicodeError:
                continue
            words.append((match.start(), before, after))
            proven = proven or writing.proves(before, after)
        if proven and len(words) > len(best):
            best = words
    return best


def _words(line: str, fixed: str) -> list[Word]:
    """The words that differ. Blanks are ASCII and survive every decoding, so that words stand at the same place."""
    old, new = line.split(" "), fixed.split(" ")
    if len(old) != len(new):  # a blank was part of a damaged character: what differs is one piece
        start = next(i for i, (a, b) in enumerate(zip(line, fixed, strict=False)) if a != b)
        tail = next(i for i, (a, b) in enumerate(zip(line[::-1], fixed[::-1], strict=False)) if a != b)
        tail = min(tail, len(line) - start, len(fixed) - start)
        return [(start, line[start : len(line) - tail], fixed[start : len(fixed) - tail])]
    words: list[Word] = []
    position = 0
    for before, after in zip(old, new, strict=True):
        if before != after:
            words.append((position, before, after))
        position += len(before) + 1
    return words


def _old_code_page(line: str, code_pages: tuple[str, ...], writing: Writing) -> Iterator[Word]:
    """Words in a one-byte encoding that were read as Latin-1: ``Ïðèâåò`` for ``Привет``.

    Two long words are asked for, and none whose letters stand in the order of the alphabet: such is a table.
    """
    long = _HIGH_LATIN.findall(line)
    if len(long) < 2 or any(list(word) == sorted(word) for word in long):
        return
    for page in code_pages:
        words: list[Word] = []
        for match in _HIGH_LATIN_ANY.finditer(line):
            after = match.group().encode("latin-1").decode(page, errors="replace")
            if not writing.plausible(after) or after.isascii() or not _word_case(after):
                break
            words.append((match.start(), match.group(), after))
        else:
            yield from words
            return


def _word_case(word: str) -> bool:
    """Whether capitals stand where words have them: in front, or everywhere.

    >>> _word_case("Привет"), _word_case("оПХБЕР")
    (True, False)
    """
    return word.islower() or word.isupper() or word[1:].islower() or word.lower() == word.upper()


def _misread_kana(line: str) -> Iterator[Word]:
    for encoding, leads in _KANA_READ_AS.items():
        for match in _NOT_ASCII.finditer(line):
            run = match.group()
            if len(leads.findall(run)) < 2:
                continue
            try:
                yield match.start(), run, run.encode(encoding).decode("utf-8")
            except UnicodeError:
                yield match.start(), run, None


def _escapes(line: str) -> Iterator[Word]:
    """``caf\\u00e9``: the escape sequences of JSON, left undecoded."""
    for match in _ESCAPES.finditer(line):
        units = bytes.fromhex(match.group().replace("\\u", ""))
        after = units.decode("utf-16-be", errors="replace")
        yield match.start(), match.group(), after


def describe(found: Restored) -> str:
    """``"cafÃ©" reads "café"``, shortened for people."""
    before = found.before if len(found.before) <= 40 else found.before[:39] + "…"
    if found.after is None:
        return f'"{before}" is damaged'
    after = found.after if len(found.after) <= 40 else found.after[:39] + "…"
    names = [unicodedata.name(c, "?") for c in after] if not after.strip() else []
    return f'"{before}" reads {names[0] if names else f"{chr(34)}{after}{chr(34)}"}'
