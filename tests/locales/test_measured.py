"""Figures of the kinds: what they switch off, and what is told of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from midb import locales
from midb.cli import about
from midb.detectors import KindSelection, _choose_detectors, kinds
from midb.locales import LANGUAGES, load, measured


@pytest.fixture
def wrong_findings(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Half of what the kind of inverted marks finds is wrong."""
    figures = {"precision": {"inverted-marks": {"es": [10, 20]}, "mojibake": {"es": [1, 9], "de": [9, 10]}}}
    monkeypatch.setattr(measured, "figures", lambda: figures)
    load.cache_clear()
    yield
    load.cache_clear()


@pytest.mark.usefixtures("wrong_findings")
def test_a_kind_that_errs_is_off_in_that_language_and_says_why(capsys: pytest.CaptureFixture[str]) -> None:
    reason = kinds()["inverted-marks"].abstention(load("es"))
    assert reason == "of 20 findings that people read 10 were right, which is 50 %; the aim is 95 %"
    chosen = _choose_detectors(load("es"), KindSelection.parse(), True)
    assert "inverted-marks" not in set().union(*(wanted for _, _, wanted, _ in chosen))
    about.list_kinds(language="es")
    assert f"not in es: {reason}" in capsys.readouterr().out


def test_a_single_wrong_repair_of_a_few_switches_a_kind_off(monkeypatch: pytest.MonkeyPatch) -> None:
    figures = {"precision": {"mojibake": {"es": [20, 21]}}, "edits": {"mojibake": {"es": [8, 9], "de": [200, 201]}}}
    monkeypatch.setattr(measured, "figures", lambda: figures)
    load.cache_clear()
    reason = kinds()["mojibake"].abstention(load("es"))
    assert reason == "of 9 repairs that people read 8 were right, which is 88.9 %; the aim is 99.5 %"
    assert kinds()["mojibake"].abstention(load("de")) is None
    load.cache_clear()


@pytest.mark.usefixtures("wrong_findings")
def test_too_few_findings_prove_nothing() -> None:
    assert kinds()["mojibake"].abstention(load("es")) is None
    assert kinds()["mojibake"].abstention(load("de")) is None


def test_what_natives_say_comes_first() -> None:
    assert "agreed upon" in (kinds()["quotation-marks"].abstention(load("ar")) or "")


def test_a_low_recall_is_told_and_switches_nothing_off(capsys: pytest.CaptureFixture[str]) -> None:
    few = measured.KindFigures(injected=20, found=10)
    assert few.reason is None
    assert few.describe().endswith("below the aim of 95 %")
    about.list_kinds(language="it")
    assert "measured: of" in capsys.readouterr().out


def test_the_file_knows_only_kinds_and_languages() -> None:
    path = Path(locales.__file__).with_name("measured.json")
    for by_kind in json.loads(path.read_text(encoding="utf-8")).values():
        assert set(by_kind) <= set(kinds())
        for by_language in by_kind.values():
            assert set(by_language) <= {*LANGUAGES, "all"}


@pytest.mark.parametrize(
    ("right", "of", "low", "high"), [(81, 263, 0.255, 0.366), (15, 148, 0.062, 0.160), (0, 20, 0.0, 0.161)]
)
def test_intervals_are_those_of_the_literature(right: int, of: int, low: float, high: float) -> None:
    """The first three examples of Newcombe, Statistics in Medicine 17 (1998), method 3."""
    assert measured.wilson(right, of) == pytest.approx((low, high), abs=6e-4)
