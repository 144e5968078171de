"""The drafter over thousands of histories: it does no harm, finds its place again, and knows how far it is right."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from midb.kernels.engine.drafting.draft import Draft, Drafter
from midb.kernels.engine.drafting.pacing import PacedDrafter
from midb.kernels.engine.drafting.survival import Source, SurvivalTable

#: Tokens of an output after an edit by which the place must be known again.
SOON = 4

few_tokens = st.lists(st.integers(0, 4), max_size=30)
texts = st.lists(st.integers(0, 10_000), min_size=24, max_size=120, unique=True)


def text_of(chance: random.Random, length: int) -> list[int]:
    """Tokens as frequent as those of a language are: the n-th most frequent comes up once in n."""
    return [int(math.exp(chance.random() * math.log(5_000))) for _ in range(length)]


def edited(text: Sequence[int], share: float, chance: random.Random) -> list[int]:
    """About ``share`` of the tokens substituted, inserted or deleted, in spans of 1 to 4."""
    output: list[int] = []
    place = 0
    while place < len(text):
        if chance.random() < share / 2.5:
            kind, size = chance.choice("sid"), chance.randint(1, 4)
            output += text_of(chance, size) if kind != "d" else []
            place += size if kind != "i" else 0
        output += text[place : place + 1]
        place += 1
    return output


def steps(
    drafter: Drafter | PacedDrafter, output: Sequence[int], limit: int, least: float = 0.0
) -> Iterator[tuple[int, Draft, int]]:
    """Decode a known output: where each step began, what was proposed, and how much of it would have been accepted."""
    place = 0
    while place < len(output):
        draft = drafter.propose(limit)
        agreed = 0
        while output[place + agreed : place + agreed + 1] == list(draft.tokens[agreed : agreed + 1]) != []:
            agreed += 1
        drafted = sum(survival >= least for survival in draft.survival)
        emitted = output[place : place + min(agreed, drafted) + 1]
        yield place, draft, agreed
        drafter.extend(emitted, drafted)
        place += len(emitted)


def check(draft: Draft, limit: int, drafter: Drafter, reference: Sequence[int]) -> None:
    """What holds of every proposal."""
    assert len(draft.tokens) == len(draft.survival) <= max(limit, 0)
    assert all(0 < survival <= 1 for survival in draft.survival)
    assert list(draft.survival) == sorted(draft.survival, reverse=True)
    assert 0 <= drafter.cursor <= len(reference)


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
        check(draft, limit, drafter, reference)
        assert known.issuperset(draft.tokens)
        drafter.extend(emitted, drafted)
        known.update(emitted)
    for source in Source:
        assert all(0 < table.rate(source, strength, level) < 1 for strength in range(60) for level in range(5))


def test_thousands_of_histories_decode_what_comes() -> None:
    chance, table = random.Random(1), SurvivalTable()
    for _ in range(2_000):
        size = chance.choice((2, 5, 50))
        reference = [chance.randrange(size) for _ in range(chance.randrange(40))]
        output = edited(reference, chance.choice((0, 0.05, 0.3)), chance) + [0] * chance.randrange(3)
        drafter, limit, end = Drafter(reference, reference[::-1], table), chance.randint(1, 12), 0
        for place, draft, agreed in steps(drafter, output, limit, least=chance.random()):
            check(draft, limit, drafter, reference)
            assert place >= end
            assert list(draft.tokens[:agreed]) == output[place : place + agreed]
            end = place + 1


@given(st.lists(st.integers(0, 3), min_size=1, max_size=150), st.integers(1, 32))
def test_an_unchanged_text_is_drafted_in_full(text: list[int], limit: int) -> None:
    drafter = Drafter(text, [], SurvivalTable())
    for place, draft, agreed in steps(drafter, text, limit):
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
        text, size = text_of(chance, 120), chance.randint(1, 6)
        place = chance.randrange(len(text) - size - SOON)
        output, at, resumed = after_edit(text, place, kind, text_of(chance, size), size)
        found = cursors(Drafter(text, text, SurvivalTable()), output[: at + SOON])
        back += found[-1] == resumed + SOON
    assert back / cases > 0.97


@pytest.mark.parametrize("kind", ["substitute", "insert", "delete"])
def test_repeated_passages_do_not_lose_the_place(kind: str) -> None:
    chance = random.Random(3)
    for _ in range(200):
        passage, size = text_of(chance, 20), chance.randint(1, 3)
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
        text = text_of(chance, 200)
        output = edited(text, share, chance)
        spent += sum(1 for _ in steps(Drafter(text, text, table), output, limit))
        least += len(output) / (limit + 1) + 0.5
    edits = 60 * 200 * share / 2.5
    # Each new token of an edit, 1.7 on average, is a step that no copy can save; one more finds the place.
    assert spent < least + 2.7 * edits


@pytest.mark.parametrize("share", [0.02, 0.12, 0.4])
def test_survival_is_what_comes(share: float) -> None:
    chance, table = random.Random(6), SurvivalTable()
    bins = [[0, 0.0, 0] for _ in range(5)]
    for number in range(300):
        text = text_of(chance, 150)
        for _, draft, agreed in steps(Drafter(text, text, table), edited(text, share, chance), 16, least=0.2):
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
    assert table.rate(source, strength, level) == pytest.approx(rate, abs=0.05)


def test_survival_is_the_product_of_rates() -> None:
    table = SurvivalTable()
    product = 1.0
    for length, survival in enumerate(table.survival(Source.TRACK, 3, 4, 20)):
        product *= table.rate(Source.TRACK, 3 + length, 4)
        assert survival == pytest.approx(product)
    repeat = table.survival(Source.DISPUTED, 2, 0, 2)
    assert repeat[1] == pytest.approx(table.rate(Source.DISPUTED, 2, 0) * table.rate(Source.REPEAT, 3, 0))


def test_what_one_sequence_teaches_the_next_one_knows() -> None:
    table = SurvivalTable()
    text = list(range(40))
    before = Drafter(text, [], table).propose(8).survival
    for _ in range(60):
        for _ in steps(Drafter(text, [], table), text, 8):
            pass
    after = Drafter(text, [], table).propose(8).survival
    assert all(a > b for a, b in zip(after, before, strict=True))
    assert after[-1] > 0.9


def test_without_a_draft_it_learns_all_the_same() -> None:
    table = SurvivalTable()
    before = table.rate(Source.TRACK, 0, 2)
    for came, better in ((7, True), (8, False)):
        drafter = Drafter([7, 9], [], table)
        drafter.propose(4)
        drafter.extend([came], 0)
        assert (table.rate(Source.TRACK, 0, 2) > before) is better
        before = table.rate(Source.TRACK, 0, 2)


def test_only_what_was_verified_is_compared() -> None:
    tables = SurvivalTable(), SurvivalTable()
    for table, emitted in zip(tables, ([7, 8], [7, 8, 1, 2, 3]), strict=True):
        drafter = Drafter([7, 8, 9, 10, 11], [], table)
        drafter.propose(4)
        drafter.extend(emitted, 1)
    for length in range(5):
        assert tables[0].rate(Source.TRACK, length, 2) == tables[1].rate(Source.TRACK, length, 2)


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
    before = table.rate(Source.REPEAT, 2, level), table.rate(Source.LOST, 0, level)
    assert drafter.propose(1).tokens[0] >= 1_000
    drafter.extend([3], 1)
    assert table.rate(Source.REPEAT, 2, level) > before[0]
    assert table.rate(Source.LOST, 0, level) < before[1]


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
    assert table.rate(Source.REPEAT, 3, 0) < table.rate(Source.LOST, 0, 0)
    drafter = Drafter(range(1_000, 1_100), [], table)
    output = [1, 2, 3, 4, 5] * 120
    accepted = [agreed for _, _, agreed in steps(drafter, output, 8)]
    assert sum(accepted[:10]) == 0
    assert accepted[-3:-1] == [5, 5]


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
        text = text_of(chance, 150)
        output = edited(text, share, chance)
        plain = list(steps(Drafter(text, text, table), output, 16, least=0.3))
        assert list(steps(PacedDrafter(Drafter(text, text, paced_table)), output, 16, least=0.3)) == plain


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
    noticed = [place for place, draft, agreed in steps(paced, output, 16, least=0.5) if place > 20 and agreed == 16]
    assert noticed[0] - (20 + new) <= SOON


@settings(max_examples=400)
@given(st.lists(st.tuples(st.integers(-1, 8), st.booleans(), st.integers(0, 9), few_tokens), max_size=40))
def test_whatever_is_emitted_does_a_paced_drafter_no_harm(history: list[tuple[int, bool, int, list[int]]]) -> None:
    """Steps without a proposal, or with one that is not used, included."""
    drafter = Drafter([1, 2, 3, 4, 2, 3, 0], [0, 1, 2], SurvivalTable())
    paced = PacedDrafter(drafter)
    for limit, asked, drafted, emitted in history:
        if asked:
            check(paced.propose(limit), limit, drafter, range(7))
        paced.extend(emitted, drafted)


def test_steps_without_room_for_drafts_do_not_send_it_to_sleep() -> None:
    """A prompt may fill many of them; whether a text is copied, nobody has tried."""
    text = list(range(100))
    paced = PacedDrafter(Drafter(text, [], SurvivalTable()))
    for token in text[:40]:
        paced.extend([token], 0)
    assert paced.propose(8).tokens == tuple(range(40, 48))


def test_a_text_of_dashes_is_looked_at_in_part() -> None:
    dashes = Drafter([7] * 5_000, [], SurvivalTable())
    compared = []
    match = dashes._match
    dashes._match = lambda end, known, most: compared.append(end) or match(end, known, most)  # type: ignore
    dashes.watch([7, 7, 7])
    dashes.extend([8, 7, 7], 0)
    assert 0 < len(compared) < 200


def test_nothing_seen_while_watching_is_forgotten() -> None:
    """It is known when it comes again."""
    passage = list(range(2_000, 2_060))
    output = [*range(1_000, 1_200), *passage, *range(3_000, 3_100), *passage]
    paced = PacedDrafter(Drafter([], [], SurvivalTable()))
    used = [(place, draft, agreed) for place, draft, agreed in steps(paced, output, 8, least=0.3) if draft.tokens]
    assert sum(agreed for _, _, agreed in used) > 30
    assert all(agreed == min(len(draft.tokens), len(output) - place) for place, draft, agreed in used)
