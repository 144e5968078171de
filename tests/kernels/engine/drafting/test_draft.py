"""The drafter over thousands of histories: it does no harm, finds its place again, and knows how far it is right."""

from __future__ import annotations

import random
from collections.abc import Sequence

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings
from replayed_texts import SOON, check_draft, decode, edit, make_text

from midb.kernels.engine.drafting.draft import Draft, Drafter
from midb.kernels.engine.drafting.survival import Source, SurvivalTable

few_tokens = st.lists(st.integers(0, 4), max_size=30)
texts = st.lists(st.integers(0, 10_000), min_size=24, max_size=120, unique=True)


@settings(max_examples=400)
@given(
    few_tokens,
    few_tokens,
    st.lists(st.tuples(st.integers(-1, 20), st.integers(0, 20), st.lists(st.integers(0, 5), max_size=8)), max_size=12),
)
def test_whatever_is_emitted_does_no_harm(
    reference: list[int], context: list[int], history: list[tuple[int, int, list[int]]]
) -> None:
    table = SurvivalTable()
    drafter = Drafter(reference, context, table)
    known = {*reference, *context}
    for limit, drafted, emitted in history:
        draft = drafter.propose(limit)
        check_draft(draft, limit, drafter, reference)
        assert known.issuperset(draft.tokens)
        drafter.extend(emitted, drafted)
        known.update(emitted)
    for source in Source:
        assert all(0 < table.estimate_rate(source, strength, level) < 1 for strength in range(60) for level in range(5))


def test_thousands_of_histories_decode_what_comes() -> None:
    chance, table = random.Random(1), SurvivalTable()
    for _ in range(2_000):
        size = chance.choice((2, 5, 50))
        reference = [chance.randrange(size) for _ in range(chance.randrange(40))]
        output = edit(reference, chance.choice((0, 0.05, 0.3)), chance) + [0] * chance.randrange(3)
        drafter, limit, end = Drafter(reference, reference[::-1], table), chance.randint(1, 12), 0
        for place, draft, agreed in decode(drafter, output, limit, least=chance.random()):
            check_draft(draft, limit, drafter, reference)
            assert place >= end
            assert list(draft.tokens[:agreed]) == output[place : place + agreed]
            end = place + 1


@given(st.lists(st.integers(0, 3), min_size=1, max_size=150), st.integers(1, 32))
def test_an_unchanged_text_is_drafted_in_full(text: list[int], limit: int) -> None:
    drafter = Drafter(text, [], SurvivalTable())
    for place, draft, agreed in decode(drafter, text, limit):
        assert drafter.cursor == place
        assert agreed == len(draft.tokens) == min(limit, len(text) - place)
    assert drafter.cursor == len(text)


def after_edit(text: list[int], place: int, kind: str, new: list[int], size: int) -> tuple[list[int], int, int]:
    """The output; where in it the copy goes on; and where in the text."""
    resumed = place if kind == "insert" else place + size
    brought = [] if kind == "delete" else new[:size]
    return [*text[:place], *brought, *text[resumed:]], place + len(brought), resumed


def cursors(drafter: Drafter, output: Sequence[int]) -> list[int]:
    """The cursor after each token, with no draft verified."""
    found = []
    for token in output:
        drafter.propose(8)
        drafter.extend([token], 0)
        found.append(drafter.cursor)
    return found


@settings(max_examples=400)
@given(texts, st.data(), st.sampled_from(["substitute", "insert", "delete"]), st.integers(1, 6), st.booleans())
def test_the_place_is_found_again_after_one_edit(
    text: list[int], data: st.DataObject, kind: str, size: int, foreign: bool
) -> None:
    place = data.draw(st.integers(0, len(text) - size - SOON - 1))
    words = st.integers(20_000, 30_000) if foreign else st.sampled_from(text)
    new = data.draw(st.lists(words, min_size=size, max_size=size))
    output, at, resumed = after_edit(text, place, kind, new, size)
    found = cursors(Drafter(text, text, SurvivalTable()), output)
    assert found[:place] == list(range(1, place + 1))
    if foreign or kind == "delete":
        assert found[at + 2 - 1 :] == list(range(resumed + 2, len(text) + 1))
    # Words of the text itself lead away further: six of them in a row, that stand so elsewhere, are a move.
    assert found[-1] == len(text) or at + size + SOON > len(output)


@pytest.mark.parametrize("kind", ["substitute", "insert", "delete"])
def test_the_place_is_found_again_in_texts_like_real_ones(kind: str) -> None:
    chance, back, cases = random.Random(2), 0, 1_500
    for _ in range(cases):
        text, size = make_text(chance, 120), chance.randint(1, 6)
        place = chance.randrange(len(text) - size - SOON)
        output, at, resumed = after_edit(text, place, kind, make_text(chance, size), size)
        found = cursors(Drafter(text, text, SurvivalTable()), output[: at + SOON])
        back += found[-1] == resumed + SOON
    assert back / cases > 0.97


@pytest.mark.parametrize("kind", ["substitute", "insert", "delete"])
def test_repeated_passages_do_not_lose_the_place(kind: str) -> None:
    chance = random.Random(3)
    for _ in range(200):
        passage, size = make_text(chance, 20), chance.randint(1, 3)
        text = passage * 4
        place = chance.randrange(5, 70)
        output, at, resumed = after_edit(text, place, kind, [9_000, 9_001, 9_002], size)
        found = cursors(Drafter(text, text, SurvivalTable()), output[: at + 8])
        assert found[:place] == list(range(1, place + 1))
        ahead = found[-1] - (resumed + min(8, len(output) - at))
        # A deletion just short of a token that comes again so soon may look like another; it never costs a passage.
        assert abs(ahead) < len(passage)
        if kind != "delete":
            assert ahead == 0


def test_a_moved_passage_is_followed_forth_and_back() -> None:
    chance = random.Random(4)
    for _ in range(200):
        a, b, c = (chance.sample(range(10_000 * k, 10_000 * k + 9_000), 20) for k in (1, 2, 3))
        found = cursors(Drafter(a + b + c, [], SurvivalTable()), a + c + b)
        assert found[20 + SOON - 1 : 40] == list(range(40 + SOON, 61))
        assert found[40 + SOON : 60] == list(range(20 + SOON + 1, 41))


@given(few_tokens.filter(bool))
def test_without_a_reference_repetitions_are_drafted(context: list[int]) -> None:
    drafter = Drafter([], context, SurvivalTable())
    period = [100, 101, 102]
    for token in period * 3:
        drafter.propose(8)
        drafter.extend([token], 0)
    assert drafter.propose(6).tokens[:3] == (100, 101, 102)
    assert drafter.cursor == 0


def test_the_output_goes_on_where_the_prompt_ends() -> None:
    drafter = Drafter([100, 101], [8, 5, 6, 9, 5, 7, 8], SurvivalTable())
    drafter.extend([5], 0)
    assert drafter.propose(2).tokens == (6, 9)  # what followed 8 5, not what followed the latest 5


def test_nothing_known_is_nothing_drafted() -> None:
    drafter = Drafter([], [], SurvivalTable())
    assert drafter.propose(8) == Draft((), ())
    drafter.extend([1], 0)
    assert drafter.propose(8) == Draft((), ())
    drafter.extend([2, 3], 0)
    assert drafter.propose(0) == Draft((), ())


def test_nothing_is_drafted_beyond_the_reference() -> None:
    drafter = Drafter([1, 2, 3], [], SurvivalTable())
    assert drafter.propose(32).tokens == (1, 2, 3)
    drafter.extend([1, 2, 3], 3)
    assert drafter.propose(32).tokens == ()


@pytest.mark.parametrize("share", [0.01, 0.03, 0.06, 0.12])
def test_an_edit_costs_two_steps_and_little_more(share: float) -> None:
    chance, table, limit = random.Random(5), SurvivalTable(), 32
    spent, least = 0, 0.0
    for _ in range(60):
        text = make_text(chance, 200)
        output = edit(text, share, chance)
        spent += sum(1 for _ in decode(Drafter(text, text, table), output, limit))
        least += len(output) / (limit + 1) + 0.5
    edits = 60 * 200 * share / 2.5
    # Each new token of an edit, 1.7 on average, is a step that no copy can save; one more finds the place.
    assert spent < least + 2.7 * edits


def test_what_one_sequence_teaches_the_next_one_knows() -> None:
    table = SurvivalTable()
    text = list(range(40))
    before = Drafter(text, [], table).propose(8).survival
    for _ in range(60):
        for _ in decode(Drafter(text, [], table), text, 8):
            pass
    after = Drafter(text, [], table).propose(8).survival
    assert all(a > b for a, b in zip(after, before, strict=True))
    assert after[-1] > 0.9


def test_without_a_draft_it_learns_all_the_same() -> None:
    table = SurvivalTable()
    before = table.estimate_rate(Source.TRACK, 0, 2)
    for came, better in ((7, True), (8, False)):
        drafter = Drafter([7, 9], [], table)
        drafter.propose(4)
        drafter.extend([came], 0)
        assert (table.estimate_rate(Source.TRACK, 0, 2) > before) is better
        before = table.estimate_rate(Source.TRACK, 0, 2)


def test_only_what_was_verified_is_compared() -> None:
    tables = SurvivalTable(), SurvivalTable()
    for table, emitted in zip(tables, ([7, 8], [7, 8, 1, 2, 3]), strict=True):
        drafter = Drafter([7, 8, 9, 10, 11], [], table)
        drafter.propose(4)
        drafter.extend(emitted, 1)
    for length in range(5):
        assert tables[0].estimate_rate(Source.TRACK, length, 2) == tables[1].estimate_rate(Source.TRACK, length, 2)


def test_what_was_not_chosen_learns_as_well() -> None:
    table, level = SurvivalTable(), 0
    for known in range(5):
        table.learn(Source.LOST, 0, known, accepted=1, missed=False)
        for _ in range(200):
            table.learn(Source.LOST, 0, known, accepted=1, missed=False)
            table.learn(Source.REPEAT, 2, known, accepted=0, missed=True)
    drafter = Drafter(range(1_000, 1_100), [1, 2, 3, 9, 4, 5, 6, 9, 7, 8, 9], table)
    for _ in range(60):
        drafter.extend([0], 0)
    drafter.extend([1, 2], 0)
    before = table.estimate_rate(Source.REPEAT, 2, level), table.estimate_rate(Source.LOST, 0, level)
    assert drafter.propose(1).tokens[0] >= 1_000
    drafter.extend([3], 1)
    assert table.estimate_rate(Source.REPEAT, 2, level) > before[0]
    assert table.estimate_rate(Source.LOST, 0, level) < before[1]


@pytest.mark.parametrize("tokens", [1, 2, 5])
def test_within_an_edit_the_guess_is_a_substitution(tokens: int) -> None:
    text = list(range(50))
    drafter = Drafter(text, text, SurvivalTable())
    drafter.extend([*text[:20], *range(900, 900 + tokens)], 0)
    assert drafter.cursor == 20 + tokens
    assert drafter.propose(4).tokens == tuple(text[20 + tokens : 24 + tokens])


def test_a_source_once_thought_poor_is_tried_again() -> None:
    table = SurvivalTable()
    for strength in range(1, 43):
        for level in range(5):
            table.learn(Source.REPEAT, strength, level, accepted=0, missed=True)
            table.learn(Source.LOST, 0, level, accepted=1, missed=False)
    for level in range(5):
        for _ in range(100):
            table.learn(Source.LOST, 0, level, accepted=1, missed=False)
    assert table.estimate_rate(Source.REPEAT, 3, 0) < table.estimate_rate(Source.LOST, 0, 0)
    drafter = Drafter(range(1_000, 1_100), [], table)
    output = [1, 2, 3, 4, 5] * 120
    accepted = [agreed for _, _, agreed in decode(drafter, output, 8)]
    assert sum(accepted[:10]) == 0
    assert accepted[-3:-1] == [5, 5]


def test_a_text_of_dashes_is_looked_at_in_part() -> None:
    dashes = Drafter([7] * 5_000, [], SurvivalTable())
    compared = []
    match = dashes._count_agreeing
    dashes._count_agreeing = lambda end, known, most: compared.append(end) or match(end, known, most)  # type: ignore
    dashes.watch([7, 7, 7])
    dashes.extend([8, 7, 7], 0)
    assert 0 < len(compared) < 200
