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
    join_samples,
    language_name,
    parse_language,
    parse_other_language,
    reads_clearly_as,
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


#: Sentences in languages that are none of ours, each with the language of ours that it may be taken for.
STRANGERS = {
    "nl": ("de", "De hoofdstad van Nederland is Amsterdam, maar de regering zetelt al sinds lang in Den Haag."),
    "sv": ("de", "Huvudstaden i Sverige heter Stockholm och landet har många sjöar och skogar som är vackra."),
    "pl": ("ms", "Stolicą Polski jest Warszawa, która leży nad Wisłą i jest największym miastem w kraju."),
    "uk": ("ru", "Столицею України є Київ, який розташований на берегах Дніпра та має багату історію."),
    "bg": ("ru", "Столицата на България е София, която е най-големият град в страната и има богата история."),
    "fa": ("ar", "پایتخت ایران تهران است و این شهر بزرگترین شهر کشور به شمار می‌رود و جمعیت زیادی دارد."),
    "ro": ("it", "Capitala României este București, cel mai mare oraș al țării, așezat pe malul unui râu mic."),
    "sk": ("cs", "Hlavné mesto Slovenska je Bratislava, ktorá leží na brehu rieky a má dlhú a bohatú históriu."),
    "hi": ("de", "भारत की राजधानी नई दिल्ली है और यह देश का एक बहुत बड़ा और पुराना शहर माना जाता है।"),
}
#: Texts of our languages that have little to judge by, or foreign names and words.
AT_HOME = [
    ("de", "Java, Python und JavaScript. Nennen Sie bitte drei Programmiersprachen, die sehr beliebt sind."),
    ("it", "- Victor Hugo\n- Émile Zola\n- Honoré de Balzac\n- Jean-Paul Sartre\n- Albert Camus"),
    ("es", "1. Facebook 2. Twitter 3. Instagram 4. Snapchat 5. YouTube 6. TikTok 7. LinkedIn"),
    ("ru", "Столица страны стоит на берегу реки, и это древний город, который имеет богатую историю."),
    ("ar", "عاصمة مصر هي القاهرة وهي مدينة كبيرة تقع على ضفاف نهر النيل ولها تاريخ طويل."),
    ("id", "Elemen dalam tabel itu adalah Hidrogen, Helium, Litium, Berilium, Boron, Karbon, Nitrogen."),
    ("vi", "Thủ đô của Việt Nam là Hà Nội, một thành phố cổ kính nằm bên bờ sông Hồng."),
    ("el", "Η πρωτεύουσα της Ελλάδας είναι η Αθήνα, μια πόλη με μακρά και πλούσια ιστορία."),
]


@pytest.mark.parametrize("code", STRANGERS)
def test_a_language_that_is_none_of_ours_is_known_as_such(code: str, identifier: LanguageIdentifier) -> None:
    taken_for, sentence = STRANGERS[code]
    sample = join_samples([sentence])
    assert identifier.find_unsupported(sample, taken_for) == code
    assert identifier.find_unsupported(sample, None) == code
    assert identifier.is_in_another(sentence, taken_for)
    trusting = LanguageIdentifier(trusting=True)
    assert trusting.find_unsupported(sample, taken_for) is None
    assert not trusting.is_in_another(sentence, taken_for)


@pytest.mark.parametrize(("code", "text"), AT_HOME)
def test_a_text_in_one_of_ours_is_no_stranger(code: str, text: str, identifier: LanguageIdentifier) -> None:
    assert identifier.find_unsupported(join_samples([text]), code) is None
    assert not identifier.is_in_another(text, code)


def test_a_text_may_be_in_another_of_ours_but_english_is_a_defect_of_its_own(identifier: LanguageIdentifier) -> None:
    arabic = "عاصمة مصر هي القاهرة وهي مدينة كبيرة تقع على ضفاف نهر النيل ولها تاريخ طويل."
    assert identifier.is_in_another(arabic, "de")
    assert not identifier.is_in_another(arabic, "ar")
    assert not identifier.is_in_another(
        "The capital of Egypt is Cairo, and it is a big city with a long history.", "de"
    )
    assert not identifier.is_in_another("Zu kurz.", "ar")


def test_clear_texts_load_no_model_of_all_languages() -> None:
    identifier = LanguageIdentifier()
    for code, text in [(code, text) for code, text in AT_HOME if code in ("ru", "ar", "vi", "el")]:
        assert reads_clearly_as(text, code)
        assert identifier.find_unsupported(text, code) is None
    assert "_detector_of_all" not in vars(identifier)


def test_no_text_of_a_record_weighs_more_than_another() -> None:
    assert join_samples(["a" * 9_000, "", "  ", "b" * 9_000, "`x = 1` c"]).split("\n") == [
        "a" * 250,
        "b" * 250,
        "        c",
    ]


def test_languages_of_the_world_by_name() -> None:
    assert [parse_other_language(name) for name in ("nl", "NLD", "Dutch", "sv-SE", "uk_UA")] == [
        "nl",
        "nl",
        "nl",
        "sv",
        "uk",
    ]
    assert [parse_other_language(name) for name in ("de", "German", "en", "zh-TW", "qq", "python", "", "und")] == [
        None
    ] * 8


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


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("ja", "日本の首都である東京は、人口が最も多い都市であり、政治と経済の中心地でもあります。"),
        ("vi", "Thủ đô của Việt Nam là Hà Nội, một thành phố có lịch sử hơn một nghìn năm tuổi."),
        ("ru", "Столица Казахстана — это город Астана, который стоит на берегу реки Ишим."),
    ],
)
def test_letters_of_a_wrong_encoding_are_no_other_language(code: str, text: str) -> None:
    """They are a defect of their own, which a record that is left alone would keep."""
    damaged = text.encode().decode("cp1252", errors="replace").replace("\ufffd", "")
    identifier = LanguageIdentifier()
    assert not identifier.is_in_another(damaged, code)
    assert identifier.find_unsupported(damaged, code) is None
