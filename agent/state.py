"""What the nodes of the state machine share: the state of one pair, and the dependencies of a run."""

from __future__ import annotations

import operator
from collections import deque
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, TypedDict

from midb.agent.model.calls import Model
from midb.agent.record_clock import RecordClock
from midb.detectors import KindSelection, Look, find_switched_off, look
from midb.domain.decisions import Decision, PairResult, Pass, rewrite_kind
from midb.domain.defects import Finding, SwitchedPart
from midb.domain.pairs import Field, InstructionPair
from midb.locales import Locale
from midb.text.inspection import Inspection
from midb.text.languages import LanguageIdentifier
from midb.text.steering import holds_steering_passage

#: Rounds of provable repairs a pass gets on one pair. They settle in one or two; what needs more is not understood.
MAX_ATTEMPTS = 4

#: Replies a pass may get wrong on one pair: the first, and the retry that is told what was wrong.
MAX_FAILURES = 2

#: Verdicts against a pair's rewrites after which only provable repairs are left.
MAX_REFUSALS = 2

#: Versions of a pair whose inspections are kept: its original, what it is now, and what is tried.
MOST_INSPECTED = 3


class PairState(TypedDict, total=False):
    """The state of one pair. ``found`` is what was found at first, ``findings`` what stands in ``current`` now.

    A node returns what it changes (`advance`).
    """

    original: InstructionPair
    current: InstructionPair
    found: list[Finding]
    findings: list[Finding]
    repaired: list[tuple[Finding, int]]  # with the index of the decision
    decisions: list[Decision]
    attempts: dict[Pass, int]
    barred: frozenset[str]  # kinds whose repair of this pair was taken back
    settled: frozenset[Pass]  # passes whose model has said what it has to say about the pair as it is
    steered: bool  # with a model: a text tries to steer whoever reads it
    failures: dict[Pass, tuple[str, ...]]  # what was wrong with the replies to each pass, in words for the model


def advance(state: PairState, update: PairState) -> PairState:
    """The state after a node: what was repaired and decided comes behind what there is, all else takes its place."""
    return {
        **state,
        **update,
        "repaired": [*state.get("repaired", ()), *update.get("repaired", ())],
        "decisions": [*state.get("decisions", ()), *update.get("decisions", ())],
    }


def count_attempts(state: PairState, pass_: Pass) -> int:
    """How often a pass has decided about the pair so far."""
    return sum(decision.pass_ is pass_ for decision in state["decisions"])


def add_failure(
    failures: Mapping[Pass, tuple[str, ...]], pass_: Pass, words: str, *, times: int = 1
) -> dict[Pass, tuple[str, ...]]:
    """The failures with one more of a pass; with ``times`` as many as it may have, it is asked no more."""
    return {**failures, pass_: (*failures.get(pass_, ()), *[words] * times)}


@dataclass(slots=True)
class _SeenPair:
    """A version of a pair as detectors see it, and what they saw once they were asked."""

    pair: InstructionPair
    inspection: Inspection
    look: Look | None = None


@dataclass(frozen=True)
class PairContext:
    """Everything a node needs and may not change: each pair of a batch has its own."""

    locale: Locale
    source: InstructionPair | None
    selection: KindSelection
    passes: frozenset[Pass]
    identifier: LanguageIdentifier
    model: Model | None = None
    clock: RecordClock | None = None
    demands: tuple[str, ...] = ()
    shared: Mapping[Field, str] = field(default_factory=dict)  # texts of another pair, to be read and not edited
    _inspected: deque[_SeenPair] = field(
        default_factory=lambda: deque(maxlen=MOST_INSPECTED), init=False, repr=False, compare=False
    )

    def inspection(self, pair: InstructionPair) -> Inspection:
        """The pair as detectors see it. With a model, which visits a pair again and again, it is looked at once: what
        was seen of the last few texts is kept."""
        return self._see(pair).inspection

    def _see(self, pair: InstructionPair) -> _SeenPair:
        for known in self._inspected:
            if known.pair is pair:
                return known
        read = pair.replaced(dict(self.shared)) if self.shared else pair
        if self._inspected:
            inspection = self._inspected[-1].inspection.of_version(read)
        else:
            typography = self.selection.typography
            inspection = Inspection(read, self.locale, self.identifier, self.source, typography, self.demands)
        seen = _SeenPair(pair, inspection)
        if self.model:
            self._inspected.append(seen)
        return seen

    def inspect(self, pair: InstructionPair) -> list[Finding]:
        """Every finding of the selected kinds in a text of this pair."""
        seen = self._see(pair)
        if seen.look is None:
            looks = (other.look for other in reversed(self._inspected))
            earlier = next((one for one in looks if one and seen.inspection.has_task_of(one.inspection)), None)
            seen.look = look(seen.inspection, self.selection, earlier)
        return [finding for finding in seen.look.findings if finding.field not in self.shared]

    def lets_rewrite(self, pass_: Pass) -> bool:
        """Whether a model may be asked by a pass: people did not say that its rewrites are wrong here too often."""
        off = find_switched_off(self.selection.switched_off, self.locale.code)
        return SwitchedPart.REWRITES not in off.get(rewrite_kind(pass_), ())

    def is_steered(self, pair: InstructionPair) -> bool:
        """Whether a text of the pair or its source tries to steer the model that reads it."""
        pairs = (pair, self.source or InstructionPair())
        return holds_steering_passage((text for each in pairs for _, text in each.texts()), self.locale)


@dataclass(frozen=True)
class PairJob:
    """A pair to be taken through the state machine, and what it needs on its way."""

    pair: InstructionPair
    context: PairContext


@dataclass(slots=True)
class Visit:
    """A pair on its way from node to node, which its wave knows by its ``key``.

    ``state`` is what it is when it comes to ``node``, ``seen`` the nodes before. ``came`` is what the node's work came
    to while the pair was away; None: it is not back, or was not away.
    """

    key: int
    job: PairJob
    node: str
    state: PairState
    came: PairState | Exception | None = None
    seen: int = 0


@dataclass(frozen=True, slots=True)
class Visitors:
    """The pairs that visit a node at the same time."""

    visits: list[Visit]


@dataclass(frozen=True, slots=True)
class Away:
    """A visit that waits for a model, and the work of its node."""

    visit: Visit
    work: Callable[[], Coroutine[Any, Any, PairState]]


class WaveState(TypedDict, total=False):
    """What is known of a wave: who comes, what came of each pair that is done, by its key, and who is away."""

    visits: list[Visit]
    results: Annotated[list[tuple[int, PairResult | Exception]], operator.add]
    away: Annotated[list[Away], operator.add]
