"""Undoing a wrong decoding: what is restored, what is only flagged, and that sound words are never touched."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from midb.text.forms.encodings import DamagedWord, Writing, find_damaged_words, looks_damaged


def damaged(text: str, *scripts: str, code_pages: tuple[str, ...] = ()) -> Iterator[DamagedWord]:
    return find_damaged_words(text, scripts=scripts, code_pages=code_pages, restores_no_break_space=False)


def restore(text: str, *scripts: str, code_pages: tuple[str, ...] = ()) -> str:
    for word in reversed(list(damaged(text, *scripts, code_pages=code_pages))):
        assert text[word.start : word.start + len(word.before)] == word.before
        assert word.after is not None
        text = text[: word.start] + word.after + text[word.start + len(word.before) :]
    return text


@given(
    words=st.lists(
        st.sampled_from(
            ["über", "Straße", "Äpfel", "groß", "déjà", "ñandú", "žluťoučký", "kůň", "şöyle", "ağaç", "ığdır"]
        ),
        min_size=1,
    )
)
def test_text_read_as_latin_1_is_restored(words: list[str]) -> None:
    text = " ".join(words)
    assert restore(text.encode().decode("latin-1"), "Latin") == text


@given(
    script=st.sampled_from([("Cyrillic", "а", "я"), ("Greek", "α", "ω"), ("Arabic", "ب", "غ"), ("Thai", "ก", "ฮ")]),
    data=st.data(),
)
def test_sound_words_of_a_script_are_never_restored(script: tuple[str, str, str], data: st.DataObject) -> None:
    name, first, last = script
    letters = [chr(code) for code in range(ord(first), ord(last) + 1)]
    text = data.draw(st.text(st.sampled_from([*letters, " ", "\n", ".", ",", "«", "»", "–", "“", "”"]), max_size=80))
    assert not list(find_damaged_words(text, scripts=(name,), code_pages=(), restores_no_break_space=True))


@given(
    st.text(st.characters(min_codepoint=32, max_codepoint=0x24F), max_size=40).filter(lambda text: "\\u" not in text)
)
def test_every_text_that_was_misread_looks_damaged(text: str) -> None:
    misread = text.encode().decode("latin-1")
    assert misread == text or looks_damaged(misread)


@pytest.mark.parametrize(
    ("text", "scripts", "code_pages", "expected"),
    [
        ("Das cafÃ© hat geÃ¶ffnet", ("Latin",), (), "Das café hat geöffnet"),
        ("â€œJaâ€\x9d", ("Latin",), (), "“Ja”"),
        ("РџСЂРёРІРµС‚ РјРёСЂ", ("Cyrillic",), (), "Привет мир"),
        ("Ïðèâåò, äîáðûé äðóã", ("Cyrillic",), ("windows-1251",), "Привет, добрый друг"),
        ("縺薙ｓ縺ｫ縺｡縺ｯ", ("Han", "Hiragana", "Katakana"), (), "こんにちは"),
        ("caf\\u00e9", ("Latin",), (), "café"),
        ("erste Zeile\nzweite Ã¼ber", ("Latin",), (), "erste Zeile\nzweite über"),
    ],
)
def test_damage_is_undone(text: str, scripts: tuple[str, ...], code_pages: tuple[str, ...], expected: str) -> None:
    assert looks_damaged(text)
    assert restore(text, *scripts, code_pages=code_pages) == expected


@pytest.mark.parametrize("text", ["café à la carte", "Ångström", "PÃO", "naïve", "C:\\Users", "日本語", "сыр"])
def test_sound_text_is_left_alone(text: str) -> None:
    assert not list(damaged(text, "Latin", "Cyrillic", "Han"))


def test_what_it_was_may_be_lost() -> None:
    """The word is found, and nothing is put in its place: a result in a foreign script is no restoration."""
    (word,) = damaged("РџСЂРёРІРµС‚", "Latin")
    assert (word.start, word.before, word.after) == (0, "РџСЂРёРІРµС‚", None)


def test_a_table_of_letters_is_no_old_code_page() -> None:
    assert not list(damaged("àáâãäå æçèéêë", "Cyrillic", code_pages=("windows-1251",)))


def test_a_result_in_a_foreign_script_is_not_plausible() -> None:
    german, russian = Writing(("Latin",)), Writing(("Cyrillic",))
    assert german.is_plausible("Käse 5 €")
    assert not german.is_plausible("сыр")
    assert russian.is_plausible("сыр brie")
    assert not russian.is_plausible("\ue000")


def test_what_proves_that_a_word_was_damaged() -> None:
    greek, latin = Writing(("Greek",)), Writing(("Latin",))
    assert latin.proves("Ã¼ber", "über"), "it looks wrong"
    assert greek.proves("ìÝñá", "μέρα"), "it becomes a word of the language's own script"
    assert not latin.proves("Schuhe", "Schuhé")
    assert not latin.proves("über", "сыр"), "not in a script of the language"


def test_a_blank_may_be_the_rest_of_a_letter() -> None:
    text = "voilÃ  le cafÃ© Ã  midi"
    found = list(find_damaged_words(text, scripts=("Latin",), code_pages=(), restores_no_break_space=True))
    for word in reversed(found):
        text = text[: word.start] + (word.after or "") + text[word.start + len(word.before) :]
    assert text == "voilà le café à midi"


@pytest.mark.parametrize(
    "text",
    [
        "ÏðÈâÅò äÎáÐûé",  # read as Cyrillic its capitals would stand inside words
        "Ïðèâåò",  # one word proves nothing
        "Ïðè áðû",  # nor do short ones
    ],
)
def test_an_old_code_page_must_make_words(text: str) -> None:
    assert not [word for word in damaged(text, "Cyrillic", code_pages=("windows-1251",)) if word.after]


def test_kana_that_lost_a_byte_are_found_and_not_restored() -> None:
    (word,) = damaged("縺薙ｓ縺ｫ縺｡縺", "Han", "Hiragana", "Katakana")
    assert (word.before, word.after) == ("縺薙ｓ縺ｫ縺｡縺", None)
