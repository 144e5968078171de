"""Marks in a form that the language does not write: replaced in prose, kept in code, data and other languages."""

from __future__ import annotations

import pytest
from examining import Examine, evidence, respond

from midb.detectors.localization.punctuation_form import PUNCTUATION_FORM, MarkRule, PunctuationForm
from midb.locales import LANGUAGES, load

KIND = [PUNCTUATION_FORM.name]


@pytest.mark.parametrize(
    ("code", "text", "repaired"),
    [
        ("ar", "هل تعرف الكلب?", "هل تعرف الكلب؟"),
        ("ar", "الكلب, والقطة; ثم الطائر", "الكلب، والقطة؛ ثم الطائر"),
        ("ja", "犬は走る,猫は寝る。", "犬は走る、猫は寝る。"),
        ("ja", "本当ですか?はい、そうです。", "本当ですか？はい、そうです。"),
        ("ja", "犬（白いの)が走る。", "犬（白いの）が走る。"),
        ("el", "Πού είναι ο σκύλος?", "Πού είναι ο σκύλος;"),
        ("de", "Ja，das stimmt。", "Ja, das stimmt."),
    ],
)
def test_marks_take_the_form_of_the_language(code: str, text: str, repaired: str, examine: Examine) -> None:
    findings, result = examine(respond(text, "…"), code, kinds=KIND)
    assert result.response == repaired
    assert evidence(findings)


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("ar", "العدد 1,5 والوقت 3:30"),
        ("ar", "`f(a, b)?`"),
        ("ar", "http://a.example/b?c=d"),
        ("ja", "red, green, blue"),
        ("ja", "1,000円"),
        ("ja", "print(a, b)"),
        ("ja", "| 犬 , 猫 |"),
        ("el", "What is this?"),
        ("de", "Er fragte: „ja?“"),
        ("ko", "개, 고양이?"),
    ],
)
def test_what_is_right_or_no_prose_stays(code: str, text: str, examine: Examine) -> None:
    assert examine(respond(text, "…"), code, kinds=KIND)[1] == respond(text, "…")


def test_a_task_about_punctuation_shows_wrong_marks(examine: Examine) -> None:
    pair = respond("هل تعرف الكلب?", "صحح علامات الترقيم")
    assert examine(pair, "ar", kinds=KIND) == ([], pair)


def test_conventions_of_print_are_asked_for(examine: Examine) -> None:
    pair = respond("犬(白いの)が走る:速い。", "…")
    assert examine(pair, "ja", kinds=KIND) == ([], pair)
    assert examine(pair, "ja", typography=True, kinds=KIND)[1].response == "犬（白いの）が走る：速い。"


def test_mathematics_keeps_its_brackets(examine: Examine) -> None:
    pair = respond("犬の数は(x + 1)で、f(x)です。", "…")
    assert examine(pair, "ja", typography=True, kinds=KIND)[1] == pair


def test_all_of_a_line_or_none(examine: Examine) -> None:
    """A list of which one separator stands before a Latin word is not half changed."""
    pair = respond("犬,猫,dog,鳥。", "…")
    assert examine(pair, "ja", kinds=KIND)[1] == pair


@pytest.mark.parametrize("code", LANGUAGES)
def test_every_rule_of_a_language_can_be_compiled(code: str) -> None:
    section = load(code).get(PunctuationForm)
    if section is None:
        assert PUNCTUATION_FORM.name in load(code).abstain
        return
    assert all(rule.pattern.search("") is None for rule in section.rules)


def test_a_mark_that_the_language_does_not_have_is_named() -> None:
    section = PunctuationForm(letters="[a-z]", marks=(MarkRule(wrong="!", right="", before="[a-z]"),))
    (rule,) = section.rules
    assert rule.pattern.search("ab! ") is not None
    assert rule.pattern.search("1! ") is None


def test_brackets_take_the_blanks_around_them(examine: Examine) -> None:
    """A full-width bracket carries its own."""
    _, repaired = examine(respond("犬 (白い) が走る。ここに犬 (dog) がいる。", "…"), "ja", typography=True, kinds=KIND)
    assert repaired.response == "犬（白い）が走る。ここに犬（dog）がいる。"


def test_a_letter_that_follows_directly_gets_a_blank(examine: Examine) -> None:
    assert examine(respond("Ja，das stimmt", "…"), "de", kinds=KIND)[1].response == "Ja, das stimmt"
    assert examine(respond("Ja， das stimmt", "…"), "de", kinds=KIND)[1].response == "Ja, das stimmt"
