"""Code fences of Markdown: which are whole, and which lost a mark or a line break in translation.

A fence is repaired where one reading alone makes all fences of a text whole. Knows Markdown and how fences break, no
language.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from midb.text.code.signs import punctuates_as_code
from midb.text.code.tokens import FENCE_LANGUAGES

_FENCE = re.compile(
    r"^ {0,3}(?:[-*+] |\d{1,3}[.)] )?(?P<indent> *)(?P<fence>`{3,}|~{3,})(?P<info>[^\n`]*)$", re.MULTILINE
)
_LANGUAGE = rf"(?i:{'|'.join(sorted(map(re.escape, FENCE_LANGUAGES), key=len, reverse=True))})"
#: An opening fence of one or two marks, of three with a blank between them, or of apostrophes.
_OPENING = re.compile(
    r"^ {0,3}(?P<marks>``(?=[ \t]*$)"
    rf"|(?:`{{1,2}}|`` `|` ``|` ` `|'{{3}}|’{{3}}|‘{{3}}|´{{3}})(?=[ \t]?{_LANGUAGE}[ \t]*$))[^\n]*$",
    re.MULTILINE,
)
#: A closing fence of two marks, or of three with a blank between them.
_CLOSING = re.compile(r"^ {0,3}(?P<marks>``|`` `|` ``|` ` `|’{3}|‘{3}|´{3})[ \t]*$", re.MULTILINE)
#: A closing fence behind the last line of code, and an opening one behind a sentence.
_GLUED_CLOSING = re.compile(r"^(?![ \t]*[`~])[^\n`]*[^\s`](?P<gap>[ \t]*)(?P<marks>`{3,})[ \t]*$", re.MULTILINE)
_GLUED_OPENING = re.compile(
    rf"^[^\n`]*[^\s`](?P<gap>[ \t]*)(?P<marks>`{{3,}})(?:{_LANGUAGE}|(?<=[:：]```)|(?<=[:：] ```))[ \t]*$",
    re.MULTILINE,
)
#: A sentence, as it ends: behind words, no sign of code.
_SENTENCE_END = re.compile(r"[^\W\d_]{2,}[^\n]*[.!?…:。！？؟][\"”»)*_]*$")
#: Words of a line from which on it can be a sentence.
_LEAST_WORDS = 3
#: What a chat template leaves at the end of a text, whole or broken; a fence is closed before it.
_TEMPLATE_END = re.compile(
    r"\s*(?:(?:<[|'\"/]{0,4}(?:im_end|eot_id|eom_id|end_?of_?text|end_of_turn)[|'\"/]{0,4}>|</s>)\s*)+\Z"
)
#: A smile or another sign of talk at the end.
_SMILE = re.compile(r"[\s\U0001f000-\U0001faff\u2600-\u27bf\ufe0f\u200d]+\Z")
#: Words, or letters of scripts without blanks, from which on a line without a mark is cut-off prose; and signs of code.
_LEAST_CUT_WORDS = 6
_LONG_WORDS = re.compile("[\u3040-\u30ff\u3400-\u9fff\u0e00-\u0e7f]{10}")
_SIGN_OF_CODE = re.compile(r"[^\w\s.,'’\"“”„«»?!:、。「」\u0e31\u0e34-\u0e3a\u0e47-\u0e4e-]|\b[A-Z]{2,}\b|:\s*\Z")
#: Characters at the end of a block that are looked at.
_LONGEST_END = 300
#: Damaged fences that are looked at; with more of them nobody can say what the text was.
_MOST_DAMAGED = 12


@dataclass(frozen=True, slots=True)
class Repair:
    """``before`` at ``start`` was meant to be ``after``, and why."""

    start: int
    before: str
    after: str
    evidence: str


@dataclass(frozen=True, slots=True)
class OpenFence:
    """A fence that is not closed: ``[start, end)`` of its marks, and the repairs that make all fences whole."""

    start: int
    end: int
    evidence: str
    repairs: tuple[Repair, ...] = ()


def find_open_fence(text: str) -> OpenFence | None:
    """The first fence of a text that is not whole, ``None`` where all are.

    >>> fence = find_open_fence("So:\\n``python\\nx = 1\\n```\\nDone.")
    >>> [(repair.start, repair.before, repair.after) for repair in fence.repairs] if fence else None
    [(4, '``', '```')]
    """
    if "```" not in text and "~~~" not in text:
        return None
    opened, nested = _find_unclosed(text)
    damaged = list(islice(_find_damaged(text), _MOST_DAMAGED + 1))
    if opened is None:
        return _find_hidden(text, damaged)
    start, end = opened.span("fence")
    if 0 < len(damaged) <= _MOST_DAMAGED:
        if repairs := _choose_repairs(text, damaged):
            first = repairs[0]
            return OpenFence(first.start, first.start + max(len(first.before), 1), first.evidence, repairs)
        return OpenFence(start, end, "a code fence is opened and never closed, and another one is damaged")
    evidence = "a code fence is opened and never closed"
    if nested or opened["indent"] or not _ends_in_code(text, opened):
        return OpenFence(start, end, evidence)
    # Only the end is searched: blanks without end before it would be tried one by one.
    if left := _TEMPLATE_END.search(text, max(0, len(text) - _LONGEST_END)):
        return OpenFence(start, end, evidence, (Repair(left.start(), "", f"\n{opened['fence']}\n", evidence),))
    closing = opened["fence"] if text.endswith("\n") else "\n" + opened["fence"]
    return OpenFence(start, end, evidence, (Repair(len(text), "", closing, evidence),))


def _find_unclosed(text: str) -> tuple[re.Match[str] | None, bool]:
    """The fence that is never closed, if there is one, and whether another one begins inside it."""
    opened: re.Match[str] | None = None
    for match in _FENCE.finditer(text):
        if opened is None:
            opened = match
        elif match["fence"].startswith(opened["fence"]) and not match["info"].strip():
            opened = None
        elif match["info"].strip() and match["fence"][0] == opened["fence"][0]:
            return opened, True
    return opened, False


def _find_damaged(text: str) -> Iterator[Repair]:
    """Everything that may be a damaged fence, with its repair, in text order."""
    found: dict[int, Repair] = {}
    for pattern, evidence in ((_OPENING, "a code fence lost a mark"), (_CLOSING, "a code fence lost a mark")):
        for match in pattern.finditer(text):
            start = match.start("marks")
            found.setdefault(start, Repair(start, match["marks"], "```", evidence))
    for pattern, evidence in (
        (_GLUED_OPENING, "an opening fence stands behind a sentence"),
        (_GLUED_CLOSING, "a closing fence stands behind the last line of code"),
    ):
        for match in pattern.finditer(text):
            start = match.start("gap")
            found.setdefault(start, Repair(start, match["gap"], "\n", evidence))
    return (found[start] for start in sorted(found))


def _choose_repairs(text: str, damaged: Sequence[Repair]) -> tuple[Repair, ...]:
    """The one damaged fence, or all of them, whose repair makes the text whole; nothing where two readings do."""
    single = [repair for repair in damaged if _is_whole(_apply(text, (repair,)))]
    if len(single) == 1:
        return (single[0],)
    if not single and len(damaged) > 1 and _is_whole(_apply(text, damaged)):
        return tuple(damaged)
    return ()


def _find_hidden(text: str, damaged: Sequence[Repair]) -> OpenFence | None:
    """Opening fences that lost a mark, in such a number that those that close them seem to open and close."""
    openings = tuple(repair for repair in damaged if repair.after == "```" and _OPENING.match(text, repair.start))
    named = [repair for repair in openings if text[repair.start + len(repair.before) :].split("\n", 1)[0].strip()]
    if len(named) < 2 or len(named) != len(openings) or len(named) > _MOST_DAMAGED:
        return None
    first_fence = _FENCE.search(text)
    if first_fence is None or first_fence.start() < named[0].start or first_fence["info"].strip():
        return None
    if not _is_whole(_apply(text, named)):
        return None
    first = named[0]
    return OpenFence(first.start, first.start + len(first.before), first.evidence, tuple(named))


def _apply(text: str, repairs: Sequence[Repair]) -> str:
    for repair in reversed(repairs):
        text = text[: repair.start] + repair.after + text[repair.start + len(repair.before) :]
    return text


def _is_whole(text: str) -> bool:
    """Whether every fence is closed, none begins in another, and no block of code ends in a sentence."""
    opened: re.Match[str] | None = None
    for match in _FENCE.finditer(text):
        if opened is None:
            opened = match
        elif match["fence"].startswith(opened["fence"]) and not match["info"].strip():
            if not text[opened.end() : match.start()].strip() or _is_sentence(text[opened.end() : match.start()]):
                return False
            opened = None
        elif match["info"].strip():
            return False
    return opened is None


def _ends_in_code(text: str, opened: re.Match[str]) -> bool:
    """Whether the text from an opening fence to the end is something, and ends in no prose, cut off or not."""
    content = text[opened.end() :].rstrip()[-_LONGEST_END:]
    content = _SMILE.sub("", _TEMPLATE_END.sub("", content).rstrip())
    return bool(content) and not _is_sentence(content) and not _is_cut_prose(content)


def _is_cut_prose(content: str) -> bool:
    """Whether the last line of a text is prose that stops before its mark: many words, and no sign of code."""
    line = content.rstrip()[-_LONGEST_END:].rpartition("\n")[2].strip()
    if len(line.split()) < _LEAST_CUT_WORDS and not _LONG_WORDS.search(line):
        return False
    return not _SIGN_OF_CODE.search(line) and not punctuates_as_code(line)


def _is_sentence(content: str) -> bool:
    """Whether the last line of a text is a sentence and no code, nor a comment of it."""
    line = content.rstrip()[-_LONGEST_END:].rpartition("\n")[2].strip()
    if len(line.split()) < _LEAST_WORDS and not re.search("[\u3040-\u30ff\u3400-\u9fff\u0e00-\u0e7f]{6}", line):
        return False
    return bool(_SENTENCE_END.search(line)) and not punctuates_as_code(line) and not line.startswith(("#", "//", "*"))
