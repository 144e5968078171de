"""Checkpoints found, fetched and identified: one sentence for whatever is none, another hash for whatever differs."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from damages import THINKS, Damage, change, cut_header, flip, flip_header, put
from hub_server import NAME, NOBODY, Hub, point_client_to, serving

from midb.agent.engines import checkpoint
from midb.agent.engines.checkpoint import CheckpointFolder
from midb.domain.errors import UsageError


@pytest.fixture
def copy(tiny_checkpoint: Path, tmp_path: Path) -> Path:
    """A checkpoint of one's own, to damage."""
    return Path(shutil.copytree(tiny_checkpoint, tmp_path / "copy"))


@pytest.fixture
def hub(tiny_checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A hub with a checkpoint, and with what nobody may fetch."""
    pytest.importorskip("huggingface_hub")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr("huggingface_hub.file_download.time.sleep", lambda seconds: None)  # it tries again and again
    files = {path.name: path.read_bytes() for path in tiny_checkpoint.iterdir()}
    held = Hub(files | dict.fromkeys(DANGEROUS, b"import os"), kind="models")
    with serving(held) as url:
        point_client_to(url, monkeypatch)
        yield held


#: Weights that have to be unpickled, code, and what is not asked for.
DANGEROUS = ("pytorch_model.bin", "model.pt", "modeling_own.py", "model.gguf", "training_args.bin")


def test_a_hub_name_is_fetched_without_pickles_or_code(hub: Hub, tiny_checkpoint: Path) -> None:
    found = checkpoint.find(NAME, checkpoint.MODEL_FILES)
    assert found.name == NAME
    assert {path.name for path in found.folder.iterdir()} == {path.name for path in tiny_checkpoint.iterdir()}
    assert checkpoint.hash_files(found.folder) == checkpoint.hash_files(tiny_checkpoint)
    assert not {*hub.given} & {*DANGEROUS}


def test_shards_of_weights_are_fetched(hub: Hub) -> None:
    hub.files |= {"model-00001-of-00004.safetensors": b"0", "model.safetensors.index.json": b"{}"}
    checkpoint.find(NAME, checkpoint.MODEL_FILES)
    assert "model-00001-of-00004.safetensors" in hub.given


def test_without_a_network_the_cache_has_it_whole_or_it_is_refused(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.cut = "model.safetensors"
    with pytest.raises(UsageError, match="broke off"):
        checkpoint.find(NAME, checkpoint.MODEL_FILES)
    with monkeypatch.context() as patch:
        point_client_to(NOBODY, patch)
        with pytest.raises(UsageError, match="not all of it, and the hub cannot be reached"):
            checkpoint.find(NAME, checkpoint.MODEL_FILES)
    hub.cut = ""
    whole = checkpoint.find(NAME, checkpoint.MODEL_FILES)
    point_client_to(NOBODY, monkeypatch)
    assert checkpoint.find(NAME, checkpoint.MODEL_FILES) == whole


@pytest.mark.parametrize(
    ("refusal", "said"),
    [
        ("gated", "is gated"),
        ("missing", "neither a folder here nor a checkpoint"),
        ("down", "the hub does not give owner/name: "),
    ],
)
def test_what_the_hub_refuses_is_one_sentence(hub: Hub, refusal: str, said: str) -> None:
    hub.refusal = refusal
    with pytest.raises(UsageError, match=said) as told:
        checkpoint.find(NAME, checkpoint.MODEL_FILES)
    assert NAME in told.value.message
    assert told.value.hint
    assert "\n" not in told.value.message


@pytest.mark.parametrize(
    "damage",
    [
        change("config.json", rms_norm_eps=1e-5),
        change("generation_config.json", eos_token_id=[2, 0]),
        change("tokenizer_config.json", eos_token="<|endoftext|>"),
        put("chat_template.jinja", THINKS),
        put("added_tokens.json", "{}"),
        flip("tokenizer.json", -2),
        flip_header,
        flip("model.safetensors", -1),
        flip("model.safetensors", 60_000),
        lambda folder: (folder / "model.safetensors").open("ab").write(b"\0"),
    ],
)
def test_a_changed_byte_is_another_fingerprint(copy: Path, damage: Damage) -> None:
    before = checkpoint.hash_files(copy)
    assert checkpoint.hash_files(copy) == before
    damage(copy)
    assert checkpoint.hash_files(copy) != before


def test_of_large_weights_both_ends_count(tmp_path: Path) -> None:
    """As the docstring says: what is changed in the middle alone goes unseen."""
    header = b'{"a":{}}'
    data = bytearray(len(header).to_bytes(8, "little") + header + bytes(3 << 20))
    path = tmp_path / "model.safetensors"

    def digest(place: int | None = None) -> str:
        changed = bytearray(data)
        if place is not None:
            changed[place] ^= 1
        path.write_bytes(changed)
        return checkpoint.hash_files(tmp_path)

    start, mib = 8 + len(header), 1 << 20
    whole = digest()
    ends = [start, start + mib - 1, len(data) - mib, len(data) - 1]
    assert len({whole, *map(digest, ends)}) == 5
    assert digest(len(data) // 2) == whole


def test_a_folder_is_called_by_its_own_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "models" / "rewriter"
    folder.mkdir(parents=True)
    assert checkpoint.find(str(folder), ()) == CheckpointFolder("rewriter", folder)
    monkeypatch.chdir(folder)
    assert checkpoint.find(".", ()) == CheckpointFolder("rewriter", Path())
    monkeypatch.setenv("HOME", str(tmp_path))
    assert checkpoint.find("~/models/rewriter", ()).folder == folder


@pytest.mark.parametrize("given", ["nowhere", "./nowhere", "/nowhere/model", "a/b/c", "a b/c"])
def test_what_is_neither_a_folder_nor_a_name_is_not_asked_for(given: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)  # whoever asks it fails
    with pytest.raises(UsageError, match="there is no folder") as caught:
        checkpoint.find(given, ())
    assert caught.value.hint


def test_a_file_is_no_checkpoint() -> None:
    with pytest.raises(UsageError, match="is a file"):
        checkpoint.find(__file__, ())


def test_an_error_that_nobody_foresaw_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("huggingface_hub")
    monkeypatch.setattr("huggingface_hub.snapshot_download", lambda name, **_: 1 // 0)
    with pytest.raises(ZeroDivisionError):
        checkpoint.find(NAME, ())


def test_a_header_cut_short_has_no_hash(copy: Path) -> None:
    cut_header(copy)
    with pytest.raises(UsageError, match="no whole safetensors header"):
        checkpoint.hash_files(copy)


def test_notes_and_folders_do_not_count(copy: Path) -> None:
    before = checkpoint.hash_files(copy)
    (copy / "README.md").write_text("notes", encoding="utf-8")
    (copy / "runs").mkdir()
    (copy / "training_args.bin").write_bytes(b"x")
    assert checkpoint.hash_files(copy) == before
