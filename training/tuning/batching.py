"""Batches of examples by length, and their order. Knows no torch.

Examples of like length stand in one batch, so that little of it is padding. The batches are cut once; their order is
another one in each epoch, and depends on the seed alone.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence


def cut_batches(lengths: Sequence[int], budget: int, seed: int) -> list[list[int]]:
    """Cut examples into batches of at most ``budget`` tokens, padding included; a longer example is a batch by itself.

    :param lengths: tokens of each example.
    :return: of each batch the numbers of its examples.

    >>> cut_batches([3, 9, 3, 4], 9, seed=0)
    [[0, 2], [3], [1]]
    """
    chance = random.Random(f"batches {seed}")
    among_equals = [chance.random() for _ in lengths]
    batches: list[list[int]] = []
    for number in sorted(range(len(lengths)), key=lambda one: (lengths[one], among_equals[one])):
        # The examples come by length: the last one is the longest.
        if batches and (len(batches[-1]) + 1) * lengths[number] <= budget:
            batches[-1].append(number)
        else:
            batches.append([number])
    return batches


class BatchOrder:
    """The batches of a whole training, one after the other, as torch's loaders take them.

    All epochs are one sequence, so that a training can begin anywhere in it.

    :param epochs: how often each batch comes; of a fraction, as many batches as that makes.
    :param share: number of this process and how many there are: each takes every n-th batch.
    """

    def __init__(self, batches: Sequence[list[int]], epochs: float, seed: int, share: tuple[int, int] = (0, 1)) -> None:
        self._batches, self._seed, self._share = batches, seed, share
        self._count = max(1, math.ceil(len(batches) * epochs - 1e-9) // share[1]) if batches else 0

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[list[int]]:
        number, processes = self._share
        for place in range(self._count):
            epoch, within = divmod(place * processes + number, len(self._batches))
            if within < processes or place == 0:
                order = self._shuffle(epoch)
            yield self._batches[order[within]]

    def _shuffle(self, epoch: int) -> list[int]:
        order = list(range(len(self._batches)))
        random.Random(f"order {self._seed} {epoch}").shuffle(order)
        return order
