"""A training on real weights, from examples to an adapter in a run: it learns the form, and nothing is lost by it."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from adapting.texts import write_texts

from midb.agent.engines.adapter_manifest import read_manifest
from midb.cli.main import main

pytest.importorskip("peft")
pytest.importorskip("accelerate")

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("real weights")]

#: Steps that are trained; five are enough for the loss to fall by far.
STEPS = 5


def midb(*words: object) -> int:
    return main(list(map(str, words)))


@pytest.mark.usefixtures("one_thread")
def test_a_booster_is_trained_measured_and_run(
    weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write_texts(tmp_path, ["de"], 0.2)
    made = ("examples", "train.jsonl", "--held-out", "held_out.jsonl", "-o", "learn", "--prompts", "short")
    assert midb(*made, "--mix", "unchanged:0.3,defect:0.7", "--most", 60) == 0
    training = ("train", "learn", "--base", weights, "-o", "booster", "--lr", "1e-3", "--batch-tokens", 700)
    assert midb(*training, "--max-tokens", 350, "--max-steps", STEPS, "--measure", 6) == 0
    manifest = read_manifest(Path("booster"))
    assert manifest is not None
    assert (manifest.prompts, manifest.languages, manifest.whole["steps"]["done"]) == ("short", ("de",), STEPS)
    losses = manifest.whole["metrics"]
    assert losses["loss_after"] < losses["loss_before"] - 0.05

    capsys.readouterr()
    measuring = ("measure", "learn", "--model", weights, "--adapter", "booster", "--limit", 2, "--resamples", 100)
    assert midb(*measuring, "--no-loss") == 0
    figures = json.loads(Path("metrics.json").read_bytes())
    assert "doing nothing" in capsys.readouterr().out
    assert figures["groups"][0]["examples"] >= 2
    assert figures["groups"][0]["figures"]["stops"].keys() >= {"before", "after"}

    records = [
        {"id": "clean", "instruction": "Nenne drei Farben.", "output": "Rot, Blau und Grün."},
        {"id": "provable", "instruction": "Wie groß ist er?", "output": "SchÃ¶n groÃŸ."},
    ]
    Path("c.jsonl").write_text("\n".join(map(json.dumps, records)), encoding="utf-8")
    run = ("run", "c.jsonl", "--language", "de", "--trust-language", "--passes", "content", "--quiet")
    assert midb(*run, "--model", weights, "--adapter", "booster") == 0
    assert midb("audit", "verify") == 0
    final = [json.loads(line) for line in Path("c.boosted.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [record["id"] for record in final] == ["clean", "provable"]
    assert not math.isnan(losses["loss_after"])
