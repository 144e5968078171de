"""What holds for the repairs of punctuation in any text: letters, digits and protected spans stay, and all settle."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from midb.detectors import kinds
from midb.domain.pairs import Field, InstructionPair
from midb.locales import LANGUAGES, load
from midb.text.forms.punctuation import Lines, PunctuationTasks
from midb.text.inspection import FieldText
from midb.text.languages import LanguageIdentifier
from midb.text.protection import protected_spans

KINDS = ["punctuation-form", "punctuation-spacing", "quotation-marks"]

#: Words and marks of all scripts, so that what is drawn looks like text and meets the rules.
# fmt: off
PIECES = [
    "a", "b", "Haus", "mot", "été", "Слово", "дом", "كلمة", "بيت", "言葉", "です", "カナ", "단어", "คำ", "λέξη",
    "12", "3,5", "5'", "x=1",
    *".,:;!?…\"'()[]{}|*_«»„“”‘’‚。、，：；？！（）「」『』،؛؟·¿",
    " ", " ", " ", "\n", "\t", "\u00a0", "\u202f", "\u3000", "?!", "...", "http://a.b/c?d", "`x , y`", "« ", " »",
]
# fmt: on
TEXTS = st.lists(st.sampled_from(PIECES), max_size=40).map("".join)


def essence(text: str) -> str:
    """What no repair of a mark may change."""
    return "".join(character for character in text if character.isalnum())


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=TEXTS, language=st.sampled_from(LANGUAGES), typography=st.booleans())
def test_repairs_settle_and_keep_every_letter(text: str, language: str, typography: bool, examine: Any) -> None:
    pair = InstructionPair(instruction="", response=text)
    findings, repaired = examine(pair, language, typography=typography, kinds=KINDS)
    assert essence(repaired.response) == essence(text)
    for finding in findings:
        assert 0 <= finding.start < finding.end <= len(text)
        assert finding.evidence
        assert finding.fix
        for edit in finding.fix:
            assert text[edit.start : edit.end] == edit.before
            assert not protected_spans(text).overlaps(edit.start, edit.end)
    assert examine(repaired, language, typography=typography, kinds=KINDS) == ([], repaired)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(max_size=80), language=st.sampled_from(LANGUAGES))
def test_any_text_is_survived(text: str, language: str, examine: Any) -> None:
    _, repaired = examine(InstructionPair(response=text), language, typography=True, kinds=KINDS)
    assert essence(repaired.response) == essence(text)


@pytest.mark.parametrize("code", LANGUAGES)
def test_a_convention_changes_nothing_by_default(code: str, examine: Any) -> None:
    """Straight marks, plain blanks and half-width colons are what most of the world types."""
    text = 'a "b" c ? d : 12\n名前: 太郎 (学生)\n« mot »'
    findings, _ = examine(InstructionPair(instruction="", response=text), code)
    assert not [finding for finding in findings if finding.kind in KINDS]


@pytest.mark.parametrize("code", LANGUAGES)
def test_every_language_says_what_it_does_with_each_kind(code: str) -> None:
    locale = load(code)
    for name in KINDS:
        abstains = name in locale.abstain
        assert abstains == (kinds()[name].abstention(locale) is not None), "an abstention needs a reason of its own"
        assert abstains != (name in locale.tables), "a table that an abstention makes useless"
    assert locale.get(PunctuationTasks), "without it, exercises on punctuation would be solved"


def test_lines_are_found_by_position() -> None:
    lines = Lines(FieldText(Field.INPUT, "a\nb, c\n", None, LanguageIdentifier()))
    assert [lines.at(position).text for position in range(7)] == ["a", "a", "b, c", "b, c", "b, c", "b, c", "b, c"]
    assert [line.text for line in lines] == ["a", "b, c", ""]


@pytest.mark.parametrize(
    ("text", "is_code"),
    [
        ("def f(a , b):", True),
        ("SELECT name, age FROM people WHERE age > 3", True),
        ("| a | b |", True),
        ("naïve prose (with brackets), and more.", False),
        ("If you like, come: we wait", True),  # prose that looks like code is left alone
        ("Forse; ma il print no.", False),
    ],
)
def test_lines_of_code_are_told_from_prose(text: str, is_code: bool) -> None:
    assert Lines(FieldText(Field.INPUT, text, None, LanguageIdentifier())).at(0).is_code is is_code
