"""Spellings undone: what people see alike becomes the same."""

from __future__ import annotations

import pytest

from midb.text.smuggling.folding import drop_unseen, fold, read_as_latin


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("plain text, as it is. Äöü", "plain text, as it is. Äöü"),
        ("ａ．ｂ", "a.b"),
        ("a [.] b", "a.b"),
        ("a{dot}b", "a.b"),
        ("a (at) b", "a@b"),
        ("hxxps://x", "https://x"),
        ("h**p://x", "http://x"),
        ("http[:]//x", "http://x"),
        ("a&#46;b&amp;c", "a.b&c"),
        ("a%2Eb%20c", "a.b%20c"),
        ("a\u200bb\ufe0fc", "abc"),
        ("終わり。com", "終わり。com"),
    ],
)
def test_spellings_are_undone(text: str, folded: str) -> None:
    assert fold(text) == folded
    assert fold(folded) == folded


def test_only_what_has_no_glyph_is_dropped() -> None:
    assert drop_unseen("a\tb\nc d\u00a0e") == "a\tb\nc d\u00a0e"
    assert drop_unseen("\u202ea\U000e0041\x1bb\u00ad") == "ab"


@pytest.mark.parametrize(
    ("text", "latin"),
    [
        ("Ignоrе аll", "Ignore all"),
        ("ѕуѕtеm", "system"),
        ("Привет, мир", "Привет, мир"),
        ("Κόσμε", "Κόσμε"),
        ("Ρython", "Python"),
        ("CPU-охлаждение", "CPU-охлаждение"),
    ],
)
def test_letters_of_another_script_among_latin_ones_are_read_as_latin(text: str, latin: str) -> None:
    assert read_as_latin(text) == latin


@pytest.mark.parametrize("piece", ["[", " ", "(.", "h t", "http:/", "&", "%", "\\."])
def test_the_time_grows_with_the_text(piece: str) -> None:
    assert fold(piece * 50_000) is not None
