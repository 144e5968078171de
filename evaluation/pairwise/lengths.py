"""Whether a side wins by being longer: outcomes by difference of length, and what would be left without it.

The length-controlled win rate is that of Dubois et al., "Length-Controlled AlpacaEval", 2024, without the difficulty of
prompts: a logistic regression on the tanh of the standardized difference of lengths, read where there is none.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

#: Differences of length, as a share of the first side's, up to which texts count as of like length.
LIKE = 0.1

#: Names of the bins, by how the second side is.
BINS = ("shorter", "alike", "longer")

#: Weight of the ridge: a normal prior of standard deviation 3 on both coefficients, which keeps them finite where one
#: side always wins, and moves no rate by a point where it does in sixty pairs.
_RIDGE = 0.1

#: Steps of Newton's method; it settles in five or six.
_STEPS = 25
_SETTLED = 1e-9
_LONGEST_STEP = 2.0


def find_bin(lengths: tuple[int, int]) -> str:
    """How long the second side is beside the first.

    >>> find_bin((100, 105)), find_bin((100, 150)), find_bin((0, 0)), find_bin((100, 50))
    ('alike', 'longer', 'alike', 'shorter')
    """
    before, after = lengths
    if abs(after - before) <= LIKE * before or before == after:
        return "alike"
    return "longer" if after > before else "shorter"


@dataclass(frozen=True, slots=True)
class LengthEffect:
    """What a fit says.

    :param win_rate: of the second side where both are equally long; ties are half a win.
    :param slope: of the logit: above 0, longer texts win more than shorter ones.
    """

    win_rate: float
    slope: float


def fit_lengths(outcomes: Sequence[int], differences: Sequence[float], spread: float) -> LengthEffect:
    """Fit outcomes (1, 0, -1) on differences of length, divided by their ``spread``.

    >>> effect = fit_lengths([1, 1, -1, -1] * 50, [90, 80, -85, -95] * 50, 90)
    >>> round(effect.win_rate, 1), effect.slope > 1
    (0.5, True)
    """
    xs = [math.tanh(difference / spread) if spread else 0.0 for difference in differences]
    ys = [(outcome + 1) / 2 for outcome in outcomes]
    level = slope = 0.0
    for _ in range(_STEPS):
        gradient_level, gradient_slope = -_RIDGE * level, -_RIDGE * slope
        a = c = _RIDGE
        b = 0.0
        for x, y in zip(xs, ys, strict=True):
            p = _squash(level + slope * x)
            gradient_level += y - p
            gradient_slope += (y - p) * x
            weight = p * (1 - p)
            a += weight
            b += weight * x
            c += weight * x * x
        determinant = a * c - b * b
        step_level = (c * gradient_level - b * gradient_slope) / determinant
        step_slope = (a * gradient_slope - b * gradient_level) / determinant
        length = max(abs(step_level), abs(step_slope), _LONGEST_STEP) / _LONGEST_STEP
        step_level, step_slope = step_level / length, step_slope / length
        level += step_level
        slope += step_slope
        if abs(step_level) + abs(step_slope) < _SETTLED:
            break
    return LengthEffect(_squash(level), slope)


def _squash(value: float) -> float:
    """The logistic function, without overflow."""
    if value >= 0:
        return 1 / (1 + math.exp(-value))
    return (power := math.exp(value)) / (1 + power)


def measure_spread(differences: Sequence[float]) -> float:
    """The standard deviation of differences; 0 where all are the same."""
    return statistics.pstdev(differences) if len(differences) > 1 else 0.0
