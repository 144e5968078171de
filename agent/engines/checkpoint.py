"""Where the files of a checkpoint lie, and what they are: hub names to folders, folders to fingerprints."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from midb.agent.engines.tokenizer import VOCABULARIES
from midb.domain.errors import UsageError

#: The files of a tokenizer, with its chat template.
_TOKENIZER_FILES = (
    *VOCABULARIES, "merges.txt", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json",
    "chat_template.jinja", "chat_template.json",
)  # fmt: skip

#: All that is fetched: never weights that have to be unpickled, never code.
MODEL_FILES = (
    "config.json", "generation_config.json", "*.safetensors", "*.safetensors.index.json", *_TOKENIZER_FILES,
)  # fmt: skip
ADAPTER_FILES = ("adapter_config.json", "adapter_model.safetensors", "adapter_model.safetensors.index.json")

_HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")

_MIB = 1 << 20

#: A header of more bytes than any real model has (safetensors' own limit).
_LONGEST_HEADER = 100_000_000


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A folder, and what a person calls it: its hub name, or the folder's own."""

    name: str
    folder: Path


def find(given: str, files: tuple[str, ...], *, download: Callable[..., str] | None = None) -> Checkpoint:
    """The folder of a checkpoint or adapter; a hub name (OWNER/NAME) is fetched, unless the local cache has it.

    :param files: name patterns of what is fetched.
    :param download: instead of ``huggingface_hub.snapshot_download``, for tests.
    :raises UsageError: one sentence for what is neither, and for what the hub does not give.
    """
    folder = Path(given).expanduser()
    if folder.is_dir():
        return Checkpoint(folder.resolve().name, folder)
    if folder.exists():
        raise UsageError(f"{given} is a file.", hint="A checkpoint is a folder with config.json and safetensors.")
    if not _HUB_NAME.fullmatch(given):
        raise UsageError(
            f"there is no folder {given}.", hint="Give a checkpoint's folder, or its name on the hub (OWNER/NAME)."
        )
    return Checkpoint(given, _fetch(given, files, download))


def _fetch(name: str, files: tuple[str, ...], download: Callable[..., str] | None) -> Path:
    from huggingface_hub import errors, snapshot_download

    try:
        return Path((download or snapshot_download)(name, allow_patterns=list(files)))
    except errors.GatedRepoError as error:
        raise UsageError(
            f"{name} is gated: the hub gives it only to those who accepted its terms.",
            hint="Accept them on its page, then set HF_TOKEN or log in with `hf auth login`.",
        ) from error
    except errors.RepositoryNotFoundError as error:
        raise UsageError(
            f"{name} is neither a folder here nor a checkpoint on the hub.",
            hint="Is it spelled as on its page? A private one needs HF_TOKEN.",
        ) from error
    except errors.HFValidationError as error:
        raise UsageError(f"{name} is neither a folder here nor a name that the hub allows.") from error
    except errors.HfHubHTTPError as error:
        raise UsageError(
            f"the hub does not give {name}: {_first_line(error)}.", hint="Try again later, or give a folder."
        ) from error
    except (errors.LocalEntryNotFoundError, ConnectionError) as error:
        raise UsageError(
            f"{name} is not in the local cache, and the hub cannot be reached.",
            hint="Fetch it where there is a network (`hf download`), and give the folder.",
        ) from error
    except OSError as error:
        raise UsageError(
            f"{name} cannot be fetched: {_first_line(error)}.", hint="Is there room on the disk?"
        ) from error
    except Exception as error:  # what is below the hub's client breaks off with errors of its own
        if type(error).__module__.partition(".")[0] not in ("httpx", "httpx2", "httpcore", "hf_xet", "huggingface_hub"):
            raise
        raise UsageError(
            f"fetching {name} broke off: {_first_line(error)}.", hint="The same command goes on where it stopped."
        ) from error


def digest(folder: Path) -> str:
    """SHA-256, in hex, of what the files of a checkpoint or adapter are.

    Configuration, tokenizer and chat template go in whole. Of each safetensors file its header (names, types, shapes
    and places of all tensors), its size, and the first and last MiB of its data do: hashing every byte of a large model
    takes minutes at each start. So it tells models, fine-tunes and revisions apart, which differ all over, and finds a
    file that is cut short; it does not find weights that somebody changed in the middle of a file on purpose.

    :raises UsageError: for a file that cannot be read, or is no safetensors file.
    """
    found = hashlib.sha256()
    whole = {"config.json", "generation_config.json", "adapter_config.json", *_TOKENIZER_FILES}
    for path in sorted(folder.iterdir()):
        if not path.is_file():
            continue
        try:
            if path.name in whole or path.name.endswith(".safetensors.index.json"):
                content = path.read_bytes()
            elif path.suffix == ".safetensors":
                content = _excerpt(path)
            else:
                continue
        except OSError as error:
            raise UsageError(f"{path} cannot be read: {error.strerror}.") from error
        found.update(f"{path.name}\0{len(content)}\0".encode())
        found.update(content)
    return found.hexdigest()


def _excerpt(path: Path) -> bytes:
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
        first = file.read(_MIB)
        file.seek(max(8 + count, size - _MIB))
        return b"".join((size.to_bytes(8, "little"), length, header, first, file.read()))


def _first_line(error: BaseException) -> str:
    return (str(error).strip().partition("\n")[0] or type(error).__name__).rstrip(".:")
