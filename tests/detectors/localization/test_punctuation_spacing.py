"""Blanks around marks: surplus ones go, missing ones come, and layouts, data and foreign lines keep theirs."""

from __future__ import annotations

import pytest
from examining import Examine, evidence, respond
from hypothesis import example, given
from hypothesis import strategies as st

from midb.detectors.localization.punctuation_spacing import PUNCTUATION_SPACING, GluedRule, PunctuationSpacing
from midb.locales import LANGUAGES, load

KIND = [PUNCTUATION_SPACING.name]


@pytest.mark.parametrize(
    ("code", "text", "repaired"),
    [
        (
            "de",
            "Der Hund , der mit den Menschen lebt , hilft ihnen auch bei der Arbeit .",
            "Der Hund, der mit den Menschen lebt, hilft ihnen auch bei der Arbeit.",
        ),
        (
            "de",
            "Der Hund lebt mit den Menschen,hilft ihnen bei der Arbeit und schläft gern.",
            "Der Hund lebt mit den Menschen, hilft ihnen bei der Arbeit und schläft gern.",
        ),
        ("ja", "犬は人間と一緒に暮らす 、とても賢い動物です 。", "犬は人間と一緒に暮らす、とても賢い動物です。"),
        (
            "ru",
            "Собака живёт с людьми , помогает им в работе и любит спать .",
            "Собака живёт с людьми, помогает им в работе и любит спать.",
        ),
        ("ar", "الكلب يعيش مع الناس ، ويساعدهم في العمل كل يوم .", "الكلب يعيش مع الناس، ويساعدهم في العمل كل يوم."),
    ],
)
def test_blanks_are_put_right(code: str, text: str, repaired: str, examine: Examine) -> None:
    findings, result = examine(respond(text, "…"), code, kinds=KIND)
    assert result.response == repaired
    assert all(item.startswith(("a blank", "no blank")) for item in evidence(findings))


def test_a_comma_changes_places_with_its_blank(examine: Examine) -> None:
    findings, pair = examine(respond("Он пришёл ,хотя было поздно ,а утром уехал.", "…"), "ru", kinds=KIND)
    assert pair.response == "Он пришёл, хотя было поздно, а утром уехал."
    assert evidence(findings) == ['"," behind its blank'] * 2


def test_only_a_language_with_blanks_behind_commas_looks_for_that() -> None:
    assert PunctuationSpacing(never_before="、。", wide=True).swapped is None
    assert PunctuationSpacing(never_before="!").swapped is None
    swapped = PunctuationSpacing(never_before=",.").swapped
    assert swapped is not None
    assert [match.group() for match in swapped.finditer("a ,b .c ,5 ,'d (x) ,y")] == [" ,", " ,"]


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("de", "rot,grün,blau"),  # data
        ("de", "Siehe `a , b` in dem Programm, das wir gestern geschrieben haben."),
        ("de", "| a , b | c , d |"),
        ("de", "x = f(a , b);"),
        ("de", "Der Preis   , den wir zahlen, ist hoch."),  # a layout
        ("de", "Der Hund lebt ... und schläft."),
        ("de", "Das kostet 3,50 Euro und um 12:30 Uhr ist Schluss."),
        ("de", "The dog , which lives with people , also helps them with their work ."),
        ("fr", "Le chien vit avec les hommes ; il les aide dans leur travail !"),
    ],
)
def test_what_is_right_or_no_native_prose_stays(code: str, text: str, examine: Examine) -> None:
    assert examine(respond(text, "…"), code, kinds=KIND)[1] == respond(text, "…")


def test_french_blanks_follow_the_pair(examine: Examine) -> None:
    text = "Où va le train de la côte ce matin ? Il part pour la mer, dit-on! Et nous partons avec lui !"
    findings, repaired = examine(respond(text, "…"), "fr", kinds=KIND)
    assert repaired.response == text.replace("on!", "on !")
    assert evidence(findings) == ['no blank before "!"']


def test_print_wants_a_blank_that_breaks_no_line(examine: Examine) -> None:
    text = "Où va le train de la côte ce matin ? Il part pour la mer !"
    findings, repaired = examine(respond(text, "…"), "fr", typography=True, kinds=KIND)
    assert " ?" not in (repaired.response or "")
    assert evidence(findings) == ['a line may break at "?"', 'a line may break at "!"']


def test_a_task_about_punctuation_shows_wrong_blanks(examine: Examine) -> None:
    pair = respond("Der Hund , der mit den Menschen lebt , hilft ihnen.", "Korrigiere die Zeichensetzung.")
    assert examine(pair, "de", kinds=KIND) == ([], pair)


def test_a_rule_names_its_marks_and_neighbours() -> None:
    section = PunctuationSpacing(never_before=",", glued=(GluedRule(marks=",", before="[a-z]", after="[a-z]"),))
    (pattern,) = section.missing
    assert [match.group("mark") for match in pattern.finditer("eins,zwei und x,Y")] == [","]
    assert [match.span() for match in section.surplus.finditer("eins , zwei")] == [(4, 5)]


@given(st.text(alphabet="abçЖдλΛ가나العあ漢 \u00a0\u202f\u3000,.;:!?،؛؟、。「」()\"'5", min_size=2))
@example("「 あ」")
@example("Wer , wo,wie?was")
def test_what_is_seen_at_once_is_in_every_match(text: str) -> None:
    """The cheap looks that save the thorough ones let nothing pass that these would find."""
    for code in LANGUAGES:
        section = load(code).get(PunctuationSpacing)
        if section is None:
            continue
        if section.never_before and section.surplus.search(text):
            assert section.may_be_surplus.search(text)
        if section.swapped is not None and section.swapped.search(text):
            assert any(sign in text for sign in section.may_be_swapped)
        for pattern, sign in zip(section.missing, section.may_be_missing, strict=True):
            assert sign.search(text) or not pattern.search(text)
