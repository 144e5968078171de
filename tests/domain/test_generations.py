"""What replies took, and sums of it: what was found in the log is not paid for again."""

from __future__ import annotations

from dataclasses import fields, replace

from hypothesis import given
from hypothesis import strategies as st

from midb.domain.generations import Counts, Generation, GenerationKey, Usage

REPLY = Generation(
    key=GenerationKey("p", "e", "s"), pass_="content", messages=(), completion="x", finish_reason="stop",
    prompt_tokens=7, completion_tokens=5, cached_tokens=4, drafted=3, accepted=2, steps=1, retries=6, seconds=1.5,
)  # fmt: skip
USAGES = st.builds(Usage, **{field.name: st.integers(0, 100) for field in fields(Usage)})


def test_the_figures_of_a_reply_are_told_by_name() -> None:
    assert REPLY.counts() == {
        "prompt_tokens": 7, "completion_tokens": 5, "cached_tokens": 4, "drafted": 3, "accepted": 2, "steps": 1,
        "retries": 6,
    }  # fmt: skip
    assert set(REPLY.counts()) == {field.name for field in fields(Counts)}


def test_what_was_paid_for_is_summed_and_what_was_found_is_only_counted() -> None:
    used = Usage.of([REPLY, REPLY, replace(REPLY, reused=True)])
    assert (used.calls, used.reused) == (2, 1)
    assert (used.prompt_tokens, used.completion_tokens, used.retries) == (14, 10, 12)
    assert used.tokens == 24
    assert Usage.of([]) == Usage()


@given(USAGES, USAGES)
def test_every_figure_is_added(one: Usage, other: Usage) -> None:
    total = one + other
    for field in fields(Usage):
        assert getattr(total, field.name) == getattr(one, field.name) + getattr(other, field.name)
    assert one + Usage() == one
