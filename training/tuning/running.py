"""A training from a loaded base to an adapter, which can be stopped anywhere and goes on as if it had not been."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from midb.domain.errors import MidbError
from midb.training.tuning.encoded import EncodedExample
from midb.training.tuning.measuring import measure_loss
from midb.training.tuning.model import add_adapter, check_examples
from midb.training.tuning.settings import BEFORE, TuningSettings
from midb.training.tuning.states import find_checkpoint
from midb.training.tuning.trainer import AdapterTrainer
from midb.training.tuning.watching import NotFiniteError, StopWish, TuningProgress, Watcher


@dataclass(frozen=True, slots=True, kw_only=True)
class Tuned:
    """What came of a training.

    :param model: with the adapter as it is at ``step``.
    :param skipped: steps that were left out, for a gradient was no number.
    :param stopped: why it ended before its last step: "interrupted", "terminated", "time", or empty.
    """

    model: Any
    step: int
    steps: int
    tokens: int
    seconds: float
    stopped: str
    skipped: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TuningPace:
    """When a training saves and ends.

    :param max_seconds: after which it ends; 0: with its last step.
    :param save_seconds: between two checkpoints; ``save_steps`` likewise, where it is not 0.
    """

    max_seconds: float = 0.0
    save_seconds: float = 300.0
    save_steps: int = 0


def tune(
    model: Any,
    name: str,
    settings: TuningSettings,
    examples: Sequence[EncodedExample],
    folder: Path,
    *,
    told: Callable[[TuningProgress], None] = lambda progress: None,
    begin: Callable[[Any, int, int], None] = lambda model, step, steps: None,
    pace: TuningPace = TuningPace(),
    resume: bool = False,
) -> Tuned:
    """Train an adapter of a model.

    :param model: the base; it gets the adapter.
    :param name: what people call it.
    :param folder: where checkpoints and the loss go.
    :param begin: is called before the first step with the model, the step it goes on from and the number of steps.
    :raises UsageError: for examples that the model cannot read.
    :raises NotFiniteError: where a loss is no number; the state before that step is saved.
    :raises MidbError: where memory or the disk do not suffice.
    """
    check_examples(model, examples, name)
    tuned = add_adapter(model, settings, name)
    wish = StopWish()
    watcher = Watcher(
        folder,
        wish,
        told,
        max_seconds=pace.max_seconds,
        save_seconds=pace.save_seconds,
        save_steps=pace.save_steps,
    )
    trainer = AdapterTrainer(tuned, settings, examples, folder, pad_id=_find_pad(model), callbacks=[watcher])
    checkpoint = find_checkpoint(folder) if resume else None
    step = int(checkpoint.name.rpartition("-")[2]) if checkpoint else 0
    watcher.attach(trainer, step)
    begin(tuned, step, trainer.steps)
    if step < trainer.steps:
        with wish.listening(), _explaining(trainer, settings):
            trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    elif checkpoint:
        trainer._load_from_checkpoint(str(checkpoint))
        trainer.state.global_step = step
    return Tuned(
        model=tuned,
        step=trainer.state.global_step,
        steps=trainer.steps,
        tokens=trainer.tokens,
        seconds=watcher.seconds,
        skipped=watcher.skipped,
        stopped=wish.reason if trainer.state.global_step < trainer.steps else "",
    )


def measure_once(folder: Path | None, model: Any, examples: Sequence[EncodedExample], batch_tokens: int) -> Any:
    """Measure the loss on examples, in rows as of ``measure_loss``; once for a folder, also where it is resumed."""
    kept = folder / BEFORE if folder else None
    if kept is not None and kept.exists():
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            found = json.loads(kept.read_bytes())
            if sum(row["examples"] for row in found) == len(examples):
                return found
    rows = measure_loss(model, examples, batch_tokens)
    if kept is not None:
        kept.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    return rows


@contextlib.contextmanager
def _explaining(trainer: AdapterTrainer, settings: TuningSettings) -> Iterator[None]:
    """Turn what can go wrong into a sentence, and save where there is something good to save."""
    try:
        yield
    except NotFiniteError as error:
        trainer.save()
        raise NotFiniteError(
            f"{error.message.rstrip('.')}: the training stopped before it; "
            f"step {trainer.state.global_step:,} is saved.",
            hint=f"Train anew with a lower --lr (it was {settings.lr:g}), or look at the examples of that step.",
        ) from error
    except OSError as error:
        raise MidbError(
            f"{error.filename or 'a file of the training'} cannot be written: {error.strerror or error}.",
            hint="Free some space, then run the same command with --resume.",
            retryable=True,
        ) from error
    except (torch.OutOfMemoryError, MemoryError, RuntimeError) as error:
        if not _is_memory(error):
            raise
        lower = [f"--batch-tokens (it was {settings.batch_tokens:,}; --accumulate keeps the size of a step)"]
        lower += ["--max-tokens"] if settings.max_tokens > settings.batch_tokens else []
        more = "" if settings.recompute else ", or add --recompute"
        raise MidbError(
            f"the memory did not suffice for step {trainer.state.global_step + 1:,}.",
            hint=f"Lower {' or '.join(lower)}{more}. What is saved goes on with --resume only with the same settings.",
        ) from error


def _is_memory(error: BaseException) -> bool:
    # A CPU's allocator raises a plain RuntimeError.
    words = ("out of memory", "can't allocate memory", "not enough memory")
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or any(word in str(error) for word in words)


def _find_pad(model: Any) -> int:
    pad = getattr(model.config, "pad_token_id", None)
    return pad if isinstance(pad, int) and pad >= 0 else 0
