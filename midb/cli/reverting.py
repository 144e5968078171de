"""`midb-agent revert`: a corpus without some of a run's edits."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import orjson
import typer

from midb.audit.file.key import read_key
from midb.audit.log import AuditLog
from midb.audit.questions.filters import Filters, check_filters
from midb.audit.questions.finding import find_by_name
from midb.audit.reader import AuditReader
from midb.audit.run_rows import Run
from midb.cli import options
from midb.cli.audit.options import Db, find_log
from midb.corpus.formats.containers import corpus_exists, corpus_sha256, open_container
from midb.corpus.formats.folder import Folder
from midb.corpus.layouts import parse_mapping
from midb.corpus.opened import OpenedCorpus, PinnedSurvey, open_corpus
from midb.corpus.places import OutputPlaces
from midb.domain.errors import UsageError
from midb.runs.revert import Selection, Undoer, checked_parent
from midb.text.terminal import visible

Words = list[str] | None


def revert(
    output: Annotated[Path, typer.Option("-o", "--output", metavar="OUT", help="Where the new corpus goes.")],
    db: Db = None,
    kind: Annotated[Words, typer.Option("--kind", metavar="KIND", help="Edits of this kind; may be repeated.")] = None,
    pass_: Annotated[Words, typer.Option("--pass", metavar="PASS", help="Edits of this pass.")] = None,
    language: Annotated[
        Words, typer.Option("--language", metavar="xx", help="Edits of records in this language.")
    ] = None,
    record: Annotated[Words, typer.Option("--record", metavar="ID", help="Edits of this record.")] = None,
    run: Annotated[int | None, typer.Option("--run", metavar="N", help="The run; default: the latest.")] = None,
    corpus: Annotated[Path | None, typer.Option("--corpus", help="The run's corpus, if it was moved.")] = None,
    seal_key: options.SealKey = None,
) -> int:
    """Undo edits: write a new corpus without them, and log that.

    Example: midb-agent revert --db c.boosted.jsonl.audit.db --kind decimal-separator -o without.jsonl
    """
    path = find_log(db)
    selection = Selection(
        kinds=frozenset(kind or ()),
        passes=frozenset(pass_ or ()),
        languages=frozenset(language or ()),
        records=frozenset(record or ()),
    )
    if not selection.described():
        raise UsageError("what is to be undone?", hint="Name it with --kind, --pass, --language or --record.")
    places = check_output(path, output)
    with AuditLog(path, key=read_key(seal_key)) as log, AuditReader(path) as reader:
        parent = checked_parent(reader, run)
        check_words(reader, parent, selection)
        opened = open_again(parent, path, corpus, places)
        done = Undoer(log, reader, parent, opened).revert(selection, places)
    kinds = ", ".join(f"{name} {count:,}" for name, count in done.edits.most_common())
    print(
        f"{done.records + done.rejected:,} read = {done.records - done.changed:,} unchanged + {done.changed:,} undone "
        f"+ {done.rejected:,} rejected\n"
        f"  edits    {done.edits.total():,} undone{f' ({kinds})' if kinds else ': nothing matched'}"
        + (f", {done.cascaded:,} of them because they built on others" if done.cascaded else "")
        + f"\n  output   {visible(str(output))}\n  logged   run {done.run} of {visible(str(path))}",
        file=sys.stderr,
    )
    return 0


def check_words(reader: AuditReader, parent: Run, selection: Selection) -> None:
    """Raise UsageError for a kind, pass, language or record that the run does not know."""
    for words, name in ((selection.kinds, "kind"), (selection.passes, "pass_"), (selection.languages, "language")):
        for word in words:
            check_filters(reader, replace(Filters(run=parent.id), **{name: word}))  # type: ignore[arg-type]
    for word in selection.records:
        find_by_name(reader, parent.id, word)


def check_output(log: Path, output: Path) -> OutputPlaces:
    """The places of a corpus that is made of a logged one; UsageError without a log, or where a file is there."""
    if not log.exists():
        raise UsageError(f"there is no audit log {log}.", hint="--db names the file that a run wrote.")
    if output.exists():
        raise UsageError(f"{output} exists.", hint="Choose another -o: a file is never replaced.")
    return OutputPlaces(output, log)


def open_again(parent: Run, db: Path, given: Path | None, places: OutputPlaces) -> OpenedCorpus:
    """The corpus of a run, opened as the run read it, once it is sure that the output replaces nothing of it."""
    source = find_corpus(parent, db, given)
    container = open_container(source)
    folder = container.path if isinstance(container, Folder) else None
    places.check([source], "the corpus of the run", folder=folder)
    settings = orjson.loads(parent.config)
    mapping = parse_mapping(settings["map"]) if settings.get("map") else None
    # Each record's language is in the log: none needs to be identified.
    pinned = PinnedSurvey.parse(settings["survey"]) if settings.get("survey") else None
    return open_corpus(container, mapping=mapping, limit=settings.get("limit"), identify=False, pinned=pinned)


def find_corpus(parent: Run, db: Path, given: Path | None) -> Path:
    """The corpus of a run, unchanged: as given, where the run found it, or beside the log."""
    candidates = (
        [given] if given else [Path(parent.corpus), db.parent / parent.corpus, db.parent / Path(parent.corpus).name]
    )
    for candidate in candidates:
        if corpus_exists(candidate) and corpus_sha256(candidate) == parent.corpus_sha256:
            return candidate
    seen = [candidate for candidate in candidates if corpus_exists(candidate)]
    state = "has changed since the run" if seen else "is not there"
    raise UsageError(f"the corpus of run {parent.id} ({parent.corpus}) {state}.", hint="Name it with --corpus FILE.")
