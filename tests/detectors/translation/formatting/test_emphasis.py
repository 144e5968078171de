"""Bold with blanks inside its marks: closed up where the marks of a line pair up in one way."""

from __future__ import annotations

import pytest
from examining import Examine, respond

from midb.detectors.translation.formatting.emphasis import SPACED_EMPHASIS

KIND = [SPACED_EMPHASIS.name]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("** eins ** zwei", "**eins** zwei"),
        ("**eins ** zwei", "**eins** zwei"),
        ("** eins** zwei", "**eins** zwei"),
        ("**eins** und ** zwei **, **drei **.", "**eins** und **zwei**, **drei**."),
        ("(** eins **)", "(**eins**)"),
        ("* * eins zwei * * drei", "**eins zwei** drei"),
    ],
)
def test_closed_up(before: str, after: str, examine: Examine) -> None:
    assert examine(respond(before), "de", kinds=KIND)[1].response == after
    assert examine(respond(after), "de", kinds=KIND)[0] == []


@pytest.mark.parametrize(
    "text",
    [
        "** eins ** zwei ** drei",  # which two belong together?
        "** eins **zwei",
        "eins** zwei ** drei",
        "a ** bcd ** e",  # a power
        "3 ** vier ** fünf",
        "*** eins ***",
        "** eins * zwei **",
        "** eins = zwei **",
        "** eins ** zwei" + "x" * 5_000,
        "**          **",
    ],
)
def test_left_alone(text: str, examine: Examine) -> None:
    assert examine(respond(text), "de", kinds=KIND)[0] == []


def test_a_particle_follows_in_languages_without_blanks(examine: Examine) -> None:
    assert examine(respond("** 물 **은 좋다."), "ko", kinds=KIND)[1].response == "** 물 **은 좋다.".replace(
        " 물 ", "물"
    )
    assert examine(respond("** 물 **은 ** 불 **은"), "ko", kinds=KIND)[0] == []


def test_pairs_about_markdown_are_left_alone(examine: Examine) -> None:
    assert examine(respond("** eins ** zwei", "Was zeigt Markdown hier?"), "de", kinds=KIND)[0] == []


def test_long_lines_of_stars_take_no_longer_than_they_are_long(examine: Examine) -> None:
    assert examine(respond("** " * 60_000 + "\n" + "* * " * 900), "de", kinds=KIND)[0] == []
