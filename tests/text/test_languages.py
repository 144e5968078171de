"""Names of languages as corpora write them, and telling the language of a text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from midb.domain.errors import UsageError
from midb.locales import LANGUAGES
from midb.text.languages import (
    INDISTINGUISHABLE,
    LanguageIdentifier,
    find_evident_language,
    language_name,
    parse_language,
    require_language,
    same_language,
)

#: One plain sentence in each language, written for this test.
SENTENCES = {
    "it": "Il treno per la costa parte di mattina, ma non si ferma in tutti i paesi.",
    "es": "El tren de la costa sale por la mañana, pero no para en todos los pueblos.",
    "fr": "Le train de la côte part le matin, mais il ne s'arrête pas dans tous les villages.",
    "de": "Der Zug an die Küste fährt am Morgen, aber er hält nicht in allen Dörfern.",
    "ru": "Поезд к морю уходит утром, но останавливается не во всех деревнях.",
    "ar": "يغادر القطار إلى الساحل في الصباح، لكنه لا يتوقف في كل القرى.",
    "tr": "Sahile giden tren sabah kalkar, ama bütün köylerde durmaz ve çok yavaştır.",
    "ja": "海岸へ行く電車は朝に出ますが、すべての村に止まるわけではありません。",
    "ko": "해안으로 가는 기차는 아침에 떠나지만 모든 마을에 서지는 않습니다.",
    "pt": "O trem da costa sai de manhã, mas não para em todas as aldeias.",
    "cs": "Vlak k moři odjíždí ráno, ale nestaví ve všech vesnicích, protože je to rychlík.",
    "el": "Το τρένο για την ακτή φεύγει το πρωί, αλλά δεν σταματά σε όλα τα χωριά.",
    "id": "Kereta ke pantai berangkat pada pagi hari, tetapi tidak berhenti di semua desa karena cepat.",
    "th": "รถไฟไปชายฝั่งออกตอนเช้า แต่ไม่จอดทุกหมู่บ้าน",
    "vi": "Chuyến tàu ra biển chạy vào buổi sáng, nhưng không dừng ở tất cả các làng.",
    "ms": "Kereta api ke pantai bertolak pada waktu pagi, tetapi tidak berhenti di semua kampung kerana laju.",
    "en": "The train to the coast leaves in the morning, but it does not stop in all of the villages.",
}


@pytest.mark.parametrize("code", SENTENCES)
def test_a_sentence_is_identified_without_a_model(code: str) -> None:
    assert same_language(find_evident_language(SENTENCES[code]), code)


@pytest.mark.parametrize("code", SENTENCES)
def test_a_sentence_is_identified(code: str, identifier: LanguageIdentifier) -> None:
    assert same_language(identifier.identify(SENTENCES[code]), code)


def test_code_says_nothing_of_a_language(identifier: LanguageIdentifier) -> None:
    code = "```python\nfor the_word in what_is_of_the(list):\n    print(the_word and not this or that)\n```"
    assert identifier.identify(f"{SENTENCES['cs']}\n{code * 3}") == "cs"
    assert identifier.identify(code) is None


@pytest.mark.parametrize("text", ["", "12 + 3 = 15", "!?", "Rio, Lima", "A = πr²", "M V E M J S U N"])
def test_little_is_not_evident(text: str) -> None:
    assert find_evident_language(text) is None


def test_malay_and_indonesian_count_as_each_other_and_nothing_else_does() -> None:
    assert same_language("id", "ms")
    assert same_language("de", "de")
    assert not same_language("es", "pt")
    assert not same_language("id", "en")
    assert frozenset({"id", "ms"}) == INDISTINGUISHABLE


def test_a_text_of_no_known_language_is_in_none_s_language() -> None:
    assert not same_language(None, None)
    assert not same_language(None, "de")
    assert not same_language("de", None)


def test_chinese_is_not_taken_for_japanese() -> None:
    assert find_evident_language("我们昨天去了北方的城市，那里的天气很冷，你们也应该去看看。") == "zh"
    assert find_evident_language("東京都千代田区、大阪府大阪市") is None


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("de", "de"),
        ("de-AT", "de"),
        ("pt_BR", "pt"),
        ("deu", "de"),
        ("German", "de"),
        (" Deutsch ", "de"),
        ("日本語", "ja"),
        ("Türkçe", "tr"),
        ("english", "en"),
        ("zho", "zh"),
        ("xx", None),
        ("", None),
        ("klingon", None),
    ],
)
def test_names_as_corpora_write_them(name: str, code: str | None) -> None:
    assert parse_language(name) == code


def test_a_language_that_is_not_boosted_is_refused_with_the_nearest() -> None:
    assert require_language("Italiano") == "it"
    with pytest.raises(UsageError) as caught:
        require_language("germn")
    assert "de" in caught.value.hint
    with pytest.raises(UsageError):
        require_language("en")


def test_every_language_has_a_name() -> None:
    names = {language_name(code) for code in (*LANGUAGES, "en", "zh")}
    assert len(names) == len(LANGUAGES) + 2
    assert all(name[0].isupper() for name in names)


@given(text=st.text(max_size=200))
def test_any_text_has_an_answer_or_none(text: str) -> None:
    assert find_evident_language(text) in {None, "en", "zh", *LANGUAGES}
