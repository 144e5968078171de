"""Marks that want a blank before them: the manner of the pair is followed, titles and foreign clauses keep theirs."""

from __future__ import annotations

import pytest
from examining import inspection, respond

from midb.detectors.localization.punctuation_spacing import PunctuationSpacing
from midb.domain.pairs import Field
from midb.locales import load
from midb.text.forms.lines import Lines
from midb.text.forms.spaced_marks import SpacedMarks, find_missing_blanks, find_plain_blanks
from midb.text.inspection import Inspection
from midb.text.languages import LanguageIdentifier

NARROW = "\N{NARROW NO-BREAK SPACE}"
NO_BREAK = "\N{NO-BREAK SPACE}"


@pytest.fixture(scope="module")
def french() -> SpacedMarks:
    section = load("fr").get(PunctuationSpacing)
    assert section is not None
    assert section.spaced is not None
    return section.spaced


def missing(text: str, french: SpacedMarks, identifier: LanguageIdentifier, *, typography: bool = False) -> list[str]:
    """The marks of the response before which a blank is missing, each behind the blank it gets."""
    seen = Inspection(respond(text), load("fr"), identifier, typography=typography)
    item = seen.field(Field.RESPONSE)
    assert item is not None
    found = find_missing_blanks(item, Lines(item), french, seen)
    for position, mark, _ in found:
        assert text[position] == mark
    return [blank + mark for _, mark, blank in find_missing_blanks(item, Lines(item), french, seen)]


def test_a_pair_that_sets_blanks_misses_one(french: SpacedMarks, identifier: LanguageIdentifier) -> None:
    text = "Où va le train de la côte ce matin ? Il part pour la mer, dit-on! Et nous partons avec lui !"
    assert missing(text, french, identifier) == [" !"]


def test_a_pair_that_sets_none_misses_none(french: SpacedMarks, identifier: LanguageIdentifier) -> None:
    text = "Où va le train de la côte ce matin? Il part pour la mer, dit-on! Et nous partons avec lui!"
    assert missing(text, french, identifier) == []
    assert missing(text, french, identifier, typography=True) == [NARROW + "?", NARROW + "!", NARROW + "!"]


def test_the_blank_is_the_one_that_the_pair_uses(french: SpacedMarks, identifier: LanguageIdentifier) -> None:
    text = f"Où va le train de la côte ce matin{NO_BREAK}? Il part pour la mer, dit-on! Nous partons avec lui."
    assert missing(text, french, identifier) == [NO_BREAK + "!"]
    assert missing(text, french, identifier, typography=True) == [NO_BREAK + "!"]


@pytest.mark.parametrize(
    "text",
    [
        "Où va le train de la côte ? Voir http://a.example/b?c=d et les pages de la ville qui parlent du train.",
        "Où va le train de la côte ? Il a dit: « The train is late! » et nous l'avons cru, car il le savait.",
        "Où va le train ? `x!`",
    ],
)
def test_addresses_code_and_foreign_clauses_keep_their_manner(
    text: str, french: SpacedMarks, identifier: LanguageIdentifier
) -> None:
    assert [mark for mark in missing(text, french, identifier) if mark.endswith(("!", "?"))] == []


def test_the_colon_of_a_title_is_set_as_it_was_found(french: SpacedMarks, identifier: LanguageIdentifier) -> None:
    text = "Vous connaissez ce film : il parle de la mer. Le titre est Guerre des Étoiles: Un Nouvel Espoir, dit-on."
    assert missing(text, french, identifier) == []


def test_plain_blanks_break_lines(french: SpacedMarks) -> None:
    text = f"Quoi ? « Rien » et `a ?` puis{NO_BREAK}: voilà"
    seen = inspection("fr", respond(text))
    item = seen.field(Field.RESPONSE)
    assert item is not None
    found = list(find_plain_blanks(item, Lines(item), french))
    assert [mark for _, mark, _ in found] == ["?", "«", "»"]
    assert all(text[position] == " " and blank in (NARROW, NO_BREAK) for position, _, blank in found)
