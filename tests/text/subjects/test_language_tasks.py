"""Tasks that foreign words belong to: the instruction says so, in its own language or in that of its source."""

from __future__ import annotations

import pytest
from examining import inspection

from midb.domain.pairs import InstructionPair
from midb.locales import LANGUAGES, load
from midb.text.subjects.language_tasks import LanguageTask, LanguageTasks


def task(code: str, instruction: str, source: str | None = None) -> LanguageTask:
    section = load(code).get(LanguageTasks)
    assert section is not None
    original = None if source is None else InstructionPair(instruction=source)
    return LanguageTask(inspection(code, InstructionPair(instruction=instruction, response="x"), original), section)


@pytest.mark.parametrize("code", LANGUAGES)
def test_every_word_of_a_table_says_what_the_task_is_about(code: str) -> None:
    section = load(code).get(LanguageTasks)
    assert section is not None
    assert all(word == word.lower() for word in (*section.languages, *section.material))
    for word in section.languages:
        assert task(code, f"… {word} …").about_languages
    for word in section.material:
        assert task(code, f"… {word} …").about_material


@pytest.mark.parametrize(
    ("code", "instruction", "languages", "material"),
    [
        ("de", "Übersetze das ins Französische.", True, False),
        ("de", "Finde ein Synonym für das Wort.", False, True),
        ("de", "Wie kocht man Reis?", False, False),
        ("ja", "次の文を英語に翻訳してください。", True, True),
        ("ja", "ご飯の炊き方を教えてください。", False, False),
        ("ar", "ترجم هذا إلى الإنجليزية", True, False),
        ("ru", "Как сварить рис?", False, False),
    ],
)
def test_what_an_instruction_says(code: str, instruction: str, languages: bool, material: bool) -> None:
    found = task(code, instruction)
    assert found.about_languages is languages
    assert found.about_material is material


def test_the_english_source_may_say_it_instead() -> None:
    assert task("de", "Tu das.", "Translate this.").about_languages
    assert task("de", "Tu das.", "Find a rhyme.").about_material
    assert not task("de", "Tu das.", "Boil some rice.").about_languages


def test_an_instruction_left_in_english_says_it_in_english() -> None:
    english = "Translate what my neighbour says into Arabic, please."
    assert task("ko", english).about_languages
    assert not task("ko", "Describe what my neighbour says about the weather.").about_languages
    # An English word alone makes no English instruction, and who looks for English reads none.
    assert not task("ko", "카페 Verb 에서 커피를 마실 시간을 정해 보세요.").about_material
    found = task("ko", english)
    found.reads_english = False
    assert not found.about_languages


def test_another_text_of_the_pair_may_name_a_language() -> None:
    found = task("de", "Tu das.")
    assert found.names_a_language("Auf Englisch heißt es …")
    assert not found.names_a_language("Der Reis ist gar.")
