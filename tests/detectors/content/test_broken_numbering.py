"""Broken numbering: the number that is wrong is put right, and lists that count something else are left alone."""

from __future__ import annotations

import pytest
from examining import Examine, evidence, respond

from midb.detectors.content.broken_numbering import NUMBERING

KIND = [NUMBERING.name]


def numbered(*numbers: object, style: str = "{}. {} steht in dieser Zeile.") -> str:
    """A list of sentences that begin with different letters."""
    return "\n".join(style.format(number, chr(ord("a") + index)) for index, number in enumerate(numbers))


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ((1, 2, 2, 4), (1, 2, 3, 4)),
        ((1, 1, 3), None),  # a list that begins anew
        ((1, 2, 4, 4), (1, 2, 3, 4)),
        ((1, 2, 2, 3, 4), (1, 2, 3, 4, 5)),
        ((1, 2, 9, 4), (1, 2, 3, 4)),
        ((1, 2, 4), None),  # the last one may be right, and another missing
        ((1, 2, 3), None),
        ((2, 3, 3), None),  # does not begin with one
        ((1, 3, 5, 7), None),
    ],
)
def test_what_is_provable_is_put_right(wrong: tuple[int, ...], right: tuple[int, ...] | None, examine: Examine) -> None:
    _, repaired = examine(respond(numbered(*wrong)), "de", kinds=KIND)
    assert repaired.response == numbered(*(right or wrong))


@pytest.mark.parametrize(
    ("code", "style", "wrong", "right"),
    [
        ("ja", "{}) {}と書いてあります。", ("１", "２", "２", "４"), ("１", "２", "３", "４")),
        ("ja", "{}、{}です。", ("1", "2", "2", "4"), ("1", "2", "3", "4")),
        ("ar", "({}) {} هنا.", ("١", "٢", "٢", "٤"), ("١", "٢", "٣", "٤")),
        ("de", "## {}. {} ist ein Abschnitt.", ("1", "2", "2", "4"), ("1", "2", "3", "4")),
        ("de", "**{}. {}** ist ein Punkt.", ("1", "2", "2", "4"), ("1", "2", "3", "4")),
    ],
)
def test_numbers_keep_their_digits_and_style(
    code: str, style: str, wrong: tuple[str, ...], right: tuple[str, ...], examine: Examine
) -> None:
    _, repaired = examine(respond(numbered(*wrong, style=style)), code, kinds=KIND)
    assert repaired.response == numbered(*right, style=style)


@pytest.mark.parametrize(
    "text",
    [
        "1. Mai: Ankunft.\n2. Mai: Fahrt.\n2. Mai: Rast.\n5. Mai: Ende.",  # dates
        "1. Anna\n2. Bea\n2. Cora\n4. Dora",  # a shared rank
        "1. eins, 90 Punkte\n2. zwei, 80 Punkte\n2. drei, 80 Punkte\n4. vier, 70 Punkte",
        "```\n1. a b c.\n2. d e f.\n2. g h i.\n```",  # code
        "1. a, 2. b, 2. c, 4. d",  # no lines
    ],
)
def test_what_counts_something_else_stays(text: str, examine: Examine) -> None:
    assert examine(respond(text), "de", kinds=KIND)[1] == respond(text)


def test_a_source_that_counts_on_proves_what_a_rank_leaves_open(examine: Examine) -> None:
    pair, source = respond("1. Anna\n2. Bea\n2. Cora\n4. Dora"), respond("1. Anna\n2. Bea\n3. Cora\n4. Dora")
    findings, repaired = examine(pair, "de", source=source, kinds=KIND)
    assert repaired.response == source.response
    assert evidence(findings) == ["counts 1, 2, 2, 4: 2 where 3 is next"]
    findings, repaired = examine(pair, "de", source=pair, kinds=KIND)
    assert repaired == pair
    assert evidence(findings) == ["counts 1, 2, 2, 4: 2 where 3 is next, as in the source"]


def test_steps_that_name_each_other_are_not_renumbered(examine: Examine) -> None:
    text = numbered(1, 2, 2, 3) + "\n4. Zurück zu Schritt 3."
    findings, repaired = examine(respond(text), "de", kinds=KIND)
    assert len(findings) == 1
    assert repaired.response == text


@pytest.mark.parametrize(
    ("last", "renumbered"),
    [
        ("Zurück zu Schritt 5.", False),  # which is this one, once it is renumbered
        ("Zurück zu Schritt 1.", True),
        ("Fertig seit 2024.", True),  # no list has so many steps
    ],
)
def test_only_a_step_that_would_move_is_in_the_way(last: str, renumbered: bool, examine: Examine) -> None:
    pair = respond(f"{numbered(1, 2, 2, 3)}\n4. {last}")
    _, repaired = examine(pair, "de", kinds=KIND)
    assert repaired.response == (f"{numbered(1, 2, 3, 4)}\n5. {last}" if renumbered else pair.response)


@pytest.mark.parametrize(
    ("lines", "repaired"),
    [
        (("Anna", "Bea", "Cora", "Ein Satz steht hier am Ende dieser Liste, und er ist lang."), False),
        (("Anna", "Ein Satz steht hier inmitten dieser Liste, und er ist lang.", "Cora", "Dora"), True),
        (("Der Hund schläft.", "Die Katze läuft.", "Der Vogel singt.", "Das Pferd frisst."), True),
    ],
)
def test_two_names_under_one_number_may_share_a_rank(lines: tuple[str, ...], repaired: bool, examine: Examine) -> None:
    wrong, right = (
        "\n".join(f"{number}. {line}" for number, line in zip(numbers, lines, strict=True))
        for numbers in ((1, 2, 2, 4), (1, 2, 3, 4))
    )
    assert examine(respond(wrong), "de", kinds=KIND)[1].response == (right if repaired else wrong)


def test_evidence_shows_the_numbers_around_the_wrong_one(examine: Examine) -> None:
    findings, _ = examine(respond(numbered(1, 2, 3, 4, 4, 6, 7)), "de", kinds=KIND)
    assert evidence(findings) == ["counts 3, 4, 4, 6: 4 where 5 is next"]
