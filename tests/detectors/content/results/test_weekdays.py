"""The weekday of a date."""

from __future__ import annotations

from datetime import date

import pytest

from midb.detectors.content.results.weekdays import find_wrong_weekday, read_weekday
from midb.locales import LANGUAGES, load


@pytest.mark.parametrize(
    ("instruction", "given"),
    [
        ("What day of the week was July 4, 1976?", ""),
        ("Which weekday is July 4th, 1976?", ""),
        ("Find the day of the week for the given date.", "July 4, 1976"),
        ("Determine what day of the week the following date falls on: July 4 1976", ""),
    ],
)
def test_dates(instruction: str, given: str) -> None:
    assert read_weekday(instruction, given) == date(1976, 7, 4)


@pytest.mark.parametrize(
    ("instruction", "given"),
    [
        ("What day of the week was July 4, 1776?", ""),  # another calendar may be meant
        ("What day of the week was July 40, 1976?", ""),
        ("What day of the week was it two days after July 4, 1976?", ""),
        ("What day of the week is best for a party?", ""),
        ("What day of the week was July 4, 1976?", "and July 5, 1976"),
        ("Find the weekday.", "4/7/1976"),
    ],
)
def test_other_tasks(instruction: str, given: str) -> None:
    assert read_weekday(instruction, given) is None


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_names_its_days(language: str) -> None:
    locale = load(language).default_locale
    names = [find_wrong_weekday("", date(2024, 1, day), locale)[1] for day in range(1, 8)]
    assert len(set(names)) == 7
    for place, name in enumerate(names):
        assert find_wrong_weekday(f"… {name}.", date(2024, 1, place + 1), locale)[0] is None
        match, right = find_wrong_weekday(f"… {name}.", date(2024, 1, (place + 1) % 7 + 1), locale)
        assert match is not None
        assert (match.group(), right) == (name, names[(place + 1) % 7])


def test_two_days_are_no_answer() -> None:
    assert find_wrong_weekday("Montag oder Dienstag", date(1976, 7, 4), "de_DE")[0] is None
