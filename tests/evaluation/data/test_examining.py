"""Pairs examined on both sides: what is found, what has become more, and what is counted of texts."""

from __future__ import annotations

import pytest
from evaluated_runs import BROKEN, CLEAN, MENDED, make_sides

from midb.agent.state import PairContext
from midb.detectors import KindSelection, TooManyFindingsError
from midb.evaluation.data.examining import PairExaminer, examine_all

SELECTION = KindSelection.parse()


@pytest.fixture(scope="module")
def examiner() -> PairExaminer:
    return PairExaminer(SELECTION)


def test_a_repair_is_seen_in_the_text_itself(examiner: PairExaminer) -> None:
    found = examiner.examine(make_sides(BROKEN, MENDED))
    assert "broken-numbering" in found.findings_before
    assert "broken-numbering" not in found.findings_after
    assert found.changed
    assert found.introduced == {}


def test_harm_is_seen_whatever_anybody_says(examiner: PairExaminer) -> None:
    """The same pair the other way round: a tool that breaks what was right."""
    found = examiner.examine(make_sides(MENDED, BROKEN))
    assert found.introduced == {"broken-numbering": 1}


def test_what_stays_is_no_change(examiner: PairExaminer) -> None:
    found = examiner.examine(make_sides(BROKEN))
    assert not found.changed
    assert found.findings_before == found.findings_after != {}
    assert found.digests[0] == found.digests[1]


@pytest.mark.parametrize(
    ("text", "language", "own", "words"),
    [
        (CLEAN, "de", True, 20),
        ("The sky is blue because the air scatters the blue light of the sun.", "de", False, 14),
        ("Ja.", "de", None, 1),
        (
            "空は青いです。太陽の光が空気の中で散らばるからです。青い光は赤い光よりも強く散らばります。",
            "ja",
            True,
            None,
        ),
    ],
)
def test_language_and_words_of_a_response(
    examiner: PairExaminer, text: str, language: str, own: bool | None, words: int | None
) -> None:
    counted = examiner.examine(make_sides(text, language=language)).before
    assert (counted.own_language, counted.words, counted.characters) == (own, words, len(text))


def test_what_is_not_examined_says_why(examiner: PairExaminer, monkeypatch: pytest.MonkeyPatch) -> None:
    assert examiner.examine(make_sides("Hallo.", language="nl")).left == "other-language"

    def fail(*_: object) -> None:
        raise TooManyFindingsError("no end")

    monkeypatch.setattr(PairContext, "inspect", fail)
    assert examiner.examine(make_sides(BROKEN)).left == "too-many-findings"


def test_a_pair_that_takes_too_long_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    def stuck(*_: object) -> None:
        while True:
            pass

    monkeypatch.setattr(PairContext, "inspect", stuck)
    assert PairExaminer(SELECTION, 0.01).examine(make_sides(BROKEN)).left == "too-slow"


def test_processes_give_the_same_in_the_same_order() -> None:
    pairs = [make_sides(BROKEN if number % 3 else CLEAN, number=number) for number in range(150)]
    here = list(examine_all(pairs, SELECTION, 0))
    assert [one.sides.key for one in here] == [pair.key for pair in pairs]
    assert list(examine_all(pairs, SELECTION, 1)) == here
