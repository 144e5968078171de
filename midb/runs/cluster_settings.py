"""Settings of a run that many machines share: where it goes, in how many shards, and what lies where."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from midb.domain.errors import UsageError

#: Seconds between two snapshots of a shard: what a lost machine costs at most.
SNAPSHOT_SECONDS = 600.0

#: Each shard is a file that is open while the corpus is cut.
MAX_SHARDS = 256

_CLUSTER = re.compile(r"ray(://[^/\s]+:\d+/?)?")
_SHARD = re.compile(r"([1-9]\d*)/([1-9]\d*)")
_AMOUNT = re.compile(r"([A-Za-z][\w.:-]*)=(\d+(?:\.\d+)?)")

#: What can be said of a single run only, and what to do instead.
_ALONE = {
    "limit": "Cut the corpus first, or run it on one machine.",
    "dry_run": "Leave --on and --shard out: a forecast is made on this machine.",
    "budget": "Stop it with Ctrl-C: the same command goes on.",
    "fresh": "Remove the work folder, or name another one.",
    "survey": "It is made in the work folder.",
}


class ClusterSettings(BaseModel):
    """What ``run`` can be told of other machines; nothing of it shapes the output."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    on: str | None = Field(
        None, description="Run on a Ray cluster: ray (the one of this machine, or a new one), or ray://HOST:PORT."
    )
    shards: int | None = Field(
        None,
        ge=1,
        le=MAX_SHARDS,
        description="With --on: how many shards to cut. Default: by the corpus and the cluster.",
    )
    shard: str | None = Field(
        None, description="Run one shard of a corpus here, such as 3/16: for a job array of Slurm, say."
    )
    work: Path | None = Field(
        None, description="With --on or --shard: a folder that all machines share. Shards and their logs go there."
    )
    scratch: Path | None = Field(
        None, description="A folder on each machine's own disk, for what is being written. Default: the temporary one."
    )
    snapshot_seconds: float = Field(
        SNAPSHOT_SECONDS,
        alias="snapshot-seconds",
        ge=0,
        description="Seconds between two snapshots of a shard: what a lost machine costs.",
    )
    resource: Mapping[str, float] = Field(
        {}, description="What each shard takes of a node, such as GPU=1, CPU=4, or a resource of your own."
    )

    @field_validator("resource", mode="before")
    @classmethod
    def _amounts(cls, value: Any) -> Any:
        return parse_resources(value)

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        if self.on is not None and not _CLUSTER.fullmatch(self.on):
            raise UsageError(f'"{self.on}" is no cluster.', hint="--on ray, or --on ray://HOST:PORT")
        if self.shard is not None:
            parse_shard(self.shard)
        if self.on and self.shard:
            raise UsageError("--on and --shard contradict each other.", hint="--on runs all shards of a corpus.")
        if not self.on and not self.shard:
            for name in ("shards", "work", "scratch", "resource"):
                if getattr(self, name) not in (None, {}):
                    raise UsageError(f"--{name} is for runs on many machines.", hint="Add --on ray, or --shard 1/N.")
            return self
        if self.work is None:
            raise UsageError("a run on many machines needs a folder that all of them share.", hint="Add --work FOLDER.")
        if self.shard and self.shards:
            raise UsageError("--shard says how many shards there are.", hint="Leave --shards out.")
        for name, hint in _ALONE.items():
            if getattr(self, name, None):
                raise UsageError(f"--{name.replace('_', '-')} is not for runs on many machines.", hint=hint)
        return self


def parse_shard(text: str) -> tuple[int, int]:
    """Number, from 1, and count of shards.

    >>> parse_shard("3/16")
    (3, 16)

    :raises UsageError: for anything else.
    """
    found = _SHARD.fullmatch(text)
    if found is None or int(found[1]) > int(found[2]):
        raise UsageError(f'"{text}" is no shard.', hint="--shard 3/16 is the third of sixteen; the first one is 1/16.")
    return int(found[1]), int(found[2])


def parse_resources(value: Any) -> dict[str, float]:
    """What a shard takes, by name of the resource.

    >>> parse_resources(["GPU=1", "model_server=0.5"])
    {'GPU': 1.0, 'model_server': 0.5}

    :raises UsageError: for what is no name with an amount.
    """
    if isinstance(value, Mapping):
        return {str(name): float(amount) for name, amount in value.items()}
    amounts: dict[str, float] = {}
    for given in [value] if isinstance(value, str) else value:
        found = _AMOUNT.fullmatch(str(given))
        if found is None:
            raise UsageError(f'"{given}" is no amount of a resource.', hint="--resource GPU=1 --resource CPU=4")
        amounts[found[1]] = float(found[2])
    return amounts
