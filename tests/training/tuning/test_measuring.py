"""The loss on held-out examples: grouped, weighted by tokens, and as it is without a batch."""

from __future__ import annotations

import pytest
import torch
from tuning_parts import LoadModel, make_examples

from midb.training.tuning.collating import collate, compute_loss
from midb.training.tuning.measuring import measure_loss, merge_losses


def test_groups_are_measured_apart_and_together(load_model: LoadModel) -> None:
    model, examples = load_model(), make_examples(9) + make_examples(3, reply=2)
    model.train()
    rows = measure_loss(model, examples, 60)
    assert model.training
    assert {(row["language"], row["kind"]) for row in rows} == {
        (language, kind) for language in ("de", "tr") for kind in ("revision", "unchanged")
    }
    assert sum(row["examples"] for row in rows) == 12
    assert sum(row["tokens"] for row in rows) == 9 * 4 + 3 * 2
    model.eval()
    with torch.no_grad():
        alone = torch.cat([compute_loss(model, collate([example])) for example in examples])
    assert merge_losses(rows) == pytest.approx(float(alone.mean()), abs=1e-5)


def test_it_stops_where_it_should(load_model: LoadModel) -> None:
    asked = iter([True, False])
    rows = measure_loss(load_model(), make_examples(9), 26, goes_on=lambda: next(asked))
    assert 0 < sum(row["examples"] for row in rows) < 9


def test_nothing_has_no_loss(load_model: LoadModel) -> None:
    assert measure_loss(load_model(), [], 60) == []
    assert merge_losses([]) is None
