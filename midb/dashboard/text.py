"""Foreign text made fit for a terminal, and figures made fit for people. Knows no run and draws no screen.

Whatever comes out of a corpus goes through `fit` before it is printed: nothing in it can move the cursor, change a
colour, turn the reading direction or take more room than it was given. Paths and commands, which a person will copy, go
through `midb.text.terminal.visible` alone: all of them, and nothing added.
"""

from __future__ import annotations

from collections.abc import Mapping

import regex
from rich.cells import cell_len
from rich.text import Text

from midb.text.terminal import visible

#: Code points of a text that are looked at: no line of a screen is longer, and a text may be megabytes.
LONGEST = 500

# The fifth mark on one letter would smear over the lines around it.
_STACKED_MARK = regex.compile(r"(?<=\p{M}{4})\p{M}")
# Terminals disagree on how wide it makes the emoji before it; those that `visible` leaves are everyday writing.
_SELECTOR = regex.compile("[\ufe0e\ufe0f]")
_LEADING_MARK = regex.compile(r"^(?=\p{M})")
_MARKS = regex.compile(r"^\p{M}+")
_EDGE_BLANKS = regex.compile(r"^ +| +$")
_OTHER_BLANK = regex.compile(r"[\p{Zs}--\ ]", flags=regex.V1)
_RIGHT_TO_LEFT = regex.compile(r"[\p{Bidi_Class=R}\p{Bidi_Class=AL}\p{Bidi_Class=AN}]")

#: Ends a right-to-left run, so that a terminal which reorders text leaves the columns behind it where they are.
_MARK = "\N{LEFT-TO-RIGHT MARK}"


def _escape(match: regex.Match[str]) -> str:
    return f"\\u{ord(match[0]):04x}"


def make_one_line(text: str) -> str:
    r"""The text (its beginning, if it is very long) as it may stand among others on one line.

    >>> make_one_line("a\x1b[2Jb\n"), make_one_line("\u0301")
    ('a␛[2Jb⏎', '◌́')
    """
    cut = _STACKED_MARK.sub(_escape, _SELECTOR.sub("", visible(text[:LONGEST])))
    return _LEADING_MARK.sub("\N{DOTTED CIRCLE}", cut) + ("…" if len(text) > LONGEST else "")


def crop(text: str, width: int, *, tail: bool = False) -> str:
    """The beginning (or with ``tail`` the end) of one line that fits into ``width`` cells.

    >>> crop("日本語テキスト", 6), crop("日本語テキスト", 6, tail=True), crop("abc", 3)
    ('日本…', '…スト', 'abc')
    """
    if cell_len(text) <= width:
        return text
    kept: list[str] = []
    room = width - 1
    for character in reversed(text) if tail else text:
        room -= cell_len(character)
        if room < 0:
            break
        kept.append(character)
    if width < 1:
        return ""
    return "…" + _MARKS.sub("", "".join(reversed(kept))) if tail else "".join(kept) + "…"


def fit(text: str, width: int | None = None, *, tail: bool = False) -> str:
    """A foreign text as it may be printed: on one line, cropped, and closed where it runs from right to left."""
    return _close(make_one_line(text) if width is None else crop(make_one_line(text), width, tail=tail))


def _close(text: str) -> str:
    return text + _MARK if _RIGHT_TO_LEFT.search(text) else text


def show_blanks(text: str) -> str:
    r"""One side of an edit: blanks are the news here, so they are written out as well.

    >>> show_blanks(""), show_blanks(" "), show_blanks("a b"), show_blanks("\u202f%")
    ('∅', '␣', 'a b', '\\u202f%')
    """
    named = _OTHER_BLANK.sub(_escape, make_one_line(text))
    return _EDGE_BLANKS.sub(lambda match: "␣" * len(match[0]), named) or "∅"


def render_edit(left: str, before: str, after: str, right: str, width: int) -> Text:
    """An edit in its context, ``left[before → after]right``, in at most ``width`` cells; the change comes first."""
    old, new = show_blanks(before), show_blanks(after)
    room = max(width - len("[ → ]"), 2)
    half = room // 2
    old_room = max(half, room - cell_len(new))
    old = crop(old, old_room)
    new = crop(new, room - min(cell_len(old), old_room))
    room -= cell_len(old) + cell_len(new)
    left, right = make_one_line(left[-LONGEST:]), make_one_line(right)
    left = crop(left, max(room // 2, room - cell_len(right)), tail=True)
    right = crop(right, room - cell_len(left))
    return Text.assemble(
        (_close(left), "dim"), "[", _close(old), " → ", (_close(new), "green"), "]", (_close(right), "dim"),
        no_wrap=True,
    )  # fmt: skip


def format_count(number: int) -> str:
    """A number as people read it: ``51,760``."""
    return f"{number:,}"


def pluralize(number: int, one: str, more: str = "") -> str:
    """A number of things, with an s unless the word for more than one is given.

    >>> pluralize(1, "call"), pluralize(1_204, "call"), pluralize(2, "reply", "replies")
    ('1 call', '1,204 calls', '2 replies')
    """
    return f"{format_count(number)} {one if number == 1 else more or one + 's'}"


def shorten(number: int) -> str:
    """A number in at most six cells.

    >>> [shorten(n) for n in (9_999, 51_760, 104_200, 9_999_999, 123_456_789)]
    ['9,999', '51,760', '104k', '10.0M', '123M']
    """
    if number < 100_000:
        return format_count(number)
    if number < 999_500:
        return f"{number / 1e3:.0f}k"
    return f"{number / 1e6:.1f}M" if number < 99_950_000 else f"{number / 1e6:.0f}M"


def format_share(part: int, whole: int) -> str:
    """A share in per cent; all of it and none of it are said only where they are true.

    >>> format_share(1, 3), format_share(9_999, 10_000), format_share(1, 10_000), format_share(0, 0)
    ('33.3 %', '99.9 %', '0.1 %', '0.0 %')
    """
    per_mille = round(1000 * part / whole) if whole else 0
    if 0 < part < whole:
        per_mille = min(max(per_mille, 1), 999)
    return f"{per_mille / 10:.1f} %"


def format_duration(seconds: float) -> str:
    """Hours, minutes, seconds: ``0:02:05``."""
    whole = max(int(seconds), 0)
    return f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}"


def rank_counts(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    """What was counted, most frequent first, then by name, without what was counted zero times."""
    return sorted(((name, n) for name, n in counts.items() if n), key=lambda item: (-item[1], item[0]))


def flow_counts(counts: Mapping[str, int], width: int, most: int, label: str = "") -> list[str]:
    """``label`` and then ``name 12 · other 3 · 5 more`` in at most ``most`` lines of ``width`` cells.

    >>> flow_counts({"a": 1, "bb": 20, "ccc": 3}, 17, 1, "by: ")
    ['by: bb 20 · 2 mo…']
    >>> flow_counts({"a": 1, "bb": 20, "ccc": 3}, 18, 1, "by: ")
    ['by: bb 20 · 2 more']
    >>> flow_counts({"a": 1, "bb": 20, "ccc": 3}, 18, 2, "by: ")
    ['by: bb 20 · ccc 3', '    a 1']
    """
    room = width - cell_len(label)
    items = [crop(f"{fit(name)} {format_count(n)}", room) for name, n in rank_counts(counts)]
    filled: list[str] = []
    for index, item in enumerate(items):
        longer = f"{filled[-1]} · {item}" if filled else item
        left = len(items) - index - 1
        more = f" · {left} more" if left and len(filled) == most else ""
        if filled and cell_len(longer + more) <= room:
            filled[-1] = longer
        elif len(filled) < most:
            filled.append(item)
        else:
            filled[-1] = crop(f"{filled[-1]} · {left + 1} more", room)
            break
    return [(label if not index else " " * cell_len(label)) + line for index, line in enumerate(filled)]
