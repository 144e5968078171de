"""How instructions ask, and how it is told of a corpus."""

from __future__ import annotations

import pytest

from midb.locales import LANGUAGES, load
from midb.text.subjects.instruction_forms import (
    FormTally,
    InstructionForms,
    RegionalWords,
    find_forms,
    find_regions,
)


@pytest.mark.parametrize(
    ("language", "instruction", "form"),
    [
        ("de", "Könnten Sie mir helfen?", "Sie"),
        ("de", "Was meinst du dazu?", "du"),
        ("fr", "Écrivez une phrase.", "vous"),
        ("fr", "Écris une phrase.", "tu"),
        ("fr", "Écrire une phrase.", "infinitive"),
        ("it", "Scrivi una frase.", "tu"),
        ("it", "Scriva una frase.", "Lei"),
        ("es", "Escribe una frase.", "tú"),
        ("es", "Escriba una frase.", "usted"),
        ("es", "Escribir una frase.", "infinitive"),
        ("pt", "Escreva uma frase.", "você"),
        ("pt", "Escreve uma frase.", "tu"),
        ("cs", "Napište větu.", "vy"),
        ("cs", "Napiš větu.", "ty"),
        ("cs", "Napsat větu.", "infinitive"),
        ("ru", "Напишите предложение.", "вы"),
        ("ru", "Напиши предложение.", "ты"),
        ("el", "Γράψτε μια πρόταση.", "πληθυντικός"),
        ("el", "Γράψε μια πρόταση.", "ενικός"),
        ("tr", "Bir cümle yazın.", "siz"),
        ("tr", "Bir cümle yaz.", "sen"),
        ("ko", "문장을 작성하십시오.", "-십시오"),
        ("ko", "문장을 작성하세요.", "-세요"),
        ("ko", "문장을 작성해라.", "-라"),
        ("ja", "文を書いてください。", "ください"),
        ("ja", "文を書きなさい。", "なさい"),
        ("ar", "صف المدينة.", "imperative"),
        ("ar", "وصف المدينة.", "verbal noun"),
        ("ar", "قم بوصف المدينة.", "قم بـ"),
    ],
)
def test_what_shows_a_form(language: str, instruction: str, form: str) -> None:
    assert find_forms(instruction, language) == (form,)


@pytest.mark.parametrize(
    ("language", "instruction"),
    [
        ("de", "Wie hoch ist der Turm?"),
        ("de", "Sie kommen aus Berlin."),
        ("es", "¿Qué es un río?"),
        ("tr", "Ankara nerede?"),
        ("ko", "강은 무엇인가"),
        ("id", "Tulis satu kalimat."),
        ("th", "เขียนประโยค"),
        ("und", "Nenne drei Farben."),
        ("de", ""),
    ],
)
def test_what_shows_none(language: str, instruction: str) -> None:
    assert find_forms(instruction, language) == ()


def test_a_text_behind_the_instruction_is_not_looked_at() -> None:
    assert find_forms("Nenne den Absender.\nKönnten Sie mir helfen?", "de") == ("du",)


def test_a_mixed_corpus_is_told() -> None:
    tally = FormTally()
    for number in range(30):
        tally.add(find_forms("Nennen Sie drei." if number % 3 else "Nenne drei.", "de"), "de")
        tally.add(find_forms("Nomme-moi.", "fr"), "fr")
        tally.add(find_forms("Bir cümle yazın.", "tr"), "tr")
    assert tally.describe() == ["de: 20 Sie, 10 du"]


def test_one_slip_is_no_habit() -> None:
    tally = FormTally()
    for _ in range(99):
        tally.add(find_forms("Nennen Sie drei.", "de"), "de")
    tally.add(find_forms("Nenne drei.", "de"), "de")
    assert tally.describe() == []


def test_a_few_instructions_are_no_corpus() -> None:
    tally = FormTally()
    tally.add(find_forms("Nennen Sie drei.", "de"), "de")
    tally.add(find_forms("Nenne drei.", "de"), "de")
    assert tally.describe() == []


def test_every_table_has_several_forms() -> None:
    known = [section for code in LANGUAGES if (section := load(code).get(InstructionForms))]
    assert len(known) >= 12
    assert all(len(section.compiled) > 1 for section in known)


@pytest.mark.parametrize(
    ("language", "text", "regions"),
    [
        ("pt", "O usuário abriu o arquivo.", ("Brasil",)),
        ("pt", "O utilizador abriu o ficheiro no ecrã.", ("Portugal",)),
        ("pt", "O fenómeno foi estudado pela equipe.", ("Brasil", "Portugal")),
        ("pt", "A casa é grande.", ()),
        ("es", "Enciende el ordenador.", ("España",)),
        ("es", "Encienda la computadora.", ("América",)),
        ("de", "Der Computer.", ()),
        ("und", "computadora", ()),
    ],
)
def test_words_of_a_region(language: str, text: str, regions: tuple[str, ...]) -> None:
    assert find_regions(text, language) == regions


def test_every_table_of_regions_has_several() -> None:
    known = [section for code in LANGUAGES if (section := load(code).get(RegionalWords))]
    assert len(known) >= 2
    assert all(len(section.compiled) > 1 for section in known)
