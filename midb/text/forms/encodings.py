"""Undoing a wrong decoding, in a single text. Knows encodings and scripts, no languages and no pairs.

The work is ftfy's; this module adds a test that is cheap enough for every text, spans word by word, a judgement on
the result, and two sorts of damage that ftfy does not look for.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum

import regex
from ftfy import TextFixerConfig, fix_encoding_and_explain
from ftfy.badness import is_bad

from midb.text.forms.plain_readings import are_strange, is_better, is_rare, pair_pieces, reads_well

#: Stands for what a decoder could not read: it is lost.
LOST = "\N{REPLACEMENT CHARACTER}"

#: Encodings that UTF-8 is mistaken for, and that ftfy and Python know.
_ENCODINGS = (
    "latin-1", "sloppy-windows-1252", "sloppy-windows-1251", "sloppy-windows-1250", "sloppy-windows-1253",
    "sloppy-windows-1254", "sloppy-windows-1257", "sloppy-windows-1258", "iso-8859-2", "macroman", "cp437",
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


#: Whether a blank may be the rest of a no-break space -> the configuration.
_CONFIGS = {choice: _config(restores_no_break_space=choice) for choice in (True, False)}


def _decode_bytes(encoding: str, first: int, last: int) -> str:
    """The characters that an encoding has for the bytes ``first`` to ``last``."""
    return bytes(range(first, last + 1)).decode(encoding)


def _match_utf8_read_as(encoding: str) -> str:
    """A pattern for the characters of ``encoding`` whose bytes are one UTF-8 sequence."""
    follow = f"[{re.escape(_decode_bytes(encoding, 0x80, 0xBF))}]"
    leads = ((0xC2, 0xDF, 1), (0xE0, 0xEF, 2), (0xF0, 0xF4, 3))
    return "|".join(f"[{re.escape(_decode_bytes(encoding, a, b))}]{follow}{{{n}}}" for a, b, n in leads)


def _any_character_of(first: int, last: int) -> str:
    """A pattern for the characters that some encoding has for the bytes ``first`` to ``last``."""
    characters = sorted({c for name in _ENCODINGS for c in _decode_bytes(name, first, last)})
    return f"[{re.escape(''.join(characters))}]"


# ftfy's own test takes 30-90 microseconds a text, the first of these patterns one. Where it matches, the second asks
# that one encoding explain the whole sequence; of 100,000 clean texts 30 pass that as well.
_LEAD_AND_FOLLOW = re.compile(_any_character_of(0xC2, 0xF4) + _any_character_of(0x80, 0xBF))
_SEQUENCE = re.compile("|".join(map(_match_utf8_read_as, _ENCODINGS)))
# Sequences that lost a byte: a no-break space that became a blank, a quotation mark cut short.
# All of them by what they begin with: the search goes from one such character to the next.
_SHORTENED = re.compile(
    r"[ÃÂÐÎÅâвà-ã](?:(?<=[ÃÂÐÎÅ]) |(?<=â)€|(?<=в)Ђ|(?<=Ã)\N{REPLACEMENT CHARACTER}|(?<=[à-ã])[^\x00-\x9f] )"
)

# Four characters in a row of which none is ASCII: in Latin-1 no language writes words like that.
_HIGH_LATIN = re.compile(r"[\u00a1-\u00ff](?<!\w.)[\u00a1-\u00ff]{3,}(?!\w)")
_HIGH_LATIN_ANY = re.compile(r"(?<![\w])[\u00a1-\u00ff]+(?!\w)")
# UTF-8 kana and ideographic punctuation read as Shift_JIS (縺繧繝縲) or as GBK (銇銈銉銆).
_KANA_READ_AS = {"cp932": re.compile("[縺繧繝縲]"), "gbk": re.compile("[銇銈銉銆]")}
_ANY_KANA_READ = re.compile("|".join(pattern.pattern for pattern in _KANA_READ_AS.values()))
# Arabic in UTF-8 read as windows-1256: each letter is ط or ظ and a second character. Three in a row are no word.
_ARABIC_READ_AS = re.compile(f"(?:[طظ][{re.escape(bytes(range(0x80, 0xC0)).decode('cp1256'))}]){{3,}}")
_WORD = re.compile(r"[^\x00-\x20]+")
# Marks that open a word and may be sound where the word is not; an apostrophe parts two words.
_OPENING = re.compile(r"[¿¡«“„‘]+")
_PIECE = re.compile(r"[^\x00-\x20’]+")
# ASCII letters right next to Cyrillic or Greek ones.
_MIXED = re.compile(r"[A-Za-z][\u0370-\u03ff\u0400-\u04ff]|[\u0370-\u03ff\u0400-\u04ff][A-Za-z]")
# A capital with an accent inside a word of small letters, and a second byte behind it: "deÄŸiÅŸtirir".
_INNER_CAPITAL = re.compile("(?<=[a-z])[Ã-Å][^\x00-\x7f]")
_NOT_ASCII_LETTER = re.compile(r"[^\W\d_\x00-\x7f]")
_NOT_ASCII = re.compile(r"[^\x00-\x7f]+")
_ESCAPES = re.compile(r"(?<![\\\w:])(?:\\u[0-9a-fA-F]{4})+|(?<=[^\W\d_])(?:\\u[0-9a-fA-F]{4})+")


@dataclass(frozen=True, slots=True)
class DamagedWord:
    """``before`` at ``start`` was meant to read ``after``; ``None`` where it is not certain what it was."""

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
        or bool(_ANY_KANA_READ.search(text))
        or (("ط" in text or "ظ" in text) and bool(_ARABIC_READ_AS.search(text)))
    )


def find_damaged_words(
    text: str,
    *,
    scripts: Iterable[str],
    code_pages: Iterable[str],
    restores_no_break_space: bool,
    alphabet: frozenset[str] = frozenset(),
    proven: bool = False,
) -> Iterator[DamagedWord]:
    """Every damaged word of a text, with what it was meant to be where that is certain.

    ``scripts`` are the scripts a result may be written in, besides Latin; ``code_pages`` the one-byte encodings that
    may have been read as Latin-1; ``restores_no_break_space`` says whether a blank after a stray ``Ã`` may be the rest
    of an ``à``. ``alphabet`` holds the letters of the language beyond those of English. A word that is sound as it
    stands, if other words were not damaged (``ARAÇ’``), is found only where ``proven`` says that they were, or where
    this text shows it.
    """
    writing = Writing(scripts, alphabet)
    pages = tuple(code_pages)
    found: list[tuple[DamagedWord, _Certainty]] = []
    position = 0
    for line in text.split("\n"):
        if looks_damaged(line):
            words, whole = _find_in_line(line, pages, writing, restores_no_break_space=restores_no_break_space)
            judged = [_judge(line, word, alphabet) for word in words]
            if whole and any(
                sure is _Certainty.DAMAGED and _is_certain(word, writing)
                for word, sure in zip(words, judged, strict=True)
            ):
                judged = [_Certainty.DAMAGED] * len(words)
            for word, sure in zip(words, judged, strict=True):
                found.append((DamagedWord(position + word.start, word.before, word.after), sure))
        position += len(line) + 1
    proven = proven or any(certainty is _Certainty.DAMAGED and _is_certain(word, writing) for word, certainty in found)
    for word, certainty in found:
        shown = certainty is _Certainty.OPEN or (word.after is not None and writing.is_own(word.after))
        if certainty is _Certainty.DAMAGED or (shown and proven):
            yield word if _is_certain(word, writing) else DamagedWord(word.start, word.before, None)


def _find_in_line(
    line: str, code_pages: tuple[str, ...], writing: Writing, *, restores_no_break_space: bool
) -> tuple[list[DamagedWord], bool]:
    """The words of one line that some encoding explains; and whether it explains all of the line.

    Then a word that reads well as it stands was damaged like its neighbours: nothing sound can stand among them.
    """
    words = _restore_line(line, restores_no_break_space)
    if words is not None:
        return words, True
    words = (
        _restore_words(line, writing)
        or [*_restore_old_code_page(line, code_pages, writing)]
        or [*_restore_arabic(line)]
        or [*_restore_kana(line)]
        or [*_decode_escapes(line)]
    )
    return words, False


def _is_certain(word: DamagedWord, writing: Writing) -> bool:
    """Whether what a word decodes to can be what it was."""
    return word.after is not None and writing.is_plausible(word.after) and len(word.after) <= len(word.before)


class _Certainty(Enum):
    """Whether a word that decodes was damaged: it was; it was if others were; it was not."""

    DAMAGED = 1
    OPEN = 2
    SOUND = 3


def _judge(line: str, word: DamagedWord, alphabet: frozenset[str]) -> _Certainty:
    """What the two readings of a word say, as it stands and decoded."""
    pieces = pair_pieces(word.start, word.before, word.after) if word.after is not None else None
    if not pieces:
        return _Certainty.DAMAGED
    if any(is_rare(piece, line) for piece in pieces):
        return _Certainty.SOUND
    if not all(reads_well(line, piece) for piece in pieces):
        return _Certainty.DAMAGED
    if not is_better(word.before, pieces, alphabet):
        return _Certainty.SOUND
    return _Certainty.DAMAGED if are_strange(pieces, alphabet) else _Certainty.OPEN


class Writing:
    """The scripts of a language, and the letters of its ``alphabet`` beyond English, as a judge of results."""

    def __init__(self, scripts: Iterable[str], alphabet: frozenset[str] = frozenset()) -> None:
        self._alphabet = alphabet
        own = [rf"\p{{Script={script}}}" for script in sorted(set(scripts) - {"Latin"})]
        self._own = regex.compile(rf"[{''.join(own)}]") if own else None
        letters = "".join([*own, r"\p{Script=Latin}\p{Script=Common}\p{Script=Inherited}"])
        self._plausible = regex.compile(rf"[[{letters}]--[\p{{Cc}}\p{{Co}}\p{{Cn}}\ufffd]]*", regex.V1)

    def is_plausible(self, text: str) -> bool:
        """Whether a text of this language, or one in Latin letters, could look like this."""
        return bool(self._plausible.fullmatch(text))

    def is_own(self, text: str) -> bool:
        """Whether a text is a word in a script of the language other than Latin."""
        return self._own is not None and len(self._own.findall(text)) > 1

    def proves(self, before: str, after: str) -> bool:
        """Whether a word that decodes is more than a coincidence.

        It looks wrong to ftfy; or its two scripts become one; or it becomes a word in the language's own script.
        """
        if not self.is_plausible(after) or is_bad(after):
            return False
        if is_bad(before) or (_MIXED.search(before) and not _MIXED.search(after)):
            return True
        capitals = len(_INNER_CAPITAL.findall(before))
        if capitals and not _INNER_CAPITAL.search(after) and (capitals > 1 or self._becomes_own(before, after)):
            return True
        return self._own is not None and not self._own.search(before) and len(self._own.findall(after)) > 1

    def _becomes_own(self, before: str, after: str) -> bool:
        """Whether letters that the language does not have become one that it has."""
        foreign, letters = (set(_NOT_ASCII_LETTER.findall(text)) for text in (before, after))
        return bool(letters) and letters <= self._alphabet and not foreign & self._alphabet


def _restore_line(line: str, restores_no_break_space: bool) -> list[DamagedWord] | None:
    """The words that differ if all of the line was damaged in the same way, ``None`` if it was not."""
    fixed, steps = fix_encoding_and_explain(line, _CONFIGS[restores_no_break_space])
    if fixed == line or any(
        step.action == "apply" or (step.action == "decode" and not step.parameter.startswith("utf-8"))
        for step in steps or ()
    ):
        return None
    return _compare_words(line, fixed)


def _restore_words(line: str, writing: Writing) -> list[DamagedWord]:
    """The words that one encoding explains; the encoding is the one that explains most, and proves one."""
    best: list[DamagedWord] = []
    for encoding in _ENCODINGS:
        words: list[DamagedWord] = []
        proven = False
        for match in _WORD.finditer(line):
            for start, before, after in _decode_word(match, encoding):
                words.append(DamagedWord(start, before, after))
                proven = proven or writing.proves(before, after)
        if proven and len(words) > len(best):
            best = words
    return best


def _decode_word(match: re.Match[str], encoding: str) -> Iterator[tuple[int, str, str]]:
    """The damaged part of a word with its place and what it was: all of it, or all but sound marks beside it."""
    pieces = [(match.start(), match.group())]
    opening = _OPENING.match(match.group())
    sound = opening.end() if opening else 0
    if sound or "’" in match.group():
        rest = match.group()[sound:]
        pieces += [(match.start() + sound + piece.start(), piece.group()) for piece in _PIECE.finditer(rest)]
    for start, before in pieces:
        if before.isascii():
            continue
        try:
            yield start, before, before.encode(encoding).decode("utf-8")
        except UnicodeError:
            continue
        if start == match.start() and len(before) == len(match.group()):
            return


def _compare_words(line: str, fixed: str) -> list[DamagedWord]:
    """The words that differ. Blanks are ASCII and survive every decoding, so that words stand at the same place."""
    old, new = line.split(" "), fixed.split(" ")
    if len(old) != len(new):  # a blank was part of a damaged character: what differs is one piece
        start = next(i for i, (a, b) in enumerate(zip(line, fixed, strict=False)) if a != b)
        tail = next(i for i, (a, b) in enumerate(zip(line[::-1], fixed[::-1], strict=False)) if a != b)
        tail = min(tail, len(line) - start, len(fixed) - start)
        return [DamagedWord(start, line[start : len(line) - tail], fixed[start : len(fixed) - tail])]
    words: list[DamagedWord] = []
    position = 0
    for before, after in zip(old, new, strict=True):
        if before != after:
            words.append(DamagedWord(position, before, after))
        position += len(before) + 1
    return words


def _restore_old_code_page(line: str, code_pages: tuple[str, ...], writing: Writing) -> Iterator[DamagedWord]:
    """Words in a one-byte encoding that were read as Latin-1: ``Ïðèâåò`` for ``Привет``.

    Two long words are asked for, and none whose letters stand in the order of the alphabet: such is a table.
    """
    long = _HIGH_LATIN.findall(line)
    if len(long) < 2 or any(list(word) == sorted(word) for word in long):
        return
    for page in code_pages:
        words: list[DamagedWord] = []
        for match in _HIGH_LATIN_ANY.finditer(line):
            after = match.group().encode("latin-1").decode(page, errors="replace")
            if not writing.is_plausible(after) or after.isascii() or not _has_case_of_a_word(after):
                break
            words.append(DamagedWord(match.start(), match.group(), after))
        else:
            yield from words
            return


def _has_case_of_a_word(word: str) -> bool:
    """Whether capitals stand where words have them: in front, or everywhere.

    >>> _has_case_of_a_word("Привет"), _has_case_of_a_word("оПХБЕР")
    (True, False)
    """
    return word.islower() or word.isupper() or word[1:].islower() or word.lower() == word.upper()


def _restore_arabic(line: str) -> Iterator[DamagedWord]:
    """Arabic that was read as windows-1256: "ط§ظ„ط¨" for "الب". One long word proves it of all that decode."""
    if not _ARABIC_READ_AS.search(line):
        return
    for match in _WORD.finditer(line):
        for start, before, after in _decode_word(match, "cp1256"):
            yield DamagedWord(start, before, after)


def _restore_kana(line: str) -> Iterator[DamagedWord]:
    """Runs of two kana or more that were read as Shift_JIS or GBK; some of their bytes may be lost."""
    for encoding, leads in _KANA_READ_AS.items():
        for match in _NOT_ASCII.finditer(line):
            run = match.group()
            if len(leads.findall(run)) < 2:
                continue
            try:
                yield DamagedWord(match.start(), run, run.encode(encoding).decode("utf-8"))
            except UnicodeError:
                yield DamagedWord(match.start(), run, None)


def _decode_escapes(line: str) -> Iterator[DamagedWord]:
    """``caf\\u00e9``: the escape sequences of JSON, left undecoded."""
    for match in _ESCAPES.finditer(line):
        units = bytes.fromhex(match.group().replace("\\u", ""))
        after = units.decode("utf-16-be", errors="replace")
        yield DamagedWord(match.start(), match.group(), after)
