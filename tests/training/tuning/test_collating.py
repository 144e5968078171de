"""A batch as tensors: padding on the left, and the loss of replies only, as if each example stood alone."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from random_checkpoints import build_checkpoint
from tuning_parts import LoadModel, make_examples

from midb.training.tuning.collating import IGNORED, collate, compute_loss
from midb.training.tuning.encoded import EncodedExample


def test_each_token_stands_where_it_belongs() -> None:
    batch = collate([EncodedExample(ids=[5, 6, 7, 8], start=2), EncodedExample(ids=[9, 4], start=1)], pad_id=1)
    assert batch["input_ids"].tolist() == [[5, 6, 7, 8], [9, 4, 1, 1]]
    # A label is what follows its place; prompts and padding have none, and the last token follows nothing.
    assert batch["labels"].tolist() == [[IGNORED, 7, 8, IGNORED], [4, IGNORED, IGNORED, IGNORED]]
    assert batch["tokens"] == 6


def test_the_loss_is_that_of_each_example_by_itself(load_model: LoadModel) -> None:
    model = load_model().eval()
    examples = make_examples(4) + make_examples(2, seed=3, reply=2)
    with torch.no_grad():
        found = compute_loss(model, collate(examples))
        alone = []
        for example in examples:
            logits = model(torch.tensor([example.ids])).logits[0]
            probabilities = logits.log_softmax(-1)
            alone += [-probabilities[place - 1, example.ids[place]] for place in range(example.start, len(example.ids))]
    assert len(found) == sum(example.reply for example in examples)
    assert found.tolist() == pytest.approx(torch.stack(alone).tolist(), abs=1e-5)


def test_what_stands_in_the_prompt_is_not_learnt(load_model: LoadModel) -> None:
    """Its gradient is nothing where only its own token could have been predicted better."""
    model = load_model()
    example = make_examples(1)[0]
    head = model.lm_head.weight
    compute_loss(model, collate([example])).sum().backward()
    assert head.grad is not None
    labels = set(example.ids[example.start :])
    pulled = {number for number, row in enumerate(head.grad) if (row @ row) > 1e-3}
    assert labels <= pulled
    # The batch says so itself: as many labels as the reply has tokens.
    assert int((collate([example])["labels"] != IGNORED).sum()) == example.reply


def test_a_models_logits_are_capped_as_ever(tmp_path: Path) -> None:
    """Gemma 2 caps its logits behind the output layer, and attends to windows in every second layer."""
    model = build_checkpoint(tmp_path / "gemma2", "gemma2").model
    examples = make_examples(3)
    with torch.no_grad():
        found = compute_loss(model, collate(examples))
        alone = []
        for example in examples:
            probabilities = model(torch.tensor([example.ids])).logits[0].log_softmax(-1)
            alone += [-probabilities[place - 1, example.ids[place]] for place in range(example.start, len(example.ids))]
    assert found.tolist() == pytest.approx(torch.stack(alone).tolist(), abs=1e-5)
    assert model(torch.tensor([[5, 6, 7]])).logits.shape == (1, 3, 99), "the output layer is left as it was"
