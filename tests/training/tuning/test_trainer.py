"""Training itself: one batch can be learnt by heart, steps weigh every token alike, and no step is made with a NaN."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny_model import make_checkpoint
from tuning_parts import QUICK, LoadModel, holds_pickle, list_files, make_examples, read_weights

from midb.agent.engines.tokenizing.tokenizer import ChatTokenizer
from midb.training.tuning import collating
from midb.training.tuning.collating import IGNORED
from midb.training.tuning.encoded import EncodedExample
from midb.training.tuning.encoding import encode
from midb.training.tuning.model import add_adapter, load_base
from midb.training.tuning.running import TuningPace, tune
from midb.training.tuning.states import load_adapter
from midb.training.tuning.trainer import AdapterTrainer
from midb.training.tuning.watching import NotFiniteError, TuningProgress, read_losses

#: A defect in a pair, and the reply that takes it out and leaves all else as it is; and a pair without one.
REPAIRS = {
    "<|response:ab|>\nEs sind 12.5 km.\n<|end:ab|>": "<|response:ab|>\nEs sind 12,5 km.\n<|end:ab|>",
    "<|response:cd|>\nEs ist warm.\n<|end:cd|>": "<|same|>\n<|end:cd|>",
}


def test_one_batch_is_learnt_to_the_exact_repair(tmp_path: Path) -> None:
    # With less its frozen output layer could not say anything with certainty.
    base = make_checkpoint(tmp_path / "base", merges=0, hidden_size=64, initializer_range=0.3)
    tokenizer = ChatTokenizer(base, "tiny")
    chats = [
        {"messages": [{"role": "user", "content": asked}, {"role": "assistant", "content": reply}]}
        for asked, reply in REPAIRS.items()
    ]
    examples = encode(chats, tokenizer, 999).examples
    seen: list[TuningProgress] = []
    settings = replace(QUICK, rank=16, alpha=32, lr=0.01, epochs=60, batch_tokens=999)
    model = load_base(base, "tiny", torch.device("cpu"))
    done = tune(model, "tiny", settings, examples, tmp_path, told=seen.append)
    assert (done.step, done.stopped) == (60, "")
    assert seen[-1].loss < 0.05 < seen[0].loss
    for example, reply in zip(examples, REPAIRS.values(), strict=True):
        prompt = torch.tensor([example.ids[: example.start]])
        out = done.model.generate(
            input_ids=prompt, attention_mask=torch.ones_like(prompt), max_new_tokens=80, do_sample=False
        )
        said = out[0, example.start :].tolist()
        assert tokenizer.decode(said) == reply
        assert said[-1] in tokenizer.find_stop_ids(()), "it has learnt to stop"


def test_batches_of_a_step_weigh_each_token_alike(load_model: LoadModel, tmp_path: Path) -> None:
    """Two batches of one step change the weights as one batch of all their examples does."""
    examples = make_examples(2, reply=2) + make_examples(2, seed=4, reply=6)
    found = []
    for number, (tokens, accumulate) in enumerate(((200, 1), (30, 2))):
        folder = tmp_path / str(number)
        folder.mkdir()
        settings = replace(
            QUICK, batch_tokens=tokens, accumulate=accumulate, max_steps=1, warmup=0.0, clip=1e9, lr=1e-3
        )
        done = tune(load_model(), "tiny", settings, examples, folder)
        assert done.step == 1
        found.append(read_weights(done.model))
    for name, values in found[0].items():
        assert found[1][name] == pytest.approx(values, abs=2e-5), name


def test_no_step_is_made_with_a_loss_that_is_no_number(
    load_model: LoadModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, calls = collating.compute_loss, []
    weights: list[dict[str, list[float]]] = []

    def fail_third(model: torch.nn.Module, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        calls.append(1)
        weights.append(read_weights(model))
        loss = whole(model, batch)
        return loss * float("nan") if len(calls) == 3 else loss

    monkeypatch.setattr("midb.training.tuning.trainer.compute_loss", fail_third)
    with pytest.raises(NotFiniteError) as caught:
        tune(load_model(), "tiny", QUICK, make_examples(12), tmp_path)
    assert "the loss of step 3 is not a number" in caught.value.message
    assert "step 2 is saved" in caught.value.message
    assert "--lr" in caught.value.hint
    again = add_adapter(load_model(), QUICK, "tiny")
    load_adapter(tmp_path / "checkpoints" / "step-2", again)
    saved = {name.replace(".default", ""): values for name, values in read_weights(again).items()}
    assert saved == {name.replace(".default", "").replace("module.", ""): v for name, v in weights[-1].items()}


class BadGradients:
    """Puts a NaN into the gradients of some steps, where an attention kernel's backward might."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, bad: Collection[int]) -> None:
        self.whole, self.bad = AdapterTrainer.training_step, bad
        monkeypatch.setattr(AdapterTrainer, "training_step", lambda *args: self.step(*args))

    def step(self, trainer: AdapterTrainer, model: Any, *args: Any) -> torch.Tensor:
        loss: torch.Tensor = self.whole(trainer, model, *args)
        if trainer.state.global_step + 1 in self.bad:
            next(p for p in model.parameters() if p.requires_grad).grad[0, 0] = float("nan")
        return loss


def test_a_step_whose_gradient_is_no_number_changes_nothing_and_is_told(
    load_model: LoadModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    BadGradients(monkeypatch, {3})
    weights: list[dict[str, list[float]]] = []
    seen: list[TuningProgress] = []
    models: list[Any] = []

    def keep(model: Any, step: int, steps: int) -> None:
        models.append(model)

    def note(progress: TuningProgress) -> None:
        seen.append(progress)
        weights.append(read_weights(models[0]))

    done = tune(load_model(), "tiny", QUICK, make_examples(12), tmp_path, told=note, begin=keep)
    assert (done.step, done.skipped) == (done.steps, 1)
    assert [progress.step for progress in seen if progress.skipped] == [3]
    assert weights[1] == weights[2] != weights[3]
    rows = read_losses(tmp_path / "loss.jsonl")
    assert [row["step"] for row in rows if row.get("skipped")] == [3]
    assert all("grad_norm" in row for row in rows if row["step"] != 3)


def test_a_resume_behind_such_a_step_gives_the_same(
    load_model: LoadModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    BadGradients(monkeypatch, {2, 5})
    folders = [tmp_path / name for name in ("whole", "killed")]
    for folder in folders:
        folder.mkdir()
    whole = tune(load_model(), "tiny", QUICK, make_examples(17), folders[0])

    def kill(progress: TuningProgress) -> None:
        if progress.step == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tune(load_model(), "tiny", QUICK, make_examples(17), folders[1], told=kill, pace=TuningPace(save_steps=3))
    resumed = tune(load_model(), "tiny", QUICK, make_examples(17), folders[1], resume=True)
    assert read_weights(resumed.model) == read_weights(whole.model)
    assert whole.skipped == resumed.skipped == 2


def test_three_such_steps_in_a_row_end_it(
    load_model: LoadModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    BadGradients(monkeypatch, {1, 3, 4, 5})
    with pytest.raises(NotFiniteError, match=r"a gradient of step 5 is not a number; 3 earlier steps were") as caught:
        tune(load_model(), "tiny", QUICK, make_examples(17), tmp_path)
    assert "step 4 is saved" in caught.value.message


def test_more_than_one_in_a_hundred_end_a_long_one(
    load_model: LoadModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    BadGradients(monkeypatch, {2, 4})
    settings = replace(QUICK, epochs=99, max_steps=110)
    with pytest.raises(NotFiniteError, match=r"a gradient of step 4 is not a number; 1 earlier step was"):
        tune(load_model(), "tiny", settings, make_examples(6), tmp_path)


def test_a_step_knows_its_tokens(load_model: LoadModel, tmp_path: Path) -> None:
    examples = make_examples(6)
    made = AdapterTrainer(add_adapter(load_model(), QUICK, "tiny"), QUICK, examples, tmp_path)
    batches, learnt = made.get_batch_samples(iter(made.get_train_dataloader()), 2, torch.device("cpu"))
    assert int(learnt) == sum(int((batch["labels"] != IGNORED).sum()) for batch in batches) > 0
    assert made.tokens == sum(batch["tokens"] for batch in batches) > int(learnt)


def test_the_same_rooms_make_the_same_steps(load_model: LoadModel, tmp_path: Path) -> None:
    """Whatever the examples' own lengths: what is trained on two sides of a corpus is comparable step by step."""

    def order(lengths: list[int], rooms: list[int]) -> list[list[int]]:
        examples = [
            EncodedExample(ids=[1] * length, start=1, room=room) for length, room in zip(lengths, rooms, strict=True)
        ]
        model = add_adapter(load_model(), QUICK, "tiny")
        return list(AdapterTrainer(model, replace(QUICK, batch_tokens=20), examples, tmp_path).order)

    rooms = [9, 10, 4, 5]
    assert order([9, 3, 4, 5], rooms) == order([2, 10, 4, 5], rooms)
    assert order([9, 3, 4, 5], [0] * 4) != order([2, 10, 4, 5], [0] * 4)


def test_what_is_saved_holds_no_pickle(load_model: LoadModel, tmp_path: Path) -> None:
    tune(load_model(), "tiny", replace(QUICK, max_steps=1), make_examples(4), tmp_path)
    names = list_files(tmp_path)
    assert {name.rpartition(".")[2] for name in names} == {"json", "jsonl", "safetensors"}
    assert not holds_pickle([path for path in tmp_path.rglob("*") if path.is_file()])
