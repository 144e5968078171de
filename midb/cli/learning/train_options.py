"""The options of `midb-agent train` as they are typed or written in a TOML file."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from midb.domain.errors import UsageError


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainOptions:
    """All options of the command but DATA, by their names in a TOML file; None where neither side gives one."""

    base: str | None = None
    output: str | None = None
    preset: str | None = None
    rank: int | None = None
    alpha: int | None = None
    targets: str | None = None
    dropout: float | None = None
    lr: float | None = None
    schedule: str | None = None
    warmup: float | None = None
    epochs: float | None = None
    batch_tokens: int | None = None
    accumulate: int | None = None
    max_tokens: int | None = None
    max_steps: int | None = None
    seed: int | None = None
    recompute: bool | None = None
    device: str | None = None
    max_seconds: float | None = None
    save_seconds: float | None = None
    measure: int | None = None
    merge: bool | None = None
    languages: str | None = None
    passes: str | None = None
    select: str | None = None
    mix: str | None = None
    most: int | None = None
    holdout: float | None = None
    prompts: str | None = None


#: Options that say how the weights come about, by their names in the settings.
TUNING = (
    "rank", "alpha", "targets", "dropout", "lr", "schedule", "warmup", "epochs", "batch_tokens", "accumulate",
    "max_tokens", "max_steps", "seed", "recompute",
)  # fmt: skip

#: Options that say how examples are made, which a folder of finished examples has behind it.
MAKING = ("languages", "passes", "select", "mix", "most", "holdout", "prompts")


def read_options(file: Path | None, given: Mapping[str, Any]) -> TrainOptions:
    """The options of a TOML file, with what was typed in place of its own; raises UsageError."""
    told: dict[str, Any] = {}
    if file is not None:
        try:
            told = tomllib.loads(file.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise UsageError(f"{file} cannot be read as TOML: {error}.") from error
    told = {name.replace("-", "_"): value for name, value in told.items()}
    known = TrainOptions.__annotations__
    for name, value in told.items():
        if name not in known:
            raise UsageError(f'{file} has the unknown setting "{name}".', hint=f"Settings: {', '.join(known)}.")
        kinds = {"str": (str,), "int": (int,), "float": (int, float), "bool": (bool,)}[known[name].partition(" ")[0]]
        if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
            raise UsageError(f'{file} has {value!r} for "{name}", which takes {known[name].partition(" ")[0]}.')
    return TrainOptions(**{**told, **given})
