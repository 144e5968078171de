"""What watches a training while it runs: progress, the loss in a file, time, and the wish to stop."""

from __future__ import annotations

import contextlib
import json
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from midb.domain.errors import MidbError

if TYPE_CHECKING:
    from midb.training.tuning.trainer import AdapterTrainer

#: Steps in a row that may be left out, for a gradient was no number, before the training stops; and the share of all
#: steps, of a training with so many.
_IN_A_ROW, _MOST_SKIPPED, _LONG = 3, 0.01, 100

#: The loss of each step, one JSON object a line.
LOSS_LOG = "loss.jsonl"


class NotFiniteError(MidbError):
    """A loss or a gradient is no number. It is raised before the step: the weights are those of the last good one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TuningProgress:
    """Where a training stands.

    :param loss: mean of the step's learnt tokens, in nats.
    :param skipped: the step was left out, for a gradient of it was no number; ``all_skipped``: how many were.
    :param tokens: computed so far; ``seconds`` since the training began, those before a resume included.
    :param rate: tokens a second since this process began; ``left``: seconds to the end at this pace.
    """

    step: int
    steps: int
    loss: float
    lr: float
    tokens: int
    seconds: float
    rate: float
    left: float
    skipped: bool = False
    all_skipped: int = 0


class StopWish:
    """Whether somebody wants a training to end after its step, and why."""

    def __init__(self) -> None:
        self.reason = ""

    @contextlib.contextmanager
    def listening(self) -> Iterator[None]:
        """SIGINT and SIGTERM are such a wish; the second one interrupts at once."""

        def note(number: int, frame: FrameType | None) -> None:
            if self.reason:
                raise KeyboardInterrupt
            self.reason = "interrupted" if number == signal.SIGINT else "terminated"

        before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


class Watcher(TrainerCallback):
    """Follows a training and ends it where it should.

    :param told: is called after each step.
    :param max_seconds: of this process, after which it ends; 0: never.
    :param save_seconds: between two checkpoints; ``save_steps`` likewise, where it is not 0.
    """

    def __init__(
        self,
        folder: Path,
        wish: StopWish,
        told: Callable[[TuningProgress], None],
        *,
        max_seconds: float = 0.0,
        save_seconds: float = 300.0,
        save_steps: int = 0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._log = folder / LOSS_LOG
        self._wish, self._told, self._clock = wish, told, clock
        self._max_seconds, self._save_seconds, self._save_steps = max_seconds, save_seconds, save_steps
        self._trainer: AdapterTrainer | None = None
        self._earlier = 0.0  # seconds before this process
        self._began = self._saved = clock()
        self._first_step = self._first_tokens = 0
        self._skipped: list[int] = []  # steps, in order

    def attach(self, trainer: AdapterTrainer, step: int) -> None:
        """Say whom to watch, and from which step it goes on: what was logged behind it is forgotten."""
        self._trainer = trainer
        rows = [row for row in read_losses(self._log) if row["step"] <= step]
        if rows:
            trainer.tokens, self._earlier = rows[-1]["tokens"], rows[-1]["seconds"]
        self._skipped = [row["step"] for row in rows if row.get("skipped")]
        self._first_step, self._first_tokens = step, trainer.tokens
        self._log.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        self._began = self._saved = self._clock()

    @property
    def skipped(self) -> int:
        """Steps that were left out."""
        return len(self._skipped)

    @property
    def seconds(self) -> float:
        """Seconds of training so far."""
        return self._earlier + self._clock() - self._began

    def on_pre_optimizer_step(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Leave a step out where a gradient is no number; raises NotFiniteError where that is so too often."""
        step = state.global_step + 1
        if self._trainer is None or not self._trainer.drop_bad_gradients():
            return
        self._skipped.append(step)
        often = state.max_steps >= _LONG and len(self._skipped) > _MOST_SKIPPED * state.max_steps
        if often or self._skipped[-_IN_A_ROW:] == list(range(step - _IN_A_ROW + 1, step + 1)):
            earlier = len(self._skipped) - 1
            count = f"{earlier:,} earlier {'step was' if earlier == 1 else 'steps were'} left out for that"
            raise NotFiniteError(f"a gradient of step {step:,} is not a number; {count}.")

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Save where it is time to, and end where somebody wants it or the time is over."""
        if self._max_seconds and self._clock() - self._began >= self._max_seconds and not self._wish.reason:
            self._wish.reason = "time"
        if self._trainer is not None and self._trainer.agree(bool(self._wish.reason)) and not self._wish.reason:
            self._wish.reason = "interrupted"
        ends = bool(self._wish.reason) or state.global_step >= state.max_steps
        due = self._clock() - self._saved >= self._save_seconds
        if ends or due or (self._save_steps and state.global_step % self._save_steps == 0):
            control.should_save = True
            self._saved = self._clock()
        if ends:
            control.should_training_stop = True

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, float] | None = None,
        **kwargs: Any,
    ) -> None:
        """Write the loss of a step, and tell it."""
        if not logs or "loss" not in logs or self._trainer is None or not state.is_world_process_zero:
            return
        here = max(self._clock() - self._began, 1e-9)
        tokens, steps = self._trainer.tokens, state.global_step - self._first_step
        progress = TuningProgress(
            step=state.global_step,
            steps=state.max_steps,
            loss=float(logs["loss"]),
            lr=float(logs.get("learning_rate", 0.0)),
            tokens=tokens,
            seconds=self.seconds,
            rate=(tokens - self._first_tokens) / here,
            left=(state.max_steps - state.global_step) * here / max(steps, 1),
            skipped=state.global_step in self._skipped,
            all_skipped=len(self._skipped),
        )
        row = {
            "step": progress.step, "loss": progress.loss, "lr": progress.lr, "tokens": tokens,
            "seconds": round(progress.seconds, 3),
            **({"skipped": True} if progress.skipped else {"grad_norm": float(logs.get("grad_norm", 0.0))}),
        }  # fmt: skip
        with self._log.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
        self._told(progress)


def read_losses(path: Path) -> list[dict[str, Any]]:
    """The rows of a loss log; a last line that was cut off is none, and neither is what comes behind it."""
    rows = []
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):
        return []
    for line in lines:
        try:
            row = json.loads(line)
            rows.append(
                {**row, "step": int(row["step"]), "tokens": int(row["tokens"]), "seconds": float(row["seconds"])}
            )
        except (ValueError, KeyError, TypeError):
            break
    return rows
