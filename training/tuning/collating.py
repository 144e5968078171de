"""A batch of examples as tensors, padded on the left so that all replies end together.

A model then computes logits for the last positions only: prompts, which are the larger part, never reach the output
layer, whose logits take most of the memory of a training.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from midb.training.tuning.encoded import EncodedExample

#: Stands in the labels where nothing is learnt.
IGNORED = -100


def collate(examples: Sequence[EncodedExample], pad_id: int = 0) -> dict[str, Any]:
    """Make a batch of B examples, the longest of L tokens, with at most R tokens of a reply.

    :return: ``input_ids``, ``attention_mask`` and ``position_ids``, each ``[B, L]``; ``labels``, ``[B, R]``, the last R
        tokens where they belong to a reply, else IGNORED; ``logits_to_keep``, R + 1: the last of these predicts what
        comes behind the reply.
    """
    longest = max(len(example.ids) for example in examples)
    replies = max(example.reply for example in examples)
    input_ids = torch.full((len(examples), longest), pad_id, dtype=torch.long)
    attention_mask = torch.zeros_like(input_ids)
    labels = torch.full((len(examples), replies), IGNORED, dtype=torch.long)
    for row, example in enumerate(examples):
        ids = torch.tensor(example.ids)
        input_ids[row, longest - len(ids) :] = ids
        attention_mask[row, longest - len(ids) :] = 1
        labels[row, replies - example.reply :] = ids[example.start :]
    return {
        "input_ids": input_ids,
        "attention_mask": attention_mask,
        "position_ids": (attention_mask.cumsum(-1) - 1).clamp(min=0),
        "labels": labels,
        "logits_to_keep": replies + 1,
    }


def compute_loss(model: Any, batch: dict[str, Any]) -> torch.Tensor:
    """The negative log-likelihood of each learnt token, fp32, ``[tokens]``."""
    inputs = dict(batch)
    labels = inputs.pop("labels")
    logits = model(**inputs, use_cache=False).logits
    # Predicted one position before; a model that knows no logits_to_keep gives all of them.
    predicted = logits[:, -inputs["logits_to_keep"] : -1]
    learnt = labels != IGNORED
    return torch.nn.functional.cross_entropy(predicted[learnt].float(), labels[learnt], reduction="none")
