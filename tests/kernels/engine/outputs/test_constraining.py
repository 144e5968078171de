"""Constraints: token for token what transformers generates from the allowed tokens alone, with drafts and without."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from pathlib import Path

import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from numpy.typing import NDArray
from random_checkpoints import VOCABULARY, GetCheckpoint, MakePrompts, RandomCheckpoint

from midb.kernels import Engine, EngineConfig, Request, SequenceFinishReason

NEW = 16

#: Tokens of the KV cache: room for all requests of a test. By itself an engine has room for many more, made each time.
ROOM = 4096

#: Ends the outputs of ``Stairs`` that have an even number of tokens.
STOP = 7


@dataclass
class Stairs:
    """Each token has the parity of its place, and is not the one before; ``STOP`` may come at odd places."""

    seen: list[int] = field(default_factory=list)

    def allow(self) -> NDArray[np.bool_]:
        ids = np.arange(VOCABULARY - 3)  # the last ids of the vocabulary are beyond what it knows
        allowed: NDArray[np.bool_] = ids % 2 == len(self.seen) % 2
        if self.seen:
            allowed[self.seen[-1]] = False
        return allowed

    def accept(self, token_id: int) -> bool:
        allowed = self.allow()
        if token_id >= len(allowed) or not allowed[token_id]:
            return False
        self.seen.append(token_id)
        return True


def generate_greedily(made: RandomCheckpoint, prompt: list[int], count: int) -> list[int]:
    """What transformers generates with the same constraint, up to ``STOP``."""

    def allow(_: int, ids: torch.Tensor) -> list[int]:
        allowed: list[int] = np.flatnonzero(Stairs(ids[len(prompt) :].tolist()).allow()).tolist()
        return allowed

    ids = torch.tensor([prompt])
    with torch.no_grad():
        out = made.model.generate(
            ids,
            attention_mask=torch.ones_like(ids),
            max_new_tokens=count,
            do_sample=False,
            prefix_allowed_tokens_fn=allow,
        )
    tokens: list[int] = out[0, len(prompt) :].tolist()
    return tokens[: tokens.index(STOP) + 1] if STOP in tokens else tokens


def test_tokens_are_those_of_transformers(family: str, checkpoint: GetCheckpoint, prompts: MakePrompts) -> None:
    """Some requests have the constraint and some have none; references are right, noisy, or against the constraint."""
    made = checkpoint(family)
    rng = random.Random(family)
    texts = prompts(5, 5) + prompts(6, 4, longest=20, shared=20)
    free = [number % 3 == 0 for number in range(len(texts))]
    unconstrained = [made.generate_greedily(text, NEW) for text in texts]
    expected = [
        tokens if is_free else generate_greedily(made, text, NEW)
        for text, tokens, is_free in zip(texts, unconstrained, free, strict=True)
    ]
    assert any(tokens[-1] == STOP for tokens in expected) or family != "llama-3"
    for draft in (False, True):
        engine = Engine(EngineConfig(checkpoint=made.folder, block_size=4, draft=draft, num_kv_tokens=ROOM))
        requests = [
            Request(
                text,
                rng.choice([right, wrong, [*right[:5], *wrong]]),
                max_new_tokens=NEW,
                stop_ids=() if is_free else (STOP,),
                constraint=None if is_free else Stairs,
            )
            for text, right, wrong, is_free in zip(texts, expected, unconstrained, free, strict=True)
        ]
        results = sorted(engine.generate(requests), key=lambda result: result.index)
        assert [result.token_ids for result in results] == expected, draft
    assert engine.stats.accepted > 0


@pytest.fixture(scope="module")
def folder(checkpoint: GetCheckpoint) -> Path:
    return checkpoint("gemma2").folder  # its logits have a soft cap


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**70), temperature=st.sampled_from([0.3, 1.0, 3.0]), size=st.integers(1, 80))
def test_the_tokens_depend_on_the_request_alone(folder: Path, seed: int, temperature: float, size: int) -> None:
    """Drawn tokens too: drafts, batch and the cut of the steps change none."""
    rng = random.Random(seed)
    texts = [[rng.randrange(99) for _ in range(rng.randint(1, 25))] for _ in range(3)]

    def serve(engine: Engine, references: list[list[int]]) -> list[list[int]]:
        requests = [
            Request(
                text,
                reference,
                max_new_tokens=NEW,
                temperature=temperature,
                seed=seed + number,
                stop_ids=[STOP],
                constraint=Stairs,
            )
            for number, (text, reference) in enumerate(zip(texts, references, strict=True))
        ]
        return [result.token_ids for result in sorted(engine.generate(requests), key=lambda result: result.index)]

    expected = serve(
        Engine(EngineConfig(checkpoint=folder, max_model_len=64, num_kv_tokens=ROOM, draft=False, max_num_seqs=1)),
        [[]] * len(texts),
    )
    for tokens in expected:
        walk = Stairs()
        assert all(walk.accept(token) for token in tokens)
    clock = iter(range(10**9))
    engine = Engine(
        EngineConfig(checkpoint=folder, max_model_len=64, num_kv_tokens=ROOM, max_num_batched_tokens=size),
        clock=lambda: float(next(clock)),
    )
    assert serve(engine, expected) == expected


def test_a_step_that_breaks_off_leaves_the_constraint_where_the_output_is(
    checkpoint: GetCheckpoint, prompts: MakePrompts, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The constraint had followed tokens that were never taken."""
    made = checkpoint("qwen3")
    text = prompts(9, 1)[0]
    expected = generate_greedily(made, text, NEW)
    engine = Engine(EngineConfig(checkpoint=made.folder))
    engine.add(Request(text, max_new_tokens=NEW, stop_ids=[STOP], constraint=Stairs))
    take, calls = engine._take_sampled, iter(range(99))

    def fail_twice(*arguments: object) -> None:
        if next(calls) in (0, 4):
            raise KeyboardInterrupt
        take(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(engine, "_take_sampled", fail_twice)
    failures = 0
    while engine.busy:
        try:
            engine.step()
        except KeyboardInterrupt:
            failures += 1
    (result,) = engine.take_results()
    assert failures == 2
    assert result.token_ids == expected
    assert result.finish_reason in (SequenceFinishReason.STOP, SequenceFinishReason.LENGTH)
