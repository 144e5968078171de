"""Scheduling over thousands of histories, with a made-up model: everybody is served, within the budget."""

from __future__ import annotations

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from midb.kernels import FinishReason, Request
from midb.kernels.config import EngineConfig
from midb.kernels.engine import scheduler as scheduling
from midb.kernels.engine.block_pool import BlockPool
from midb.kernels.engine.cost import StepCost, roofline
from midb.kernels.engine.drafting.draft import Draft, Drafter
from midb.kernels.engine.drafting.pacing import PacedDrafter
from midb.kernels.engine.drafting.survival import SurvivalTable
from midb.kernels.engine.scheduler import Scheduler
from midb.kernels.engine.sequence import Sequence, SequenceStatus


def make(pages: int = 64, size: int = 4, **settings: int | bool) -> Scheduler:
    config = EngineConfig(checkpoint="none", page_size=size, **settings)  # type: ignore[arg-type]
    return Scheduler(config, BlockPool(pages, size), StepCost(roofline(8)))


def sequence(
    index: int, prompt: list[int], new: int = 4, group: int = 0, reference: list[int] | None = None
) -> Sequence:
    request = Request(prompt, reference, max_new_tokens=new)
    made = Sequence(index, request, request.sampling(()), group, list(prompt))
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
        assert sum(work.rows for work in works) <= scheduler.config.step_tokens
        assert len({id(work.sequence) for work in works}) == len(works)
        for work in works:
            s = work.sequence
            assert s.table is not None
            assert work.start + work.count <= len(s.tokens)
            assert work.samples == (work.start + work.count == len(s.tokens))
            assert work.samples or not work.draft
            # The last row fits the pages that were set aside.
            assert work.start + work.rows <= len(s.table.pages) * scheduler.config.page_size
        for work in works:
            s = work.sequence
            if work.samples:
                s.take([answer(s.index, s.generated + place) for place in range(len(work.draft) + 1)], work.draft)
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
    scheduler = make(-(-tokens // size), size, max_sequences=most, step_tokens=budget, prefix_cache=sharing)
    scheduler.pool.share = sharing
    for index, (prompt, new, group, drafted) in enumerate(asked):
        reference = [answer(index, place) for place in range(new)] if drafted else None
        scheduler.add(sequence(index, prompt, new, group, reference))
    finished = run(scheduler)
    assert sorted(s.index for s in finished) == list(range(len(asked)))
    for s in finished:
        assert s.tokens[s.prompt_length :] == [answer(s.index, place) for place in range(asked[s.index][1])]
        assert s.counts["rows"] + s.counts["prefix_hits"] >= s.prompt_length
        assert s.counts["accepted"] <= s.counts["drafted"]
        assert s.counts["steps"] + s.counts["accepted"] == s.generated
    assert scheduler.pool.available == len(scheduler.pool.pages)


@settings(max_examples=200)
@given(st.data())
def test_cancelling_at_any_time_loses_nobody_else(data: st.DataObject) -> None:
    scheduler = make(20, 2, max_sequences=4, step_tokens=7)
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
                s.take([answer(s.index, s.generated)], work.draft)
                if s.finish_reason:
                    scheduler.remove(s)
                    live.pop(s.index)
        if live and data.draw(st.booleans()):
            index = data.draw(st.sampled_from(sorted(live)))
            scheduler.remove(live.pop(index))
            cancelled.add(index)
    rest = {s.index for s in run(scheduler)}
    assert rest == set(live)
    assert not rest & cancelled
    assert scheduler.pool.available == len(scheduler.pool.pages)


def test_the_longest_goes_first_and_passes_stay_together() -> None:
    scheduler = make(max_sequences=1)
    for index, (length, group) in enumerate([(3, 0), (9, 1), (5, 0), (4, 1), (2, 2)]):
        scheduler.add(sequence(index, [group] * length, 1, group))
    assert [s.index for s in run(scheduler)] == [1, 3, 2, 0, 4]


def test_nobody_is_passed_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    """A short request among ever longer ones, of which a new one comes with each that goes."""
    monkeypatch.setattr(scheduling, "PATIENCE", 6)
    scheduler = make(max_sequences=2)
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
    scheduler = make(pages=100, max_sequences=4, step_tokens=8)
    scheduler.add(sequence(0, [1, 2], 9))
    scheduler.schedule()[0].sequence.take([0], ())
    scheduler.add(sequence(1, list(range(2, 62)), 1))
    for _ in range(5):
        works = scheduler.schedule()
        assert [(work.sequence.index, work.count) for work in works] == [(0, 1), (1, 7)]
        works[0].sequence.take([0], ())


def test_a_common_prompt_is_computed_once_even_within_a_step() -> None:
    scheduler = make(pages=64, size=4)
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


@pytest.mark.parametrize(
    ("sampled", "draft", "stop", "tokens", "reason", "accepted"),
    [
        ([5, 6, 7], (5, 6), (), [5, 6, 7], None, 2),
        ([5, 9, 7], (5, 6), (), [5, 9], None, 1),
        ([8, 6, 7], (5, 6), (), [8], None, 0),
        ([5, 6, 7], (5, 6), (6,), [5, 6], FinishReason.STOP, 2),
        ([5, 6, 7], (5, 6), (5,), [5], FinishReason.STOP, 1),
        ([5, 6, 7], (5, 6), (7,), [5, 6, 7], FinishReason.STOP, 2),
        ([5], (), (), [5], None, 0),
    ],
)
def test_acceptance(
    sampled: list[int], draft: tuple[int, ...], stop: tuple[int, ...], tokens: list[int], reason: object, accepted: int
) -> None:
    request = Request([1, 2], max_new_tokens=4, stop_ids=stop)
    one = Sequence(0, request, request.sampling(()), 0, [1, 2], computed=2)
    one.take(sampled, draft)
    assert one.tokens == [1, 2, *tokens]
    assert one.finish_reason == reason
    assert one.counts["accepted"] == accepted
    if reason is None:
        assert one.computed == len(one.tokens) - 1  # what was emitted last is computed by the next step


def test_the_gate_is_told_what_a_step_computes(monkeypatch: pytest.MonkeyPatch) -> None:
    """One decodes, another's prompt is computed: of that, all rows but the last spare the head."""
    told: list[tuple[int, float]] = []

    def gate(
        drafts: list[Draft], trust: list[float], sampled: int, load: float, cost: StepCost, left: int
    ) -> list[int]:
        told.append((sampled, load))
        return [0] * len(drafts)

    monkeypatch.setattr("midb.kernels.engine.scheduler.gate", gate)
    scheduler = make(step_tokens=16)
    scheduler.cost = StepCost(roofline(8), head=0.5)
    scheduler.add(sequence(0, [1, 2, 3], new=8, reference=[4, 5, 6]))
    (work,) = scheduler.schedule()
    work.sequence.take([4], ())
    scheduler.add(sequence(1, [7] * 5, new=8))
    assert [work.rows for work in scheduler.schedule()] == [1, 5]
    assert told == [(1, 3 - 0.5 * 2), (2, 6 - 0.5 * 4)]
