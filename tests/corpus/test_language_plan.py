"""How records get their language: as the user says, declared, from their ids, or from their texts."""

from __future__ import annotations

from typing import Any

import pytest

from midb.corpus.language_plan import LanguagePlan, plan_languages, prefix_of
from midb.corpus.records import record_key
from midb.domain.errors import CorpusError
from midb.text.languages import LanguageIdentifier

GERMAN = "Der Hund ist ein Tier, das mit den Menschen lebt und ihnen auch bei der Arbeit hilft."
FRENCH = "Le chien est un animal qui vit avec les hommes et qui les aide aussi dans leur travail."
CHINESE = "苹果、梨和樱桃都在中国生长，人们非常喜欢吃。"
ENGLISH = "The dog is an animal that lives with people and also helps them with their work."
JAPANESE = "犬は人間と一緒に暮らし、仕事を手伝うこともある動物です。"
INDONESIAN = "Anjing adalah hewan yang tinggal bersama manusia dan juga membantu mereka karena bisa bekerja."
MALAY = "Anjing ialah haiwan yang tinggal bersama manusia dan juga membantu mereka kerana boleh bekerja."

Row = tuple[dict[str, Any], str]


def row(text: str, **record: object) -> Row:
    """What a record says beside its text, and that text."""
    return record, text


@pytest.fixture
def plan(identifier: LanguageIdentifier) -> Planner:
    return Planner(identifier)


class Planner:
    """Plans the languages of some rows, each with the key that its record has."""

    def __init__(self, identifier: LanguageIdentifier) -> None:
        self._identifier = identifier

    def __call__(self, rows: list[Row], language: str | None = None) -> tuple[LanguagePlan, list[str]]:
        parsed = [(record, record_key(record, position), text) for position, (record, text) in enumerate(rows)]
        return plan_languages(parsed, language, self._identifier)

    def trusting(self, rows: list[Row], language: str) -> LanguagePlan:
        """The plan where the languages are trusted."""
        parsed = [(record, f"#{position}", text) for position, (record, text) in enumerate(rows)]
        found, warnings = plan_languages(parsed, language, LanguageIdentifier(trusting=True), trusted=True)
        assert (found.trusted, warnings) == (True, [])
        return found

    def of(self, rows: list[Row], language: str | None = None) -> LanguagePlan:
        """The plan alone, of which there is nothing to warn."""
        found, warnings = self(rows, language)
        assert warnings == []
        return found


def test_a_language_that_was_named_holds_for_all(plan: Planner, identifier: LanguageIdentifier) -> None:
    found = plan.of([row(GERMAN, lang="fr"), row(GERMAN, lang="tlh")], "de")
    assert found == LanguagePlan(fixed="de", described="de (as you say)")
    assert found.settle("fr", "fr-1", GERMAN, identifier) == "de"


def test_declared_languages_are_believed(plan: Planner, identifier: LanguageIdentifier) -> None:
    found = plan.of([row(GERMAN, lang="de")] * 3 + [row(FRENCH, lang="French")])
    assert found.described == "de fr (declared; 100% of a sample agrees)"
    assert found.settle("ms", "x", INDONESIAN, identifier) == "ms"
    assert plan.of([row(INDONESIAN, lang="ms")]).described == "ms (declared; 100% of a sample agrees)"
    assert plan.of([row("42", lang="de")]).described == "de (declared; 0% of a sample agrees)"


def test_languages_nobody_knows_are_warned_about_and_identified(plan: Planner) -> None:
    found, warnings = plan([row(GERMAN, lang="qq")] * 5 + [row(GERMAN, lang="xx\x1b" * 30)] * 2)
    assert len(warnings) == 1
    assert '"qq" is no language midb-agent knows' in warnings[0]
    assert found.usual == "de"
    assert plan([row(GERMAN, lang="\ud800")])[1][0].encode()


@pytest.mark.parametrize("key", ["id", "uid", "record_id"])
def test_ids_that_begin_with_the_language(plan: Planner, identifier: LanguageIdentifier, key: str) -> None:
    found = plan.of([row(GERMAN, **{key: f"de-{n}"}) for n in range(4)] + [row(FRENCH, **{key: "fr_1"})])
    assert found == LanguagePlan(by_prefix=True, described="de fr (from the ids; 100% of a sample agrees)")
    assert found.settle(None, "fr-9", GERMAN, identifier) == "fr"
    assert found.settle(None, "other", GERMAN, identifier) == "de"


DUTCH = "De hond is een dier dat met de mensen leeft en hen ook bij het werk helpt, al duizenden jaren lang."
SWEDISH = "Hunden är ett djur som lever tillsammans med människor och som också hjälper dem i deras arbete."
ARABIC = "الكلب حيوان يعيش مع الناس ويساعدهم أيضا في عملهم اليومي منذ آلاف السنين في كل مكان."


@pytest.mark.parametrize(
    ("language", "declared"), [(None, {}), ("de", {}), (None, {"lang": "de"}), (None, {"lang": "nl"})]
)
def test_a_corpus_in_a_language_that_is_none_of_ours_is_refused(
    plan: Planner, language: str | None, declared: dict[str, str]
) -> None:
    rows = [row(DUTCH, **declared)] * 9 + [row("42", **declared)]
    with pytest.raises(
        CorpusError, match=r"in Dutch \((90|100)% of a sample\), which midb-agent does not know"
    ) as caught:
        plan(rows, language)
    assert "--trust-language" in caught.value.hint
    assert plan.trusting(rows, "de").fixed == "de"


def test_records_of_such_a_language_are_warned_about(plan: Planner, identifier: LanguageIdentifier) -> None:
    found, (warning,) = plan([row(GERMAN)] * 8 + [row(DUTCH), row(SWEDISH)])
    assert found.usual == "de"
    assert "80% of a sample agrees" in found.described
    assert warning.startswith("20.0% of a sample is in Dutch, Swedish, which midb-agent does not know")
    settled = [found.settle(None, "x", text, identifier) for text in (GERMAN, DUTCH, SWEDISH, "42")]
    assert settled == ["de", "nl", "sv", "de"]
    assert found.settle("nl", "x", "42", identifier) == "nl"
    assert found.settle("ts", "x", GERMAN, identifier) == "de", "Tsonga, or TypeScript: the text tells"


@pytest.mark.parametrize(("text", "reads"), [(ARABIC, "Arabic"), (FRENCH, "French")])
def test_a_corpus_that_reads_as_another_of_ours_is_refused(plan: Planner, text: str, reads: str) -> None:
    with pytest.raises(CorpusError, match=f"said to be in German and read as {reads}") as caught:
        plan([row(text)] * 5, "de")
    assert "--language" in caught.value.hint
    with pytest.raises(CorpusError):
        plan([row(text, lang="de")] * 5)
    assert plan.trusting([row(text)] * 5, "de").settle(None, "x", text, LanguageIdentifier(trusting=True)) == "de"


@pytest.mark.parametrize("language", ["ja", "ko", "de"])
def test_chinese_is_none_of_ours_however_short(plan: Planner, language: str) -> None:
    with pytest.raises(CorpusError, match="read as Chinese") as caught:
        plan([row(CHINESE)] * 5, language)
    assert "does not know Chinese" in caught.value.hint
    assert plan.of([row("東京、大阪、京都は日本の大都市です。")] * 5, "ja").fixed == "ja"


def test_english_that_is_said_to_be_ours_was_left_by_a_translator(plan: Planner) -> None:
    assert plan.of([row(ENGLISH, lang="de")] * 5).described == "de (declared; 0% of a sample agrees)"
    assert plan.of([row(INDONESIAN, lang="ms")] * 5).described == "ms (declared; 100% of a sample agrees)"


def test_ids_that_begin_with_something_else(plan: Planner) -> None:
    """ "id-17" is Indonesian only where the texts are."""
    assert plan.of([row(GERMAN, id=f"id-{n}") for n in range(5)]).usual == "de"
    assert plan.of([row(INDONESIAN, id=f"id-{n}") for n in range(5)]).by_prefix
    assert plan.of([row(GERMAN, id=f"de-{n}") for n in range(4)] + [row(GERMAN)]).usual == "de"
    assert [prefix_of(key) for key in ("de-1", "de/1", "fr.x")] == ["de", "de", "fr"]
    assert [prefix_of(key) for key in ("de", "xx-1", "den-1", "", "-de")] == [None] * 5


def test_identified_languages(plan: Planner, identifier: LanguageIdentifier) -> None:
    found = plan.of([row(GERMAN)] * 9 + [row("42")])
    assert found == LanguagePlan(usual="de", described="de (identified; 90% of a sample agrees)")
    assert found.settle(None, "x", "42", identifier) == "de"
    found = plan.of([row(GERMAN)] * 5 + [row(FRENCH)] * 3 + [row(JAPANESE)] * 2)
    assert found == LanguagePlan(described="de fr ja (identified record by record)")
    assert [found.settle(None, "x", text, identifier) for text in (GERMAN, FRENCH, "42")] == ["de", "fr", "und"]
    assert found.settle("ja", "x", GERMAN, identifier) == "ja"


def test_a_corpus_in_english_or_in_nothing_has_no_language_of_ours(plan: Planner) -> None:
    found, (warning,) = plan([row(ENGLISH)] * 4 + [row(CHINESE)])
    assert found == LanguagePlan(usual=None, described="en zh (identified record by record)")
    assert warning.startswith("100.0% of a sample is in English, Chinese, whose rules midb-agent does not know")
    assert plan.of([row("42")] * 5) == LanguagePlan(described="none (identified record by record)")


def test_indonesian_and_malay_are_one_to_identification(plan: Planner) -> None:
    found, warnings = plan([row(INDONESIAN)] * 6 + [row(MALAY)] * 4)
    assert found == LanguagePlan(usual="id", described="id (identified; 100% of a sample agrees)")
    assert "cannot be told apart" in warnings[0]
    assert "--language" in warnings[0]
    assert plan.of([row(MALAY)] * 4).usual == "ms"


@pytest.mark.parametrize(
    ("plan", "declared", "key", "expected"),
    [
        (LanguagePlan(fixed="de", usual="fr", by_prefix=True), "ja", "th-1", "de"),
        (LanguagePlan(usual="fr", by_prefix=True), "ja", "th-1", "ja"),
        (LanguagePlan(usual="fr", by_prefix=True), None, "th-1", "th"),
        (LanguagePlan(usual="fr", by_prefix=True), None, "1", "fr"),
        (LanguagePlan(usual="fr"), None, "th-1", "fr"),
        (LanguagePlan(), None, "th-1", None),
    ],
)
def test_what_comes_before_what(plan: LanguagePlan, declared: str | None, key: str, expected: str | None) -> None:
    assert plan.expect(declared, key) == expected
