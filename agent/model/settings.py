"""How a run uses its model: which pairs it sees, how replies are sampled, and what may be spent on it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from midb.agent.engines.protocol import Sampling
from midb.domain.decisions import Pass
from midb.domain.errors import UsageError
from midb.prompts import PromptSet


class Route(StrEnum):
    """Which pairs the model sees: ``CONTENT`` every pair for content and the other passes where there are findings,
    ``FINDINGS`` a pass only where there are findings of its family, ``ALL`` every pair in every pass."""

    CONTENT = "content"
    FINDINGS = "findings"
    ALL = "all"


#: Units of a budget, and the seconds of one; 0 for tokens. What ends like another unit stands before it.
_UNITS = (("tokens", 0), ("tok", 0), ("h", 3600), ("min", 60), ("m", 60), ("s", 1))

#: A budget of so much is none: it is a slip of the hand, or infinity.
_ENDLESS = 1e15


@dataclass(frozen=True, slots=True)
class Budget:
    """What a run may spend before it stops, resumable: seconds or tokens (in and out)."""

    written: str = ""
    seconds: float | None = None
    tokens: float | None = None

    @classmethod
    def parse(cls, text: str) -> Budget:
        """Read ``2h``, ``90m``, ``30s``, ``1e6tok``; UsageError for anything else.

        >>> Budget.parse("2h").seconds, Budget.parse("1e6tok").tokens
        (7200.0, 1000000.0)
        """
        for unit, seconds in _UNITS:
            number = text.strip().lower().removesuffix(unit)
            if number == text.strip().lower():
                continue
            try:
                value = float(number.replace(",", "").strip())
            except ValueError:
                break
            if not 0 < value < _ENDLESS:
                break
            return cls(text, seconds=value * seconds) if seconds else cls(text, tokens=value)
        raise UsageError(f'"{text}" is no budget.', hint="Examples: --budget 2h, --budget 90m, --budget 1e6tok.")

    def left(self, seconds: float, tokens: int) -> float | None:
        """The share that is left, 0 where it is used up; ``None`` without a budget."""
        for spent, given in ((seconds, self.seconds), (tokens, self.tokens)):
            if given is not None:
                return max(1 - spent / given, 0.0) if given > 0 else 0.0
        return None

    def after(self, seconds: float, tokens: int) -> Budget:
        """What the next model may spend once another has spent so much; perhaps nothing.

        >>> Budget.parse("100tok").after(9.0, 30).tokens, Budget().after(9.0, 30)
        (70.0, Budget(written='', seconds=None, tokens=None))
        """
        if self.seconds is not None:
            return replace(self, seconds=max(self.seconds - seconds, 0.0))
        return self if self.tokens is None else replace(self, tokens=max(self.tokens - tokens, 0.0))

    def describe_left(self, seconds: float, tokens: int) -> str:
        """What is left, for people."""
        if self.seconds is not None:
            left = max(int(self.seconds - seconds), 0)
            return f"{left // 3600}:{left // 60 % 60:02}:{left % 60:02}"
        return "" if self.tokens is None else f"{max(int(self.tokens - tokens), 0):,} tokens"


@dataclass(frozen=True, kw_only=True)
class PassAdapter:
    """The adapter that answers a rewriting pass.

    A verdict has none: what learnt to prefer its own rewrites must not judge them.

    :param name: as ``TextRequest.adapter``.
    :param prompts: those that it was trained with; None: those of the run.
    """

    name: str
    prompts: PromptSet | None = None


@dataclass(frozen=True, kw_only=True)
class ModelSettings:
    """How a run uses its model. ``salt`` decides the order of the sides that a verdict sees, with each pair.

    ``judge_orders``: in how many orders a verdict is asked for; with 2, both must prefer the rewrite. ``adapters``
    answer the passes that they are given for, all others the model as it is.
    """

    prompts: PromptSet
    adapters: Mapping[Pass, PassAdapter] = field(default_factory=dict)
    route: Route = Route.CONTENT
    sampling: Sampling = field(default_factory=Sampling)
    budget: Budget = field(default_factory=Budget)
    salt: str = ""
    judge_orders: int = 2

    def adapter_of(self, pass_: Pass) -> str:
        """The name of the adapter that answers a pass; "" where the model does so as it is."""
        found = self.adapters.get(pass_)
        return found.name if found else ""

    def prompts_of(self, pass_: Pass) -> PromptSet:
        """What a pass is asked with."""
        found = self.adapters.get(pass_)
        return (found.prompts if found else None) or self.prompts
