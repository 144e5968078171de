"""Originals that are those of other records are noticed, and those of the record itself are not."""

from __future__ import annotations

import pytest

from midb.corpus.source_fit import SourceFit, find_misfit, measure_fit
from midb.domain.pairs import InstructionPair

ROOM = InstructionPair(instruction="Calculate the area of a 3 by 7 room.", input="", response="21 square meters.")
CITY = InstructionPair(instruction="Name the capital of Germany.", input="", response="The capital is Berlin.")
LONG = InstructionPair(instruction="Write a story.", input="Once", response="There was a king who had no sons. " * 30)


@pytest.mark.parametrize(
    ("texts", "source"),
    [
        (("Nenne zwei Farben.", "", "Rot und Blau."), ROOM),
        (("Wie viel ist 12 mal 14?", "", "Das ergibt 168."), ROOM),
        (("Nenne einen Fluss.", "", "Der Rhein."), LONG),
        (("色を三つ挙げてください。", "", "赤、青、緑です。"), ROOM),
    ],
)
def test_an_original_of_another_record_is_noticed(texts: tuple[str, str, str], source: InstructionPair) -> None:
    pair = InstructionPair(instruction=texts[0], input=texts[1], response=texts[2])
    assert find_misfit(pair, source)


@pytest.mark.parametrize(
    ("texts", "source"),
    [
        (("Berechne die Fläche eines Raums von 3 mal 7 Metern.", "", "21 Quadratmeter."), ROOM),
        (("Nenne die Hauptstadt von Deutschland.", "", "Die Hauptstadt heißt Berlin."), CITY),
        (("ドイツの首都の名前を教えてください。", "", "首都はベルリンです。"), CITY),
        (("Nenne die Hauptstadt von Deutschland.", "", ""), CITY),
        (("Erzähle eine Geschichte.", "Einst", "Es war ein König, der hatte keine Söhne. " * 28), LONG),
        (("Erzähle eine Geschichte.", "Einst", ""), LONG),
    ],
)
def test_the_original_of_the_record_is_left_in_peace(texts: tuple[str, str, str], source: InstructionPair) -> None:
    pair = InstructionPair(instruction=texts[0], input=texts[1], response=texts[2])
    assert find_misfit(pair, source) == ""


@pytest.mark.parametrize(
    ("misfits", "misaligned", "told"),
    [(0, False, ""), (1, False, ""), (5, False, "those are not used"), (60, True, "none is used")],
)
def test_a_few_are_left_out_and_many_put_all_in_doubt(misfits: int, misaligned: bool, told: str) -> None:
    fit = measure_fit([(f"#{n}", "it has other numbers" if n < misfits else "") for n in range(100)])
    assert (fit.misaligned, told in fit.describe(), bool(fit.describe())) == (misaligned, True, bool(told))
    assert not told or "#0: it has other numbers" in fit.describe()


def test_two_records_are_no_sample() -> None:
    assert not SourceFit(2, 2, "#0: x").misaligned
