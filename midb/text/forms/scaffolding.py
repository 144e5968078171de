"""The scaffolding of instruction data: the words a template puts between the texts, and placeholders for no input.

Data sets are built by prompting a model with numbered examples ("9. Instruction: ... 9. Input: ..."); what leaks into a
pair is this frame. The frame is English; in a translated corpus it is translated too.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice

from midb.domain.pairs import Field
from midb.locales import LocaleSection


class ScaffoldingSection(LocaleSection, table="scaffolding"):
    """How a language says what the template says.

    ``no_input``: whole inputs that mean "there is none"; ``no_input_or_text``: such that are also a text, as a sign at
    a door is; ``no_output``: whole responses that mean the same. ``instruction``, ``input``, ``output``: the labels of
    the three parts. ``end``: what a frame says where the output ends.
    """

    no_input: tuple[str, ...]
    no_input_or_text: tuple[str, ...] = ()
    no_output: tuple[str, ...]
    instruction: tuple[str, ...]
    input: tuple[str, ...]
    output: tuple[str, ...]
    end: tuple[str, ...] = ()

    @functools.cached_property
    def frame(self) -> Frame:
        """These words together with the English ones."""
        return Frame(
            no_input=_make_keys(self.no_input + ENGLISH.no_input),
            no_input_or_text=_make_keys(self.no_input_or_text),
            no_output=_make_keys(self.no_output + ENGLISH.no_output),
            labels={
                Field.INSTRUCTION: _make_keys(self.instruction + ENGLISH.instruction),
                Field.INPUT: _make_keys(self.input + ENGLISH.input),
                Field.RESPONSE: _make_keys(self.output + ENGLISH.output),
            },
            ends=_make_keys(self.end + ENGLISH.end),
        )


#: The frame as the templates have it.
ENGLISH = ScaffoldingSection(
    no_input=(
        "no input",
        "no inputs",
        "no input required",
        "no input needed",
        "no input necessary",
        "no input provided",
        "no input given",
        "no input is required",
        "input not required",
    ),
    no_output=("no output", "no outputs", "no output required", "no output needed", "no response", "no answer"),
    instruction=("Instruction", "Instructions", "Task"),
    input=("Input",),
    output=("Output", "Response"),
    end=("end of output", "end of the output", "end of response", "end of the response", "end of answer", "end output"),
)

_WRAPPING = re.compile(r"^[\s<>〈〉＜＞\[\]()`'\"*“”„«»「」]+|[\s<>〈〉＜＞\[\]()`'\"*“”„«»「」.。．]+$")
_GLUE = re.compile(r"[\s\-_'’\u0307]+")
_IN_BRACKETS = re.compile(r"^[\s`'\"*“”„«»「」]*[<＜〈\[].*[>＞〉\]][\s`'\"*“”„«»「」.。．]*$", re.DOTALL)

#: No placeholder is longer, with its quotes and brackets.
LONGEST_PLACEHOLDER = 80


def _make_key(text: str) -> str:
    """A text without brackets, quotes, final full stop, case and blanks.

    >>> _make_key("`<No input>`."), _make_key("sementrada") == _make_key("Sem entrada")
    ('noinput', True)
    """
    return _remember_key(text) if len(text) <= LONGEST_PLACEHOLDER else _find_key(text)


def _find_key(text: str) -> str:
    return _GLUE.sub("", _WRAPPING.sub("", text)).casefold().replace("\u0307", "").replace("ı", "i")


#: Several ask one after the other whether a short text stands for something.
_remember_key = functools.lru_cache(maxsize=64)(_find_key)


@dataclass(frozen=True)
class Frame:
    """The words of one language and of English, ready for comparison."""

    no_input: frozenset[str]
    no_input_or_text: frozenset[str]
    no_output: frozenset[str]
    labels: dict[Field, frozenset[str]]
    ends: frozenset[str]

    def stands_for_no_input(self, text: str) -> bool:
        """Whether a whole text is a placeholder and nothing else."""
        if len(text) > LONGEST_PLACEHOLDER:
            return False
        key = _make_key(text)
        return key in self.no_input or (key in self.no_input_or_text and is_in_brackets(text))

    def may_stand_for_no_input(self, text: str) -> bool:
        """Whether a whole text is a placeholder, or a text that reads like one."""
        return len(text) <= LONGEST_PLACEHOLDER and _make_key(text) in self.no_input | self.no_input_or_text

    def stands_for_no_output(self, text: str) -> bool:
        """Whether a whole text says that there is no response, and nothing else."""
        return len(text) <= LONGEST_PLACEHOLDER and _make_key(text) in self.no_output

    def repeats_placeholder(self, text: str, response: str) -> bool:
        """Whether a response works with the words of a placeholder: then they are a text, and stand for nothing."""
        return _make_key(text) in _make_key(response)

    def labels_part(self, label: str, field: Field) -> bool:
        """Whether a label is what the template puts before one part of an example."""
        return _make_key(label) in self.labels[field]


def is_in_brackets(text: str) -> bool:
    """Whether a whole text stands in angle or square brackets.

    >>> is_in_brackets('"<noinput>".'), is_in_brackets("noinput")
    (True, False)
    """
    return bool(_IN_BRACKETS.match(text))


def load_frame(section: ScaffoldingSection | None) -> Frame:
    """The words of a language together with the English ones."""
    return (section or ENGLISH).frame


def _make_keys(texts: Iterable[str]) -> frozenset[str]:
    return frozenset(map(_make_key, texts))


_NUMBERED_LABEL = re.compile(r"^[ \t]*(\d{1,3})[.．)] ?([^\n:：]{1,30}?)[ \t\u00a0]?[:：]", re.MULTILINE)
_HASH_LABEL = re.compile(r"^[ \t]*#{2,4}[ \t]*([^\s:：#][^\n:：#]{0,29}?)[ \t\u00a0]*([:：]|$)", re.MULTILINE)
_PLAIN_LABEL = re.compile(r"^[ \t]*([^\n:：]{1,30}?)[ \t\u00a0]?[:：]", re.MULTILINE)
_HASHES_BEFORE = re.compile(r"#{2,}[ \t]*\n[ \t]*\Z")


def find_next_example(text: str, words: Frame) -> int | None:
    """Where the next example of the prompt begins in a response, ``None`` if it does not.

    Three parts that bear one number are no list. Their labels are known, or a line of hashes stands before them.

    >>> find_next_example("Yes.\\n##\\n9. Instruction: Sort.\\n9. Input:\\nb, a\\n9. Output:\\na, b", load_frame(None))
    4
    """
    labels = list(_NUMBERED_LABEL.finditer(text)) if "\n" in text else []
    for first, second, third in zip(labels, labels[1:], labels[2:], strict=False):
        if not first.group(1) == second.group(1) == third.group(1):
            continue
        parts = zip((first, second, third), Field, strict=True)
        known = sum(words.labels_part(match.group(2), field) for match, field in parts)
        hashes = _HASHES_BEFORE.search(text, max(0, first.start() - 20), first.start())
        if known >= 2 or (hashes and known):
            return len(text[: hashes.start() if hashes else first.start()].rstrip())
    begin = _hashed_example(text, words)
    return _find_numbered_example(text, labels, words) if begin is None else begin


def _find_numbered_example(text: str, numbered: Iterable[re.Match[str]], words: Frame) -> int | None:
    """The same where only the first label bears a number: "15. Instruction: ...", "Input: ...", "Output: ..."."""
    for first in numbered:
        if words.labels_part(first.group(2), Field.INSTRUCTION):
            labels = [label.group(1) for label in islice(_PLAIN_LABEL.finditer(text, first.end()), 2)]
            parts = zip(labels, (Field.INPUT, Field.RESPONSE), strict=False)
            if len(labels) == 2 and all(words.labels_part(label, field) for label, field in parts):
                return len(text[: first.start()].rstrip())
    return None


def _hashed_example(text: str, words: Frame) -> int | None:
    """The same in the template of Alpaca: ``### Instruction:`` and, further down, ``### Response:``."""
    if "##" not in text:
        return None
    begin: int | None = None
    for match in _HASH_LABEL.finditer(text):
        if match.group(2) and words.labels_part(match.group(1), Field.INSTRUCTION):
            begin = match.start() if begin is None else begin
        elif match.group(2) and begin is not None and words.labels_part(match.group(1), Field.RESPONSE):
            return len(text[:begin].rstrip())
    return None


def split_frame(frame: str) -> list[str]:
    """What stands behind the labels of a frame, label by label.

    >>> split_frame("### Instruction:\\n(task)\\n\\n### Response:\\n(reply)")
    ['\\n(task)\\n\\n', '\\n(reply)']
    """
    labels = sorted([*_NUMBERED_LABEL.finditer(frame), *_HASH_LABEL.finditer(frame)], key=lambda match: match.start())
    ends = [*(match.start() for match in labels[1:]), len(frame)]
    return [frame[match.end() : end] for match, end in zip(labels, ends, strict=True)] if labels else []


def measure_leading_label(text: str, field: Field, words: Frame) -> int:
    """How many characters at the start of a field are its label: ``### Response:``; 0 if there is none.

    >>> measure_leading_label("### Response:\\nYes.", Field.RESPONSE, load_frame(None))
    14
    """
    match = _HASH_LABEL.search(text) if text.lstrip()[:1] == "#" else None
    if match is None or text[: match.start()].strip() or not words.labels_part(match.group(1), field):
        return 0
    if not match.group(2) and _make_key(match.group(1)) not in load_frame(None).labels[field]:
        return 0  # without a colon it may be a heading; not so if it is English in a text that is not
    rest = text[match.end() :]
    return len(text) - len(rest.lstrip()) if rest.strip() else 0


#: A line between marks: "// end of output //", "--- End ---", "[end of response]".
_FRAMED_LINE = re.compile(r"[/#=*<\[({|_~-]+ ?([^/#=*<>\[\](){}|\n]{3,40}?) ?[/#=*>\])}|_~-]+[.。]?")


def find_end_mark(text: str, words: Frame) -> int | None:
    """Where the mark begins by which a frame closes its output: the last line, between marks; ``None`` without one.

    >>> words = load_frame(None)
    >>> find_end_mark("Yes.\\n// end of output //", words), find_end_mark("The end of output.", words)
    (4, None)
    """
    content = text.rstrip()
    start = content.rfind("\n") + 1
    match = _FRAMED_LINE.fullmatch(content[start:].strip()) if len(content) - start <= LONGEST_PLACEHOLDER else None
    if match is None or not start or _make_key(match[1]) not in words.ends:
        return None
    return len(content[:start].rstrip())
