"""The loss of a model on held-out examples, by language, pass and kind."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

import torch

from midb.training.tuning.batching import cut_batches
from midb.training.tuning.collating import IGNORED, collate, compute_loss
from midb.training.tuning.encoded import EncodedExample


def measure_loss(
    model: Any,
    examples: Sequence[EncodedExample],
    batch_tokens: int,
    *,
    goes_on: Callable[[], bool] = lambda: True,
) -> list[dict[str, Any]]:
    """Measure the mean loss of each learnt token.

    :param goes_on: is asked before each batch; the rest is left out once it says no.
    :return: rows with language, pass, kind, examples, tokens and loss (nats a token), one for each that occurs.
    """
    device = next(model.parameters()).device
    sums: dict[tuple[str, str, str], list[float]] = defaultdict(lambda: [0, 0, 0.0])
    was_training = model.training
    model.eval()
    try:
        with torch.inference_mode():
            for batch in cut_batches([len(example.ids) for example in examples], batch_tokens, seed=0):
                if not goes_on():
                    break
                members = [examples[number] for number in batch]
                tensors = {
                    name: value.to(device) if isinstance(value, torch.Tensor) else value
                    for name, value in collate(members).items()
                }
                learnt = (tensors["labels"] != IGNORED).sum(-1).tolist()
                for example, part in zip(members, compute_loss(model, tensors).split(learnt), strict=True):
                    row = sums[example.language, example.pass_, example.kind]
                    row[0] += 1
                    row[1] += len(part)
                    row[2] += float(part.sum())
    finally:
        model.train(was_training)
    return [
        {
            "language": language, "pass": pass_, "kind": kind, "examples": int(count), "tokens": int(tokens),
            "loss": total / tokens,
        }
        for (language, pass_, kind), (count, tokens, total) in sorted(sums.items())
    ]  # fmt: skip


def merge_losses(rows: Sequence[dict[str, Any]]) -> float | None:
    """The mean loss of each token over all rows; None where there is none."""
    tokens = sum(row["tokens"] for row in rows)
    return sum(row["loss"] * row["tokens"] for row in rows) / tokens if tokens else None
