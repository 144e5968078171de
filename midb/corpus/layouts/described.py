"""Columns that somebody described beside a corpus: the `dataset_info.json` of LLaMA-Factory."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from midb.corpus.layouts.columns import columns_of

#: The file, which lies beside the data that it describes; other programs use its name for other things.
DESCRIPTION = "dataset_info.json"

#: What it calls our texts.
_NAMES = {"instruction": "prompt", "input": "query", "response": "response"}

#: More bytes than any such file has.
_LARGEST = 16 << 20


def describe_columns(corpus: Path) -> str | None:
    """What `--map` would say of a corpus file, where the description beside it names other columns than its texts would
    be looked for in anyway. None where there is no description, or it is of talks or of preferences."""
    described = (entry for entry in _entries(corpus.parent) if entry.get("file_name") == corpus.name)
    entry = next(described, None)
    return None if entry is None else _map(entry)


def described_files(folder: Path) -> list[str]:
    """The files of a folder whose columns ``describe_columns`` would say: who reads all of them in one takes none."""
    named = {str(entry.get("file_name")) for entry in _entries(folder) if _map(entry)}
    return sorted(name for name in named if (folder / name).is_file())


def _entries(folder: Path) -> list[dict[str, Any]]:
    """What the description in a folder says of each data set; nothing where there is none."""
    path = folder / DESCRIPTION
    try:
        told = json.loads(path.read_bytes()) if path.stat().st_size <= _LARGEST else None
    except (OSError, ValueError):
        return []
    return [entry for entry in told.values() if isinstance(entry, dict)] if isinstance(told, dict) else []


def _map(entry: Mapping[str, Any]) -> str | None:
    columns = entry.get("columns")
    if not isinstance(columns, dict) or entry.get("formatting", "alpaca") != "alpaca" or entry.get("ranking"):
        return None
    named = {ours: columns[theirs] for ours, theirs in _NAMES.items() if columns.get(theirs)}
    plain = all(isinstance(name, str) and not {",", "="} & set(name) for name in named.values())
    if "instruction" not in named or not plain or len(set(named.values())) < len(named):
        return None
    guessed = columns_of(dict.fromkeys(named.values(), ""))
    if guessed and {
        "instruction": guessed.instruction, "input": guessed.input, "response": guessed.response
    } == {"instruction": None, "input": None, "response": None} | named:  # fmt: skip
        return None
    return ",".join(f"{ours}={name}" for ours, name in named.items())
