"""Adapters are found, told apart by every byte, and held against their base."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")

from tiny_adapters import make_adapter

from midb.agent.engines import checkpoint
from midb.agent.engines.adapters import Adapter, check_base, find_adapter
from midb.agent.engines.checkpoint import MODEL_FILES
from midb.domain.errors import UsageError


def test_it_is_called_by_its_folder_and_known_by_its_bytes(tiny_checkpoint: Path, tmp_path: Path) -> None:
    one = find_adapter(str(make_adapter(tmp_path / "a" / "style", tiny_checkpoint)))
    same = find_adapter(str(make_adapter(tmp_path / "b" / "style", tiny_checkpoint)))
    other = find_adapter(str(make_adapter(tmp_path / "c" / "style", tiny_checkpoint, seed=2)))
    assert (one.label, one.sha256) == (same.label, same.sha256) == ("style", other.label and one.sha256)
    assert one.name == same.name == f"style {one.sha256[:8]}"
    assert other.name != one.name
    path = tmp_path / "b" / "style" / "adapter_model.safetensors"
    changed = bytearray(path.read_bytes())
    changed[len(changed) // 2] ^= 1  # in the middle, where a checkpoint's hash does not look
    path.write_bytes(changed)
    assert find_adapter(str(path.parent)).sha256 != one.sha256
    (tmp_path / "a" / "style" / "README.md").write_text("notes do not count")
    assert find_adapter(str(tmp_path / "a" / "style")) == one


def test_what_it_was_trained_for_is_read(tiny_checkpoint: Path, tmp_path: Path) -> None:
    manifest = {"prompts": "short", "passes": ["content"]}
    found = find_adapter(str(make_adapter(tmp_path / "style", tiny_checkpoint, manifest=manifest)))
    assert found.manifest is not None
    assert (found.manifest.prompts, found.passes) == ("short", ("content",))
    assert find_adapter(str(make_adapter(tmp_path / "plain", tiny_checkpoint))).passes == ()


def test_a_folder_that_is_no_adapter_says_what_it_seems_to_be(tiny_checkpoint: Path, tmp_path: Path) -> None:
    make_adapter(tmp_path / "runs" / "last", tiny_checkpoint)
    for folder, hint in ((tiny_checkpoint, "--model takes it"), (tmp_path / "runs", "--adapter "), (tmp_path, "peft")):
        with pytest.raises(UsageError, match=r"is no adapter: it holds no adapter_config\.json") as caught:
            find_adapter(str(folder))
        assert hint in caught.value.hint
    with pytest.raises(UsageError, match="there is no folder"):
        find_adapter(str(tmp_path / "nowhere"))


def test_a_server_knows_it_by_a_name(tiny_checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert find_adapter("style", served=True) == Adapter(label="style")
    assert find_adapter("style", served=True).name == "style"
    with pytest.raises(UsageError, match="a server knows an adapter only by the name") as caught:
        find_adapter(str(make_adapter(tmp_path / "style", tiny_checkpoint)), served=True)
    assert "Start the server" in caught.value.hint
    monkeypatch.chdir(tmp_path)
    assert find_adapter("style", served=True).label == "style", "a folder of the same name is not meant"
    with pytest.raises(UsageError, match="a server knows"):
        find_adapter("./style", served=True)


def warnings_of(folder: Path, base: Path) -> list[str]:
    warnings: list[str] = []
    check_base(find_adapter(str(folder)), checkpoint.find(str(base), MODEL_FILES), warnings.append)
    return warnings


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("/models/of/hers/Tiny/", []),
        ("hub/tiny", []),
        (None, []),
        ("hub/other-8B", ["says that its base is hub/other-8B, and it runs on tiny"]),
    ],
)
def test_a_name_of_another_base_is_a_warning(
    said: str | None, expected: list[str], tiny_checkpoint: Path, tmp_path: Path
) -> None:
    """Folders are renamed, and paths are those of another machine: a name proves nothing."""
    adapter = make_adapter(tmp_path / "style", tiny_checkpoint, base_model_name_or_path=said)
    found = warnings_of(adapter, tiny_checkpoint)
    assert len(found) == len(expected)
    assert all(part in warning for part, warning in zip(expected, found, strict=True))


def test_the_hash_of_another_base_is_refused(tiny_checkpoint: Path, tmp_path: Path) -> None:
    def trained_on(name: str, sha256: str) -> Path:
        manifest: dict[str, Any] = {"prompts": "full", "base": {"name": name, "sha256": sha256}}
        return make_adapter(tmp_path / f"style-{name}-{sha256[:4]}", tiny_checkpoint, manifest=manifest)

    assert warnings_of(trained_on("whatever", checkpoint.hash_files(tiny_checkpoint)), tiny_checkpoint) == []
    with pytest.raises(UsageError, match=r"was trained on Big-70B \(sha256 abababab\), and not on tiny") as caught:
        warnings_of(trained_on("Big-70B", "ab" * 32), tiny_checkpoint)
    assert "--model" in caught.value.hint
    (warning,) = warnings_of(trained_on("tiny", "cd" * 32), tiny_checkpoint)
    assert "was trained on tiny, whose files were not those of tiny (sha256 cdcdcdcd)" in warning
