"""The whole engine on a CPU in fp32: token for token what transformers generates, however the work is cut."""

from __future__ import annotations

import itertools
import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings
from random_checkpoints import GetCheckpoint, MakePrompts

from midb.kernels import Engine, EngineConfig, EngineError, Request, RequestError, Result, SequenceFinishReason
from midb.kernels.engine.overlap import StepOverlap
from midb.kernels.engine.scheduler import Work
from midb.kernels.engine.step_batch import Copied
from midb.kernels.engine.step_plan import StepPlan

NEW = 20


def serve(engine: Engine, requests: list[Request]) -> list[Result]:
    return sorted(engine.generate(requests), key=lambda result: result.index)


class Halves(StepOverlap):
    """Says always or never that steps are to be taken in halves, on a CPU too."""

    def __init__(self, always: bool) -> None:
        super().__init__(None)
        self._always = always

    def pays(self, sequences: int) -> bool:
        return self._always and sequences > 1


def noisy(tokens: list[int], rng: random.Random, rate: float) -> list[int]:
    """A reference that differs from the output by substitutions, insertions and deletions."""
    made = []
    for token in tokens:
        kind = rng.choice("sid") if rng.random() < rate else ""
        made += {"": [token], "s": [rng.randrange(99)], "i": [rng.randrange(99), token], "d": []}[kind]
    return made


def test_tokens_are_those_of_transformers(family: str, checkpoint: GetCheckpoint, prompts: MakePrompts) -> None:
    """Alone and together, with and without a shared beginning, with right, noisy, foreign and no references."""
    made = checkpoint(family)
    rng = random.Random(family)
    texts = prompts(1, 10) + prompts(2, 10, longest=20, shared=37)
    expected = [made.generate_greedily(prompt, NEW) for prompt in texts]
    references: dict[str, list[list[int] | None]] = {
        "none": [None] * len(texts),
        "right": list(expected),
        "noisy": [noisy(tokens, rng, 0.2) for tokens in expected],
        "foreign": [[rng.randrange(99) for _ in range(30)] for _ in texts],
    }
    for (name, found), settings_ in zip(
        references.items(),
        [
            {"block_size": 4},
            {"block_size": 8, "max_num_batched_tokens": 50},
            {"block_size": 16},
            {"block_size": 1, "max_num_seqs": 3},
        ],
        strict=True,
    ):
        engine = Engine(EngineConfig(checkpoint=made.folder, **settings_))  # type: ignore[arg-type]
        requests = [Request(t, r, max_new_tokens=NEW) for t, r in zip(texts, found, strict=True)]
        results = serve(engine, requests)
        assert [r.token_ids for r in results] == expected, name
        assert {r.finish_reason for r in results} == {SequenceFinishReason.LENGTH}
        assert sum(r.prefix_hits for r in results) == engine.stats.prefix_hits > 0
        if name == "right":
            assert engine.stats.accepted > engine.stats.generated / 4
        # One at a time.
        for number in (0, 15):
            assert serve(engine, [requests[number]])[0].token_ids == expected[number]


@pytest.fixture(scope="module")
def folders(checkpoint: GetCheckpoint) -> dict[str, Path]:
    return {family: checkpoint(family).folder for family in ("qwen3", "gemma2", "mistral")}


@settings(max_examples=60, deadline=None)
@given(
    family_name=st.sampled_from(["qwen3", "gemma2", "mistral"]),
    seed=st.integers(0, 2**70),
    count=st.integers(1, 6),
    temperature=st.sampled_from([0.0, 0.3, 1.0, 3.0]),
    block_size=st.sampled_from([1, 2, 8, 16]),
    max_num_batched_tokens=st.integers(1, 80),
    cascade=st.booleans(),
    sharing=st.booleans(),
    halves=st.booleans(),
)
def test_the_tokens_depend_on_the_request_alone(
    folders: dict[str, Path], family_name: str, seed: int, count: int, temperature: float, block_size: int,
    max_num_batched_tokens: int, cascade: bool, sharing: bool, halves: bool,
) -> None:  # fmt: skip
    """Drafts, batch, order, blocks, budget, cascade, cache and halves change the speed alone, at any temperature."""
    rng = random.Random(seed)
    common = [rng.randrange(99) for _ in range(rng.choice([0, 20]))]
    texts = [common + [rng.randrange(99) for _ in range(rng.randint(1, 25))] for _ in range(count)]

    def requests(references: list[list[int] | None]) -> list[Request]:
        return [
            Request(t, r, max_new_tokens=12, temperature=temperature, seed=seed + number)
            for number, (t, r) in enumerate(zip(texts, references, strict=True))
        ]

    def config(**changes: Any) -> EngineConfig:
        return EngineConfig(checkpoint=folders[family_name], max_model_len=64, **changes)

    plain = Engine(config(draft=False, max_num_seqs=1, cascade_attention=False, enable_prefix_caching=False))
    expected = [r.token_ids for r in serve(plain, requests([None] * count))]
    references: list[list[int] | None] = [rng.choice([tokens, noisy(tokens, rng, 0.3)]) for tokens in expected]
    # A clock under which rows cost nothing, so that all drafts are verified; and one that makes them dear at random.
    ticks = itertools.accumulate(itertools.repeat(1.0)) if seed % 2 else iter(lambda: rng.random() * 1e9, None)
    engine = Engine(
        config(
            block_size=block_size,
            max_num_batched_tokens=max_num_batched_tokens,
            cascade_attention=cascade,
            enable_prefix_caching=sharing,
        ),
        clock=lambda: float(next(ticks)),
    )
    engine._overlap = Halves(halves)
    if seed % 3 == 0:
        engine.pin(common)
    order = list(range(count))
    rng.shuffle(order)
    asked = requests(references)
    results = serve(engine, [asked[number] for number in order])
    assert [r.token_ids for r in results] == [expected[number] for number in order]


def test_a_right_reference_saves_steps_and_a_wrong_one_costs_no_token(
    checkpoint: GetCheckpoint, prompts: MakePrompts
) -> None:
    made = checkpoint("qwen3")
    prompt = prompts(7, 1)[0]
    expected = made.generate_greedily(prompt, 60)
    # Rows are free on this clock, so the gate lets every draft pass.
    ticks = itertools.count()
    engine = Engine(EngineConfig(checkpoint=made.folder), clock=lambda: float(next(ticks)))
    without = Engine(EngineConfig(checkpoint=made.folder, draft=False))
    (plain,) = serve(without, [Request(prompt, expected, max_new_tokens=60)])
    assert (plain.steps, plain.verified, plain.drafted) == (60, 60, 0)
    results = [serve(engine, [Request(prompt, expected, max_new_tokens=60)])[0] for _ in range(4)]
    assert all(r.token_ids == expected for r in results)
    assert results[-1].steps < 10  # the table has learnt that references of this pass are right
    assert results[-1].accepted + results[-1].steps == 60


def test_passes_learn_apart_and_single_requests_together(checkpoint: GetCheckpoint) -> None:
    """What is kept does not grow with requests that have nothing in common."""
    engine = Engine(EngineConfig(checkpoint=checkpoint("qwen3").folder))
    known = [engine._find_pass(group) for group in (1, 2, 1, 2, 1, 3)]
    assert known[0] is known[1] is known[5]
    assert known[2] is known[4] is not known[3]
    assert known[2] is not known[0] is not known[3]
    for group in range(1000):
        engine._find_pass(group)
    assert len(engine._passes) <= 256


def test_results_come_as_they_finish_and_carry_their_index(checkpoint: GetCheckpoint, prompts: MakePrompts) -> None:
    engine = Engine(EngineConfig(checkpoint=checkpoint("qwen3").folder))
    lengths = [30, 3, 12, 1]
    requests = [Request(p, max_new_tokens=n) for p, n in zip(prompts(3, 4), lengths, strict=True)]
    assert [r.index for r in engine.generate(requests)] == [3, 1, 2, 0]
    assert [len(r.token_ids) for r in serve(engine, requests)] == lengths  # the count starts anew with each call


def test_requests_are_drawn_as_there_is_room(checkpoint: GetCheckpoint) -> None:
    """A source without end is served, and what is in flight when the caller stops is taken back."""
    engine = Engine(EngineConfig(checkpoint=checkpoint("qwen3").folder, max_num_seqs=2))
    drawn = 0

    def endless() -> Iterator[Request]:
        nonlocal drawn
        while True:
            drawn += 1
            yield Request([drawn % 99], max_new_tokens=3)

    results = engine.generate(endless())
    seen = [next(results).index for _ in range(10)]
    results.close()  # type: ignore[attr-defined]
    assert len(set(seen)) == 10
    assert drawn <= 30
    assert not engine.busy
    assert engine.pool.num_free_blocks == engine.runner.num_blocks
    assert list(engine.take_results()) == []


def test_a_caller_may_feed_it_while_it_runs(checkpoint: GetCheckpoint, prompts: MakePrompts) -> None:
    made = checkpoint("qwen3")
    texts = prompts(4, 6)
    engine = Engine(EngineConfig(checkpoint=made.folder, max_num_seqs=3))
    assert engine.step() is False
    found: dict[int, list[int]] = {}
    waiting = list(texts)
    while waiting or engine.busy:
        if waiting:
            engine.add(Request(waiting.pop(0), max_new_tokens=10))
        engine.step()
        found |= {result.index: result.token_ids for result in engine.take_results()}
    assert found == {index: made.generate_greedily(prompt, 10) for index, prompt in enumerate(texts)}


def test_a_bad_request_within_a_stream_leaves_nothing_behind(checkpoint: GetCheckpoint) -> None:
    engine = Engine(EngineConfig(checkpoint=checkpoint("qwen3").folder))
    by_hand = engine.add(Request([5], max_new_tokens=2))
    with pytest.raises(RequestError):
        list(engine.generate([Request([1], max_new_tokens=4), Request([], max_new_tokens=4)]))
    while engine.busy:
        engine.step()
    assert [result.index for result in engine.take_results()] == [by_hand]
    assert engine.pool.num_free_blocks == engine.runner.num_blocks


def test_halves_alternate(checkpoint: GetCheckpoint, prompts: MakePrompts) -> None:
    """While one half is computed the other is planned, and what was cancelled meanwhile is not followed."""
    made = checkpoint("qwen3")
    texts = prompts(8, 6)
    engine = Engine(EngineConfig(checkpoint=made.folder))
    engine._overlap = Halves(True)
    events: list[tuple[str, frozenset[int]]] = []
    launch, read = engine.runner.launch, engine.runner.read_sampled

    def note(what: str, plan: StepPlan) -> None:
        events.append((what, frozenset(work.sequence.index for work in plan.works)))

    def watched_launch(plan: StepPlan) -> Copied:
        note("launched", plan)
        return launch(plan)

    def watched_read(plan: StepPlan, copied: Copied) -> list[int]:
        note("read", plan)
        return read(plan, copied)

    engine.runner.launch, engine.runner.read_sampled = watched_launch, watched_read  # type: ignore[method-assign]
    for text in texts:
        engine.add(Request(text, max_new_tokens=9))
    for _ in range(5):
        engine.step()
    together, first, second, *others = [half for what, half in events if what == "launched"]
    assert len(together) == 6  # nothing is running before the first step admits them
    assert (len(first), first | second, others) == (3, together, [first, second])
    assert [what for what, _ in events] == ["launched", "read", "launched"] + ["launched", "read"] * 3
    assert engine._flight is not None
    assert 4 in first | second
    assert engine.cancel(4)
    while engine.busy:
        engine.step()
    results = {result.index: result for result in engine.take_results()}
    assert results.pop(4).finish_reason is SequenceFinishReason.CANCELLED
    assert {index: result.token_ids for index, result in results.items()} == {
        index: made.generate_greedily(text, 9) for index, text in enumerate(texts) if index != 4
    }
    assert engine.pool.num_free_blocks == engine.runner.num_blocks


def test_cancelling(checkpoint: GetCheckpoint, prompts: MakePrompts) -> None:
    made = checkpoint("qwen3")
    texts = prompts(5, 3, shared=30)
    engine = Engine(EngineConfig(checkpoint=made.folder, max_num_seqs=2, block_size=4, max_num_batched_tokens=10))
    first, second, third = (engine.add(Request(p, max_new_tokens=15)) for p in texts)
    engine.step()
    running = {s.index for s in engine.scheduler.running}
    # One that computes the common beginning for the other, and one that waits.
    victims = [min(running), next(i for i in (first, second, third) if i not in running)]
    for victim in victims:
        assert engine.cancel(victim)
        assert not engine.cancel(victim)
    assert not engine.cancel(99)
    while engine.busy:
        engine.step()
    results = {r.index: r for r in engine.take_results()}
    assert {i for i, r in results.items() if r.finish_reason is SequenceFinishReason.CANCELLED} == set(victims)
    (left,) = {first, second, third} - set(victims)
    assert results[left].token_ids == made.generate_greedily(texts[left], 15)
    assert engine.pool.num_free_blocks == engine.runner.num_blocks


@pytest.mark.parametrize("halves", [False, True])
@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_a_step_that_breaks_off_costs_no_token(
    error: type[BaseException],
    halves: bool,
    checkpoint: GetCheckpoint,
    prompts: MakePrompts,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Before the forward, after it, and amid taking what it sampled; in prompts and in decoding."""
    made = checkpoint("qwen3")
    texts = prompts(13, 5, shared=20)
    expected = {index: made.generate_greedily(text, 12) for index, text in enumerate(texts)}
    engine = Engine(EngineConfig(checkpoint=made.folder, max_num_seqs=3, block_size=4, max_num_batched_tokens=30))
    engine.pin(texts[0][:8])
    pinned = len(engine._pins[0].blocks)
    moments = iter([1, 0, 2, 0, 0, 3] * 6)
    engine._overlap = Halves(halves)
    launch, take = engine.runner.launch, engine._take_sampled
    now = 0

    def broken_launch(plan: StepPlan) -> Copied:
        if now == 1:
            held = engine._pins[0].block_ids
            with torch.inference_mode():
                engine.runner.kv_cache[:, :, max(held) * 4 + 4 :] = 7.0  # as if the forward had got half way
            raise error
        copied = launch(plan)
        if now == 2:
            raise error
        return copied

    def broken_take(works: list[Work], sampled: list[int]) -> None:
        nonlocal now
        take(works, sampled)
        if now == 3:
            now = 0
            raise error

    monkeypatch.setattr(engine.runner, "launch", broken_launch)
    monkeypatch.setattr(engine, "_take_sampled", broken_take)
    for index, text in enumerate(texts):
        engine.add(Request(text, expected[index], max_new_tokens=12))
    breaks = 0
    while engine.busy:
        now = next(moments, 0)
        try:
            engine.step()
        except error:
            breaks += 1
    assert breaks > 5
    assert {result.index: result.token_ids for result in engine.take_results()} == expected
    assert engine.pool.num_free_blocks == engine.runner.num_blocks - pinned


def test_ids_may_come_as_arrays(checkpoint: GetCheckpoint) -> None:
    made = checkpoint("qwen3")
    engine = Engine(EngineConfig(checkpoint=made.folder))
    prompt: Any = torch.tensor([1, 2, 3])
    (result,) = serve(engine, [Request(prompt, torch.tensor([4, 5]), max_new_tokens=5)])  # type: ignore[arg-type]
    assert result.token_ids == made.generate_greedily([1, 2, 3], 5)


def test_stop_ids(checkpoint: GetCheckpoint, prompts: MakePrompts) -> None:
    made = checkpoint("qwen3")
    prompt = prompts(6, 1)[0]
    natural = made.generate_greedily(prompt, 20)
    stop = natural[9]
    engine = Engine(EngineConfig(checkpoint=made.folder))
    for reference in (None, natural):
        (result,) = serve(engine, [Request(prompt, reference, max_new_tokens=20, stop_ids=[stop])])
        assert result.token_ids == natural[: natural.index(stop) + 1]
        assert result.finish_reason is SequenceFinishReason.STOP


def test_pins_outlast_what_would_drive_them_out(checkpoint: GetCheckpoint, prompts: MakePrompts) -> None:
    engine = Engine(EngineConfig(checkpoint=checkpoint("qwen3").folder, block_size=4, num_kv_tokens=240))
    system = prompts(8, 1, longest=1, shared=40)[0]
    assert engine.pin(system) == 40
    assert engine.pin(system) == 40  # again costs nothing
    assert engine.pin(system[:3]) == 0  # less than a block
    assert engine.stats.requests == 0
    for seed in range(4):
        serve(engine, [Request(p, max_new_tokens=10) for p in prompts(seed, 6)])
    (result,) = serve(engine, [Request([*system, 5, 6], max_new_tokens=4)])
    assert result.prefix_hits == 40
    with pytest.raises(EngineError, match="too little KV"):
        engine.pin(prompts(9, 1, longest=1, shared=60)[0])
    assert engine.pool.num_free_blocks == engine.runner.num_blocks - 10


def test_a_pin_that_nobody_waits_for_is_computed_beside_requests(
    checkpoint: GetCheckpoint, prompts: MakePrompts
) -> None:
    engine = Engine(EngineConfig(checkpoint=checkpoint("qwen3").folder, block_size=4, num_kv_tokens=240))
    system, other = (prompts(seed, 1, longest=1, shared=length)[0][:length] for seed, length in ((8, 40), (9, 60)))
    assert engine.pin(system, wait=False) == 40
    assert engine.pin(system, wait=False) == 40  # on its way
    assert (engine.stats.steps, len(engine._pinning), engine.busy) == (0, 1, True)
    with pytest.raises(EngineError, match="too little KV"):
        engine.pin(other, wait=False)  # what is on its way has its room already
    index = engine.add(Request([*other, 5], max_new_tokens=4))
    while engine.busy:
        engine.step()
    assert [result.index for result in engine.take_results()] == [index]
    assert [len(pin.blocks) for pin in engine._pins] == [10]
    assert not engine._pinning
    (result,) = serve(engine, [Request([*system, 5, 6], max_new_tokens=4)])
    assert result.prefix_hits == 40


def test_the_cost_of_a_step_leaves_out_the_head_where_nothing_is_sampled(checkpoint: GetCheckpoint) -> None:
    made = checkpoint("qwen3")
    engine = Engine(
        EngineConfig(checkpoint=made.folder, max_num_batched_tokens=8, enable_prefix_caching=False, draft=False)
    )
    loads: list[float] = []
    engine.cost.observe = lambda load, seconds: loads.append(load)  # type: ignore[method-assign]
    serve(engine, [Request(list(range(20)), max_new_tokens=3)])
    head = engine.model_config.head_share
    assert head > 0.05
    assert loads == pytest.approx([8 * (1 - head), 8 * (1 - head), 4 - 3 * head, 1, 1])


def test_temperature_draws_from_the_softmax(checkpoint: GetCheckpoint) -> None:
    made = checkpoint("qwen3")
    prompt = [3, 1, 4, 1, 5]
    with torch.no_grad():
        wanted = (made.model(torch.tensor([prompt])).logits[0, -1] / 2.0).softmax(-1)
    engine = Engine(EngineConfig(checkpoint=made.folder))
    draws = 2000
    requests = [Request(prompt, max_new_tokens=1, temperature=2.0, seed=seed) for seed in range(draws)]
    counts = Counter(result.token_ids[0] for result in engine.generate(requests))
    # Pearson's chi-squared over the tokens expected at least five times; its mean is the degrees of freedom.
    often = [token for token in range(99) if wanted[token] * draws >= 5]
    statistic = sum((counts[t] - float(wanted[t]) * draws) ** 2 / (float(wanted[t]) * draws) for t in often)
    freedom = len(often)
    assert freedom > 8
    assert statistic < freedom + 5 * (2 * freedom) ** 0.5


@pytest.mark.parametrize(
    ("request_", "part"),
    [
        (Request([]), "empty prompt"),
        (Request([1] * 150, max_new_tokens=11), "161"),
        (Request([1], max_new_tokens=2, adapter="x"), "unknown"),
    ],
)
def test_requests_that_can_never_be_served(checkpoint: GetCheckpoint, request_: Request, part: str) -> None:
    engine = Engine(EngineConfig(checkpoint=checkpoint("qwen3").folder))
    with pytest.raises(RequestError, match=part):
        engine.add(request_)
    assert not engine.busy


def test_a_second_try_drafts_from_the_first_reply(checkpoint: GetCheckpoint, prompts: MakePrompts) -> None:
    """Its reference is of no use, so that drafts can only come from the earlier output; the tokens are the same."""
    made = checkpoint("qwen3")
    (prompt,) = prompts(11, 1, longest=40, shared=70)
    chance = random.Random(5)
    reference = [chance.randrange(99) for _ in range(40)]
    request = Request(prompt, reference, max_new_tokens=40, temperature=1.0, seed=3)
    engine = Engine(EngineConfig(checkpoint=made.folder))
    first, second = (serve(engine, [request])[0] for _ in range(2))
    assert second.token_ids == first.token_ids
    assert second.accepted > first.accepted + 10
    assert second.steps < first.steps / 2
    other = Request(prompt, reference[::-1], max_new_tokens=40, temperature=1.0, seed=3)
    (third,) = serve(engine, [other])
    assert third.token_ids == first.token_ids
    assert third.steps > second.steps, "its reference is not like that of the others"
