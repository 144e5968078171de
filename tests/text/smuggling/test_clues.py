"""Clues: read off a pattern, never missing where the pattern matches, and rare where it does not."""

from __future__ import annotations

import random
import string
import sys

import pytest
import regex

from midb.locales import LANGUAGES, load
from midb.text.smuggling.clues import drop_longer, find_clues, fold_case
from midb.text.steering import ENGLISH, Steering


@pytest.mark.parametrize(
    ("pattern", "parts"),
    [
        ("rules", [["rules"]]),
        (r"\bRules?\b", [["rule"]]),
        (r"drop (?:all |the )?rules", [["rules"], ["drop"]]),
        (r"(?:drop|forget) rules", [["rules"], ["drop", "forget"]]),
        ("a(?:bc){0,2}de+f", [["de"], ["a"], ["f"]]),
        ("(?:ab)+c", [["ab"], ["c"]]),
        ("(?:ab|)c", [["c"]]),
        ("word(?! other)(?=s)", [["word"]]),
        (r"x[^yz]\w+\d{2}q\.?", [["x"], ["q"]]),
        (r"(?P<one>first)\s?: \p{L}second", [["second"], ["first"], [":"]]),
        ("İSTEM", [["istem"]]),
    ],
)
def test_what_a_pattern_cannot_do_without(pattern: str, parts: list[list[str]]) -> None:
    clues = find_clues([pattern])
    assert sorted(map(sorted, clues.parts[0])) == sorted(parts)
    assert len(clues.parts[0][0]) == len(parts[0]), "the most telling comes first"


@pytest.mark.parametrize(
    "pattern",
    ["", "a?", r"\w+", "a|b?", "(?i)word", r"(w)ord\1", r"\x41bc", r"\u0041bc", "[[a]--[b]]cd", "(?>ab)c", r"\pLa"],
)
def test_what_is_not_understood_may_match_anything(pattern: str) -> None:
    assert find_clues([pattern]).parts == [()]
    assert find_clues(["word", pattern]).may_match("")


def test_all_parts_of_one_pattern_are_asked_for() -> None:
    clues = find_clues(["red (?:wine|beer)", "blue sky"])
    told = {text: clues.may_match(text) for text in ("a red wine", "beer, red", "red sky", "wine", "sky of blue", "")}
    assert told == {
        "a red wine": True,
        "beer, red": True,
        "red sky": False,
        "wine": False,
        "sky of blue": True,
        "": False,
    }


def test_a_word_that_holds_another_is_not_looked_for() -> None:
    assert drop_longer(["instruction", "instructions", "rule", "my instruction"]) == ("instruction", "rule")


def every_phrase() -> list[str]:
    """All patterns that clues are read off."""
    tables = [table for code in LANGUAGES if (table := load(code).get(Steering)) is not None]
    return [*ENGLISH, *(phrase for table in tables for phrase in table.phrases)]


def test_every_phrase_of_ours_has_telling_clues() -> None:
    """A phrase without any would be searched for in every text."""
    for phrase in every_phrase():
        clues = find_clues([phrase])
        assert all(clues.parts), phrase
        assert not any(character.isspace() for word in clues.signs for character in word), "views may move words about"
        assert not clues.may_match("stadt rhein 12, brücken!"), phrase


def expand(pattern: str, dice: random.Random) -> str:
    """A text that a phrase matches, one of many: alternatives, and what may be missing, as the dice fall."""
    pattern = regex.sub(r"\(\?[!=].*?\)|\\b|\$", "", pattern)
    group = regex.compile(r"\((?:\?:)?([^()]*)\)(\?|\{0,\d+\}|\*)?")
    while found := group.search(pattern):
        chosen = "" if found[2] and dice.random() < 0.5 else dice.choice(found[1].split("|"))
        pattern = pattern[: found.start()] + chosen + pattern[found.end() :]
    pattern = regex.sub(r"\[[^]]*\]|\\[wWsp](?:\{[^}]*\})?", "\0", pattern)
    pattern = regex.sub(r"(\\?[^\\])(?:\?|\*|\{0,\d+\})", lambda part: dice.choice(["", part[1]]), pattern)
    return regex.sub(r"\{\d+,?\d*\}|\+|\\", "", pattern)


@pytest.mark.parametrize("fold", [str.lower, str.upper, str.title])
def test_no_match_of_ours_is_without_its_clues(fold: object) -> None:
    dice, matched = random.Random(7), 0
    for phrase in every_phrase():
        clues, compiled = find_clues([phrase]), regex.compile(regex.sub(r"\s+", r"(?:\\s+)", phrase), regex.IGNORECASE)
        for _ in range(20):
            text = fold(expand(phrase, dice).replace("\0", dice.choice(["", " ", "“"])))  # type: ignore[operator]
            if compiled.search(text):
                matched += 1
                assert clues.may_match(fold_case(text)), (phrase, text)
    assert matched > 1000, "most of what is made of a phrase is matched by it"


def test_what_a_search_takes_for_the_same_is_folded_to_the_same() -> None:
    characters = map(chr, (n for n in range(sys.maxunicode) if not 0xD800 <= n < 0xE000))
    cased = "".join(c for c in characters if not c.casefold() == c.lower() == c.upper() == c.title() == c)
    letters = {letter for letter in "".join(every_phrase()) + string.ascii_letters if letter.isalpha()}
    for letter in letters:
        same = regex.findall(regex.escape(letter), cased, regex.IGNORECASE)
        assert {fold_case(one) for one in same} <= {fold_case(letter)}, letter
