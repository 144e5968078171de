"""The settings of a call, checked as the command line checks those of a run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from midb.runs.config import RunConfig, load_config


def checked_settings(
    language: str,
    *,
    kinds: Iterable[str],
    typography: bool,
    mapping: Mapping[str, str] | None = None,
    passes: Iterable[str] | None = None,
    workers: int = 0,
    **more: Any,
) -> RunConfig:
    """The settings of a run over records in memory; raises UsageError for what a run would not take."""
    columns = ",".join(f"{field}={column}" for field, column in mapping.items()) if mapping else None
    chosen = {} if passes is None else {"passes": tuple(passes)}
    return load_config(
        None,
        {
            "corpus": Path("the records"), "language": language, "map": columns, "kinds": tuple(kinds),
            "typography": typography, "workers": workers, **chosen, **more,
        },
    )  # fmt: skip
