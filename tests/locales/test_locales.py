"""The locale files: complete, read by somebody, and strict about what they hold."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

import midb.prompts.guidance
import midb.text.steering
import midb.text.subjects.instruction_forms  # noqa: F401  (each declares a section)
from midb.detectors import kinds
from midb.locales import LANGUAGES, UNKNOWN, Locale, LocaleSection, load


class Sample(LocaleSection, table="sample_of_this_test"):
    """A section that no locale has."""

    words: tuple[str, ...]


def sections() -> dict[str, type[LocaleSection]]:
    """Every section by the name of its table."""
    kinds()  # imports every detector, which declares its sections
    return {section.table: section for section in LocaleSection.__subclasses__() if section is not Sample}


@pytest.mark.parametrize("code", LANGUAGES)
def test_tables_are_read_by_somebody_and_are_valid(code: str) -> None:
    locale = load(code)
    known = sections()
    assert set(locale.tables) <= set(known), "a table that nobody reads"
    assert set(locale.abstain) <= set(kinds()), "an abstention from a kind that does not exist"
    for section in known.values():
        locale.get(section)  # raises where a table does not fit


@pytest.mark.parametrize("code", LANGUAGES)
def test_a_language_says_who_it_is(code: str) -> None:
    locale = load(code)
    assert locale.code == code
    assert locale.name
    assert locale.native_name
    assert locale.script in locale.scripts or code == "ja", "Japanese alone mixes several scripts under one name"
    assert locale.default_locale.startswith(f"{code}_")
    assert locale.right_to_left is (code == "ar")
    assert load(code) is locale, "read once"


def test_an_unknown_language_knows_nothing() -> None:
    assert load("xx") is UNKNOWN
    assert load("en") is UNKNOWN
    assert all(UNKNOWN.get(section) is None for section in sections().values())


def test_a_table_is_read_into_its_section() -> None:
    locale = Locale("de", "", "", "Latin", ("Latin",), "ltr", "de_DE", tables={Sample.table: {"words": ["der"]}})
    section = locale.get(Sample)
    assert section == Sample(words=("der",))
    assert locale.get(Sample) is section
    assert load("de").get(Sample) is None


@pytest.mark.parametrize("table", [{"words": ["der"], "word": []}, {}, {"words": "der"}])
def test_a_table_that_does_not_fit_is_an_error(table: dict[str, object]) -> None:
    locale = Locale("de", "", "", "Latin", ("Latin",), "ltr", "de_DE", tables={Sample.table: table})
    with pytest.raises(ValidationError):
        locale.get(Sample)
