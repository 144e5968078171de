"""A whole training: resumed it is the same, and our engine says with its adapter what merged weights say."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from tuning_parts import QUICK, LoadModel, make_examples, read_weights

from midb.domain.errors import MidbError, UsageError
from midb.kernels import EngineConfig, Request
from midb.kernels.engine.engine import Engine
from midb.training.tuning import running, watching
from midb.training.tuning.encoded import EncodedExample
from midb.training.tuning.running import TuningPace, measure_once, tune
from midb.training.tuning.states import save_adapter
from midb.training.tuning.watching import TuningProgress

#: With all that depends on chance, and batches that share steps.
SETTINGS = replace(QUICK, dropout=0.2, accumulate=2, epochs=2.5, warmup=0.2)


def losses(folder: Path) -> list[tuple[int, float, float, int]]:
    rows = [json.loads(line) for line in (folder / "loss.jsonl").read_text(encoding="utf-8").splitlines()]
    return [(row["step"], row["loss"], row["lr"], row["tokens"]) for row in rows]


class Killed(BaseException):
    """What ends a process at once."""


@pytest.mark.parametrize("saved_at", [2, 3])
def test_a_killed_training_goes_on_as_if_it_had_not_been(saved_at: int, load_model: LoadModel, tmp_path: Path) -> None:
    examples = make_examples(17)
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    whole.mkdir()
    killed.mkdir()
    undisturbed = tune(load_model(), "tiny", SETTINGS, examples, whole)
    assert undisturbed.step == undisturbed.steps >= 6

    def kill(progress: TuningProgress) -> None:
        if progress.step == saved_at + 2:
            raise Killed

    with pytest.raises(Killed):
        tune(load_model(), "tiny", SETTINGS, examples, killed, told=kill, pace=TuningPace(save_steps=saved_at))
    begun: list[int] = []
    resumed = tune(
        load_model(), "tiny", SETTINGS, examples, killed, resume=True,
        begin=lambda model, step, steps: begun.append(step),
    )  # fmt: skip
    assert begun == [saved_at]
    assert losses(killed) == losses(whole)
    assert read_weights(resumed.model) == read_weights(undisturbed.model)
    assert (resumed.step, resumed.tokens) == (undisturbed.step, undisturbed.tokens)


def test_a_wish_to_stop_ends_it_after_a_step_that_is_saved(
    load_model: LoadModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wishes: list[watching.StopWish] = []

    class Told(watching.StopWish):
        def __init__(self) -> None:
            super().__init__()
            wishes.append(self)

    monkeypatch.setattr(running, "StopWish", Told)
    examples = make_examples(17)

    def wish(progress: TuningProgress) -> None:
        if progress.step == 2:
            wishes[-1].reason = "interrupted"

    done = tune(load_model(), "tiny", SETTINGS, examples, tmp_path, told=wish)
    assert (done.step, done.stopped) == (3, "interrupted")
    resumed = tune(load_model(), "tiny", SETTINGS, examples, tmp_path, resume=True)
    assert (resumed.step, resumed.stopped) == (done.steps, "")
    assert [step for step, *_ in losses(tmp_path)] == list(range(1, done.steps + 1))


def test_it_ends_when_its_time_is_over(load_model: LoadModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seconds = itertools.count()
    whole = watching.Watcher.__init__

    def with_clock(self: watching.Watcher, *args: Any, **kwargs: Any) -> None:
        whole(self, *args, **kwargs, clock=lambda: float(next(seconds)))

    monkeypatch.setattr(watching.Watcher, "__init__", with_clock)
    done = tune(load_model(), "tiny", SETTINGS, make_examples(17), tmp_path, pace=TuningPace(max_seconds=6.0))
    assert done.stopped == "time"
    assert 0 < done.step < done.steps


def test_nothing_is_left_to_do(load_model: LoadModel, tmp_path: Path) -> None:
    settings = replace(QUICK, max_steps=2)
    done = tune(load_model(), "tiny", settings, make_examples(6), tmp_path)
    again = tune(load_model(), "tiny", settings, make_examples(6), tmp_path, resume=True)
    assert again.step == 2
    assert read_weights(again.model) == read_weights(done.model)


@pytest.mark.parametrize(
    "error",
    [torch.OutOfMemoryError("CUDA out of memory"), RuntimeError("DefaultCPUAllocator: can't allocate memory")],
    ids=["GPU", "CPU"],
)
def test_where_memory_does_not_suffice_it_says_what_to_lower(
    error: Exception, load_model: LoadModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: Any) -> None:
        raise error

    monkeypatch.setattr("midb.training.tuning.trainer.compute_loss", fail)
    with pytest.raises(MidbError) as caught:
        tune(load_model(), "tiny", QUICK, make_examples(4), tmp_path)
    assert "memory did not suffice for step 1" in caught.value.message
    assert "--batch-tokens (it was 40" in caught.value.hint
    assert "--recompute" in caught.value.hint


def test_other_errors_are_not_taken_for_it(
    load_model: LoadModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: Any) -> None:
        raise RuntimeError("shapes do not fit")

    monkeypatch.setattr("midb.training.tuning.trainer.compute_loss", fail)
    with pytest.raises(RuntimeError, match="shapes"):
        tune(load_model(), "tiny", QUICK, make_examples(4), tmp_path)


def test_a_log_that_cannot_be_written_is_one_sentence(load_model: LoadModel, tmp_path: Path) -> None:
    def fill(progress: TuningProgress) -> None:
        raise OSError(28, "No space left on device", "loss.jsonl")

    with pytest.raises(MidbError, match="No space left on device"):
        tune(load_model(), "tiny", QUICK, make_examples(4), tmp_path, told=fill)


def test_examples_of_another_tokenizer_are_refused(load_model: LoadModel, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="the tokenizer of tiny gives the id 99,999"):
        tune(load_model(), "tiny", QUICK, [EncodedExample(ids=[1, 99_999], start=1)], tmp_path)


def test_the_base_is_measured_once(load_model: LoadModel, tmp_path: Path) -> None:
    first = measure_once(tmp_path, load_model(), make_examples(3), 99)
    assert measure_once(tmp_path, None, make_examples(3), 99) == first
    assert measure_once(tmp_path, load_model(), make_examples(2), 99) != first, "of another number of examples"
    measure_once(tmp_path, load_model(), make_examples(3), 99)
    assert measure_once(None, load_model(), make_examples(3), 99) == first
    (tmp_path / "before.json").write_text("{")
    assert measure_once(tmp_path, load_model(), make_examples(3), 99) == first


def test_the_engine_says_with_the_adapter_what_merged_weights_say(
    load_model: LoadModel, tiny_base: Path, tmp_path: Path
) -> None:
    """Token by token in fp32: greedily, together, with drafts."""
    examples = make_examples(5)
    done = tune(load_model(), "tiny", replace(QUICK, lr=0.02, epochs=6), examples, tmp_path)
    save_adapter(tmp_path / "adapter", done.model)
    merged = done.model.merge_and_unload().eval()
    engine = Engine(
        EngineConfig(checkpoint=tiny_base, dtype="float32", adapters={"a": tmp_path / "adapter"}, max_model_len=64)
    )
    base = load_model().eval()
    requests = [
        Request(one.ids[: one.start], one.ids[one.start :], max_new_tokens=12, adapter=name, ignore_eos=True)
        for one in examples
        for name in ("a", None)
    ]
    found = {result.index: result.token_ids for result in engine.generate(requests)}
    for number, request in enumerate(requests):
        prompt = torch.tensor([list(request.prompt_ids)])
        model = merged if request.adapter else base
        out = model.generate(
            input_ids=prompt, attention_mask=torch.ones_like(prompt), max_new_tokens=12, do_sample=False,
            eos_token_id=None,
        )  # fmt: skip
        assert found[number] == out[0, prompt.shape[1] :].tolist()
    assert found[0] != found[1], "the adapter changes what is said"
