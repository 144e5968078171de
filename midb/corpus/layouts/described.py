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
    path = corpus.parent / DESCRIPTION
    try:
        told = json.loads(path.read_bytes()) if path.stat().st_size <= _LARGEST else None
    except (OSError, ValueError):
        return None
    entries = told.values() if isinstance(told, dict) else ()
    for entry in entries:
        if isinstance(entry, dict) and entry.get("file_name") == corpus.name:
            return _map(entry)
    return None


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
