"""What a training goes on from: whole or not there, and nothing in it that could run."""

from __future__ import annotations

import errno
import json
import random
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.optim.lr_scheduler import LambdaLR
from tuning_parts import QUICK, LoadModel, holds_pickle, make_examples, read_weights

from midb.domain.errors import MidbError
from midb.training.tuning.collating import collate, compute_loss
from midb.training.tuning.model import add_adapter
from midb.training.tuning.states import (
    COMPLETE,
    find_checkpoint,
    load_adapter,
    load_chance,
    load_optimizer,
    save_adapter,
    save_chance,
    save_checkpoint,
    save_optimizer,
    write_bytes,
)


def write(folder: Path) -> None:
    write_bytes(folder / "a", b"content")


def test_the_last_two_are_kept_and_the_latest_is_found(tmp_path: Path) -> None:
    assert find_checkpoint(tmp_path) is None
    for step in (2, 9, 10):
        save_checkpoint(tmp_path, step, write)
    assert sorted(path.name for path in (tmp_path / "checkpoints").iterdir()) == ["step-10", "step-9"]
    assert find_checkpoint(tmp_path) == tmp_path / "checkpoints" / "step-10"


@pytest.mark.parametrize("damage", ["no mark", "shorter", "gone", "no json", "other json"])
def test_one_that_is_not_whole_is_none(damage: str, tmp_path: Path) -> None:
    first, last = save_checkpoint(tmp_path, 1, write), save_checkpoint(tmp_path, 2, write)
    if damage == "no mark":
        (last / COMPLETE).unlink()
    elif damage == "shorter":
        (last / "a").write_bytes(b"cont")
    elif damage == "gone":
        (last / "a").unlink()
    else:
        (last / COMPLETE).write_text("{" if damage == "no json" else "[]")
    assert find_checkpoint(tmp_path) == first


def test_a_full_disk_keeps_what_was_saved(tmp_path: Path) -> None:
    first = save_checkpoint(tmp_path, 4, write)

    def fail(folder: Path) -> None:
        write(folder)
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(MidbError) as caught:
        save_checkpoint(tmp_path, 5, fail)
    assert "step 5" in caught.value.message
    assert "step 4 is saved" in caught.value.message
    assert "--resume" in caught.value.hint
    assert find_checkpoint(tmp_path) == first
    assert [path.name for path in (tmp_path / "checkpoints").iterdir()] == ["step-4"]


def test_a_full_disk_before_anything_was_saved(tmp_path: Path) -> None:
    def fail(folder: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(MidbError, match="nothing was saved yet"):
        save_checkpoint(tmp_path, 1, fail)


def test_optimizer_and_scheduler_go_on_bit_for_bit(tmp_path: Path) -> None:
    def make() -> tuple[torch.nn.Parameter, torch.optim.AdamW, LambdaLR]:
        weight = torch.nn.Parameter(torch.linspace(-1, 1, 5))
        optimizer = torch.optim.AdamW([weight], lr=0.1, weight_decay=0.01)
        return weight, optimizer, LambdaLR(optimizer, lambda step: 1 / (step + 1))

    def go(weight: torch.nn.Parameter, optimizer: torch.optim.AdamW, scheduler: LambdaLR) -> None:
        optimizer.zero_grad()
        (weight**3).sum().backward()
        optimizer.step()
        scheduler.step()

    weight, optimizer, scheduler = make()
    go(weight, optimizer, scheduler)
    save_optimizer(tmp_path, optimizer, scheduler)
    other, again, rate = make()
    other.data = weight.detach().clone()
    load_optimizer(tmp_path, again, rate)
    go(weight, optimizer, scheduler)
    go(other, again, rate)
    assert weight.tolist() == other.tolist()
    assert optimizer.param_groups[0]["lr"] == again.param_groups[0]["lr"]
    assert not holds_pickle([path for path in tmp_path.iterdir()])


def test_chance_goes_on_where_it_was(tmp_path: Path) -> None:
    def draw() -> list[float]:
        return [
            random.random(),
            random.gauss(0, 1),
            float(np.random.rand()),
            float(np.random.randn()),
            float(torch.rand(())),
        ]

    draw()
    save_chance(tmp_path)
    expected = draw()
    draw()
    load_chance(tmp_path)
    assert draw() == expected
    load_chance(tmp_path, process=3)  # that was not there: nothing changes
    assert not holds_pickle(list(tmp_path.iterdir()))


def test_an_adapter_is_read_back_and_is_in_pefts_layout(load_model: LoadModel, tmp_path: Path) -> None:
    from peft import PeftModel

    tuned = add_adapter(load_model(), QUICK, "tiny")
    for parameter in tuned.parameters():
        if parameter.requires_grad:
            torch.nn.init.normal_(parameter, std=0.1)
    save_adapter(tmp_path, tuned)
    again = add_adapter(load_model(), QUICK, "tiny")
    load_adapter(tmp_path, again)
    assert read_weights(again) == read_weights(tuned)
    theirs = PeftModel.from_pretrained(load_model(), tmp_path)
    batch = collate(make_examples(2))
    assert compute_loss(theirs.eval(), batch).tolist() == compute_loss(tuned.eval(), batch).tolist()
    config = json.loads((tmp_path / "adapter_config.json").read_bytes())
    assert (config["r"], config["lora_alpha"], config["base_model_name_or_path"]) == (4, 8, "tiny")


def test_an_adapter_of_another_shape_is_refused(load_model: LoadModel, tmp_path: Path) -> None:
    from dataclasses import replace

    save_adapter(tmp_path, add_adapter(load_model(), replace(QUICK, targets="q_proj"), "tiny"))
    with pytest.raises(MidbError, match="does not hold the adapter of this model"):
        load_adapter(tmp_path, add_adapter(load_model(), QUICK, "tiny"))
