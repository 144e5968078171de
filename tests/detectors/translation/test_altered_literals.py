"""Placeholders and addresses that translation altered: restored where one slot is certain, else flagged."""

from __future__ import annotations

import pytest
from examining import Examine, evidence, respond

from midb.detectors.translation.altered_literals import PLACEHOLDER, URL

KINDS = [PLACEHOLDER.name, URL.name]


@pytest.mark.parametrize(
    ("code", "text", "source", "repaired"),
    [
        ("es", "Hola {nombre}!", "Hello {name}!", "Hola {name}!"),
        ("ja", "こんにちは｛名前｝さん", "Hello {name}", "こんにちは{name}さん"),
        ("de", "Hallo ${Name} und {{x}}", "Hello ${name} and {{x}}", "Hallo ${name} und {{x}}"),
        ("ru", "Привет, % s!", "Hello %s!", "Привет, %s!"),
        ("ar", "مرحبا ％d", "Hello %d", "مرحبا %d"),
        ("de", "%(Anzahl)s Hunde", "%(count)s dogs", "%(count)s Hunde"),
        ("de", "Siehe http://a.example/haus", "See http://a.example/house", "Siehe http://a.example/house"),
        ("ja", "http：//a.example/bを見る", "See http://a.example/b", "http://a.example/bを見る"),
        ("th", "ดู http://a. example /b", "See http://a.example/b", "ดู http://a.example/b"),
        ("de", "an a @ b.example schreiben", "write to a@b.example", "an a@b.example schreiben"),
    ],
)
def test_what_the_source_had_is_restored(code: str, text: str, source: str, repaired: str, examine: Examine) -> None:
    findings, result = examine(respond(text), code, source=respond(source), kinds=KINDS)
    assert result.response == repaired
    assert all(item.startswith("the source has") for item in evidence(findings))


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("Hallo [Ihr Name]", "Hello [Your name]"),  # a person fills it in
        ("Hallo {name}", "Hello {name}"),
        ("Hallo", "Hello {name}"),  # no slot
        ("`{nombre}`", "`{name}`"),  # code
        ("Menge {2, 3}", "set {1, 2}"),  # no identifier
        ("https://de.wikipedia.org/wiki/Haus", "https://en.wikipedia.org/wiki/House"),  # the reader's site
        ("http://a.example/de/haus", "http://a.example/en/house"),
        ("http://a.example/haus/rot", "http://a.example/house"),  # not as many segments
        ("http://a.example/house-in-the-wood", "http://a.example/house-in"),  # the source's may be cut off
        ("http://x.example/haus", "http://a.example/house"),  # another site
    ],
)
def test_what_is_right_or_has_no_slot_stays(text: str, source: str, examine: Examine) -> None:
    assert examine(respond(text), "de", source=respond(source), kinds=KINDS) == ([], respond(text))


def test_nothing_is_found_without_a_source(examine: Examine) -> None:
    assert examine(respond("Hola {nombre}!"), "es", kinds=KINDS)[0] == []


def test_of_several_altered_placeholders_nobody_knows_which_is_which(examine: Examine) -> None:
    pair = respond("De {desde} a {hasta}")
    findings, repaired = examine(pair, "es", source=respond("From {start} to {end}"), kinds=KINDS)
    assert evidence(findings) == ["the source has {start}, {end}, which are missing here"]
    assert repaired == pair


def test_one_placeholder_at_several_places_is_restored_at_all(examine: Examine) -> None:
    _, repaired = examine(respond("{nombre}, {nombre}!"), "es", source=respond("{name}, {name}!"), kinds=KINDS)
    assert repaired.response == "{name}, {name}!"
    pair = respond("{nombre}, {nombre}!")
    assert examine(pair, "es", source=respond("{name}!"), kinds=KINDS)[1] == pair, "as often as in the source"
