"""Chinese sentences among Japanese and Korean ones."""

from __future__ import annotations

import pytest

from midb.text.forms.chinese import find_chinese_sentences, is_chinese_only, is_written_in_own_script


def found(text: str) -> list[str]:
    return [text[start:end] for start, end in find_chinese_sentences(text)]


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("重要です。政府应该采取措施，促进消费。以上です。", ["政府应该采取措施，促进消费"]),
        ("그래서 중요합니다. \n政府应该采取适当的措施。", ["政府应该采取适当的措施"]),
        ("我們應該採取措施，這樣很好！", ["我們應該採取措施，這樣很好"]),
        ("東京都千代田区霞が関一丁目。", []),
        ("国際連合安全保障理事会決議。", []),
        ("三国志、水滸伝、西遊記、紅楼夢。", []),
        ("这们", []),
        ("Only Latin letters here.", []),
        ("彼は「我们应该采取措施」と言った。", ["我们应该采取措施"]),
    ],
)
def test_a_sentence_is_chinese_where_japanese_has_no_such_characters(text: str, sentences: list[str]) -> None:
    assert found(text) == sentences


@pytest.mark.parametrize("character", "应适场产这们嗎")
def test_characters_that_japanese_does_not_write(character: str) -> None:
    assert is_chinese_only(character)


@pytest.mark.parametrize("character", "応適場産国学会議")
def test_characters_that_it_writes(character: str) -> None:
    assert not is_chinese_only(character)


def test_kana_and_hangul_show_the_own_script() -> None:
    assert is_written_in_own_script("重要です")
    assert is_written_in_own_script("중요")
    assert not is_written_in_own_script("政府应该、・ー")
