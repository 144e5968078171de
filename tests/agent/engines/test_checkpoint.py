"""Checkpoints found, fetched and identified: one sentence for whatever is none, another hash for whatever differs."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from damages import THINKS, Damage, change, cut_header, flip, flip_header, put

from midb.agent.engines import checkpoint
from midb.agent.engines.checkpoint import CheckpointFolder
from midb.domain.errors import UsageError


@pytest.fixture
def copy(tiny_checkpoint: Path, tmp_path: Path) -> Path:
    """A checkpoint of one's own, to damage."""
    return Path(shutil.copytree(tiny_checkpoint, tmp_path / "copy"))


def hub_errors() -> Iterator[tuple[str, Exception, str]]:
    errors = pytest.importorskip("huggingface_hub").errors

    response = type("Response", (), {"headers": {}, "status_code": 500, "request": None})()
    yield "gated", errors.GatedRepoError("403", response=response), "is gated"
    yield "missing", errors.RepositoryNotFoundError("404", response=response), "neither a folder here nor a checkpoint"
    yield "broken", errors.HfHubHTTPError("500 Server Error\nfor url", response=response), "500 Server Error"
    yield "offline", errors.LocalEntryNotFoundError("offline"), "the hub cannot be reached"
    yield "switched off", errors.OfflineModeIsEnabled("offline"), "the hub cannot be reached"
    yield "bad name", errors.HFValidationError("repo id"), "name that the hub allows"
    yield "full disk", OSError(28, "No space left on device"), "No space left"


@pytest.mark.parametrize(("error", "expected"), [pytest.param(e, x, id=n) for n, e, x in hub_errors()])
def test_what_the_hub_does_not_give_is_one_sentence(error: Exception, expected: str) -> None:
    def download(name: str, **_: object) -> str:
        raise error

    with pytest.raises(UsageError) as failed:
        checkpoint.find("owner/name", checkpoint.MODEL_FILES, download=download)
    assert expected in failed.value.message
    assert "owner/name" in failed.value.message
    assert "\n" not in failed.value.message


def test_a_hub_name_is_fetched_without_pickles_or_code(tiny_checkpoint: Path) -> None:
    from fnmatch import fnmatch

    asked: dict[str, Any] = {}

    def download(name: str, *, allow_patterns: list[str]) -> str:
        asked[name] = allow_patterns
        return str(tiny_checkpoint)

    found = checkpoint.find("owner/name", checkpoint.MODEL_FILES, download=download)
    assert found == CheckpointFolder("owner/name", tiny_checkpoint)
    (patterns,) = asked.values()

    def allowed(name: str) -> bool:
        return any(fnmatch(name, pattern) for pattern in patterns)

    assert all(allowed(path.name) for path in tiny_checkpoint.iterdir())
    assert allowed("model-00001-of-00004.safetensors")
    for name in ("pytorch_model.bin", "model.pt", "modeling_own.py", "model.gguf", "training_args.bin"):
        assert not allowed(name)


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
def test_what_is_neither_a_folder_nor_a_name_is_not_asked_for(given: str) -> None:
    def download(name: str, **_: object) -> str:
        raise AssertionError("nothing may be fetched")

    with pytest.raises(UsageError, match="there is no folder") as caught:
        checkpoint.find(given, (), download=download)
    assert caught.value.hint


def test_a_file_is_no_checkpoint() -> None:
    with pytest.raises(UsageError, match="is a file"):
        checkpoint.find(__file__, ())


def test_an_error_that_nobody_foresaw_is_not_hidden() -> None:
    def download(name: str, **_: object) -> str:
        raise ZeroDivisionError

    pytest.importorskip("huggingface_hub")
    with pytest.raises(ZeroDivisionError):
        checkpoint.find("owner/name", (), download=download)


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
