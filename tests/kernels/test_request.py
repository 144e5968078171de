"""Requests: what is refused before anything of it is computed, and what a request means for sampling."""

from __future__ import annotations

import array
import math

import pytest

from midb.kernels import Request, RequestError, Result, SamplingParams, SequenceFinishReason
from midb.kernels.request import list_ids


@pytest.mark.parametrize(
    ("request_", "part"),
    [
        (Request([]), "empty prompt"),
        (Request([1], max_new_tokens=0), "max_new_tokens is 0"),
        (Request([1], max_new_tokens=2, temperature=-1), "temperature is -1"),
        (Request([1], max_new_tokens=2, temperature=math.nan), "temperature is nan"),
        (Request([1], max_new_tokens=2, temperature=math.inf), "temperature is inf"),
        (Request([1, 99], max_new_tokens=2), "prompt holds id 99; the vocabulary has 99 ids"),
        (Request([-1, 3], max_new_tokens=2), "prompt holds id -1"),
        (Request([1], [1, 500], max_new_tokens=2), "reference holds id 500"),
        (Request([1], [-7, 500], max_new_tokens=2), "reference holds id -7"),
        (Request([1] * 150, max_new_tokens=11), "150 prompt tokens and 11 new ones are 161; this engine takes 160"),
    ],
)
def test_what_can_never_be_served_is_refused_with_a_hint(request_: Request, part: str) -> None:
    with pytest.raises(RequestError, match=part) as caught:
        request_.check(vocab_size=99, max_model_len=160)
    assert caught.value.hint


@pytest.mark.parametrize(
    "request_",
    [
        Request([0, 98], [], max_new_tokens=158),
        Request([1], None, max_new_tokens=1, temperature=0.0),
        Request(array.array("i", [1, 2, 3]), array.array("i", [4, 98])),
    ],
    ids=["as long as it may be", "as short", "arrays"],
)
def test_what_just_fits_is_served(request_: Request) -> None:
    request_.check(vocab_size=99, max_model_len=max(160, len(request_.prompt_ids) + request_.max_new_tokens))


def test_the_checkpoints_own_stop_ids_count_unless_they_are_ignored() -> None:
    request = Request([1], max_new_tokens=5, temperature=0.5, seed=3, stop_ids=[7])
    expected = SamplingParams(max_new_tokens=5, temperature=0.5, seed=3, stop_ids=frozenset({7, 2}))
    assert request.make_sampling_params([2]) == expected
    ignoring = Request([1], stop_ids=[7], ignore_eos=True)
    assert ignoring.make_sampling_params([2]).stop_ids == {7}


def test_ids_come_from_lists_tuples_and_arrays() -> None:
    for given in ([1, 2], (1, 2), array.array("q", [1, 2]), range(1, 3)):
        assert list_ids(given) == [1, 2]
    mine = [1, 2]
    assert list_ids(mine) is not mine, "what the engine appends to is not the caller's"


def test_a_finish_reason_is_the_word_that_others_know_it_by() -> None:
    assert [str(reason) for reason in SequenceFinishReason] == ["stop", "ended", "length", "looped", "cancelled"]


def test_a_result_that_is_printed_does_not_list_thousands_of_ids() -> None:
    assert "777" not in repr(Result(0, [777] * 1000, SequenceFinishReason.STOP))
