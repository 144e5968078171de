r"""Characters that nobody can see: zero-width, control, bidirectional and tag characters, byte-order marks.

Each class says where its characters belong; elsewhere they are removed, or replaced by what they stood for. Knows
scripts, no languages. Nothing is removed from code, where an invisible character may be the point.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterator

import regex

from midb.domain.defects import DefectFamily, DefectKind, Finding, Invariant, Severity
from midb.domain.edits import Edit
from midb.text.forms.encodings import find_damaged_words, looks_damaged
from midb.text.forms.plain_readings import may_be_letter, own_alphabet
from midb.text.inspection import FieldText, Inspection

INVISIBLE = DefectKind(
    name="invisible-character",
    family=DefectFamily.TRANSLATION,
    severity=Severity.MINOR,
    summary="characters without a glyph where they do not belong",
    repairs=True,
    may_change=frozenset({Invariant.PROTECTED, Invariant.LENGTH, Invariant.CONTENT}),
)

KINDS = (INVISIBLE,)

# Everything this module is about; a text without any of it, nearly all texts, costs this one search.
_ANY = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufe0e"
    "\ufe0f\ufeff\uffa0\ufff9-\ufffc\ue000-\uf8ff\U000e0000-\U000e007f]"
)

# Scripts that join their letters or break lines between words without a blank.
_JOINING = (
    r"\p{Script=Arabic}\p{Script=Syriac}\p{Script=Mongolian}\p{Script=Devanagari}\p{Script=Bengali}\p{Script=Gurmukhi}"
    r"\p{Script=Gujarati}\p{Script=Oriya}\p{Script=Tamil}\p{Script=Telugu}\p{Script=Kannada}\p{Script=Malayalam}"
    r"\p{Script=Sinhala}\p{Script=Khmer}\p{Script=Nko}"
)
_SPACELESS = r"\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}\p{Script=Tibetan}"
_EMOJI = r"\p{Extended_Pictographic}\p{Emoji_Modifier}\ufe0f"
_RIGHT_TO_LEFT = regex.compile(r"[\p{Script=Arabic}\p{Script=Hebrew}\p{Script=Syriac}\p{Script=Thaana}\p{Script=Nko}]")

# In Windows code pages, for Latin, Greek, Cyrillic and Thai alike, these bytes are punctuation; as Unicode they are
# controls. 0x85 is left out: it was a line break to some systems and an ellipsis to others.
_WINDOWS = dict(zip("\x82\x84\x91\x92\x93\x94\x95\x96\x97", "‚„‘’“”•–—", strict=True))

# Control characters that an undoubled backslash made of a LaTeX command: "\frac" is form feed and "rac".
_LATEX = (
    r"\x07(?=lpha|pprox|ngle)|\x08(?=eta|egin|ar\b|inom|oldsymbol|oxed|ig)|\x0b(?=ec\b|arphi|dots)"
    r"|\x0c(?=rac|orall)|\t(?=imes\b|heta\b|ext\{|riangle)"
)
_LATEX_LETTERS = {"\x07": "a", "\x08": "b", "\t": "t", "\x0b": "v", "\x0c": "f"}

# One alternative per class; the first that matches at a place decides. "keep" is where characters belong.
_CLASSES = regex.compile(
    rf"(?P<latex>{_LATEX})"
    r"|(?P<windows>[\x82\x84\x91-\x97])"
    rf"|(?P<keep>(?<=[{_EMOJI}])\u200d(?=\p{{Extended_Pictographic}})"
    rf"|(?<=[{_JOINING}])[\u200c\u200d]+|[\u200c\u200d]+(?=[{_JOINING}])"
    rf"|(?<=[{_SPACELESS}])\u200b|\u200b(?=[{_SPACELESS}])"
    r"|(?<=[\p{Emoji}\p{Extended_Pictographic}\p{Han}\p{S}])[\ufe0e\ufe0f]"
    r"|(?<=\U0001f3f4)[\U000e0020-\U000e007e]+\U000e007f"
    r"|(?<=\p{Mongolian})\u180e|(?<=[\u1100-\u11ff])[\u115f\u1160]|[\u115f\u1160](?=[\u1100-\u11ff]))"
    r"|(?P<newline>\r(?!\n)|[\x0b\x0c\u2028\u2029])"
    r"|(?P<escape>\x1b\[[0-9;]*[A-Za-z])"
    r"|(?P<control>[\x00-\x08\x0e-\x1f\x7f-\x9f])"
    r"|(?P<hyphen>\u00ad)"
    r"|(?P<direction>[\u061c\u200e\u200f])"
    r"|(?P<embedding>[\u202a-\u202e\u2066-\u2069])"
    r"|(?P<hidden>[\U000e0000-\U000e007f]+)"
    r"|(?P<filler>[\u115f\u1160\u3164\uffa0]+)"
    r"|(?P<symbol>[\ue000-\uf8ff\ufff9-\ufffc])"
    r"|(?P<zero>[\u034f\u180e\u200b-\u200d\u2060-\u2065\u206a-\u206f\ufe0e\ufe0f\ufeff]+)"
)

_NAMES = {
    "latex": "control character left of a LaTeX command",
    "windows": "Windows punctuation read as a control character",
    "newline": "line separator",
    "escape": "terminal escape sequence",
    "control": "control character",
    "hyphen": "soft hyphen",
    "direction": "direction mark in a text written left to right",
    "embedding": "unpaired direction control",
    "hidden": "hidden tag characters",
    "filler": "blank Hangul filler",
    "symbol": "character without a meaning outside its font",
    "zero": "zero-width character",
}


# Control characters that stand for nothing; U+0002 is where PDF readers saw a hyphen at a line end. The others
# may be what is left of a ligature (form feed for "fi"), a quotation mark or a dash, and are not removed.
_EMPTY_CONTROLS = frozenset("\x00\x01\x02\x03\x04\x05\x06\x07\x08\x10\x11\x12\x15\x16\x17\x1a\x7f")

#: A control right behind a letter beyond ASCII.
_CONTROL_AFTER_LETTER = re.compile("(?<=[\xa1-\xff])[\x80-\x9f\xad]")

# What mojibake is made of, beside letters; removing one would make the damage irreparable.
_PARTS_OF_MOJIBAKE = frozenset("\u00ad").union(map(chr, range(0x80, 0xA0)))


def detect(inspection: Inspection) -> Iterator[Finding]:
    """One finding per field, class, and whether it can be repaired; its edits are the places."""
    for field in inspection.fields:
        if not _ANY.search(field.text):
            continue
        groups: dict[tuple[str, bool], list[tuple[int, str, str | None]]] = defaultdict(list)
        for name, start, before, after in _find_places(field.text, inspection):
            if field.code.holds(start):
                after = None
            groups[name, after is not None].append((start, before, after))
        for (name, repaired), places in groups.items():
            yield _finding(field, name, places, repaired=repaired)


def _finding(field: FieldText, name: str, places: list[tuple[int, str, str | None]], *, repaired: bool) -> Finding:
    start, before, _ = places[0]
    code = f"U+{ord(before[0]):04X}"
    title = unicodedata.name(before[0], "").lower()
    times = f", {len(places)} places" if places[1:] else ""
    edits: tuple[Edit, ...] = ()
    if repaired:
        edits = tuple(INVISIBLE.edit(field.field, at, old, new or "") for at, old, new in places)
    evidence = f"{_NAMES[name]}: {code}{' ' + title if title else ''}{times}"
    return INVISIBLE.finding(field.field, start, start + len(before), evidence, fix=edits)


def _find_places(text: str, inspection: Inspection) -> Iterator[tuple[str, int, str, str | None]]:
    """What is out of place: (class, offset, characters, what to put there, ``None`` where that is not certain)."""
    right_to_left = bool(_RIGHT_TO_LEFT.search(text))
    unpaired = _find_unpaired(text)
    alphabet = own_alphabet(inspection.locale)
    part_of_mojibake = _PARTS_OF_MOJIBAKE if _is_damaged(text, alphabet, inspection) else frozenset[str]()
    for match in _CLASSES.finditer(text):
        name, start, before = str(match.lastgroup), match.start(), match.group()
        if name == "keep" or (name == "direction" and right_to_left):
            continue
        if before in part_of_mojibake:
            continue
        after: str | None = ""
        if name == "latex":
            after = ("" if text[start - 1 : start] == "\\" else "\\") + _LATEX_LETTERS[before]
        elif name == "windows":
            after = None if _may_be_mojibake(text, start, alphabet) else _WINDOWS[before]
        elif name == "newline":
            lost = _between_small_letters(text, start) or _beside_lost_character(text, start)
            after = None if lost else _choose_line_break(text, start)
        elif name == "embedding":
            if start not in unpaired and right_to_left:
                continue
            # What an override or an unclosed embedding did to the order of letters is seen, and would change.
            harmless = start in unpaired if right_to_left else "\u202d" not in text and "\u202e" not in text
            after = "" if harmless and (not right_to_left or before in "\u202c\u2069") else None
        elif name in ("filler", "symbol"):
            after = "•" if before in "\uf0b7\uf0a7" and _starts_line(text, start) else None
        elif name == "control":
            after = "" if before in _EMPTY_CONTROLS and not _beside_lost_character(text, start) else None
        elif name == "hyphen":
            after = "" if _between_letters(text, start) and not _beside_high_latin(text, start) else None
        yield name, start, before, after


def _find_unpaired(text: str) -> set[int]:
    """Where direction controls stand that open nothing that closes, or close nothing that is open, in their line."""
    found: set[int] = set()
    open_: list[tuple[int, bool]] = []
    for match in regex.finditer(r"[\u202a-\u202e\u2066-\u2069\n]", text):
        character, start = match.group(), match.start()
        if character == "\n":
            found.update(at for at, _ in open_)
            open_ = []
        elif character in "\u202c\u2069":
            if open_ and open_[-1][1] == (character == "\u2069"):
                open_.pop()
            else:
                found.add(start)
        else:
            open_.append((start, character >= "\u2066"))
    return found.union(at for at, _ in open_)


def _choose_line_break(text: str, start: int) -> str:
    """What a lone carriage return, line or page separator becomes: a line break, unless one stands beside it."""
    before, after = text[start - 1 : start], text[start + 1 : start + 3]
    return "" if before == "\n" or after[:1] == "\n" or after == "\r\n" or not after or not before else "\n"


def _between_letters(text: str, start: int) -> bool:
    return text[start - 1 : start].isalpha() and text[start + 1 : start + 2].isalpha()


def _between_small_letters(text: str, start: int) -> bool:
    """Inside a word, where a separator may be what is left of a ligature: ``de\\x0cnition``."""
    return text[start - 1 : start].islower() and text[start + 1 : start + 2].islower()


def _beside_lost_character(text: str, start: int) -> bool:
    """Next to a U+FFFD, or to one character away from it, where the control is a part of what was lost in decoding."""
    return "\ufffd" in text[max(0, start - 2) : start + 3]


def _beside_high_latin(text: str, start: int) -> bool:
    """After a character of Latin-1 above ASCII, or before a control, it is part of mojibake and no character itself."""
    before, after = text[start - 1 : start], text[start + 1 : start + 2]
    return "\x80" <= before <= "\xff" or "\x80" <= after <= "\xbf"


def _may_be_mojibake(text: str, start: int, alphabet: frozenset[str]) -> bool:
    """Whether a control may be part of a damaged character, rather than a mark behind a letter of the language."""
    if not _beside_high_latin(text, start):
        return False
    return "\x80" <= text[start + 1 : start + 2] <= "\xbf" or may_be_letter(text, start, alphabet)


def _is_damaged(text: str, alphabet: frozenset[str], inspection: Inspection) -> bool:
    """Whether a text holds mojibake, or what may be it: more than letters with marks behind them."""
    if not looks_damaged(text):
        return False
    words = find_damaged_words(
        text, scripts=inspection.locale.scripts, code_pages=(), restores_no_break_space=False, alphabet=alphabet
    )
    if any(True for _ in words):
        return True
    return any(may_be_letter(text, match.start(), alphabet) for match in _CONTROL_AFTER_LETTER.finditer(text))


def _starts_line(text: str, start: int) -> bool:
    """Whether at most a few blanks stand before the place in its line."""
    before = text[max(0, start - 8) : start]
    return not before[before.rfind("\n") + 1 :].strip() and (start <= 8 or "\n" in before)
