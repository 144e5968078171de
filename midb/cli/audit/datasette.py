"""`midb-agent audit datasette`: a log in a browser, by a program that is made for that."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import orjson
import typer

from midb.audit.questions.datasette import build_metadata
from midb.audit.questions.export import write_file
from midb.audit.reader import AuditReader
from midb.cli.audit.options import Db, RunNumber, find_log
from midb.domain.errors import UsageError
from midb.text.terminal import quote_words, visible


def write_metadata(
    db: Db = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="FILE", help="Default: DB with .metadata.json for .db.")
    ] = None,
    run: RunNumber = None,
    force: Annotated[bool, typer.Option("--force", help="Replace an existing file.")] = False,
) -> None:
    """Write a metadata.json, by which datasette shows the log with titles, facets and ready queries.

    Example: midb-agent audit datasette --db c.boosted.jsonl.audit.db -o metadata.json
    """
    path = find_log(db)
    target = output or path.with_name(f"{path.stem}.metadata.json")
    if target.exists() and not force:
        raise UsageError(f"{target} exists.", hint="--force replaces it.")
    if target.exists() and path.exists() and target.samefile(path):
        raise UsageError(f"{target} is the audit log itself.", hint="Choose another -o.")
    with AuditReader(path) as reader:
        metadata = build_metadata(reader, reader.run(run))
    write_file([orjson.dumps(metadata, option=orjson.OPT_INDENT_2).decode() + "\n"], target)
    command = quote_words(["datasette", "-i", str(path), "-m", str(target)])
    print(f"{visible(str(target))}\n  next     pip install datasette; {visible(command)}", file=sys.stderr)
