"""Do no harm, for what a model wrote: each way of saying what nobody said is seen, and ordinary edits are none."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from examining import inspection
from hypothesis import given
from hypothesis import strategies as st
from rapidfuzz.distance import LCSseq

from midb.checks import model_checks
from midb.checks.bounds import BOUNDS, STRICT, Bounds
from midb.checks.model_checks import check_model_rewrite, check_whole_pair
from midb.domain.decisions import Pass, Reason, Violation
from midb.domain.defects import DefectFamily, Finding, Severity
from midb.domain.edits import Edit
from midb.domain.pairs import Field, InstructionPair
from midb.locales import load
from midb.text.diffs import find_edits
from midb.text.inspection import Inspection
from midb.text.languages import LanguageIdentifier

Check = Callable[..., list[Violation]]

CONTENT, TRANSLATION, LOCALIZATION = (BOUNDS[pass_] for pass_ in (Pass.CONTENT, Pass.TRANSLATION, Pass.LOCALIZATION))

GERMAN = "Der Hund ist ein Tier, das mit den Menschen lebt und ihnen auch bei der Arbeit hilft."
ENGLISH = "The dog is an animal that lives with people and also helps them with their work."
JAPANESE = "犬は人間と一緒に暮らし、仕事を手伝うこともある動物です。飼い主の言うことをよく聞きます。"
ARABIC = "الكلب حيوان يعيش مع الإنسان ويساعده أيضا في عمله في كثير من الأحيان وهو ذكي جدا"


@pytest.fixture(scope="session")
def check(identifier: LanguageIdentifier) -> Check:
    """The violations of a model that wrote ``after`` for the response ``before``."""

    def run(
        language: str,
        before: str,
        after: str,
        bounds: Bounds = TRANSLATION,
        *,
        instruction: str = "?",
        source: str | None = None,
        findings: tuple[Finding, ...] = (),
    ) -> list[Violation]:
        pairs = [InstructionPair(instruction=instruction, response=text) for text in (before, after)]
        original = None if source is None else InstructionPair(instruction="?", response=source)
        old, new = (Inspection(pair, load(language), identifier, original) for pair in pairs)
        edits = find_edits(before, after, Field.RESPONSE)
        return check_model_rewrite(old, new, edits, (findings, ()), bounds)

    return run


def reasons(violations: list[Violation]) -> set[Reason]:
    return {violation.reason for violation in violations}


#: Language, text, what a model made of it, and the reason for which that is harm (within the bounds of translation).
HARM = [
    ("de", GERMAN, " ", Reason.FIELD_EMPTIED),
    ("de", GERMAN, GERMAN * 3, Reason.LENGTH_CHANGED),
    ("de", f"{GERMAN}\n{GERMAN}\n{GERMAN}", f"{GERMAN} {GERMAN} {GERMAN}", Reason.STRUCTURE_CHANGED),
    (
        "de",
        GERMAN,
        "Eine Katze schläft gern in warmen Häusern, weil dort niemand sie stört oder jagt.",
        Reason.TOO_LITTLE_KEPT,
    ),
    ("ja", JAPANESE, "猫が庭で寝ていて、誰も起こさなかった。夜になると鳴き始めた。", Reason.TOO_LITTLE_KEPT),
    ("de", GERMAN, ENGLISH, Reason.LANGUAGE_CHANGED),
    ("ar", ARABIC, ENGLISH, Reason.LANGUAGE_CHANGED),
    ("de", GERMAN, f"{GERMAN} As it is said, the dog is a friend.", Reason.LANGUAGE_CHANGED),
    ("de", GERMAN, GERMAN.replace("hilft", "hilft (mehr auf http://x.example)"), Reason.NEW_ADDRESS),
    ("ja", JAPANESE, JAPANESE + "a@b.example", Reason.NEW_ADDRESS),
    ("de", f"{GERMAN} Siehe http://x.example.", GERMAN, Reason.PROTECTED_SPAN_CHANGED),
    ("de", f"{GERMAN} Hallo {{name}}!", f"{GERMAN} Hallo!", Reason.PROTECTED_SPAN_CHANGED),
    ("de", GERMAN, f"{GERMAN} Hallo {{name}}!", Reason.PROTECTED_SPAN_CHANGED),
    ("de", GERMAN, f"{GERMAN} `x`", Reason.NEW_CODE),
    ("ar", f"{ARABIC} `print(x)`", ARABIC, Reason.PROTECTED_SPAN_CHANGED),
    ("de", f"{GERMAN} Er ist 7.", f"{GERMAN} Er ist 8.", Reason.NUMBER_CHANGED),
    ("ar", f"{ARABIC} ٤٣", f"{ARABIC} ٤٢", Reason.NUMBER_CHANGED),
    ("es", "El perro vive con la gente y le ayuda en el trabajo de cada día.", "", Reason.FIELD_EMPTIED),
    (
        "es",
        "El perro vive con la gente y le ayuda en el trabajo de cada día.",
        "El perro vive con Marta, Pedro y Lucía y le ayuda en el trabajo.",
        Reason.NEW_NAME,
    ),
    ("ja", JAPANESE, JAPANESE.replace("犬", "Rex とBello とWaldi"), Reason.NEW_NAME),
]  # fmt: skip


@pytest.mark.parametrize(("language", "before", "after", "reason"), HARM)
def test_harm_is_seen(check: Check, language: str, before: str, after: str, reason: Reason) -> None:
    found = check(language, before, after)
    assert reason in reasons(found)
    assert all(violation.field is Field.RESPONSE and len(violation.detail) < 300 for violation in found)


@pytest.mark.parametrize(
    ("language", "before", "after"),
    [
        ("de", GERMAN, GERMAN.replace("ein Tier", "ein kluges Tier").replace("auch ", "")),
        ("ja", JAPANESE, JAPANESE.replace("動物です", "賢い動物です")),
        ("ar", f"{ARABIC} ٤٣", f"{ARABIC} 43"),
        ("de", "Es sind 1.500 km, 2 und 3.", "Es sind 1500 km, 2 und 3."),
        ("de", "1. eins\n2. zwei", "- eins\n- zwei"),
        ("de", "Kurz.", "Ganz anders."),
        ("vi", "Con chó sống với con người.", "Con chó sống cùng con người."),
    ],
)
def test_ordinary_edits_do_no_harm(check: Check, language: str, before: str, after: str) -> None:
    assert check(language, before, after) == []


def test_what_the_source_has_is_known(check: Check) -> None:
    source = f"{ENGLISH} See http://x.example, it is 8 years old, {{name}}, `x`."
    after = f"{GERMAN} Siehe http://x.example, er ist 8 Jahre alt, {{name}}, `x`."
    assert reasons(check("de", GERMAN, after)) >= {Reason.NEW_ADDRESS, Reason.NUMBER_CHANGED, Reason.NEW_CODE}
    assert check("de", GERMAN, after, source=source) == []


def test_what_a_translation_put_in_may_go(check: Check) -> None:
    before = f"{GERMAN} Siehe http://x.example, er ist 8 Jahre alt."
    assert reasons(check("de", before, GERMAN)) == {Reason.PROTECTED_SPAN_CHANGED, Reason.NUMBER_CHANGED}
    assert check("de", before, GERMAN, source=ENGLISH) == []


def test_a_text_in_the_wrong_language_is_written_anew(check: Check) -> None:
    """Nothing of it stays, and that is no harm."""
    finding = Finding(
        "untranslated-text", DefectFamily.TRANSLATION, Severity.MAJOR, Field.RESPONSE, 0, len(ENGLISH), "English"
    )
    assert Reason.TOO_LITTLE_KEPT in reasons(check("de", ENGLISH, GERMAN))
    assert check("de", ENGLISH, GERMAN, findings=(finding,)) == []


def test_a_task_about_languages_may_be_answered_in_english(check: Check) -> None:
    after = f"{GERMAN} The dog is a friend of the people."
    assert reasons(check("de", GERMAN, after, CONTENT)) == {Reason.LANGUAGE_CHANGED}
    assert check("de", GERMAN, after, CONTENT, instruction="Übersetze das ins Englische.") == []


def test_english_that_stood_in_the_pair_is_known_unless_the_pair_steers(check: Check) -> None:
    dictated = "The dog is a friend of the people."
    instruction = f"Sag am Ende: {dictated}"
    after = f"{GERMAN} {dictated}"
    assert check("de", GERMAN, after, CONTENT, instruction=instruction) == []
    assert Reason.LANGUAGE_CHANGED in reasons(check("de", GERMAN, after, STRICT, instruction=instruction))


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("http://x.example", Reason.NEW_ADDRESS),
        ("`x`", Reason.NEW_CODE),
        ("4711", Reason.NUMBER_CHANGED),
        ("HACKED", Reason.NEW_NAME),
    ],
)
def test_what_a_pair_that_steers_dictates_may_not_be_put_in(check: Check, word: str, reason: Reason) -> None:
    """It stands in the instruction, so that the other checks know it."""
    instruction = f"Schreib {word} an das Ende."
    assert check("de", GERMAN, f"{GERMAN} {word}", CONTENT, instruction=instruction) == []
    assert reason in reasons(check("de", GERMAN, f"{GERMAN} {word}", STRICT, instruction=instruction))


def test_each_pass_has_its_own_bounds(check: Check) -> None:
    longer = (
        f"{GERMAN} Außerdem bewacht er das Haus, spielt mit den Kindern und freut sich über jeden Besuch im Jahr 1999."
    )
    assert check("de", GERMAN, longer, CONTENT) == []
    assert reasons(check("de", GERMAN, longer, TRANSLATION)) == {Reason.NUMBER_CHANGED}
    assert Reason.LENGTH_CHANGED in reasons(check("de", GERMAN, longer, STRICT))
    converted = GERMAN.replace("lebt", "80 km weit lebt")
    assert check("de", GERMAN, converted, LOCALIZATION) == []


def test_an_empty_input_stays_empty(identifier: LanguageIdentifier) -> None:
    before = InstructionPair(instruction="?", input="", response="Ja.")
    after = before.replaced({Field.INPUT: "etwas"})
    old, new = (Inspection(pair, load("de"), identifier) for pair in (before, after))
    found = check_model_rewrite(old, new, [], ((), ()), CONTENT)
    assert [(violation.reason, violation.field) for violation in found] == [(Reason.LENGTH_CHANGED, Field.INPUT)]


def test_an_unknown_language_has_no_letters_of_its_own() -> None:
    """Its scripts are not known, so that English may be put in: nobody can say that it is wrong."""
    before, after = (InstructionPair(response=text) for text in ("Eins, zwei.", f"Eins, zwei. {ENGLISH}"))
    old, new = inspection("und", before), inspection("und", after)
    edits = find_edits(before.response or "", after.response or "", Field.RESPONSE)
    found = check_model_rewrite(old, new, edits, ((), ()), CONTENT)
    assert Reason.LANGUAGE_CHANGED not in reasons(found)


def whole(language: str, before: str, after: str, identifier: LanguageIdentifier) -> list[Violation]:
    old, new = (Inspection(InstructionPair(response=text), load(language), identifier) for text in (before, after))
    stages = [[Edit(Field.RESPONSE, 0, len(before), before, after, "k")]]
    grave = Finding("k", DefectFamily.CONTENT, Severity.CRITICAL, Field.RESPONSE, 0, len(after), "evidence")
    return check_whole_pair(old, new, stages, ((), (grave,) if "kaputt" in after else ()))


def test_a_finished_pair_has_left_no_language_and_has_no_new_finding(identifier: LanguageIdentifier) -> None:
    assert whole("de", GERMAN, GERMAN[:60], identifier) == [], "what is missing is no matter here"
    assert reasons(whole("de", GERMAN, ENGLISH, identifier)) == {Reason.LANGUAGE_CHANGED}
    assert reasons(whole("de", "Gut.", "Ganz kaputt.", identifier)) == {Reason.NEW_FINDING}


@given(st.text("ab é.1\n愉กم\u0301ß", max_size=40), st.data())
def test_what_surely_stays_is_what_would_be_counted(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    after = text[:start] + data.draw(st.text("ab .愉\u0301", max_size=6)) + text[end:]
    edits = find_edits(text, after, Field.RESPONSE)
    tokens, rewritten = (model_checks._TOKEN.findall(each.casefold()) for each in (text, after))
    for bounds in (CONTENT, TRANSLATION, LOCALIZATION):
        if model_checks._stays_surely(text, edits, bounds.kept):
            assert LCSseq.similarity(tokens, rewritten) >= bounds.kept * len(tokens)
