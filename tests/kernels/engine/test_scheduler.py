"""Scheduling over thousands of histories, with a made-up model: everybody is served, within the budget."""

from __future__ import annotations

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from midb.kernels import Request
from midb.kernels.config import EngineConfig
from midb.kernels.engine import scheduler as scheduling
from midb.kernels.engine.block_pool import BlockPool
from midb.kernels.engine.cost import StepCost, make_roofline
from midb.kernels.engine.drafting.draft import Draft, Drafter
from midb.kernels.engine.drafting.pacing import PacedDrafter
from midb.kernels.engine.drafting.survival import SurvivalTable
from midb.kernels.engine.scheduler import Scheduler
from midb.kernels.engine.sequence import Sequence, SequenceStatus


def make(blocks: int = 64, size: int = 4, **settings: int) -> Scheduler:
    config = EngineConfig(checkpoint="none", block_size=size, **settings)  # type: ignore[arg-type]
    return Scheduler(config, BlockPool(blocks, size), StepCost(make_roofline(8)))


def sequence(
    index: int, prompt: list[int], new: int = 4, group: int = 0, reference: list[int] | None = None
) -> Sequence:
    request = Request(prompt, reference, max_new_tokens=new)
    made = Sequence(index, request, request.make_sampling_params(()), group, list(prompt))
    if reference is not None:
        made.drafter = PacedDrafter(Drafter(reference, prompt, SurvivalTable()))
    return made


def answer(index: int, place: int) -> int:
    """The token that the made-up model emits."""
    return (7 * index + 3 * place) % 5


def run(scheduler: Scheduler, most: int = 10_000) -> list[Sequence]:
    """Serve everything; returns the sequences in the order in which they finished."""
    finished = []
    for _ in range(most):
        works = scheduler.schedule()
        if not works:
            break
        assert sum(work.rows for work in works) <= scheduler.config.max_num_batched_tokens
        assert len({id(work.sequence) for work in works}) == len(works)
        for work in works:
            s = work.sequence
            assert s.block_table is not None
            assert work.start + work.count <= len(s.token_ids)
            assert work.samples == (work.start + work.count == len(s.token_ids))
            assert work.samples or not work.draft
            # The last row fits the blocks that were set aside.
            assert work.start + work.rows <= len(s.block_table.blocks) * scheduler.config.block_size
        for work in works:
            s = work.sequence
            if work.samples:
                s.take(
                    [answer(s.index, s.num_output_tokens + place) for place in range(len(work.draft) + 1)], work.draft
                )
                if s.finish_reason is not None:
                    scheduler.remove(s)
                    finished.append(s)
    assert scheduler.idle
    return finished


prompts = st.lists(st.integers(0, 1), min_size=1, max_size=20)


@settings(max_examples=300)
@given(
    st.lists(st.tuples(prompts, st.integers(1, 9), st.integers(0, 2), st.booleans()), min_size=1, max_size=25),
    st.integers(1, 6), st.integers(1, 40), st.sampled_from([1, 2, 8]), st.integers(30, 60), st.booleans(),
)  # fmt: skip
def test_everybody_is_served(
    asked: list[tuple[list[int], int, int, bool]], most: int, budget: int, size: int, tokens: int, sharing: bool
) -> None:
    scheduler = make(
        -(-tokens // size), size, max_num_seqs=most, max_num_batched_tokens=budget, enable_prefix_caching=sharing
    )
    scheduler.pool.share = sharing
    for index, (prompt, new, group, drafted) in enumerate(asked):
        reference = [answer(index, place) for place in range(new)] if drafted else None
        scheduler.add(sequence(index, prompt, new, group, reference))
    finished = run(scheduler)
    assert sorted(s.index for s in finished) == list(range(len(asked)))
    for s in finished:
        assert s.token_ids[s.num_prompt_tokens :] == [answer(s.index, place) for place in range(asked[s.index][1])]
        assert s.counts["rows"] + s.counts["prefix_hits"] >= s.num_prompt_tokens
        assert s.counts["accepted"] <= s.counts["drafted"]
        assert s.counts["steps"] + s.counts["accepted"] == s.num_output_tokens
    assert scheduler.pool.num_free_blocks == len(scheduler.pool.blocks)


@settings(max_examples=200)
@given(st.data())
def test_cancelling_at_any_time_loses_nobody_else(data: st.DataObject) -> None:
    scheduler = make(20, 2, max_num_seqs=4, max_num_batched_tokens=7)
    live: dict[int, Sequence] = {}
    for index in range(data.draw(st.integers(2, 12))):
        made = sequence(index, data.draw(prompts), data.draw(st.integers(1, 5)))
        live[index] = made
        scheduler.add(made)
    cancelled = set()
    for _ in range(data.draw(st.integers(0, 15))):
        for work in scheduler.schedule():
            s = work.sequence
            if work.samples:
                s.take([answer(s.index, s.num_output_tokens)], work.draft)
                if s.finish_reason:
                    scheduler.remove(s)
                    live.pop(s.index)
        if data.draw(st.booleans()) and live:
            victim = data.draw(st.sampled_from(sorted(live)))
            scheduler.remove(live.pop(victim))
            cancelled.add(victim)
    rest = {s.index for s in run(scheduler)}
    assert rest == set(live)
    assert not rest & cancelled
    assert scheduler.pool.num_free_blocks == len(scheduler.pool.blocks)


def test_the_longest_goes_first_and_passes_stay_together() -> None:
    scheduler = make(max_num_seqs=1)
    for index, (length, group) in enumerate([(3, 0), (9, 1), (5, 0), (4, 1), (2, 2)]):
        scheduler.add(sequence(index, [group] * length, 1, group))
    assert [s.index for s in run(scheduler)] == [1, 3, 2, 0, 4]


def test_nobody_is_passed_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    """A short request among ever longer ones, of which a new one comes with each that goes."""
    monkeypatch.setattr(scheduling, "PATIENCE", 6)
    scheduler = make(max_num_seqs=2)
    short = sequence(0, [1], 1)
    scheduler.add(short)
    for index in range(1, 40):
        scheduler.add(sequence(index, [index] * 10, 1))
        scheduler.add(sequence(index + 100, [index] * 10, 1))
        for work in scheduler.schedule():
            s = work.sequence
            s.take([1], ())
            scheduler.remove(s)
        if short.status is SequenceStatus.FINISHED:
            break
    assert short.status is SequenceStatus.FINISHED
    assert index <= 6


def test_decoding_goes_on_beside_a_long_prompt() -> None:
    scheduler = make(blocks=100, max_num_seqs=4, max_num_batched_tokens=8)
    scheduler.add(sequence(0, [1, 2], 9))
    scheduler.schedule()[0].sequence.take([0], ())
    scheduler.add(sequence(1, list(range(2, 62)), 1))
    for _ in range(5):
        works = scheduler.schedule()
        assert [(work.sequence.index, work.count) for work in works] == [(0, 1), (1, 7)]
        works[0].sequence.take([0], ())


def test_a_common_prompt_is_computed_once_even_within_a_step() -> None:
    scheduler = make(blocks=64, size=4)
    prompt = list(range(17))
    for index in range(5):
        scheduler.add(sequence(index, [*prompt, 90 + index], 2))
    works = scheduler.schedule()
    assert [work.count for work in works] == [18, 2, 2, 2, 2]
    assert all(work.samples for work in works)


def test_a_draft_never_exceeds_what_may_still_come() -> None:
    scheduler = make()
    scheduler.add(sequence(0, [1, 2, 3], 5, reference=[4] * 30))
    assert len(scheduler.schedule()[0].draft) <= 4


def test_the_gate_knows_what_a_step_computes(monkeypatch: pytest.MonkeyPatch) -> None:
    """One decodes, another's prompt is computed: of that, all rows but the last spare the head."""
    asked: list[tuple[int, float]] = []

    def choose_nothing(
        drafts: list[Draft], trust: list[float], sampled: int, load: float, cost: StepCost, left: int
    ) -> list[int]:
        asked.append((sampled, load))
        return [0] * len(drafts)

    monkeypatch.setattr("midb.kernels.engine.scheduler.choose_lengths", choose_nothing)
    scheduler = make(max_num_batched_tokens=16)
    scheduler.cost = StepCost(make_roofline(8), head=0.5)
    scheduler.add(sequence(0, [1, 2, 3], new=8, reference=[4, 5, 6]))
    (work,) = scheduler.schedule()
    work.sequence.take([4], ())
    scheduler.add(sequence(1, [7] * 5, new=8))
    assert [work.rows for work in scheduler.schedule()] == [1, 5]
    assert asked == [(1, 3 - 0.5 * 2), (2, 6 - 0.5 * 4)]
