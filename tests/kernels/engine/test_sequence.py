"""Sequences: what they take of a step's tokens, when they end, and what they count."""

from __future__ import annotations

from dataclasses import fields

import hypothesis.strategies as st
import pytest
from hypothesis import given

from midb.kernels import Request, Result, SequenceFinishReason
from midb.kernels.engine.drafting.draft import Drafter
from midb.kernels.engine.drafting.pacing import PacedDrafter
from midb.kernels.engine.drafting.survival import SurvivalTable
from midb.kernels.engine.sequence import Sequence, SequenceStatus


def make(prompt: list[int], new: int, **options: list[int]) -> Sequence:
    """A sequence whose prompt is computed but for its last token."""
    request = Request(prompt, max_new_tokens=new, stop_ids=options.get("stop_ids", ()))
    sampling = request.make_sampling_params(())
    return Sequence(3, request, sampling, 0, list(prompt), num_computed_tokens=len(prompt) - 1)


@pytest.mark.parametrize(
    ("sampled", "draft", "stop", "tokens", "reason", "accepted"),
    [
        ([5, 6, 7], (5, 6), (), [5, 6, 7], None, 2),
        ([5, 9, 7], (5, 6), (), [5, 9], None, 1),
        ([8, 6, 7], (5, 6), (), [8], None, 0),
        ([5, 6, 7], (5, 6), (6,), [5, 6], SequenceFinishReason.STOP, 2),
        ([5, 6, 7], (5, 6), (5,), [5], SequenceFinishReason.STOP, 1),
        ([5, 6, 7], (5, 6), (7,), [5, 6, 7], SequenceFinishReason.STOP, 2),
        ([5], (), (), [5], None, 0),
    ],
)
def test_acceptance(
    sampled: list[int],
    draft: tuple[int, ...],
    stop: tuple[int, ...],
    tokens: list[int],
    reason: SequenceFinishReason | None,
    accepted: int,
) -> None:
    request = Request([1, 2], max_new_tokens=4, stop_ids=stop)
    one = Sequence(0, request, request.make_sampling_params(()), 0, [1, 2], num_computed_tokens=2)
    one.take(sampled, draft)
    assert one.token_ids == [1, 2, *tokens]
    assert one.finish_reason == reason
    assert one.counts["accepted"] == accepted
    if reason is None:
        assert one.num_computed_tokens == len(one.token_ids) - 1  # what was emitted last is computed by the next step


@given(
    st.lists(st.integers(0, 3), min_size=1, max_size=40),
    st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=1, max_size=40),
    st.sets(st.integers(0, 3), max_size=1),
)
def test_whatever_is_drafted_the_output_is_what_is_sampled(
    output: list[int], plans: list[tuple[int, bool]], stop: set[int]
) -> None:
    """Drafts right and wrong; it ends at the first stop id, or with as many tokens as were asked for."""
    one = make([8, 9], len(output), stop_ids=sorted(stop))
    expected = output
    for place, token in enumerate(output):
        if token in stop:
            expected = output[: place + 1]
            break
    turn = 0
    while one.finish_reason is None:
        length, right = plans[turn % len(plans)]
        left = output[one.num_output_tokens :]
        draft = tuple(left[: min(length, len(left) - 1)])
        if not right:
            draft = tuple((token + 1) % 4 for token in draft)
        # What is sampled behind a wrong token of a draft is anything.
        agreed = len(draft) if right else 0
        sampled = left[: agreed + 1] + [0] * (len(draft) - agreed)
        before = one.num_output_tokens
        one.take(sampled, draft)
        assert before < one.num_output_tokens <= before + len(draft) + 1
        assert one.decoding or one.finish_reason is not None
        turn += 1
    assert one.token_ids[2:] == expected
    assert one.finish_reason is (SequenceFinishReason.STOP if expected[-1] in stop else SequenceFinishReason.LENGTH)
    assert one.counts["steps"] == turn
    assert one.counts["verified"] == turn + one.counts["drafted"]
    assert one.counts["steps"] + one.counts["accepted"] >= len(expected)


def test_counts_go_into_the_result() -> None:
    one = make([1, 2, 3], 3)
    one.counts |= {"rows": 7, "prefix_hits": 2}
    one.take([4, 5, 6], (4, 9))
    one.take([6], ())
    assert one.make_result() == Result(
        3, [4, 5, 6], SequenceFinishReason.LENGTH, steps=2, rows=7, verified=4, drafted=2, accepted=1, prefix_hits=2
    )
    assert set(one.counts) == {field.name for field in fields(Result)} - {"index", "token_ids", "finish_reason"}


def test_kv_of_the_last_token_is_never_needed() -> None:
    one = make([1, 2, 3], 5)
    assert (one.num_prompt_tokens, one.capacity, one.remaining) == (3, 7, 5)
    one.take([4], ())
    assert (one.num_output_tokens, one.capacity, one.remaining) == (1, 7, 4)
    assert one.status is SequenceStatus.WAITING


def test_a_prompt_that_is_not_computed_yet_does_not_decode() -> None:
    one = make([1, 2, 3], 5)
    assert one.decoding
    one.num_computed_tokens = 1
    assert not one.decoding


def test_the_drafter_follows_what_was_emitted() -> None:
    one = make([1, 2, 3], 9)
    drafter = Drafter([4, 5, 6, 7, 8], [1, 2, 3], SurvivalTable())
    one.drafter = PacedDrafter(drafter)
    assert one.drafter.propose(2).tokens == (4, 5)
    one.take([4, 5, 6], (4, 5))
    assert drafter.cursor == 3
    assert one.drafter.propose(9).tokens == (7, 8)
