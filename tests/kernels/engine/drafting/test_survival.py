"""The table of survival: what it states is what comes."""

from __future__ import annotations

import random

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings
from replayed_texts import decode, edit, make_text

from midb.kernels.engine.drafting.draft import Drafter
from midb.kernels.engine.drafting.survival import LONGEST, Source, SurvivalTable, find_level


@pytest.mark.parametrize("share", [0.02, 0.12, 0.4])
def test_survival_is_what_comes(share: float) -> None:
    chance, table = random.Random(6), SurvivalTable()
    bins = [[0, 0.0, 0] for _ in range(5)]
    for number in range(300):
        text = make_text(chance, 150)
        for _, draft, agreed in decode(Drafter(text, text, table), edit(text, share, chance), 16, least=0.2):
            for index, survival in enumerate(draft.survival if number >= 100 else ()):
                tally = bins[min(int(survival * 5), 4)]
                tally[0] += 1
                tally[1] += survival
                tally[2] += index < agreed
    for count, expected, came in bins:
        if count > 500:
            assert came / count == pytest.approx(expected / count, abs=0.12)
    total, expected, came = (sum(column) for column in zip(*bins, strict=True))
    assert came / total == pytest.approx(expected / total, abs=0.04)


@settings(max_examples=40)
@given(st.sampled_from(list(Source)), st.integers(0, 60), st.integers(0, 4), st.floats(0.02, 0.98), st.randoms())
def test_rates_converge_to_what_comes(
    source: Source, strength: int, level: int, rate: float, chance: random.Random
) -> None:
    table = SurvivalTable()
    seeded = random.Random(chance.getrandbits(32))
    for _ in range(3_000):
        accepted = seeded.random() < rate
        table.learn(source, strength, level, accepted=int(accepted), missed=not accepted)
    assert table.estimate_rate(source, strength, level) == pytest.approx(rate, abs=0.05)


def test_survival_is_the_product_of_rates() -> None:
    table = SurvivalTable()
    product = 1.0
    for length, survival in enumerate(table.estimate_survival(Source.TRACK, 3, 4, 20)):
        product *= table.estimate_rate(Source.TRACK, 3 + length, 4)
        assert survival == pytest.approx(product)
    repeat = table.estimate_survival(Source.DISPUTED, 2, 0, 2)
    assert repeat[1] == pytest.approx(
        table.estimate_rate(Source.DISPUTED, 2, 0) * table.estimate_rate(Source.REPEAT, 3, 0)
    )


@pytest.mark.parametrize(
    ("fidelity", "level"), [(0.0, 0), (0.19, 0), (0.2, 1), (0.45, 2), (0.74, 2), (0.75, 3), (0.93, 4), (1.0, 4)]
)
def test_fidelity_has_five_levels(fidelity: float, level: int) -> None:
    assert find_level(fidelity) == level


@pytest.mark.parametrize("source", Source)
def test_a_text_that_is_copied_more_is_trusted_more(source: Source) -> None:
    table = SurvivalTable()
    rates = [table.estimate_rate(source, 5, level) for level in range(5)]
    assert rates == sorted(rates)
    assert all(0 < rate < 1 for rate in rates)


def test_beyond_the_longest_match_length_does_not_count() -> None:
    table = SurvivalTable()
    table.learn(Source.REPEAT, 10 * LONGEST, 2, accepted=0, missed=True)
    rates = {table.estimate_rate(Source.REPEAT, length, 2) for length in (LONGEST, LONGEST + 1, 7 * LONGEST)}
    assert len(rates) == 1
    assert rates != {SurvivalTable().estimate_rate(Source.REPEAT, LONGEST, 2)}


def test_a_draft_counts_its_tokens_where_they_stood() -> None:
    """Its first token for its source, the others for what is followed by then; the missed one at its own length."""
    table, fresh = SurvivalTable(), SurvivalTable()
    table.learn(Source.JUMP, 1, 3, accepted=2, missed=True)

    def change(source: Source, strength: int) -> float:
        return table.estimate_rate(source, strength, 3) - fresh.estimate_rate(source, strength, 3)

    assert change(Source.JUMP, 1) > 0
    assert change(Source.TRACK, 3) < change(Source.TRACK, 2)
    assert change(Source.REPEAT, 2) == change(Source.LOST, 0) == 0


def test_curves_are_kept_until_enough_was_learnt() -> None:
    table = SurvivalTable()
    table.learn(Source.TRACK, 0, 2, accepted=0, missed=True)
    kept = table.estimate_survival(Source.TRACK, 0, 2, 4)
    for _ in range(10):
        table.learn(Source.TRACK, 0, 2, accepted=0, missed=True)
    assert table.estimate_survival(Source.TRACK, 0, 2, 4) == kept
    for _ in range(100):
        table.learn(Source.TRACK, 0, 2, accepted=0, missed=True)
    assert table.estimate_survival(Source.TRACK, 0, 2, 4)[0] < kept[0]


def test_tokens_that_are_not_worth_a_row_are_not_stated() -> None:
    table = SurvivalTable()
    curve = table.estimate_survival(Source.DISPUTED, 1, 0, 50)
    assert len(curve) < 50
    assert curve[-2] > 0.002 >= curve[-1] > 0
