"""`midb-agent train`: from revisions to an adapter that the engine takes, in sentences; stopped and resumed."""

from __future__ import annotations

import importlib.util
import json
import os
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tiny_model import edit_json, make_checkpoint

from midb.agent.engines.adapter_manifest import read_manifest
from midb.agent.engines.checkpoint import CheckpointFolder
from midb.agent.engines.protocol import Message
from midb.cli.main import main
from midb.composition import open_tokenizer

for _library in ("torch", "transformers", "peft", "accelerate"):
    pytest.importorskip(_library)
os.environ.setdefault("HF_HUB_OFFLINE", "1")


def lines(count: int) -> str:
    rows: list[dict[str, Any]] = [
        {
            "id": f"de-{number}", "lang": "de",
            "instruction": f"Wie weit ist es bis zur Stadt mit der Nummer {number}, und wie kommt man hin?",
            "output": f"Es sind {number},5 Kilometer. Man fährt mit dem Zug.",
            "revised_output": f"Es sind {number},5 Kilometer. Man fährt mit dem Zug, der alle zwanzig Minuten kommt.",
        }
        for number in range(1, count + 1)
    ]  # fmt: skip
    return "\n".join(map(json.dumps, rows))


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_checkpoint(tmp_path_factory.mktemp("base") / "tiny")


@pytest.fixture(scope="module")
def examples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of finished examples."""
    folder = tmp_path_factory.mktemp("examples")
    (folder / "a.jsonl").write_text(lines(16), encoding="utf-8")
    out = folder / "learn"
    assert main(["examples", str(folder / "a.jsonl"), "-o", str(out), "--prompts", "short", "--holdout", "0.3"]) == 0
    return out


def train(*words: object) -> int:
    return main(["train", *map(str, words)])


def losses(folder: Path) -> list[tuple[int, float]]:
    rows = [json.loads(line) for line in (folder / "loss.jsonl").read_text(encoding="utf-8").splitlines()]
    return [(row["step"], row["loss"]) for row in rows]


def test_from_revisions_to_an_adapter_that_the_engine_takes(
    base: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from midb.kernels import EngineConfig, Request
    from midb.kernels.engine.engine import Engine

    (tmp_path / "a.jsonl").write_text(lines(12), encoding="utf-8")
    out = tmp_path / "booster"
    words = [tmp_path / "a.jsonl", "--base", base, "-o", out, "--prompts", "short", "--mix", "revision:1"]
    assert train(*words, "--lr", "1e-3", "--rank", "4", "--merge", "--holdout", "0.3") == 0
    said = capsys.readouterr().err
    for told in (
        "12 revisions read: de 12",
        "revision",
        "all examples are in one language (de)",
        "parameters",
        "trained",
    ):
        assert told in said
    manifest = read_manifest(out)
    assert manifest is not None
    assert (manifest.prompts, manifest.base_name, manifest.languages) == ("short", "tiny", ("de",))
    assert manifest.passes == ("content",)
    assert manifest.whole["metrics"]["measured"] > 0
    assert manifest.whole["settings"]["rank"] == 4
    assert (out / "merged" / "config.json").exists()
    engine = Engine(EngineConfig(checkpoint=base, adapters={"a": out}, max_model_len=64))
    (result,) = engine.generate([Request([5, 6, 7], max_new_tokens=3, adapter="a", ignore_eos=True)])
    assert len(result.token_ids) == 3
    # What is finished is not begun again, nor written over.
    assert train(*words) == 2
    assert "holds a finished adapter" in capsys.readouterr().err


def test_a_gguf_base_and_its_adapter_become_one_checkpoint(
    base: Path, examples: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("gguf")
    from gguf_files import write_whole_gguf

    from midb.kernels import EngineConfig, Request
    from midb.kernels.engine.engine import Engine

    file, out = write_whole_gguf(tmp_path / "tiny.gguf", base), tmp_path / "booster"
    words = (examples, "--base", file, "-o", out, "--lr", "2e-2", "--rank", "4", "--measure", "2", "--merge")
    assert train(*words) == 0
    assert "merged" in capsys.readouterr().err
    merged = out / "merged"
    requests = [Request([5, 6, number], max_new_tokens=12, adapter="a", ignore_eos=True) for number in range(7, 15)]
    apart = Engine(EngineConfig(checkpoint=file, adapters={"a": out}, max_model_len=64, dtype="float32"))
    whole = Engine(EngineConfig(checkpoint=merged, max_model_len=64, dtype="float32"))
    plain = Engine(EngineConfig(checkpoint=file, max_model_len=64, dtype="float32"))
    expected = [reply.token_ids for reply in apart.generate(requests)]
    bare = [replace(request, adapter=None) for request in requests]
    assert [reply.token_ids for reply in whole.generate(bare)] == expected
    assert [reply.token_ids for reply in plain.generate(bare)] != expected
    # It needs nothing of the file: its tokenizer cuts and renders as the file's does.
    of_file, of_folder = (open_tokenizer(CheckpointFolder("tiny", path)) for path in (file, merged))
    chat = [Message("system", "Sé breve."), Message("user", "¿Cuántos días? <|im_end|> 12,5 Größe")]
    assert of_folder.encode_chat(chat) == of_file.encode_chat(chat)
    assert of_folder.encode_reference("Siete días.") == of_file.encode_reference("Siete días.")


def test_stopped_with_a_signal_it_goes_on_as_if_it_had_not_been(
    base: Path, examples: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from midb.cli.learning.training_lines import ProgressLines

    words = (examples, "--base", base, "--lr", "1e-3", "--rank", "4", "--batch-tokens", "900", "--measure", "2")
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    assert train(*words, "-o", whole) == 0
    tell = ProgressLines.tell

    def stop(self: ProgressLines, progress: Any) -> None:
        tell(self, progress)
        if progress.step == 2:
            os.kill(os.getpid(), signal.SIGINT)

    capsys.readouterr()
    with monkeypatch.context() as patch:
        patch.setattr(ProgressLines, "tell", stop)
        assert train(*words, "-o", stopped) == 130
    said = capsys.readouterr().err
    assert "stopped after step 3 of" in said
    assert "--resume" in said
    assert read_manifest(stopped) is None
    assert train(*words, "-o", stopped) == 2
    assert "not finished" in capsys.readouterr().err
    assert train(*words, "-o", stopped, "--resume", "--lr", "1e-2") == 2
    assert "--lr was 0.001 and is 0.01" in capsys.readouterr().err
    assert train(*words, "-o", stopped, "--resume") == 0
    assert "going on from step 3" in capsys.readouterr().err
    assert losses(stopped) == losses(whole)
    one, other = ((folder / "adapter_model.safetensors").read_bytes() for folder in (whole, stopped))
    assert one == other


def test_an_ended_time_leaves_an_adapter_that_can_go_on(
    base: Path, examples: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = (examples, "--base", base, "-o", tmp_path / "out", "--batch-tokens", "900", "--measure", "0")
    assert train(*words, "--max-seconds", "0.000001") == 0
    assert "its time was over" in capsys.readouterr().err
    manifest = read_manifest(tmp_path / "out")
    assert manifest is not None
    assert manifest.whole["steps"]["done"] == 1 < manifest.whole["steps"]["planned"]
    assert train(*words, "--resume") == 0
    again = read_manifest(tmp_path / "out")
    assert again is not None
    assert again.whole["steps"]["done"] == again.whole["steps"]["planned"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "needs a base and a place"),
        (["--base", "BASE"], "needs a base and a place"),
        (["--base", "BASE", "-o", "OUT", "--preset", "best"], 'no preset "best"'),
        (["--base", "BASE", "-o", "OUT", "--lr", "0"], "--lr is 0.0"),
        (["--base", "BASE", "-o", "OUT", "--targets", "w_proj"], 'no linear layer "w_proj"'),
        (["--base", "BASE", "-o", "OUT", "--mix", "revision:1"], "--mix says how examples are made"),
        (["--base", "BASE", "-o", "OUT", "--prompts", "full"], "--prompts says how examples are made"),
        (["--base", "BASE", "-o", "OUT", "--max-tokens", "50"], "no example is left to train on"),
        (["--base", "BASE", "-o", "OUT", "--device", "tpu"], '--device "tpu"'),
        (["--base", "BASE", "-o", "OUT", "--resume"], "no training to go on with"),
        (["--base", "nowhere", "-o", "OUT"], "there is no folder nowhere"),
    ],
)
def test_what_cannot_be_is_one_sentence(
    words: list[str], said: str, base: Path, examples: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    places = {"BASE": str(base), "OUT": str(tmp_path / "out")}
    assert train(examples, *(places.get(word, word) for word in words)) == 2
    told = capsys.readouterr().err
    assert said in told
    assert "Traceback" not in told
    assert not (tmp_path / "out" / "midb-adapter.json").exists()


def test_a_base_that_takes_no_chats(examples: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = make_checkpoint(tmp_path / "plain", merges=0)
    (folder / "chat_template.jinja").unlink(missing_ok=True)
    edit_json(folder / "tokenizer_config.json", chat_template=None)
    assert train(examples, "--base", folder, "-o", tmp_path / "out") == 2
    assert "plain has no chat template" in capsys.readouterr().err


def test_a_tokenizer_of_another_model(examples: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = make_checkpoint(tmp_path / "other", vocab_size=200)
    assert train(examples, "--base", folder, "-o", tmp_path / "out") == 2
    assert "the tokenizer of other gives the id" in capsys.readouterr().err


def test_rows_that_are_longer_than_the_context_are_counted(
    examples: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = make_checkpoint(tmp_path / "short", max_position_embeddings=64)
    assert train(examples, "--base", folder, "-o", tmp_path / "out") == 2
    said = capsys.readouterr().err
    assert "longer than 64 tokens" in said
    assert "no example is left to train on" in said


def test_without_its_libraries_it_says_what_to_install(
    base: Path, examples: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "peft" else find(name))
    assert train(examples, "--base", base, "-o", tmp_path / "out") == 2
    said = capsys.readouterr().err
    assert "training needs peft" in said
    assert ".[train]" in said


def test_no_sentence_names_a_hub_that_is_asked(base: Path, examples: Path, tmp_path: Path) -> None:
    """What is written knows the base by its name, and no path of this machine."""
    out = tmp_path / "out"
    assert train(examples, "--base", base, "-o", out, "--max-steps", "1") == 0
    for path in out.rglob("*.json*"):
        assert str(tmp_path) not in path.read_text(encoding="utf-8"), path
        assert str(base.parent) not in path.read_text(encoding="utf-8"), path
