"""`midb-agent split` and `midb-agent merge`: one corpus on several machines."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from midb.audit.file.key import read_key
from midb.cli import options
from midb.corpus.formats.containers import open_container
from midb.corpus.places import OutputPlaces, default_database
from midb.dashboard.text import pluralize
from midb.domain.decisions import RUN_OUTCOMES
from midb.shards.logs import open_shards
from midb.shards.merge import merge
from midb.shards.split import split
from midb.text.terminal import quote_word, visible


def split_corpus(
    corpus: options.Corpus,
    shards: Annotated[int, typer.Option("--shards", metavar="N", help="How many shards to make.")],
    folder: Annotated[
        Path | None,
        typer.Option(
            "-o", "--output", metavar="FOLDER", help="Where they go; made if need be. Default: beside the corpus."
        ),
    ] = None,
    source: Annotated[
        Path | None,
        typer.Option("--source", metavar="FILE", help="English originals; cut alongside if aligned by line."),
    ] = None,
) -> int:
    """Cut a corpus into shards, for runs on several machines; merge puts them together.

    Each record goes, byte for byte, to the shard that its id names: the same id always to the same shard.

    Example: midb-agent split corpus.jsonl --shards 4
    """
    done = split(corpus, shards, folder=folder, source=source)
    read = sum(cut.records for cut in done.cuts)
    lines = [f"{pluralize(read, 'record')} in {pluralize(len(done.cuts), 'shard')}"]
    for cut in done.cuts:
        where = visible(str(cut.path)) if cut.path else "(no record falls to it: no file, and merge needs no log of it)"
        beside = f"   source {visible(str(cut.source))}" if cut.source else ""
        lines.append(f"  {cut.records:>9,}   {where}{beside}")
    if done.source_whole:
        lines.append(f"  source   {visible(str(source))} is aligned by id: give it to every run as it is")
    if done.survey:
        lines.append(f"  survey   {visible(str(done.survey))}: by it each shard is read as the whole corpus is")
    else:
        lines.append(f"  warning  no survey: {visible(done.unpinned)}; give all runs the same --language and --map")
    first = next((cut for cut in done.cuts if cut.path), None)
    if first:
        given = first.source or (source if done.source_whole else None)
        option = f" --source {quote_word(str(given))}" if given else ""
        option += f" --survey {quote_word(str(done.survey))}" if done.survey else ""
        lines += [
            f"  next     midb-agent run {quote_word(str(first.path))}{option}",
            "           and so on for each shard, with the same settings; then",
            f"           midb-agent merge {quote_word(str(corpus))} SHARD_DB... -o OUT",
        ]
    print("\n".join(lines), file=sys.stderr)
    return 0


def merge_shards(
    corpus: Annotated[Path, typer.Argument(metavar="CORPUS", help="The corpus that was split.")],
    logs: Annotated[list[Path], typer.Argument(metavar="SHARD_DB...", help="The audit logs of all shards' runs.")],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="OUT", help="Where the whole output goes.")],
    db: Annotated[
        Path | None, typer.Option("--db", metavar="DB", help="Where the merged audit log goes. Default: <OUT>.audit.db")
    ] = None,
    source: Annotated[
        Path | None, typer.Option("--source", metavar="FILE", help="The source that was cut alongside by split.")
    ] = None,
    seal_key: options.SealKey = None,
) -> int:
    """Put the finished runs of all shards together: one output and one audit log, as of a single run.

    Every log is proved first, and every record held against the corpus. A log's output must lie where its run left it.

    Example: midb-agent merge corpus.jsonl corpus.shard-*.audit.db -o corpus.boosted.jsonl
    """
    places = OutputPlaces(output, db or default_database(output))
    with open_shards(logs) as shards:
        done = merge(
            open_container(corpus),
            shards,
            places,
            source=source,
            key=read_key(seal_key),
            report=lambda what: print(visible(what), file=sys.stderr),
        )
    if done.already:
        print(
            f"{visible(str(output))} is merged already ({pluralize(done.read, 'record')}); nothing to do.",
            file=sys.stderr,
        )
        return 0
    if done.warning:
        print(f"warning: {visible(done.warning)}", file=sys.stderr)
    counts = " + ".join(f"{done.outcomes[outcome]:,} {outcome.value}" for outcome in RUN_OUTCOMES)
    lines = [
        f"{done.read:,} read = {counts} + {done.rejected:,} rejected     from {pluralize(len(logs), 'shard')}",
        f"  output   {visible(str(output))}",
        f"  logged   {visible(str(places.db))}",
        *([f"  rejected {visible(str(places.rejected))}"] if done.rejected else []),
        f"  next     midb-agent audit summary --db {quote_word(str(places.db))}",
    ]
    print("\n".join(lines), file=sys.stderr)
    return 0
