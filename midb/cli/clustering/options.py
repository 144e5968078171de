"""Options of a run on many machines."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from midb.cli.options import help_of

On = Annotated[str | None, typer.Option("--on", metavar="ray[://HOST:PORT]", help=help_of("on"))]
Shards = Annotated[int | None, typer.Option("--shards", metavar="N", help=help_of("shards"))]
Shard = Annotated[str | None, typer.Option("--shard", metavar="I/N", help=help_of("shard"))]
Work = Annotated[Path | None, typer.Option("--work", metavar="FOLDER", help=help_of("work"))]
Scratch = Annotated[Path | None, typer.Option("--scratch", metavar="FOLDER", help=help_of("scratch"))]
SnapshotSeconds = Annotated[
    float | None, typer.Option("--snapshot-seconds", metavar="S", help=help_of("snapshot_seconds"))
]
Resource = Annotated[
    list[str] | None, typer.Option("--resource", metavar="NAME=AMOUNT", help=help_of("resource") + " Repeatable.")
]
