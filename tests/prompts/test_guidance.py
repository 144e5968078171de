"""What a native editor keeps in mind: complete for every language, and nothing for one that nobody knows."""

from __future__ import annotations

import re

import pytest

from midb.locales import LANGUAGES, UNKNOWN, load
from midb.prompts.guidance import LABELS, Guidance, guidance


@pytest.mark.parametrize("code", LANGUAGES)
def test_every_language_has_guidance(code: str) -> None:
    items = guidance(load(code))
    assert [item["label"] for item in items] == list(LABELS.values())
    for item in items:
        assert re.fullmatch(r"[^\n]{40,480}\.", item["text"]), f"{item['label']}: {item['text']}"
        assert "  " not in item["text"]
    assert len({item["text"] for item in items}) == len(LABELS)


def test_no_two_languages_share_their_guidance() -> None:
    """A sentence copied from another language is a sentence nobody checked, but for measures and money."""
    for key in ("address", "writing", "pitfalls", "names"):
        texts = [getattr(load(code).get(Guidance), key) for code in LANGUAGES]
        assert len(set(texts)) == len(LANGUAGES)


def test_an_unknown_language_has_no_guidance() -> None:
    assert guidance(UNKNOWN) == []
