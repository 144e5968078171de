"""Whether steps are taken in halves that alternate: while a GPU computes one, the host follows and plans the other.

A step can only be planned once the tokens of the one before are known, so a GPU that is given all sequences at once
waits for the host between two steps. Two halves hide that, and cost what two small steps take more than a large one,
which reads the weights once. So halves pay where arithmetic takes the time, as with drafts, or where the host takes
long. No torch and no clock: seconds are handed in.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING

from midb.kernels.engine.cost import Prior
from midb.kernels.engine.step_plan import StepPlan

if TYPE_CHECKING:
    from midb.kernels.engine.step_batch import Copied

#: By how much the host's time must be above what halves cost: both are estimates, and a change costs new graphs.
_MARGIN = 1.25

#: Weight of a longer time than is known. A shorter one counts at once: what makes a step long is mostly something that
#: comes once, such as a kernel that is compiled.
_NEW_LONGER = 0.05

#: Weight of a new measurement of the load.
_NEW_LOAD = 0.1


@dataclass(frozen=True, slots=True)
class Flight:
    """A step that was launched, and is being computed.

    :param started: time of the clock at which its planning began.
    :param begun: that at which its launch began.
    :param launched: that at which it was launched.
    :param captured: seconds in which a graph was captured for it.
    """

    plan: StepPlan
    copied: Copied
    started: float
    begun: float
    launched: float
    captured: float

    @property
    def must_land(self) -> bool:
        """No other step may be launched before it is over.

        What a constraint refuses is sampled again, from what the step that was launched last has left.
        """
        return any([work.sequence.request.constraint is not None for work in self.plan.works])


class StepOverlap:
    """Learns from steps in which all sequences decode what the host takes for one of them, and the device for a load.

    :param prior: relative cost of a load on the device, as for ``StepCost``; None: steps are never halved.
    """

    def __init__(self, prior: Prior | None) -> None:
        self._prior = prior
        self._host = inf  # seconds for one sequence
        self._pace = inf  # seconds on the device for what the prior counts as 1
        self._load = 0.0  # of one sequence

    def observe(self, works: int, load: float, host: float, device: float | None) -> None:
        """Learn from one step.

        :param works: sequences in it.
        :param load: as ``StepCost`` counts it.
        :param host: seconds that the host took to plan it, to launch it and to follow what came.
        :param device: seconds that the device took; None where that is not known, as the host was later than it.
        """
        if self._prior is None:
            return
        self._host = _follow_least(self._host, host / works)
        if device is not None:
            self._pace = _follow_least(self._pace, device / float(self._prior(load)))
        self._load += _NEW_LOAD * (load / works - self._load) if self._load else load / works

    def pays(self, sequences: int) -> bool:
        """Whether that many sequences get further in halves."""
        if self._prior is None or sequences < 2 or not self._load or self._pace == inf:
            return False
        load = self._load * sequences
        cost = self._pace * float(2 * self._prior(load / 2) - self._prior(load))
        return self._host * sequences > _MARGIN * cost


def _follow_least(known: float, new: float) -> float:
    if new < known:
        return new
    return known + _NEW_LONGER * (min(new, 2 * known) - known)
