"""Finds the files of a checkpoint and identifies them: from hub names to folders, from folders to fingerprints."""

from __future__ import annotations

import hashlib
import re
import stat
from dataclasses import dataclass
from pathlib import Path

from midb.agent.engines.adapter_manifest import ADAPTER_MANIFEST
from midb.agent.engines.tokenizing.tokenizer import VOCABULARIES
from midb.domain.errors import UsageError
from midb.hub.failures import explain

#: The files of a tokenizer, with its chat template.
_TOKENIZER_FILES = (
    *VOCABULARIES, "merges.txt", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json",
    "chat_template.jinja", "chat_template.json",
)  # fmt: skip

#: All that is fetched of a model: never weights that have to be unpickled, never code.
MODEL_FILES = (
    "config.json", "generation_config.json", "*.safetensors", "*.safetensors.index.json", *_TOKENIZER_FILES,
)  # fmt: skip

#: All that is fetched of an adapter.
ADAPTER_FILES = (
    "adapter_config.json", "adapter_model.safetensors", "adapter_model.safetensors.index.json", ADAPTER_MANIFEST,
)  # fmt: skip

#: How the name of a GGUF file ends, which is a whole checkpoint by itself.
GGUF_SUFFIX = ".gguf"

#: OWNER/NAME.
_HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")

#: Configuration, tokenizer and chat template.
_READ_IN_FULL = frozenset({"config.json", "generation_config.json", "adapter_config.json", *_TOKENIZER_FILES})

#: Bytes of such a file; the largest tokenizers that are known have forty million.
_LARGEST_TEXT = 512 << 20

#: Bytes at either end of a file's data that are hashed.
_HASHED_BYTES = 1 << 20

#: Bytes at the beginning of a GGUF file that are hashed: more than the metadata of any model has, with its vocabulary.
_GGUF_HEAD = 32 << 20

#: More bytes than the header of any real model has; this is safetensors' own limit.
_LONGEST_HEADER = 100_000_000


@dataclass(frozen=True, slots=True)
class CheckpointFolder:
    """A folder, and what people call it: its hub name, or the name of the folder. ``folder`` may be a GGUF file."""

    name: str
    folder: Path


def find(given: str, files: tuple[str, ...]) -> CheckpointFolder:
    """Find the folder of a checkpoint or adapter. A hub name (OWNER/NAME) is fetched, unless the local cache has it.

    :param files: name patterns of what is fetched.
    :raises UsageError: one sentence if it is neither, or if the hub does not give it.
    """
    folder = Path(given).expanduser()
    if folder.is_dir():
        return CheckpointFolder(folder.resolve().name, folder)
    if folder.is_file() and folder.suffix.lower() == GGUF_SUFFIX and files is MODEL_FILES:
        return CheckpointFolder(folder.name, folder)
    if folder.exists():
        raise UsageError(
            f"{given} is a file.", hint="A checkpoint is a folder with config.json and safetensors, or a .gguf file."
        )
    if not _HUB_NAME.fullmatch(given):
        raise UsageError(
            f"there is no folder {given}.", hint="Give a checkpoint's folder, or its name on the hub (OWNER/NAME)."
        )
    return CheckpointFolder(given, _fetch(given, files))


def _fetch(name: str, files: tuple[str, ...]) -> Path:
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(name, allow_patterns=list(files)))
    except Exception as error:
        missing = f"{name} is neither a folder here nor a checkpoint on the hub."
        told = explain(error, name, missing=missing, by_hand=f"hf download {name}; then give its folder.")
        if told is None:
            raise
        raise told from error


def check_files(folder: Path) -> None:
    """Refuse what stands under the name of a checkpoint's file and is none, or is larger than any: before a library
    opens a pipe and waits for ever, or reads a device without end.

    :raises UsageError: one sentence.
    """
    try:
        for path in sorted(folder.iterdir()) if folder.is_dir() else ():
            text = path.name in _READ_IN_FULL or path.name.endswith(".safetensors.index.json")
            if not text and path.suffix != ".safetensors":
                continue
            found = path.stat()
            if not stat.S_ISREG(found.st_mode):
                raise UsageError(
                    f"{path} is no file, but a folder, a pipe or a device.", hint="Download the checkpoint again."
                )
            if text and found.st_size > _LARGEST_TEXT:
                raise UsageError(
                    f"{path} is larger than {_LARGEST_TEXT >> 20} MiB, which no such file is.",
                    hint="Is it the file of a model?",
                )
    except OSError as error:
        raise UsageError(
            f"{error.filename} cannot be read: {error.strerror}.", hint="Is the download complete?"
        ) from error


def hash_files(folder: Path) -> str:
    """Compute a SHA-256, in hex, that identifies the files of a checkpoint or adapter.

    Configuration, tokenizer and chat template are hashed in full. Of each safetensors file, only the header (names,
    types, shapes and places of all tensors), the size, and the first and last MiB of the data are: hashing every byte
    of a large model would take minutes at each start. So the hash tells models, fine-tunes and revisions apart, which
    differ everywhere, and notices a file that is cut short. It does not notice weights that somebody changed on purpose
    in the middle of a file.

    :raises UsageError: for a file that cannot be read, or is no safetensors file.
    """
    found = hashlib.sha256()
    if not folder.is_dir():
        return _hash_ends(folder)
    for path in sorted(folder.iterdir()):
        if not path.is_file():
            continue
        try:
            if path.name in _READ_IN_FULL or path.name.endswith(".safetensors.index.json"):
                content = path.read_bytes()
            elif path.suffix == ".safetensors":
                content = _read_excerpt(path)
            else:
                continue
        except OSError as error:
            raise UsageError(f"{path} cannot be read: {error.strerror}.") from error
        found.update(f"{path.name}\0{len(content)}\0".encode())
        found.update(content)
    return found.hexdigest()


def _hash_ends(path: Path) -> str:
    """Hash a GGUF file by its size and its ends: the first holds metadata, vocabulary and the places of all tensors."""
    size = path.stat().st_size
    with path.open("rb") as file:
        first = file.read(_GGUF_HEAD)
        file.seek(max(len(first), size - _HASHED_BYTES))
        return hashlib.sha256(size.to_bytes(8, "little") + first + file.read()).hexdigest()


def _read_excerpt(path: Path) -> bytes:
    size = path.stat().st_size
    with path.open("rb") as file:
        length = file.read(8)
        count = int.from_bytes(length, "little")
        if len(length) < 8 or count > min(_LONGEST_HEADER, size - 8):
            raise UsageError(
                f"{path} has no whole safetensors header.",
                hint="It is cut short or no safetensors file; download it again.",
            )
        header = file.read(count)
        first = file.read(_HASHED_BYTES)
        file.seek(max(8 + count, size - _HASHED_BYTES))
        return b"".join((size.to_bytes(8, "little"), length, header, first, file.read()))
