"""Words in their basic form, by the libraries that know them, and a clear sentence where they are missing."""

from __future__ import annotations

import importlib.util

import pytest

from midb.domain.errors import UsageError
from midb.evaluation.blend.lemmas import describe_lemmatizer, open_lemmatizer


@pytest.mark.parametrize("language", ["am", "as", "az", "ha", "su", "zh"])
def test_a_language_that_no_library_knows_has_its_words_as_they_are_written(language: str) -> None:
    assert open_lemmatizer(language)("Abá, abá! የቡና ቡና-ቤት") == {"aba", "የቡና", "ቡና", "ቤት"}
    assert describe_lemmatizer(language) == "none: words as they are written"


def test_marks_of_a_script_belong_to_its_words() -> None:
    assert len(open_lemmatizer("as")("পিঠা")) == 1


@pytest.mark.parametrize(
    ("language", "text", "words"),
    [
        ("en", "The fried chickens, eaten.", {"the", "fry", "chicken", "eat"}),
        ("es", "Los tacos", {"el", "taco"}),
        ("el", "μπισκότα", {"μπισκοτο"}),
    ],
)
def test_words_have_their_basic_form(language: str, text: str, words: set[str]) -> None:
    pytest.importorskip("simplemma", reason="the extra lemmas is not installed")
    assert open_lemmatizer(language)(text) == words
    assert describe_lemmatizer(language).startswith("simplemma ")


def test_korean_words_stand_without_particles_and_endings() -> None:
    pytest.importorskip("kiwipiepy", reason="the extra lemmas is not installed")
    words = open_lemmatizer("ko")
    assert words("치킨을 먹습니다.") >= words("치킨")
    assert words("치킨을 먹습니다.") & words("치킨이 먹는다")
    assert describe_lemmatizer("ko").startswith("kiwipiepy ")


@pytest.mark.parametrize(("language", "name"), [("en", "simplemma"), ("ko", "kiwipiepy")])
def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch, language: str, name: str) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda wanted: None)
    with pytest.raises(UsageError, match=f"{name}, which is not installed") as caught:
        open_lemmatizer(language)
    assert "'.[lemmas]'" in caught.value.hint
