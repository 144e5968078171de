"""What is known of a run so far, kept small however long it runs. Draws nothing."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from midb.domain.decisions import RUN_OUTCOMES, Outcome
from midb.domain.events import (
    BatchDone,
    Behind,
    EditMade,
    Event,
    LineRejected,
    ModelUsed,
    RunPlanned,
    ShardsSeen,
    Tally,
    Waiting,
    Warned,
)
from midb.domain.generations import Usage

#: Seconds over which the speed is taken: long enough to be calm, short enough to follow what is under way.
WINDOW_SECONDS = 60.0

#: Batches it is taken over at least, however long ago they were: those of a model come slowly.
WINDOW_BATCHES = 5

#: Seconds over which the speed of a model is taken.
TOKEN_SECONDS = 15.0

#: Seconds that shown edits stay: a person has to be able to read them.
EDITS_STAY = 3.0

#: Edits kept for the screen: no terminal shows more.
EDITS_KEPT = 100


def sum_outcomes(outcomes: Mapping[tuple[str, Outcome], int]) -> dict[Outcome, int]:
    """Records per outcome, over all languages; every outcome is there."""
    sums = dict.fromkeys(RUN_OUTCOMES, 0)
    for (_, outcome), number in outcomes.items():
        sums[outcome] += number
    return sums


class Speed:
    """Units per second over a sliding window of ``seconds``, or of ``samples`` if those take longer."""

    def __init__(self, seconds: float = WINDOW_SECONDS, samples: int = WINDOW_BATCHES) -> None:
        self._seconds, self._least = seconds, samples
        self._samples: deque[tuple[float, int]] = deque()

    def add(self, now: float, total: int) -> None:
        """``total`` units were done by ``now``."""
        self._samples.append((now, total))
        while len(self._samples) > self._least + 1 and self._samples[1][0] <= now - self._seconds:
            self._samples.popleft()

    def per_second(self, now: float) -> float | None:
        """The speed up to ``now``, so that it falls while nothing arrives; ``None`` while there is nothing to say."""
        if not self._samples:
            return None
        (start, first), (_, last) = self._samples[0], self._samples[-1]
        return (last - first) / (now - start) if now > start and last > first else None


def _token_speed() -> Speed:
    return Speed(TOKEN_SECONDS, 1)


@dataclass
class Progress:
    """The state of a run as its events give it. Feed it with `take`."""

    clock: Callable[[], float]
    plan: RunPlanned | None = None
    tally: Tally = field(default_factory=Tally)
    records: Speed = field(default_factory=Speed)
    pairs: Speed = field(default_factory=Speed)
    tokens_in: Speed = field(default_factory=_token_speed)
    tokens_out: Speed = field(default_factory=_token_speed)
    used: ModelUsed | None = None
    edits: deque[EditMade] = field(default_factory=lambda: deque(maxlen=EDITS_KEPT))
    rejected: Counter[str] = field(default_factory=Counter)
    latest_rejected: LineRejected | None = None
    warnings: int = 0
    latest_warning: Warned | None = None
    shards: ShardsSeen | None = None
    waiting: str = ""
    _waiting_since: float = 0.0
    _started: float | None = None
    _edits_since: float = 0.0

    def take(self, event: Event) -> None:
        """Add an event. What a run that goes on did before is added like a batch, but has no part in its speed."""
        now = self.clock()
        if self._started is None:
            self._started = now
        if not isinstance(event, Warned):
            self.waiting = ""
        match event:
            case Waiting():
                self.waiting, self._waiting_since = event.what, now
            case RunPlanned():
                self.plan = event
                self._started = now
                if event.behind:
                    self.tally.add(event.behind.counts)
                    self.rejected.update(event.behind.reasons)
                    self.warnings += event.behind.warnings
                self.records.add(now, self.done)
                self.pairs.add(now, self.tally.pairs)
                self.tokens_in.add(now, 0)
                self.tokens_out.add(now, 0)
            case BatchDone():
                self.tally.add(event)
                self.records.add(now, self.done)
                self.pairs.add(now, self.tally.pairs)
                if event.edits and (not self.edits or now - self._edits_since >= EDITS_STAY):
                    self.edits.extend(event.edits[-EDITS_KEPT:])
                    self._edits_since = now
            case ModelUsed():
                self.used = event
                self.tokens_in.add(now, event.usage.prompt_tokens)
                self.tokens_out.add(now, event.usage.completion_tokens)
            case ShardsSeen():
                self.shards = event
            case LineRejected():
                self.rejected[event.reason] += 1
                self.latest_rejected = event
            case Warned():
                self.warnings += event.logged
                self.latest_warning = event
            case _:
                pass

    @property
    def seconds(self) -> float:
        """Since the plan was known, in this process: a run that goes on begins at 0 again."""
        return 0.0 if self._started is None else self.clock() - self._started

    @property
    def waited_seconds(self) -> float:
        """For what the run waits for now."""
        return self.clock() - self._waiting_since if self.waiting else 0.0

    @property
    def done(self) -> int:
        """Records and rejected lines that are behind this run, those before it was resumed among them."""
        return self.tally.records + self.tally.rejected

    @property
    def behind(self) -> Behind | None:
        """What was done before the run was resumed; ``None`` in one that was not."""
        return self.plan.behind if self.plan else None

    @property
    def usage(self) -> Usage:
        """What the model did for the whole run, so far as the log tells; reused replies and failed calls since the
        run was resumed."""
        before = self.behind.usage if self.behind else Usage()
        return before + (self.used.usage if self.used else Usage())

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

    @property
    def with_model(self) -> bool:
        """Whether a model rewrites."""
        return self.used is not None or (self.plan is not None and self.plan.model)

    @property
    def tokens_per_second(self) -> tuple[float, float]:
        """Tokens that the model reads and writes per second, lately."""
        now = self.clock()
        return self.tokens_in.per_second(now) or 0.0, self.tokens_out.per_second(now) or 0.0

    @property
    def tokens_per_second_overall(self) -> tuple[float, float]:
        """The same since the run (re)started."""
        if self.used is None or self.used.seconds <= 0:
            return 0.0, 0.0
        usage = self.used.usage
        return usage.prompt_tokens / self.used.seconds, usage.completion_tokens / self.used.seconds
