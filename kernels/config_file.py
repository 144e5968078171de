"""Reads the JSON files of a checkpoint, which may hold anything. No torch."""

from __future__ import annotations

import json
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from midb.kernels.errors import CheckpointError

#: Bytes of a JSON file of a checkpoint: an index of 100,000 tensors has ten million.
_LONGEST_JSON = 64 << 20

#: The greatest count that a config.json may state.
_MOST = 1 << 31

#: Characters of a value that a message shows.
SHOWN = 40


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object from a file of a checkpoint, which may hold anything; raises CheckpointError."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise CheckpointError(
                f"{path} is no file, but a folder, a pipe or a device.", hint="Download the checkpoint again."
            )
        if path.stat().st_size > _LONGEST_JSON:
            raise CheckpointError(
                f"{path} is larger than {_LONGEST_JSON >> 20} MiB, which no such file is.",
                hint="Is it the file of a model?",
            )
        value = json.loads(path.read_text(encoding="utf-8"), parse_constant=_refuse_constant)
    except RecursionError:
        raise CheckpointError(f"{path} is nested too deeply.", hint="Is it the file of a model?") from None
    except FileNotFoundError:
        raise CheckpointError(f"{path} does not exist.", hint="Is the download complete?") from None
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        message = str(error).partition(";")[0]  # what stands behind it is how to lift a limit of Python
        raise CheckpointError(f"{path} is not JSON: {message}.", hint="Is the download complete?") from error
    if not isinstance(value, dict):
        raise CheckpointError(f"{path} holds no JSON object.")
    return value


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is no number")


class ConfigReader:
    """Reads numbers from a config.json, which may hold anything."""

    def __init__(self, raw: Mapping[str, Any], path: Path) -> None:
        self.raw, self.path = raw, path

    def read_count(self, name: str, default: int | None = None, most: int = _MOST) -> int:
        """Read a number above 0; raises CheckpointError."""
        value = self.raw.get(name, default)
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise CheckpointError(f"{self.path}: {name} is {_show(value)}, not a number above 0.")
        if value > most:
            raise CheckpointError(
                f"{self.path}: {name} is {_show(value)}; no model has more than {most:,}.",
                hint="Is it the file of a model?",
            )
        return value

    def read_number(self, name: str) -> float:
        """Read a finite number above 0, with decimals or without; raises CheckpointError."""
        value = self.raw[name]
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= _MOST:
            raise CheckpointError(f"{self.path}: {name} is {_show(value)}, not a sound number above 0.")
        return float(value)


def _show(value: Any) -> str:
    """A value as it stands in the file, cut where it is long."""
    text = repr(value)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."
