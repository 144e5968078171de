"""The benchmarks of engine and drafters run through, in small: known outputs come back, by whatever side."""

from __future__ import annotations

import gc
import importlib
import random
import sys
import weakref
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("tokenizers")

BENCH = Path(__file__).resolve().parents[2] / "bench"

TINY = {
    "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4,
    "num_key_value_heads": 2, "head_dim": 16, "vocab_size": 90, "tie_word_embeddings": True,
}  # fmt: skip


@pytest.fixture
def replay(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """``bench/replay.py``, which is run beside its siblings, with shorter texts."""
    monkeypatch.syspath_prepend(str(BENCH))
    before = set(sys.modules)
    module = importlib.import_module("replay")
    monkeypatch.setattr(module, "SHARED_TOKENS", 30)
    monkeypatch.setattr(module, "OWN_TOKENS", (20, 25))
    monkeypatch.setattr(module, "NEW_TOKENS", 12)
    yield module
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(BENCH)):
            del sys.modules[name]


def make_texts() -> list[list[int]]:
    """Two texts of tokens that the tiny model has."""
    chance = random.Random(3)
    return [[chance.randrange(90) for _ in range(400)] for _ in range(2)]


def test_an_engine_answers_known_outputs(replay: ModuleType, tmp_path: Path) -> None:
    from midb.kernels import EngineConfig

    folder = replay.make_checkpoint(tmp_path, TINY, "float32", "cpu")
    load = replay.make_load(make_texts(), 6, 0.1)
    engine = replay.ReplayEngine(EngineConfig(checkpoint=folder, max_num_seqs=3, max_model_len=128))
    assert engine.measure_seconds(load.requests, load.outputs) > 0
    assert engine.stats.generated == 6 * 12
    assert engine.stats.accepted > 0, "drafts from the references are right for the most part"
    assert engine.stats.prefix_hits > 0
    peer = replay.Peer(replay.make_model(TINY, "float32", "cpu"))
    assert peer.measure_lookup(load.requests[:2], load.outputs[:2]) > 0
    assert peer.measure_generate(load.requests[:3], 2) > 0


def test_the_gate_compares_pairs_of_steps(replay: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = importlib.import_module("gate")
    for name, value in (("BATCH", 3), ("STEPS", 4), ("RESAMPLES", 200)):
        monkeypatch.setattr(gate, name, value)
    folder = replay.make_checkpoint(tmp_path, TINY, "float32", "cpu")
    row = gate.compare(folder, make_texts(), "float32", True, 2)
    assert row["side"] == "drafts"
    assert row["pairs"] >= 2
    low, high = row["wall_95%"]
    assert low <= row["wall_ratio"] <= high
    assert row["wall_range"][0] <= row["wall_ratio"] <= row["wall_range"][1]


def test_the_host_alone_takes_the_same_steps_each_time(replay: ModuleType, tmp_path: Path) -> None:
    """Drafts included, so that versions of its code can be compared step by step."""
    gate = importlib.import_module("gate")
    folder = replay.write_settings(tmp_path, TINY)
    with_drafts, without = gate.compare_hosts(folder, make_texts(), 4, 0.1, rounds=2)
    assert (with_drafts["drafts"], without["drafts"]) == (True, False)
    assert with_drafts["tokens_a_step"] > without["tokens_a_step"] == 4
    assert with_drafts["steps"] < without["steps"]
    for row in (with_drafts, without):
        assert row["ms_p20_p80"][0] <= row["ms_a_step"] <= row["ms_p20_p80"][1]


def test_weights_in_memory_are_those_of_a_checkpoint(replay: ModuleType, tmp_path: Path) -> None:
    from midb.kernels import Engine, EngineConfig, Request

    folder = replay.make_checkpoint(tmp_path, TINY, "float32", "cpu")
    with replay.serve_from(replay.make_model(TINY, "float32", "cpu")) as shared:
        assert [path.name for path in shared.iterdir()] == ["config.json"], "no weights on the disk"
        engines = [Engine(EngineConfig(checkpoint=one, max_model_len=128)) for one in (folder, shared)]
    requests = [Request(text[:20], max_new_tokens=12) for text in make_texts()]
    first, second = ([result.token_ids for result in engine.generate(requests)] for engine in engines)
    assert first == second
    with (
        pytest.raises(AssertionError, match="has shape"),
        replay.serve_from(replay.make_model(TINY | {"hidden_size": 64}, "float32", "cpu")) as shared,
    ):
        (shared / "config.json").write_bytes((folder / "config.json").read_bytes())
        Engine(EngineConfig(checkpoint=shared, max_model_len=128))


def test_a_gpu_holds_one_engine_at_a_time(replay: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where not all fit beside each other, a group is dropped before the next one is made."""
    engine = importlib.import_module("engine")
    alive: weakref.WeakSet[Any] = weakref.WeakSet()
    most: list[int] = []

    def make() -> Any:
        gc.collect()
        most.append(len(alive))
        made = engine.Group({("engine", "float32", 1.0): lambda: 1.0})
        alive.add(made)
        return made

    monkeypatch.setattr(engine.Group, "__hash__", object.__hash__)
    assert list(engine.measure_all([make] * 3, "cuda")) == [("engine", "float32", 1.0)]
    assert most == [0, 0, 0]
    most.clear()
    engine.measure_all([make] * 3, "cpu")
    assert most == [0, 1, 2], "in turn on a CPU, so that all meet the same noise"


def test_sides_are_measured_in_turn(replay: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each has its rounds, and ratios to the peers; continuous batching, which takes minutes, is left out."""
    engine = importlib.import_module("engine")
    monkeypatch.setattr(replay.Peer, "measure_continuous", lambda self, requests, batch: 1.0)
    model = replay.make_model(TINY, "float32", "cpu")
    rows = list(engine.compare(model, make_texts(), device="cpu", dtypes=("float32",), batch=1, count=2))
    assert [(row["side"], row["edits"], row["rounds"]) for row in rows] == [
        ("engine", 0.03, 3), ("engine", 0.12, 3), ("engine", 1.0, 3), ("engine, no drafts", 1.0, 3),
        (engine.LOOKUP, 0.03, 3), (engine.LOOKUP, 0.12, 3), (engine.LOOKUP, 1.0, 3),
        ("generate", "any", 3), ("continuous batching", "any", 1),
    ]  # fmt: skip
    first = rows[0]
    assert first["times_continuous_batching"] > first["times_generate"] > 0
    assert first["times_generate_prompt_lookup"] > 0
    assert first["tokens_per_step"] >= rows[3]["tokens_per_step"]


def test_every_drafter_decodes_what_is_known(replay: ModuleType) -> None:
    drafter = importlib.import_module("drafting.drafters")
    texts = [drafter.Text(text[:40], text[:40], [*text[:20], 1, 2, *text[22:40]]) for text in make_texts()]
    for name, knob in (("aligned", 0.1), ("n-gram", 4), ("suffix", 1.0)):
        total = drafter.replay_texts(texts, name, knob, 16)
        assert total.tokens == 80
        assert total.steps <= total.rows
        assert total.steps < 40, name
    points = drafter.draw_curve([drafter.Total(100, 50, 150), drafter.Total(100, 25, 200)])
    assert drafter.read_curve(points, 1.5) == 2.0
    assert drafter.read_curve(points, 1.25) == 1.5
    assert drafter.read_curve(points, 9.0) == 4.0
    assert {row["call"] for row in drafter.measure_calls(texts)} == {"make", "propose", "extend"}
