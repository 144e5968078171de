"""Lengths of texts, however one counts."""

from __future__ import annotations

import pytest

from midb.detectors.content.lengths.counts import LengthCount, count
from midb.detectors.content.lengths.requests import Measure


@pytest.mark.parametrize(
    ("measure", "text", "language", "counted"),
    [
        (Measure.WORDS, "Ein Hund – zwei Katzen.", "de", LengthCount(4, 4)),
        (Measure.WORDS, "1. Hund\n2. Katze", "de", LengthCount(2, 2)),
        (Measure.WORDS, "개가 달린다", "ko", LengthCount(2, 4)),
        (Measure.WORDS, "con chó già", "vi", LengthCount(2, 3)),
        (Measure.CHARACTERS, "a b\nc", "de", LengthCount(3, 5)),
        (Measure.SENTENCES, "Er kommt heute? Sie auch! Wirklich.", "de", LengthCount(3, 3)),
        (Measure.SENTENCES, "Das ist z. B. richtig", "de", LengthCount(0, 3)),
        (Measure.SENTENCES, "猫がいる。犬がいる。", "ja", LengthCount(2, 2)),
        (Measure.SENTENCES, "Trẻ em đi bộ. TP. HCM đẹp.", "vi", LengthCount(2, 3)),
        (Measure.SENTENCES, "Anak itu tua. Kucing, anjing dll. Ada.", "id", LengthCount(2, 3)),
        (Measure.SENTENCES, "눈이 온다. 비가 온다.", "ko", LengthCount(2, 2)),
        (Measure.SENTENCES, "ohne Punkt", "de", LengthCount(0, 1)),
        (Measure.LINES, "Titel:\neine Zeile\nnoch eine", "de", LengthCount(2, 3)),
        (Measure.LINES, "eine Zeile / noch eine", "de", LengthCount(1, 2)),
        (Measure.PARAGRAPHS, "Ein Absatz.\nEine Zeile.\n\nNoch einer.", "de", LengthCount(2, 3)),
        (Measure.PARAGRAPHS, "Titel\n\nEin Absatz.", "de", LengthCount(1, 2)),
    ],
)
def test_counts(measure: Measure, text: str, language: str, counted: LengthCount) -> None:
    assert count(measure, text, language) == counted


@pytest.mark.parametrize(
    ("measure", "language"), [(Measure.WORDS, "ja"), (Measure.WORDS, "th"), (Measure.SENTENCES, "th")]
)
def test_what_nobody_can_count(measure: Measure, language: str) -> None:
    assert count(measure, "…", language) is None
