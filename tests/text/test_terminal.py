"""Whatever is in a text, nothing of it steers a terminal, and different texts look different."""

from __future__ import annotations

import os
import re
import subprocess

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from midb.text.terminal import has_right_to_left, isolated, quote_word, quote_words, visible, visible_json

HOSTILE = (
    "\\uUx0123af \n\r\t\x00\x1b\x7f\x85\x9b\xad\u061c\u200b\u200d\u200f\u2028"
    "\u202e\u2066\u2069\ufe0f\ufeff␛⏎\ud800a\U000e0041م"
)

#: What would steer a terminal.
STEERING = re.compile(r"[\x00-\x1f\x7f-\x9f\xad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]")

#: What must look as it is.
EVERYDAY = ["plain", "❤️", "Grüße, мир, 日本語, ภาษาไทย, السلام", r"C:\new\unit", r"print('\n')", "é"]


def restored(shown: str) -> str:
    """Read a visible text back."""

    def one(match: re.Match[str]) -> str:
        backslashes, code, sign = match.group(1), match.group(2) or match.group(3), match.group(4)
        if sign:
            return backslashes + ("\n" if sign == "⏎" else "\x7f" if sign == "␡" else chr(ord(sign) - 0x2400))
        kept = backslashes[: len(backslashes) // 2]
        return kept + (chr(int(code, 16)) if len(backslashes) % 2 else match.group()[len(backslashes) :])

    return re.sub(r"(\\*)(?:u([0-9a-f]{4})|U([0-9a-f]{8})|([\u2400-\u2421⏎]))", one, shown)


@settings(deadline=None)
@given(st.text(st.characters() | st.sampled_from(HOSTILE)) | st.text(HOSTILE))
def test_nothing_hides_and_nothing_is_lost(text: str) -> None:
    shown = visible(text)
    assert not STEERING.search(shown)
    assert restored(shown) == text


@pytest.mark.parametrize("text", EVERYDAY)
def test_everyday_writing_stays_as_it_is(text: str) -> None:
    assert visible(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\nb", "a⏎b"),
        ("\x1b[31m", "␛[31m"),
        ("\u202e", r"\u202e"),
        (r"\u202e", r"\\u202e"),
        ("\\\u202e", r"\\\u202e"),
        ("␛", r"\u241b"),
        ("\U000e0041", r"\U000e0041"),
        ("a\ufe0f\ufe0f", "a\ufe0f\\ufe0f"),
        ("\ud800", r"\ud800"),
    ],
)
def test_examples(text: str, shown: str) -> None:
    assert visible(text) == shown


def test_a_long_run_of_backslashes_takes_no_time_to_speak_of() -> None:
    text = "\\" * 1_000_000 + "x"
    assert visible(text) == text


@settings(deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from(HOSTILE.replace("\ud800", ""))))
def test_visible_json_says_the_same(text: str) -> None:
    json = orjson.dumps([text]).decode()
    assert orjson.loads(visible_json(json)) == [text]


def test_right_to_left_text_is_set_apart() -> None:
    assert isolated("abc") == "abc"
    assert isolated("a\u0645") == "\u2068a\u0645\u2069"
    assert isolated("\u2069\u0645") == "\u2068\\u2069\u0645\u2069", "it cannot end its isolate itself"


@pytest.mark.parametrize(
    ("text", "expected"), [("abc 12", False), ("سلام", True), ("שלום", True), ("٤٣", True), ("語", False)]
)
def test_right_to_left_text_is_recognised(text: str, expected: bool) -> None:
    assert has_right_to_left(text) is expected


#: Names that files may have, as Python has them.
NAMES = [
    "corpus.jsonl", "my corpus.jsonl", "it's.jsonl", 'a"b', "$HOME", "`id`", "a;b", "*", "~", "#17", "-x", "", "ü.json",
    "d\udce9j\udce0.jsonl", "line\nbreak\ttab", "\x1b[31mred", "\u202edesrever", "zero\u200bwidth", r"a\u0041",
    r"C:\x41", "␛", "it's\udcff'", "\\", "a\\", "!history", "日本語", "שלום",
]  # fmt: skip


def test_a_quoted_word_is_read_by_a_shell_as_the_name_it_was() -> None:
    line = f"printf '%s\\0' {quote_words(NAMES)}"
    done = subprocess.run(["bash", "-c", line], capture_output=True, check=True)
    assert done.stdout.split(b"\0")[:-1] == [os.fsencode(name) for name in NAMES]
    assert visible(line) == line, "and it can be printed as it is"
    assert not STEERING.search(line)


def test_words_that_need_no_quotes_get_none() -> None:
    assert quote_words(["midb-agent", "run", "a/b.jsonl", "--kinds=-x,+y"]) == "midb-agent run a/b.jsonl --kinds=-x,+y"
    assert quote_word("a b") == "'a b'"
