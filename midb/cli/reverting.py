"""`midb-agent revert`: a corpus without some of a run's edits."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import orjson
import typer

from midb.audit.file.key import read_key
from midb.audit.lineage import trace
from midb.audit.log import AuditLog
from midb.audit.questions.filters import Filters, split_words
from midb.audit.questions.items import Candidate, list_edits
from midb.audit.questions.later import find_standing_now
from midb.audit.reader import AuditReader
from midb.audit.run_rows import Run
from midb.cli.audit.options import RecordOptions, find_log
from midb.cli.options import SealKey, unfold
from midb.corpus.formats.containers import corpus_exists, corpus_sha256, open_container
from midb.corpus.formats.folder import Folder
from midb.corpus.layouts import parse_mapping
from midb.corpus.opened import OpenedCorpus, PinnedSurvey, open_corpus
from midb.corpus.places import OutputPlaces
from midb.dashboard.text import pluralize
from midb.domain.errors import UsageError
from midb.runs.revert import FilteredEdits, Undoer, checked_parent
from midb.text.terminal import visible


@unfold
def revert(
    output: Annotated[Path, typer.Option("-o", "--output", metavar="OUT", help="Where the new corpus goes.")],
    options: RecordOptions,
    corpus: Annotated[Path | None, typer.Option("--corpus", help="The run's corpus, if it was moved.")] = None,
    seal_key: SealKey = None,
) -> int:
    """Undo edits: write a new corpus without them, and log that as a run, which can be reverted as well.

    It starts from the latest run and what was undone of it since; --run N starts from that run, revert or apply alone.
    Edits that undid others are undone with --pass revert (then those stand again), people's own texts with --pass
    review, or by their names.
    Example: midb-agent revert --db c.boosted.jsonl.audit.db --kind decimal-separator -o without.jsonl
    """
    path = find_log(options.db)
    places = check_output(path, output)
    if not options.restricts:
        hint = "Name it with --edit, --record, --kind, --language or another filter."
        if options.run is not None:
            hint += f" --pass revert undoes what run {options.run} undid, if it is a revert."
        raise UsageError("what is to be undone?", hint=hint)
    with AuditLog(path, key=read_key(seal_key)) as log, AuditReader(path) as reader:
        parent = checked_parent(reader, options.run)
        runs = trace(reader, parent)
        filters = choose_edits(reader, options, runs)
        others = find_others(reader, filters)
        opened = open_again(runs[0], path, corpus, places)
        done = Undoer(log, reader, parent, opened).revert(FilteredEdits(reader, filters), places)
    read, left = done.records + done.rejected, done.records - done.changed
    said = [
        f"{read:,} read = {left:,} unchanged + {done.changed:,} undone + {done.rejected:,} rejected",
        f"  edits    {done.edits.total():,} undone{describe_kinds(done.edits)}"
        + (f", {done.cascaded:,} of them because they built on others" if done.cascaded else ""),
        f"  output   {visible(str(output))}",
        f"  from     {describe_start(parent)}",
        f"  logged   run {done.run} of {visible(str(path))}",
    ]
    if done.again:
        number = done.again.total()
        stand = f"{pluralize(number, 'edit')} {'stands' if number == 1 else 'stand'} again"
        said.insert(2, f"  again    {stand}{describe_kinds(done.again)}")
    if not done.changed:
        said.insert(
            1, f"nothing matched: no edit that stands behind run {parent.id} fits {visible(filters.described())}"
        )
    if others and done.changed:
        listed = f"{', '.join(others[:4])}{f' and {len(others) - 4:,} more' if len(others) > 4 else ''}"
        said.append(f"note: {listed} repair the same finding as what was undone, and still stand if they did before")
    print("\n".join(said), file=sys.stderr)
    return 0


def choose_edits(reader: AuditReader, options: RecordOptions, runs: Sequence[Run]) -> Filters:
    """Which edits of some runs that go on from one another are meant, checked; a sample is of those that stand."""
    filters = options.filters(reader, runs[0], allowed=frozenset(run.id for run in runs))
    candidates = (one for one in list_edits(reader, filters, standing=True) if _stands_now(reader, runs, one))
    return options.draw_from(filters, candidates)


def find_others(reader: AuditReader, filters: Filters) -> list[str]:
    """Edits that repair one finding together with one that is named, and are not named themselves."""
    named = set(split_words(filters.edit))
    if filters.sampled or not named:
        return []
    found = [item.name for one in list_edits(reader, filters, standing=True) for item in one.items()]
    findings = any(name.startswith("f") for name in named)
    return [] if findings else [name for name in found if name not in named]


def _stands_now(reader: AuditReader, runs: Sequence[Run], candidate: Candidate) -> bool:
    (row,) = reader.records("r.id = ?", [candidate.record])
    return candidate.item in find_standing_now(reader, runs, row.position)


def describe_kinds(counted: Counter[str]) -> str:
    """Kinds with how many there are of each, in brackets."""
    kinds = ", ".join(f"{visible(name)} {count:,}" for name, count in counted.most_common())
    return f" ({kinds})" if kinds else ""


def describe_start(parent: Run) -> str:
    """The run that was started from, and what else it could have been."""
    if parent.kind == "run":
        return f"run {parent.id}"
    return (
        f"run {parent.id} (a{'n' if parent.kind == 'apply' else ''} {parent.kind}): what was undone there stays undone"
    )


def check_output(log: Path, output: Path) -> OutputPlaces:
    """The places of a corpus that is made of a logged one; UsageError without a log, or where a file is there."""
    if not log.exists():
        raise UsageError(f"there is no audit log {log}.", hint="--db names the file that a run wrote.")
    if output.exists():
        raise UsageError(f"{output} exists.", hint="Choose another -o: a file is never replaced.")
    return OutputPlaces(output, log)


def open_again(parent: Run, db: Path, given: Path | None, places: OutputPlaces) -> OpenedCorpus:
    """The corpus of a run that read one, opened as it did, once it is sure that the output replaces nothing of it."""
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
