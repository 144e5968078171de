"""What is done to a text grows with its length and no faster: texts of one piece again and again, in every language.

Steps are counted, calls of Python and of C alike, so that no busy machine makes a difference. What happens within one
call, in a pattern, can only be timed: there the margin is wide, and what is slow once is measured again.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import pytest
from examining import inspection

from midb.checks.bounds import BOUNDS, STRICT
from midb.checks.model_checks import check_model_rewrite
from midb.checks.repair import choose_fixes
from midb.checks.verification import check_rewrite
from midb.detectors import KindSelection, inspect, kinds, select_only
from midb.domain.decisions import Pass
from midb.domain.defects import DefectFamily
from midb.domain.edits import Edit, apply
from midb.domain.pairs import Field, InstructionPair
from midb.locales import LANGUAGES, load
from midb.text.diffs import compare_texts, find_edits, find_hunks
from midb.text.inspection import Inspection
from midb.text.languages import LanguageIdentifier
from midb.text.prose import is_copied
from midb.text.steering import find_steering_passage
from midb.text.terminal import visible

#: Texts differ in length by this factor. What grows with the square takes 64 times as many steps.
FACTOR = 8
#: Steps may grow by this much: a sort has its logarithm, and short texts are not looked at for everything.
MOST_STEPS = 16
#: Time may grow by this much, which a busy machine does not reach: what is quadratic does.
MOST_TIME = 26

SHORT = 250

#: A word and a letter in the script of each language.
LETTERS = {
    "ar": ("قطة", "ة"), "de": ("Katze", "ä"), "el": ("γάτα", "ή"), "fr": ("chat", "é"), "it": ("gatto", "è"),
    "ja": ("ねこ", "カ"), "ko": ("고양이", "가"), "ru": ("кошка", "ё"), "th": ("แมว", "ก"), "tr": ("kedi", "ğ"),
    "vi": ("mèo", "ơ"),
}  # fmt: skip

#: With W for a word and L for a letter: these are examined in every language.
WORDED = (
    "W ", "L", "W , ", "W. ", "W\n", '"W" ', "(W) ", "“W” ", "«W» ", "Wа ", "日 a\u200bb W", "3.5 W ", "10 W: ",
    "W 17 + 25 = 43 ", "\n1. W", "**W** ", "愉 W", "W L W. ", "12 miles W ", "The cat W ",
)  # fmt: skip
#: And these in one language each, taken by turns.
PIECES = (
    "3,5 ", "a &amp;amp; b ", "\u200b", "\u202e", "\n", " ", "\t", "1", "1. ", "1) ", "- ", "(", ")", "[",
    "[a](", "](", "{", "{a}", "{{", "%s", "$", "$$", "$a$ ", "\\(", "\\[a\\] ", "`", "```", "\n```\n", "~~~\n",
    "`if` ", "|", "|a|\n", "\n|-", "*", "**", "_", "#", "\n# a", "\n### Response:", "<", "<b", "<b>", "</b>",
    "<!--", "&", "&amp;", "&#8203;", "<br>", '"', "'", "“a", "«a", "„a“ ", "「a", "「a」", "?", "!", "a ?", "...",
    "…", ",", "，", "。", "、", "؟", "1=", "1+1=3 ", "2 * 3 = 7, ", "17+25=43\n", "=", "+ ", "1/2 ", "½ ", "2^",
    "²", "1%", "1 % ", "12 ft ", "100 °F ", "http://a.b/c ", "https：", "www.", "a@b ", "a @ b. ", "a.",
    '{"a": 1} ', '{"a":', "[1, ", "[[", "if (x) { y(); }\n", 'print("a")\n', "if(", "/*", "// a\n", "x = 1;\n",
    "user\n", "<|im_start|>", "<|im_end|>a", "[INST]", "</s>", "Same again. ", "the and of ",
    "The cat is in the house. ", "愉", "(愉)", "é", "Ã©", "â€œ", "縺薙", "Ð¿", "\ufffd", "\\n", "\\u00e9",
    "\\frac{1}{2} ", "\\frac{", "\\begin{a}", "\r\n", "\u2028", "\x00", "\x1b[1m", "\ufe0f", "a\u0301",
    "\U0001f468\u200d", "١٢ ", "１２", "--", "---\n", "- - ", "–", "/", "~", "::", "; ", "\u00a0", "a\u00a0?",
    "a:\n1. b\n2. c\n", "12.5.3.", "Copy code\n", "Copy\nEdit\n", "a.[1]", "\\*",
    '\\"', "** ", "** ab **\n", "* * ab ", "<p>",
    "<p>ab</p> ", "\\ frac {1} ", "$ x ^ 2 $ ", "\\Bruch{1} ",
    "for i in range(1):\n    f(i)\n", "a\n// end of output //\n",
    "1.000.000 ", "1'000 ", "$3.50 ", "3.50€ ", "2024-01-02 ", "12:30 ",
)  # fmt: skip

#: Letters that are wrong in one language, and what their rules look through.
LETTERED = {
    "ar": ("ک", "ة", "ﻛﺘ ", "ـا", "المدينة ک "), "de": ("\u1112\u1161", "e\u0301 ", "aﬁ"),
    "es": ("Es la casa? ", "Qué es? ", "Sirve y ven! "),
    "el": ("µα", "λόγοσ ", "aς", "H α "),
    "ja": ("\uff9f", "ﾗｰ "), "ko": ("ㅎㅏ",), "th": ("เเก", "น\u0e32\u0e49", "\u0e49"), "tr": ("ýþ", "dýþ "),
    "vi": ("ðô ", "tóan ", "toi khong "),
}  # fmt: skip

IDENTIFIER = LanguageIdentifier()
SELECTION = KindSelection.parse(typography=True)


def look(language: str, text: str) -> Callable[[], object]:
    """Everything that is done without a model to a pair with this text, whose source has it as well."""
    source = InstructionPair(instruction="Write.", response=text)

    def see(pair: InstructionPair) -> Inspection:
        return Inspection(pair, load(language), IDENTIFIER, source, typography=True)

    def work() -> None:
        pair = InstructionPair(instruction="?", response=text)
        found = inspect(see(pair), SELECTION)
        for family in DefectFamily:
            _, edits = choose_fixes(found, family)
            after = apply(pair, edits)
            # What was not changed has the same findings, and is not looked at again.
            again = inspect(see(after), SELECTION) if edits else found
            check_rewrite(see(pair), see(after), [edits], (found, again), kinds())

    return work


def check_as_rewritten(language: str, text: str) -> Callable[[], object]:
    """What is done to the rewrite of a model."""
    middle = len(text) // 2
    pair = InstructionPair(response=text)
    rewritten = InstructionPair(response=f"{text[:middle]}Xenia 5 {text[middle + 4 :]}")

    def work() -> None:
        find_steering_passage(text, load(language))
        edits = find_edits(text, rewritten.response or "", Field.RESPONSE)
        before, after = inspection(language, pair, pair), inspection(language, rewritten, pair)
        for bounds in (BOUNDS[Pass.TRANSLATION], STRICT):
            check_model_rewrite(before, after, edits, ([], []), bounds)
        is_copied(after.fields[0])
        list(compare_texts(text, rewritten.response or ""))
        visible(text)

    return work


def count_steps(work: Callable[[], object]) -> int:
    """Calls of functions written in Python and in C, and values taken from generators."""
    steps = 0

    def count(frame: object, event: str, argument: object) -> None:
        nonlocal steps
        steps += event in ("call", "c_call")

    sys.setprofile(count)
    try:
        work()
    finally:
        sys.setprofile(None)
    return steps


def count_growth(make: Callable[[str], Callable[[], object]], piece: str) -> float:
    """By how much more steps are taken, not counting those that are taken for any text."""
    for text in (fill(piece, SHORT) + 3 * piece, "aa"):
        make(text)()  # tables and models are loaded; what is counted is another text, for some of this is remembered
    few, many = (count_steps(make(fill(piece, size))) for size in (SHORT, FACTOR * SHORT))
    # Most detectors look at no field that is blank, so that what is done for any text is less there.
    always = count_steps(make("a" if piece.strip() else " "))
    return (many - always) / max(few - always, 100)


def measure_time(work: Callable[[], object]) -> float:
    """Seconds of processor time."""
    begun = time.process_time()
    work()
    return time.process_time() - begun


def fill(piece: str, length: int) -> str:
    return piece * (length // len(piece) + 1)


def written_in(language: str, piece: str) -> str:
    word, letter = LETTERS.get(language, ("cat", "a"))
    return piece.replace("W", word).replace("L", letter)


TURNS = [(LANGUAGES[number % len(LANGUAGES)], piece) for number, piece in enumerate(PIECES)]


@pytest.mark.parametrize("language", LANGUAGES)
def test_steps_grow_with_the_text(language: str) -> None:
    pieces = [written_in(language, piece) for piece in WORDED] + [piece for code, piece in TURNS if code == language]
    pieces += LETTERED.get(language, ())
    grown = {piece: count_growth(lambda text: look(language, text), piece) for piece in pieces}
    assert {piece: round(growth) for piece, growth in grown.items() if growth > MOST_STEPS} == {}


#: Each time another: what was seen before is remembered and looked up.
CHANGING = (
    "{0} + {0} = {1}\n", "so {0} * 3 = 7, ", '"w{0}" ', "{0}.5 km ", "http://a.b/{0} ", "SchÃ¶n{0} ", "{1}. eins\n",
    "`x{0}` ", "**w{0} ", "```l{0}\nx\n```\n", "The cat number {0} is here. ",
)  # fmt: skip


@pytest.mark.parametrize("piece", CHANGING)
def test_steps_grow_with_the_number_of_different_things(piece: str) -> None:
    """In the task, in the response, and a little further in the source."""

    def look_at(count: int) -> Callable[[], object]:
        text, source = ("".join(piece.format(n, 2 * n + 1) for n in range(begin, begin + count)) for begin in (0, 7))
        pair = InstructionPair(instruction=text, response=text)
        english = InstructionPair(instruction=source, response=source)
        return lambda: inspect(Inspection(pair, load("de"), IDENTIFIER, english, typography=True), SELECTION)

    look_at(30)()
    few, many = (count_steps(look_at(count)) for count in (30, FACTOR * 30))
    assert many / few <= MOST_STEPS


def test_steps_that_grow_with_the_square_are_seen() -> None:
    def compare_all(text: str) -> Callable[[], object]:
        return lambda: [any(one < other for other in text) for one in text]

    assert count_growth(compare_all, "a") > 3 * MOST_STEPS


#: What patterns look for at every place, and then never find: beginnings, what is repeated, and its end.
BEGINNINGS = ("", "## ", "```", "1. ", "<b", "$", "Katze: ")
REPEATED = ((" ", "x" * 40), ("\n", "x"), (" \n", "?"), ("a", "\n"), ("1", "x"), ("\u00a0", "1"), ("-", "."))
RUNS = [(begin, *repeated) for begin in BEGINNINGS for repeated in REPEATED]
#: Checks of a rewrite, which look for no beginning of a Markdown line: each is there, before two runs that take turns.
FEWER_RUNS = [RUNS[7 * n + (n + turn) % 7] for n in range(7) for turn in (0, 3)] + RUNS[:7]
LONG = 2_000
#: Seconds for a text of FACTOR * LONG characters, below which nobody asks how they came about.
NOTICED = 0.04


def measure_growth(make: Callable[[str], Callable[[], object]], begin: str, run: str, end: str) -> float:
    """By how much more time is taken; measured up to three times where it seems to be too much."""
    growth = []
    for _ in range(3):
        long = measure_time(make(begin + fill(run, FACTOR * LONG) + end))
        if long < NOTICED:
            return 0.0
        growth.append(long / max(measure_time(make(begin + fill(run, LONG) + end)), 0.002))
        if growth[-1] <= MOST_TIME:
            break
    return min(growth)


@pytest.mark.parametrize(("make", "runs"), [(look, RUNS), (check_as_rewritten, FEWER_RUNS)])
def test_time_grows_with_a_run_of_one_character(
    make: Callable[[str, str], Callable[[], object]], runs: list[tuple[str, str, str]]
) -> None:
    make("de", "Aa 1. ")()
    grown = {shape: measure_growth(lambda text: make("de", text), *shape) for shape in runs}
    assert {shape: round(growth) for shape, growth in grown.items() if growth > MOST_TIME} == {}


def answer(language: str, text: str) -> Callable[[], object]:
    """Everything that is found in a pair whose task, and the task of its source, is this text."""
    pair = InstructionPair(instruction=text, response="A &amp;amp; b, 3.5 c.<br>D. ### Response: e")
    source = InstructionPair(instruction=text, response="A & b, 3.5 c. D.")
    return lambda: inspect(Inspection(pair, load(language), IDENTIFIER, source, typography=True), SELECTION)


#: What is judged one by one, each by what stands around it: whoever looks at the whole text each time is seen here.
JUDGED = (
    "3.5 ",
    "in 3.5 of $2.50 ",
    "a &amp;amp; b ",
    "(&lt;) ",
    "a.<br>",
    "a <br>\n",
    "12 ft ",
    "“a” ",
    "17 + 25 = 43 ",
    "12,500 ",
    "(10,000 Aa) ",
)


@pytest.mark.parametrize("make", [look, answer])
def test_time_grows_with_what_is_judged_by_its_surroundings(make: Callable[[str, str], Callable[[], object]]) -> None:
    for piece in JUDGED:
        make("it", piece)()  # what reads units is loaded
    grown = {piece: measure_growth(lambda text: make("it", text), "", piece, "") for piece in JUDGED}
    assert {piece: round(growth) for piece, growth in grown.items() if growth > MOST_TIME} == {}


def carry_out(task: str, language: str, text: str) -> Callable[[], object]:
    """Everything that kinds about tasks find where a task is given, and this text is its input and its response."""
    pair = InstructionPair(instruction=task, input=text, response=text)
    source = InstructionPair(instruction=task, input=text, response=text)
    chosen = select_only(
        ["english-bound-task", "stray-english-word", "length-limit", "foreign-currency", "english-name"]
    )
    return lambda: inspect(Inspection(pair, load(language), IDENTIFIER, source), chosen)


@pytest.mark.parametrize(
    ("task", "language", "piece"),
    [
        ("Use 50 words or less.", "de", "$"),
        ("Use 50 words or less.", "de", "Aa "),
        ("Write it in two sentences.", "de", "Aa bb. "),
        ("What do 4 pens at $3 cost?", "de", "1,"),
        ("What do 4 pens at $3 cost?", "de", "123 456 "),
        ("Write a rhyming poem.", "de", "Aa bb\n"),
        ("Correct the grammar of the sentence.", "de", "Aa "),
        ("Sort the words in alphabetical order.", "ja", "aa, "),
        ("Give a synonym.", "ja", "beacon, "),
        ("Write a story.", "ja", "光 beacon "),
        ("Write a story.", "ja", "aa-"),
    ],
)
def test_time_grows_with_what_a_task_is_about(task: str, language: str, piece: str) -> None:
    carry_out(task, language, piece)()
    assert measure_growth(lambda text: carry_out(task, language, text), "", piece, "") <= MOST_TIME


def test_time_that_grows_with_the_square_is_seen() -> None:
    def compare_all(text: str) -> Callable[[], object]:
        return lambda: [any(one < other for other in text) for one in text[::40]]

    assert measure_growth(compare_all, "", "a", "") > MOST_TIME


@pytest.mark.parametrize("step", [2, 4])
def test_time_grows_with_the_edits_that_are_shown(step: int) -> None:
    """Apart, and all of them in one word."""

    def show(text: str) -> Callable[[], object]:
        edits = [Edit(Field.RESPONSE, place, place + 1, "a", "x", "kind") for place in range(0, len(text), step)]
        return lambda: list(find_hunks(text, edits))

    assert measure_growth(show, "", "ab" if step == 2 else "a - ", "") <= MOST_TIME


@pytest.mark.parametrize("piece", ['"a" ', "a , ", "3.5 ", "&amp;amp; ", "17 + 25 = 43 ", "The cat is in the house. "])
def test_steps_grow_with_a_rewrite(piece: str) -> None:
    assert count_growth(lambda text: check_as_rewritten("it", text), piece) <= MOST_STEPS
