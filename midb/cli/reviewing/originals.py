"""Where the English originals of what is reviewed come from: the run's corpus, or the file that the run was given."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import orjson
import typer

from midb.audit.reader import AuditReader
from midb.audit.run_rows import Run
from midb.cli.reverting import find_corpus
from midb.corpus.formats.containers import corpus_sha256, open_container
from midb.corpus.layouts import parse_mapping
from midb.corpus.opened import PinnedSurvey, open_corpus
from midb.domain.errors import MidbError, UsageError
from midb.review.originals import Originals

Corpus = Annotated[
    Path | None,
    typer.Option("--corpus", metavar="FILE", help="The run's corpus, if it was moved: it may hold English originals."),
]
Source = Annotated[
    Path | None, typer.Option("--source", metavar="FILE", help="The English originals that the run was given.")
]


def find_originals(
    reader: AuditReader, run: Run, records: Sequence[int], corpus: Path | None, source: Path | None
) -> Originals:
    """The originals of records by their numbers in the log.

    Without them people can review all the same: ``Originals.missing`` says why there are none. Raises UsageError only
    for a file that was named and is not that of the run.
    """
    settings = orjson.loads(run.config)
    if source is not None:
        _check_source(run, settings.get("source"), source)
    try:
        container = open_container(find_corpus(run, reader.path, corpus))
        opened = open_corpus(
            container,
            mapping=parse_mapping(settings["map"]) if settings.get("map") else None,
            source=source,
            limit=settings.get("limit"),
            identify=False,
            fitted=True,
            pinned=PinnedSurvey.parse(settings["survey"]) if settings.get("survey") else None,
        )
    except MidbError as error:
        if corpus is not None or source is not None:
            raise
        return Originals(error.message.rstrip("."))
    if settings.get("source") and source is None:
        return Originals("the run read them from a file of its own; name it with --source")
    if opened.rules.sourceless:
        return Originals("those of the corpus belong to other records")
    if not opened.sources and not opened.found.sources:
        return Originals("the corpus holds none")
    return Originals.read(opened, _list_positions(reader, records))


def _check_source(run: Run, sha256: str | None, source: Path) -> None:
    if sha256 is None:
        raise UsageError(f"run {run.id} was given no English originals.", hint="Leave --source out.")
    try:
        given = corpus_sha256(source)
    except OSError as error:
        raise UsageError(f"{source} cannot be read: {error.strerror}.") from error
    if given != sha256:
        raise UsageError(
            f"{source} is not the file of English originals that run {run.id} read.", hint="Name that one."
        )


def _list_positions(reader: AuditReader, records: Sequence[int]) -> list[int]:
    sql = "SELECT position FROM records WHERE id IN (SELECT value FROM json_each(?))"
    return [row[0] for row in reader.query(sql, [orjson.dumps(sorted(set(records))).decode()])]
