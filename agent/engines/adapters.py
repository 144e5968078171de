"""LoRA adapters: found, told apart by their files, held against the model that they are to run on. Loads none."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from midb.agent.engines import checkpoint
from midb.agent.engines.adapter_manifest import AdapterManifest, read_manifest
from midb.agent.engines.checkpoint import CheckpointFolder
from midb.domain.errors import UsageError
from midb.domain.generations import ADAPTER_DIGITS

#: What peft writes of an adapter.
_CONFIG = "adapter_config.json"

#: The files that make an adapter what it is: another byte in any of them is another adapter.
_HASHED = ("adapter_config.json", "adapter_model.safetensors", "adapter_model.safetensors.index.json")

#: Bytes that are hashed at a time.
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Adapter:
    """A LoRA adapter.

    :param label: what people call it: its folder, its hub name, or the name that a server serves it by.
    :param folder: with peft's files; None where a server has it.
    :param sha256: of these files; "" where a server has them.
    :param manifest: what it says of itself; None where it says nothing.
    """

    label: str
    folder: Path | None = None
    sha256: str = ""
    manifest: AdapterManifest | None = None

    @property
    def name(self) -> str:
        """What requests call it. Two adapters of one label have different names."""
        return f"{self.label} {self.sha256[:ADAPTER_DIGITS]}" if self.sha256 else self.label

    @property
    def passes(self) -> tuple[str, ...]:
        """The passes that it was trained for; empty where it does not say."""
        return self.manifest.passes if self.manifest else ()


def find_adapter(given: str, *, served: bool = False) -> Adapter:
    """Find an adapter by its folder or hub name; on a server by the name that it is served by.

    :raises UsageError: one sentence for what is no adapter.
    """
    if served:
        if re.search(r"[/\\]|^[.~]", given) and Path(given).expanduser().is_dir():  # a mere name may be that of both
            raise UsageError(
                f"{given} is a folder, and a server knows an adapter only by the name that it serves it by.",
                hint="Start the server with the adapter, then name it: --adapter NAME",
            )
        return Adapter(label=given)
    found = checkpoint.find(given, checkpoint.ADAPTER_FILES)
    _require_adapter(found.folder)
    checkpoint.check_files(found.folder)
    return Adapter(
        label=found.name, folder=found.folder, sha256=_hash(found.folder), manifest=read_manifest(found.folder)
    )


def _require_adapter(folder: Path) -> None:
    """Raise UsageError for a folder without peft's files, and say what it seems to be."""
    if (folder / _CONFIG).exists():
        return
    inner = sorted(path.parent.name for path in folder.glob(f"*/{_CONFIG}"))
    if (folder / "config.json").exists():
        hint = "It is a whole model: --model takes it."
    elif inner:
        hint = f"There is one in it: --adapter {folder / inner[0]}"
    else:
        hint = "An adapter is what midb-agent train or peft writes."
    raise UsageError(f"{folder} is no adapter: it holds no {_CONFIG}.", hint=hint)


def _hash(folder: Path) -> str:
    """SHA-256 of the adapter's own files, every byte of them: they are small."""
    found = hashlib.sha256()
    for name in _HASHED:
        path = folder / name
        if not path.exists():
            continue
        try:
            found.update(f"{name}\0{path.stat().st_size}\0".encode())
            with path.open("rb") as file:
                while chunk := file.read(_CHUNK):
                    found.update(chunk)
        except OSError as error:
            raise UsageError(f"{path} cannot be read: {error.strerror}.") from error
    return found.hexdigest()


def check_base(adapter: Adapter, base: CheckpointFolder, warn: Callable[[str], None]) -> None:
    """Hold an adapter against the checkpoint that it is to run on.

    What midb-agent trained knows the hash of its base, and is refused on another model. Of what others trained, only a
    name is known, which may well have changed since: that is a warning. Shapes are checked when it is loaded.

    :raises UsageError: where it was trained on another model.
    """
    known = adapter.manifest
    if known is None or not known.base_sha256:
        name = _read_base_name(adapter.folder)
        if name and not _same_name(name, base.name):
            warn(f"the adapter {adapter.label} says that its base is {name}, and it runs on {base.name}")
        return
    if known.base_sha256 == checkpoint.hash_files(base.folder):
        return
    said = f"the adapter {adapter.label} was trained on {known.base_name or 'another model'}"
    if base.folder.is_file() or _same_name(known.base_name, base.name):
        # The same weights in another file, or the same model with another chat template, have other hashes.
        warn(f"{said}, whose files were not those of {base.name} (sha256 {known.base_sha256[:ADAPTER_DIGITS]})")
        return
    raise UsageError(
        f"{said} (sha256 {known.base_sha256[:ADAPTER_DIGITS]}), and not on {base.name}.",
        hint="Give the model that it was trained on as --model, or train another adapter on this one.",
    )


def _read_base_name(folder: Path | None) -> str:
    """What peft says of the base; "" where it says nothing that can be read (loading says what is wrong)."""
    try:
        raw: Any = json.loads((folder / _CONFIG).read_bytes()) if folder else {}
    except (OSError, ValueError, RecursionError):
        return ""
    name = raw.get("base_model_name_or_path") if isinstance(raw, dict) else None
    return name if isinstance(name, str) else ""


def _same_name(one: str, other: str) -> bool:
    """Whether two names may mean one model: paths and hub names by their last part, in any case."""
    return _last_part(one) == _last_part(other)


def _last_part(name: str) -> str:
    return name.replace("\\", "/").rstrip("/").rpartition("/")[2].casefold()
