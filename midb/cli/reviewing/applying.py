"""`midb-agent apply`: a corpus as people want it, after a review."""

from __future__ import annotations

import sys
from itertools import chain
from pathlib import Path
from typing import Annotated

import typer

from midb.audit.file.key import read_key
from midb.audit.lineage import trace
from midb.audit.log import AuditLog
from midb.audit.questions.items import list_edits, list_findings
from midb.audit.reader import AuditReader
from midb.audit.rows import VerdictRow
from midb.audit.run_rows import Run
from midb.audit.verdicts import find_standing
from midb.cli.audit.options import RecordOptions, find_log, say_nothing_fits
from midb.cli.options import SealKey, unfold
from midb.cli.reverting import check_output, describe_start, open_again
from midb.domain.errors import UsageError
from midb.runs.applying import Applier, ReviewCorrections
from midb.runs.revert import checked_parent
from midb.text.terminal import visible


@unfold
def apply(
    output: Annotated[Path, typer.Option("-o", "--output", metavar="OUT", help="Where the new corpus goes.")],
    options: RecordOptions,
    corpus: Annotated[Path | None, typer.Option("--corpus", help="The run's corpus, if it was moved.")] = None,
    seal_key: SealKey = None,
) -> int:
    """Do what a review said: write a new corpus without rejected edits and with people's own texts, and log that.

    What was accepted or not reviewed stays as the run left it, and what was undone of it since stays undone (--run N
    starts from that run or revert alone); of two opposite verdicts the later one counts. With filters only verdicts on
    edits and findings that fit are carried out.
    Example: midb-agent apply --db c.boosted.jsonl.audit.db -o reviewed.jsonl
    """
    path = find_log(options.db)
    places = check_output(path, output)
    with AuditLog(path, key=read_key(seal_key)) as log, AuditReader(path) as reader:
        parent = find_start(reader, options.run)
        runs = trace(reader, parent)
        corrections = ReviewCorrections.of(find_verdicts(reader, runs[0], options))
        if not corrections and options.restricts and ReviewCorrections.of(find_standing(reader, runs[0].id)):
            filters = options.filters(reader, runs[0])
            raise UsageError(say_nothing_fits(filters), hint="No verdict on anything of it changes anything.")
        if not corrections:
            raise UsageError(
                f"no verdict on run {runs[0].id} changes anything.",
                hint="midb-agent review shows its edits and findings to a person; accepted edits stand already.",
            )
        opened = open_again(runs[0], path, corpus, places)
        applier = Applier(log, reader, parent, opened, corrections)
        done = applier.revert(corrections, places)
    written = applier.written.total()
    placed = sum(row.verdict == "change" and row.item not in applier.unplaced for row in corrections.edits.values())
    undone = done.edits.total() - done.cascaded - placed
    cascaded = f"; {done.cascaded:,} more undone because they built on others" if done.cascaded else ""
    read, left = done.records + done.rejected, done.records - done.changed
    said = [
        f"{read:,} read = {left:,} unchanged + {done.changed:,} corrected + {done.rejected:,} rejected",
        f"  edits    {undone:,} undone, {written:,} with a person's own text{cascaded}",
        f"  output   {visible(str(output))}",
        f"  from     {describe_start(parent)}",
        f"  logged   run {done.run} of {visible(str(path))}",
    ]
    if applier.unplaced:
        said.append(
            f"warning: the right text for {', '.join(applier.unplaced[:10])} has no place of its own any more (other "
            "edits build on it, or it was undone before); what the run wrote there was undone."
        )
    print("\n".join(said), file=sys.stderr)
    return 0


def find_verdicts(reader: AuditReader, run: Run, options: RecordOptions) -> dict[str, VerdictRow]:
    """The last word on each edit and finding of a run, as far as the filters mean it."""
    standing = find_standing(reader, run.id)
    if not options.restricts:
        return standing
    filters = options.filters(reader, run)
    chosen = chain(list_edits(reader, filters, standing=True), list_findings(reader, filters))
    filters = options.draw_from(filters, (one for one in chosen if one.item.name in standing))
    chosen = chain(list_edits(reader, filters, standing=True), list_findings(reader, filters))
    names = {item.name for one in chosen for item in one.items()}
    return {name: row for name, row in standing.items() if name in names}


def find_start(reader: AuditReader, number: int | None) -> Run:
    """The run that verdicts are carried out on: the one named, else the latest with what was undone of it since.

    Raises UsageError for one that carried out verdicts itself, or goes on from such a run.
    """
    if number is None:
        last = checked_parent(reader, None)
        return next(run for run in reversed(trace(reader, last)) if not _applies(reader, run))
    run = checked_parent(reader, number)
    if _applies(reader, run):
        raise UsageError(
            f"run {run.id} has verdicts carried out already.",
            hint=f"Start from --run {trace(reader, run)[0].id}: all of its verdicts are carried out anew.",
        )
    return run


def _applies(reader: AuditReader, run: Run) -> bool:
    return any(one.kind == "apply" for one in trace(reader, run))
