"""What a training leaves: everything that says what the adapter is, a curve, a card, and a merged checkpoint."""

from __future__ import annotations

import errno
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from tuning_parts import QUICK, LoadModel, holds_pickle, list_files, make_examples

from midb.agent.engines.adapter_manifest import read_manifest
from midb.agent.engines.checkpoint import CheckpointFolder
from midb.composition import open_tokenizer
from midb.domain.errors import MidbError
from midb.training.tuning import result
from midb.training.tuning.collating import collate, compute_loss
from midb.training.tuning.model import load_base
from midb.training.tuning.result import draw_curve, list_versions, make_card, merge, write_result
from midb.training.tuning.running import measure_once, tune

WHOLE: dict[str, Any] = {
    "prompts": "short", "prompt_hashes": {}, "base": {"name": "tiny", "sha256": "ab" * 32}, "passes": ["content"],
    "languages": ["de", "tr"], "settings": QUICK.as_dict(),
    "steps": {"done": 3, "planned": 3, "tokens": 1234, "seconds": 5.0, "stopped": "", "skipped": 0},
    "examples": {
        "mix": {"revision": 1.0}, "select": "all", "data": [{"name": "a.jsonl", "sha256": "cd"}],
        "counts": {"train": 1200, "held_out": 30},
    },
    "versions": {},
}  # fmt: skip


def test_a_finished_training(load_model: LoadModel, tmp_path: Path) -> None:
    before = measure_once(tmp_path, load_model(), make_examples(6), 99)
    done = tune(load_model(), "tiny", replace(QUICK, max_steps=3), make_examples(9), tmp_path)
    after = measure_once(None, done.model, make_examples(6), 99)
    write_result(tmp_path, done.model, WHOLE | {"versions": list_versions()}, {"before": before, "after": after})
    assert list_files(tmp_path) == [
        "README.md", "adapter_config.json", "adapter_model.safetensors", "before.json", "loss.jsonl", "loss.png",
        "metrics.json", "midb-adapter.json",
    ]  # fmt: skip
    assert not holds_pickle([path for path in tmp_path.rglob("*") if path.is_file()])
    manifest = read_manifest(tmp_path)
    assert manifest is not None
    assert (manifest.prompts, manifest.base_name, manifest.languages) == ("short", "tiny", ("de", "tr"))
    assert {"torch", "peft", "transformers", "python"} <= set(manifest.whole["versions"])
    assert json.loads((tmp_path / "metrics.json").read_bytes())["after"] == after
    assert (tmp_path / "loss.png").read_bytes().startswith(b"\x89PNG")


def test_a_student_is_no_booster() -> None:
    """Its card says what it is, and names no command that would let it revise."""
    card = make_card(WHOLE | {"prompts": "chat", "passes": [], "examples": {"data": None}}, {})
    assert "# A student of instruction data" in card
    assert "revises nothing" in card
    assert "midb-agent run" not in card
    assert "# A booster of instruction data" in make_card(WHOLE, {})


def test_states_stay_where_the_time_was_over(load_model: LoadModel, tmp_path: Path) -> None:
    done = tune(load_model(), "tiny", replace(QUICK, max_steps=1), make_examples(4), tmp_path)
    write_result(tmp_path, done.model, WHOLE | {"steps": WHOLE["steps"] | {"stopped": "time"}}, {})
    assert (tmp_path / "checkpoints" / "step-1" / "complete.json").exists()


def test_the_card_says_what_was_measured_and_what_was_not() -> None:
    row = {"language": "de", "pass": "content", "kind": "revision", "examples": 7, "tokens": 10, "loss": 2.0}
    card = make_card(WHOLE, {"before": [row], "after": [row | {"loss": 1.25}]})
    assert "| de | 7 | 2.000 | 1.250 |" in card
    assert "1,200 to train on, 30 held out" in card
    assert "--model tiny --adapter" in card
    assert "does not say that its rewrites\nare better" in card
    assert card.startswith("---\nlibrary_name: peft\n")
    assert "nothing was measured" in make_card(WHOLE, {})


def test_nothing_is_drawn_of_nothing(tmp_path: Path) -> None:
    assert draw_curve(tmp_path) is False


def test_a_full_disk_at_the_end(load_model: LoadModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done = tune(load_model(), "tiny", replace(QUICK, max_steps=1), make_examples(4), tmp_path)

    def fail(*args: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(result, "save_adapter", fail)
    with pytest.raises(MidbError) as caught:
        write_result(tmp_path, done.model, WHOLE, {})
    assert "No space left" in caught.value.message
    assert "--resume" in caught.value.hint
    assert read_manifest(tmp_path) is None
    assert (tmp_path / "checkpoints" / "step-1").exists()


def test_a_merged_checkpoint_says_what_base_and_adapter_say(
    load_model: LoadModel, tiny_base: Path, tmp_path: Path
) -> None:
    done = tune(load_model(), "tiny", replace(QUICK, lr=0.02, epochs=3), make_examples(6), tmp_path)
    batch = collate(make_examples(4))
    expected = compute_loss(done.model.eval(), batch).tolist()
    merged = merge(tmp_path, done.model, tiny_base, open_tokenizer(CheckpointFolder("tiny", tiny_base)).write)
    assert not holds_pickle([path for path in merged.iterdir()])
    again = load_base(merged, "merged", torch.device("cpu"))
    assert compute_loss(again.eval(), batch).tolist() == pytest.approx(expected, abs=1e-4)
    assert (merged / "tokenizer.json").read_bytes() == (tiny_base / "tokenizer.json").read_bytes()
