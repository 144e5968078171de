"""A batch of examples as tensors, and the loss of their replies.

Batches are padded on the right. In a causal model no token sees what stands behind it, so that padding needs no mask,
attention takes its fastest way, and no row of it is without a key. The output layer, whose logits take most of the
memory of a training, computes the positions only from which a learnt token is predicted.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from midb.training.tuning.encoded import EncodedExample

#: Stands in the labels where nothing is learnt.
IGNORED = -100


def collate(examples: Sequence[EncodedExample], pad_id: int = 0) -> dict[str, Any]:
    """Make a batch of B examples, the longest of L tokens.

    :return: ``input_ids`` and ``labels``, each ``[B, L]``; a label is the token that is to be predicted from its place,
        or IGNORED where that is none of a reply. ``tokens``: how many there are without padding.
    """
    longest = max(len(example.ids) for example in examples)
    input_ids = torch.full((len(examples), longest), pad_id, dtype=torch.long)
    labels = torch.full_like(input_ids, IGNORED)
    for row, example in enumerate(examples):
        ids = torch.tensor(example.ids)
        input_ids[row, : len(ids)] = ids
        labels[row, example.start - 1 : len(ids) - 1] = ids[example.start :]
    return {"input_ids": input_ids, "labels": labels, "tokens": sum(len(example.ids) for example in examples)}


def compute_loss(model: Any, batch: dict[str, Any]) -> Tensor:
    """The negative log-likelihood of each learnt token, fp32, ``[tokens]``."""
    labels = batch["labels"]
    learnt = labels != IGNORED
    with _heads_at(model, learnt):
        logits = model(input_ids=batch["input_ids"], use_cache=False).logits[0]
    return torch.nn.functional.cross_entropy(logits.float(), labels[learnt], reduction="none")


@contextlib.contextmanager
def _heads_at(model: Any, places: Tensor) -> Iterator[None]:
    """Let the output layer compute some places only, ``[B, L]``: logits are then ``[1, places, ids]``.

    What a model does to its logits behind that layer, such as capping them, is done as ever.
    """

    def gather(layer: Any, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        return (inputs[0][places][None], *inputs[1:])

    # A model that several processes train is wrapped once more.
    hook = getattr(model, "module", model).get_output_embeddings().register_forward_pre_hook(gather)
    try:
        yield
    finally:
        hook.remove()
