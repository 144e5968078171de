"""Keeps outputs within what their requests allow. No torch.

What a step sampled is held against the constraint afterwards. The likeliest token of all, if it is allowed, is also
the likeliest of those that are allowed; so a mask is made, and the head of the model computed once more for one row,
only where the model wanted to leave what is allowed. With noise it is the same: the noise of a token does not depend on
which others there are. Steps and their graphs are the same with and without constraints.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from midb.kernels.engine.sequence import Sequence
from midb.kernels.engine.step_plan import StepPlan
from midb.kernels.request import Constraint


class Sampler(Protocol):
    """Samples rows of the last step again, see ``ModelRunner.sample_again``."""

    def sample_again(self, plan: StepPlan, places: list[int], allowed: list[NDArray[np.bool_]]) -> list[int]:
        """Sample from the allowed ids only."""
        ...


@dataclass(slots=True)
class _Walk:
    """How far the samples of one sequence were held against its constraint.

    :param place: of the sample that is next, counted over all samples of the step.
    :param draft: tokens that were sampled behind, those that were passed left out.
    """

    sequence: Sequence
    constraint: Constraint
    place: int
    draft: tuple[int, ...]


def constrain(plan: StepPlan, sampled: list[int], sampler: Sampler) -> None:
    """Put an allowed token in the place of each sampled one that its sequence's constraint does not allow.

    :param sampled: of each sample of the step; changed in place.
    """
    walks = list(_begin(plan))
    while walks:
        walks = [walk for walk in walks if _goes_on(walk, sampled)]
        if not walks:
            return
        places = [walk.place for walk in walks]
        for walk, token in zip(
            walks, sampler.sample_again(plan, places, [walk.constraint.allow() for walk in walks]), strict=True
        ):
            sampled[walk.place] = token


def _begin(plan: StepPlan) -> Iterator[_Walk]:
    place = 0
    for work in plan.works:
        if not work.samples:
            continue
        if work.sequence.request.constraint is not None:
            yield _Walk(work.sequence, _follow(work.sequence), place, work.draft)
        place += len(work.draft) + 1


def _follow(sequence: Sequence) -> Constraint:
    """The constraint of a sequence, which has followed its output so far."""
    if sequence.constraint is None:
        assert sequence.request.constraint is not None
        constraint = sequence.request.constraint()
        for token in sequence.token_ids[sequence.num_prompt_tokens :]:
            constraint.accept(token)
        sequence.constraint = constraint
    return sequence.constraint


def _goes_on(walk: _Walk, sampled: list[int]) -> bool:
    """Follow the samples that will be taken; whether one of them is refused, which ``walk.place`` then names."""
    while True:
        token = sampled[walk.place]
        if not walk.constraint.accept(token):
            return True
        if token in walk.sequence.sampling.stop_ids or not walk.draft or token != walk.draft[0]:
            return False
        walk.place, walk.draft = walk.place + 1, walk.draft[1:]
