"""Loops: noticed where an output first is in one, and never in what the reference repeats as well."""

from __future__ import annotations

import random

import hypothesis.strategies as st
import pytest
from hypothesis import given

from midb.kernels import Request, SequenceFinishReason
from midb.kernels.engine.outputs.loops import EVERY, find_loop
from midb.kernels.engine.sequence import Sequence


def text(count: int, seed: int = 3) -> list[int]:
    rng = random.Random(seed)
    return [rng.randrange(1000) for _ in range(count)]


@pytest.mark.parametrize("period", [1, 2, 3, 7, 31, 64, 100, 128])
def test_a_loop_is_found_after_a_few_repetitions(period: int) -> None:
    unit = list(range(period))
    output = text(50) + unit * (2000 // period)
    found = find_loop(output, 0, 0)
    assert 50 + max(128, 4 * period) <= found <= 50 + max(128, 4 * period) + 2 * EVERY
    assert found % EVERY == 0


@pytest.mark.parametrize(
    "output",
    [
        text(3000),
        list(range(40)) * 3,  # too few tokens
        [1, 2] * 60 + text(200),  # it went on
        [n for k in range(300) for n in (5, 6, k, 7)],  # it counts
        (list(range(200)) * 3)[:600],  # long and told three times
    ],
)
def test_other_texts_are_none(output: list[int]) -> None:
    assert find_loop(output, 0, 0) == 0


def test_what_the_reference_repeats_is_none_until_it_is_longer() -> None:
    """A song's la la la, a table's rule: copied as often as it stands there."""
    song = text(70) + [4] * 200
    assert find_loop(song + text(60, 4), 0, 0, song) == 0
    assert find_loop(song + [4] * 200, 0, 0, song) in range(270, 270 + 2 * EVERY)


def test_the_prompt_is_no_part_of_it() -> None:
    assert find_loop([1] * 500 + text(40), 500, 0) == 0
    assert find_loop([1] * 500 + [1] * 128, 500, 0) == 128


@given(st.lists(st.integers(1, 40), min_size=1, max_size=400), st.integers(1, 9))
def test_steps_of_any_size_end_an_output_at_the_same_token(sizes: list[int], period: int) -> None:
    """Drafts change how many tokens a step brings, never where the output ends."""
    output = text(30) + list(range(period)) * 400
    request = Request([8, 9], max_new_tokens=600, stop_loops=True)
    one = Sequence(0, request, request.make_sampling_params(()), 0, [8, 9], num_computed_tokens=2)
    turn = 0
    while one.finish_reason is None:
        done = one.num_output_tokens
        size = min(sizes[turn % len(sizes)], one.remaining)
        sampled = output[done : done + size]
        one.take(sampled, tuple(sampled[:-1]))
        turn += 1
    assert one.finish_reason is SequenceFinishReason.LOOPED
    assert one.token_ids[2:] == output[:192]


def test_loops_are_let_go_on_where_nobody_minds() -> None:
    request = Request([8, 9], max_new_tokens=600)
    one = Sequence(0, request, request.make_sampling_params(()), 0, [8, 9], num_computed_tokens=2)
    one.take([1] * 600, tuple([1] * 599))
    assert one.finish_reason is SequenceFinishReason.LENGTH
