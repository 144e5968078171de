"""Diffs as an auditor reads them: long rewrites word by word, short edits on one line, hidden blanks made visible."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from midb.domain.edits import Edit
from midb.domain.pairs import Field
from midb.text.diffs import ALIGNED, COARSE, compare_texts, find_hunks
from midb.text.rendering import render_hunk, render_passage

WORDS = st.lists(
    st.sampled_from(["der ", "Hund ", "läuft ", "2.5 ", "日本", "の", "ไทย", "كلب ", "\n", "e\u0301 ", "👨‍👩‍👧"]),
    max_size=30,
).map("".join)


def lines(before: str, after: str, *, context: int | None = None) -> list[str]:
    """The lines that show what differs between two texts."""
    return [
        line.plain
        for hunk in compare_texts(before, after, context=context)
        for line in render_hunk(hunk, full=context is None, inline=True)
    ]


@settings(deadline=None)
@given(WORDS, WORDS)
def test_both_texts_are_there_whole(before: str, after: str) -> None:
    found = list(compare_texts(before, after, context=None))
    assert bool(found) == (before != after)
    for hunk in found:
        assert "".join(piece.text for piece in hunk.before) == before
        assert "".join(piece.text for piece in hunk.after) == after
        assert all(a.changed or a == b for a, b in zip(hunk.before, hunk.after, strict=True))


@settings(deadline=None)
@given(WORDS, WORDS, WORDS)
def test_an_edit_of_many_words_is_shown_by_what_differs(left: str, before: str, after: str) -> None:
    text = f"{left}{before}"
    edit = Edit(Field.RESPONSE, len(left), len(text), before, after, "k")
    for hunk in find_hunks(text, [edit], context=None):
        assert "".join(piece.text for piece in hunk.before) == text
        assert "".join(piece.text for piece in hunk.after) == f"{left}{after}"


def test_a_rewrite_is_shown_word_by_word() -> None:
    before = "Der schnelle braune Fuchs springt über den faulen Hund, und dann läuft er wieder weg."
    after = "Der schnelle rote Fuchs springt über den faulen Hund, und dann rennt er wieder weg."
    assert len(before) > COARSE
    assert lines(before, after, context=8) == [
        "  …chnelle [braune] → [rote] Fuchs s…",
        "  …nd dann [läuft] → [rennt] er wied…",
    ]


def test_languages_without_blanks_are_compared_by_clusters() -> None:
    assert lines("東京は日本の首都であり、大きい。", "東京は日本の首都で、大きい。") == [
        "  東京は日本の首都で[あり] → []、大きい。"
    ]
    (line,) = lines("เป็นเมืองที่ใหญ่ที่สุด", "เป็นนครที่ใหญ่ที่สุด")
    assert line == "  เป็น[เมือง] → [นคร]ที่ใหญ่ที่สุด"


def test_lines_that_stay_are_shown_once() -> None:
    assert lines("a\nb\nwenn x\nd\ne", "a\nb\nif x\nd\ne") == [
        "  a⏎",
        "  b⏎",
        "- [wenn] x⏎",
        "+ [if] x⏎",
        "  d⏎",
        "  e",
    ]
    assert lines("a\nb", "a b") == ["- a[⏎]", "- b", "+ a[␣]b"]


def test_right_to_left_text_has_no_arrow_and_is_isolated() -> None:
    shown = lines("السعر هو كبير", "السعر هو صغير")
    assert [line[:3] for line in shown] == ["- \u2068", "+ \u2068"]
    assert all(line.endswith("\u2069") and "→" not in line for line in shown)


def test_blanks_that_changed_are_seen() -> None:
    assert lines("50 %", "50\u00a0%") == ["  50[␣] → [\\u00a0]%"]
    assert lines("a ", "a") == ["  a[␣] → []"]


def test_texts_beyond_alignment_are_one_change() -> None:
    before = "x ".join(map(str, range(ALIGNED)))
    after = "y ".join(map(str, range(ALIGNED)))
    (hunk,) = compare_texts(f"same {before} end", f"same {after} end")
    assert [piece.changed for piece in hunk.before] == [False, True, False]
    shown = "".join(line.plain for line in render_hunk(hunk))
    assert len(shown) < 1_000
    assert "characters …" in shown


def test_a_passage_stands_in_brackets() -> None:
    assert (
        render_passage("Ein Truthahn zu Thanksgiving ist gut.", 16, 28, context=6).plain
        == "  …hn zu [Thanksgiving] ist g…"
    )
    assert render_passage("قطة صغيرة", 0, 3).plain == "  \u2068[قطة] صغيرة\u2069"
    assert render_passage("x\x1b[2J", 1, 2).plain == "  x[␛][2J"
