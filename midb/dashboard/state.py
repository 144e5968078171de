"""What a run has told so far, kept small however long it runs. Draws nothing."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from midb.decisions import Outcome
from midb.events import BatchDone, EditMade, Event, LineRejected, RunPlanned, Tally, Warned

#: Seconds over which the speed is taken, and batches it is taken over at least: batches of a model come slowly.
WINDOW_SECONDS, WINDOW_BATCHES = 60.0, 5

#: Seconds that shown edits stay: a person has to be able to read them.
EDITS_STAY = 3.0

#: Edits kept for the screen: no terminal shows more.
EDITS_KEPT = 100


def outcome_sums(outcomes: Mapping[tuple[str, Outcome], int]) -> dict[Outcome, int]:
    """Records per outcome, over all languages; every outcome is there."""
    sums = dict.fromkeys(Outcome, 0)
    for (_, outcome), number in outcomes.items():
        sums[outcome] += number
    return sums


class Speed:
    """Units per second over a sliding window."""

    def __init__(self) -> None:
        self._samples: deque[tuple[float, int]] = deque()

    def add(self, now: float, total: int) -> None:
        """``total`` units were done by ``now``."""
        self._samples.append((now, total))
        while len(self._samples) > WINDOW_BATCHES + 1 and self._samples[1][0] <= now - WINDOW_SECONDS:
            self._samples.popleft()

    def per_second(self, now: float) -> float | None:
        """The speed up to ``now``, so that it falls while nothing arrives; ``None`` while there is nothing to say."""
        if not self._samples:
            return None
        (start, first), (_, last) = self._samples[0], self._samples[-1]
        return (last - first) / (now - start) if now > start and last > first else None


@dataclass
class Progress:
    """The state of a run as its events tell it. Feed it with `take`."""

    clock: Callable[[], float]
    plan: RunPlanned | None = None
    tally: Tally = field(default_factory=Tally)
    records: Speed = field(default_factory=Speed)
    pairs: Speed = field(default_factory=Speed)
    edits: deque[EditMade] = field(default_factory=lambda: deque(maxlen=EDITS_KEPT))
    rejected: Counter[str] = field(default_factory=Counter)
    latest_rejected: LineRejected | None = None
    warnings: int = 0
    latest_warning: str = ""
    _started: float | None = None
    _edits_since: float = 0.0

    def take(self, event: Event) -> None:
        """Add what an event tells."""
        now = self.clock()
        if self._started is None:
            self._started = now
        match event:
            case RunPlanned():
                self.plan = event
                self._started = now
                self.records.add(now, 0)
                self.pairs.add(now, 0)
            case BatchDone():
                self.tally.add(event)
                self.records.add(now, self.tally.records)
                self.pairs.add(now, self.tally.pairs)
                if event.edits and (not self.edits or now - self._edits_since >= EDITS_STAY):
                    self.edits.extend(event.edits[-EDITS_KEPT:])
                    self._edits_since = now
            case LineRejected():
                self.rejected[event.reason] += 1
                self.latest_rejected = event
            case Warned():
                self.warnings += 1
                self.latest_warning = event.message
            case _:
                pass

    @property
    def seconds(self) -> float:
        """Since the plan was told."""
        return 0.0 if self._started is None else self.clock() - self._started

    @property
    def done(self) -> int:
        """Records and rejected lines that are behind this run, those before it was resumed among them."""
        return (self.plan.resumed_at if self.plan else 0) + self.tally.records + self.tally.rejected

    @property
    def total(self) -> int | None:
        """Of everything; ``None`` where nobody counted."""
        return self.plan.total if self.plan else None

    @property
    def per_second(self) -> float | None:
        """Pairs per second, lately (a conversation has several to a record)."""
        return self.pairs.per_second(self.clock())

    @property
    def remaining_seconds(self) -> float | None:
        """Until the end at this speed; ``None`` where nobody can know."""
        if self.total is None or not (speed := self.records.per_second(self.clock())):
            return None
        return max(self.total - self.done, 0) / speed
