"""The paced drafter: it stops asking on new text, and notices a copy."""

from __future__ import annotations

import random
from collections.abc import Sequence

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings
from replayed_texts import SOON, check_draft, decode, edit, make_text

from midb.kernels.engine.drafting.draft import Draft, Drafter
from midb.kernels.engine.drafting.pacing import PacedDrafter
from midb.kernels.engine.drafting.survival import SurvivalTable

few_tokens = st.lists(st.integers(0, 4), max_size=30)


class Asked(Drafter):
    """Counts how often it is asked."""

    times = 0

    def propose(self, limit: int) -> Draft:
        self.times += 1
        return super().propose(limit)


@pytest.mark.parametrize("share", [0.0, 0.03, 0.12])
def test_while_drafts_are_verified_it_is_asked_in_every_step(share: float) -> None:
    chance, table, paced_table = random.Random(7), SurvivalTable(), SurvivalTable()
    for _ in range(20):
        text = make_text(chance, 150)
        output = edit(text, share, chance)
        plain = list(decode(Drafter(text, text, table), output, 16, least=0.3))
        assert list(decode(PacedDrafter(Drafter(text, text, paced_table)), output, 16, least=0.3)) == plain


def asked(paced: PacedDrafter, drafter: Asked, output: Sequence[int]) -> list[bool]:
    """Of each token of an output, decoded without drafts, whether the drafter was asked for it."""
    found = []
    for token in output:
        before = drafter.times
        paced.propose(16)
        paced.extend([token], 0)
        found.append(drafter.times > before)
    return found


def test_on_new_text_it_is_asked_no_more() -> None:
    drafter = Asked(range(1_000), [], SurvivalTable())
    assert asked(PacedDrafter(drafter), drafter, range(1_000, 1_400)) == [True] * 8 + [False] * 392


def test_it_is_asked_where_the_latest_tokens_tell_what_follows() -> None:
    drafter = Asked([1, 2, 3, 4, 5, 9, 4, 5, 8], [], SurvivalTable())
    paced = PacedDrafter(drafter)
    asked(paced, drafter, range(100, 120))
    # After 2, 3 comes 4; after 4, 5 there came 9 and 8; after 9, 4 comes 5.
    assert asked(paced, drafter, [2, 3, 77, 4, 5, 77, 9, 4, 77]) == [False, False, True, *[False] * 5, True]


def test_where_rows_are_dear_only_what_is_likely_enough_wakes_it() -> None:
    """A longer match is likelier to go on."""

    def wake(least: float) -> int | None:
        drafter = Asked([*range(20), 90, *range(20, 40)], [], SurvivalTable())
        paced = PacedDrafter(drafter)
        asked(paced, drafter, range(100, 120))
        for length, token in enumerate([2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15], start=1):
            before = drafter.times
            paced.propose(16, least)
            if drafter.times > before:
                return length - 1  # tokens that it had seen
            paced.extend([token], 0)
        return None

    assert wake(0.0) == 2
    assert 2 < (wake(0.6) or 0) < 8
    assert wake(0.99) is None


def test_a_copy_whose_rows_are_too_dear_is_still_known_for_one() -> None:
    """They may be cheap again later."""
    text = list(range(400))
    drafter = Asked(text, [], SurvivalTable())
    before = drafter.propose(1).survival[0]
    assert all(asked(PacedDrafter(drafter), drafter, text[:300]))  # it is right each time
    assert drafter.propose(1).survival[0] > before


@pytest.mark.parametrize("new", [10, 40, 150, 151, 155, 163, 166])
@pytest.mark.parametrize("moved", [0, 60])
def test_after_new_text_a_copy_is_noticed(new: int, moved: int) -> None:
    text = list(range(200))
    output = [*text[:20], *range(1_000, 1_000 + new), *text[20 + moved :]]
    paced = PacedDrafter(Drafter(text, text, SurvivalTable()))
    noticed = [place for place, draft, agreed in decode(paced, output, 16, least=0.5) if place > 20 and agreed == 16]
    assert noticed[0] - (20 + new) <= SOON


@settings(max_examples=400)
@given(st.lists(st.tuples(st.integers(-1, 8), st.booleans(), st.integers(0, 9), few_tokens), max_size=40))
def test_whatever_is_emitted_does_a_paced_drafter_no_harm(history: list[tuple[int, bool, int, list[int]]]) -> None:
    """Steps without a proposal, or with one that is not used, included."""
    drafter = Drafter([1, 2, 3, 4, 2, 3, 0], [0, 1, 2], SurvivalTable())
    paced = PacedDrafter(drafter)
    for limit, asked, drafted, emitted in history:
        if asked:
            check_draft(paced.propose(limit), limit, drafter, range(7))
        paced.extend(emitted, drafted)


def test_steps_without_room_for_drafts_do_not_send_it_to_sleep() -> None:
    """A prompt may fill many of them; whether a text is copied, nobody has tried."""
    text = list(range(100))
    paced = PacedDrafter(Drafter(text, [], SurvivalTable()))
    for token in text[:40]:
        paced.extend([token], 0)
    assert paced.propose(8).tokens == tuple(range(40, 48))


def test_nothing_seen_while_watching_is_forgotten() -> None:
    """It is known when it comes again."""
    passage = list(range(2_000, 2_060))
    output = [*range(1_000, 1_200), *passage, *range(3_000, 3_100), *passage]
    paced = PacedDrafter(Drafter([], [], SurvivalTable()))
    used = [(place, draft, agreed) for place, draft, agreed in decode(paced, output, 8, least=0.3) if draft.tokens]
    assert sum(agreed for _, _, agreed in used) > 30
    assert all(agreed == min(len(draft.tokens), len(output) - place) for place, draft, agreed in used)
