"""How close two texts are."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from types import ModuleType, SimpleNamespace

import pytest

from midb.training.measuring.closeness import find_chrf, measure_distance


@pytest.fixture(autouse=True)
def afresh() -> Iterator[None]:
    find_chrf.cache_clear()
    yield
    find_chrf.cache_clear()


def test_the_distance_is_of_each_character_of_the_target() -> None:
    assert measure_distance("abcd", "abXd") == 0.25
    assert measure_distance("", "abcd") == 1.0
    assert measure_distance("abcdabcd", "abcd") == 1.0
    assert measure_distance("ab", "") == 2.0


def test_without_sacrebleu_there_is_no_chrf(monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "sacrebleu" else find(name))
    assert find_chrf() is None


def test_sacrebleu_is_asked_for_single_texts(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a stand-in, as it need not be installed."""

    class CHRF:
        def sentence_score(self, text: str, targets: list[str]) -> SimpleNamespace:
            return SimpleNamespace(score=100.0 if [text] == targets else 12.5)

    metrics = ModuleType("sacrebleu.metrics")
    metrics.CHRF = CHRF  # type: ignore[attr-defined]
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object())
    monkeypatch.setitem(sys.modules, "sacrebleu", ModuleType("sacrebleu"))
    monkeypatch.setitem(sys.modules, "sacrebleu.metrics", metrics)
    chrf = find_chrf()
    assert chrf is not None
    assert (chrf("a", "a"), chrf("a", "b")) == (100.0, 12.5)


def test_sacrebleu_itself() -> None:
    pytest.importorskip("sacrebleu", reason="an extra: pip install '.[measure]'")
    chrf = find_chrf()
    assert chrf is not None
    assert chrf("Der Himmel ist blau.", "Der Himmel ist blau.") == 100.0
    assert 0 < chrf("Der Himmel ist rot.", "Der Himmel ist blau.") < 100
    assert chrf("abc", "xyz") == 0.0
