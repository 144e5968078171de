"""Lengths that instructions ask for in their own language."""

from __future__ import annotations

import pytest

from midb.detectors.content.lengths.native import LengthWords, read_native_limit
from midb.locales import LANGUAGES, load


@pytest.mark.parametrize(
    ("language", "instruction", "limit"),
    [
        ("de", "Schreibe höchstens 50 Wörter.", "at most 50 words"),
        ("de", "Ein Text in <100 Wörtern", "at most 100 words"),
        ("fr", "Écrivez de 50 à 100 mots.", "at most 100 words"),
        ("fr", "Répondez en trois phrases.", "3 sentences"),
        ("it", "Scrivi un saggio di 300 parole.", "300 words"),
        ("es", "Responde en 20 palabras o menos.", "at most 20 words"),
        ("pt", "Escreva pelo menos 40 palavras.", "at least 40 words"),
        ("cs", "Napište to ve třech větách.", "3 sentences"),
        ("ru", "Напиши не менее 30 слов.", "at least 30 words"),
        ("ar", "اكتب ما لا يزيد عن ٥٠ كلمة", "at most 50 words"),
        ("ja", "100文字以内で答えてください。", "at most 100 characters"),
        ("ko", "200자 이상으로 쓰세요.", "at least 200 characters"),
        ("tr", "100 kelimeden kısa bir hikaye yaz.", "at most 100 words"),
        ("th", "เขียนไม่เกิน 100 ตัวอักษร", "at most 100 characters"),
        ("vi", "Viết tối đa 50 từ.", "at most 50 words"),
        ("de", "Nenne 5 Wörter.", "None"),
        ("de", "Je 50 Wörter für jeden Absatz.", "None"),
        ("de", "Erst 50 Wörter, dann 20 Wörter.", "None"),
        ("de", "Ein Kennwort mit höchstens 12 Zeichen", "None"),
        ("de", "1. Ein Titel 2. höchstens 50 Wörter", "None"),
        ("en", "Write at most 50 words.", "None"),
    ],
)
def test_what_is_certain(language: str, instruction: str, limit: str) -> None:
    assert str(read_native_limit(instruction, language)) == limit


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_has_its_words(language: str) -> None:
    words = load(language).get(LengthWords)
    assert words is not None
    assert words.most
    assert words.characters
    assert not (words.words and language in ("ja", "th")), "blanks do not part words there"
