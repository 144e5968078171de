"""How the language of a record is settled: by the user, the record, its id, the corpus, or its text."""

from __future__ import annotations

import pytest
from survey_looks import ENGLISH, FRENCH, GERMAN, INDONESIAN, JAPANESE, MALAY, Look, row

from midb.corpus.language_plan import LanguagePlan, prefix_of
from midb.text.languages import LanguageIdentifier


def test_a_language_that_was_named_holds_for_all(look: Look, identifier: LanguageIdentifier) -> None:
    plan = look([row(FRENCH, lang="fr")], language="de").languages
    assert plan == LanguagePlan(fixed="de", described="de (as you say)")
    assert plan.settle("fr", "fr-1", FRENCH, identifier) == "de"


def test_declared_languages_are_believed(look: Look, identifier: LanguageIdentifier) -> None:
    found = look([row(GERMAN, lang="de")] * 3 + [row(FRENCH, lang="French")])
    assert found.languages.described == "de fr (declared; 100% of a sample agrees)"
    assert found.languages.settle("ms", "x", INDONESIAN, identifier) == "ms"
    assert look([row(INDONESIAN, lang="ms")]).languages.described == "ms (declared; 100% of a sample agrees)"
    assert look([row(FRENCH, lang="de")]).languages.described == "de (declared; 0% of a sample agrees)"


def test_languages_nobody_knows_are_warned_about_and_identified(look: Look, identifier: LanguageIdentifier) -> None:
    found = look([row(GERMAN, lang="tlh")] * 5 + [row(GERMAN, lang="xx\x1b" * 30)] * 2)
    assert len(found.warnings) == 1
    assert '"tlh" is no language midb-agent knows' in found.warnings[0]
    assert found.languages.usual == "de"
    assert look([row(GERMAN, lang="\ud800")]).warnings[0].encode()


@pytest.mark.parametrize("key", ["id", "uid", "record_id"])
def test_ids_that_begin_with_the_language(look: Look, identifier: LanguageIdentifier, key: str) -> None:
    found = look([row(GERMAN, **{key: f"de-{n}"}) for n in range(4)] + [row(FRENCH, **{key: "fr_1"})])
    assert found.languages == LanguagePlan(by_prefix=True, described="de fr (from the ids; 100% of a sample agrees)")
    assert found.languages.settle(None, "fr-9", GERMAN, identifier) == "fr"
    assert found.languages.settle(None, "other", GERMAN, identifier) == "de"


def test_ids_that_begin_with_something_else(look: Look) -> None:
    """ "id-17" is Indonesian only where the texts are."""
    assert look([row(GERMAN, id=f"id-{n}") for n in range(5)]).languages.usual == "de"
    assert look([row(INDONESIAN, id=f"id-{n}") for n in range(5)]).languages.by_prefix
    assert look([row(GERMAN, id=f"de-{n}") for n in range(4)] + [row(GERMAN)]).languages.usual == "de"
    assert [prefix_of(key) for key in ("de-1", "de/1", "fr.x")] == ["de", "de", "fr"]
    assert [prefix_of(key) for key in ("de", "xx-1", "den-1", "", "-de")] == [None] * 5


def test_identified_languages(look: Look, identifier: LanguageIdentifier) -> None:
    plan = look([row(GERMAN)] * 9 + [row("42")]).languages
    assert plan == LanguagePlan(usual="de", described="de (identified; 90% of a sample agrees)")
    assert plan.settle(None, "x", "42", identifier) == "de"
    plan = look([row(GERMAN)] * 5 + [row(FRENCH)] * 3 + [row(JAPANESE)] * 2).languages
    assert plan == LanguagePlan(described="de fr ja (identified record by record)")
    assert [plan.settle(None, "x", text, identifier) for text in (GERMAN, FRENCH, "42")] == ["de", "fr", "und"]
    assert plan.settle("ja", "x", GERMAN, identifier) == "ja"


def test_a_corpus_in_english_or_in_nothing_has_no_language_of_ours(look: Look) -> None:
    assert look([row(ENGLISH)] * 5).languages == LanguagePlan(described="en (identified record by record)")
    assert look([row("42")] * 5).languages == LanguagePlan(described="none (identified record by record)")


def test_indonesian_and_malay_are_one_to_identification(look: Look) -> None:
    found = look([row(INDONESIAN)] * 6 + [row(MALAY)] * 4)
    assert found.languages == LanguagePlan(usual="id", described="id (identified; 100% of a sample agrees)")
    assert "cannot be told apart" in found.warnings[0]
    assert "--language" in found.warnings[0]
    assert look([row(MALAY)] * 4).languages.usual == "ms"
