"""What the commands of review share: which edits and findings, whose review, of which run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from midb.audit.questions.filters import require_known
from midb.audit.reader import AuditReader
from midb.audit.run_rows import Run
from midb.cli.audit.options import RecordOptions, say_nothing_fits
from midb.domain.errors import UsageError
from midb.review.choosing import Candidate, ReviewChoice, choose

#: What can be reviewed.
WHAT = ("edits", "findings", "both")

What = Annotated[str, typer.Option("--what", metavar="|".join(WHAT), help="Edits that stand, open findings, or both.")]
Reviewer = Annotated[str, typer.Option("--reviewer", metavar="NAME", help="Who says so; it stands in the log.")]


def choose_some(reader: AuditReader, run: Run, options: RecordOptions, what: str) -> list[Candidate]:
    """The edits and findings of a run that a command line asks for; UsageError where there are none."""
    require_known("choice", what, WHAT)
    filters = options.filters(reader, run)
    choice = ReviewChoice(what=what, filters=filters, sample=options.sample, seed=options.seed)
    candidates = choose(reader, run.id, choice)
    if not candidates:
        kinds = {"edits": "edits that stand", "findings": "open findings"}.get(what, "edits that stand, open findings")
        hint = f"Reviewed are {kinds}. midb-agent audit summary shows what there is."
        raise UsageError(say_nothing_fits(filters), hint=hint)
    return candidates


def find_reviewed(reader: AuditReader, number: int | None) -> Run:
    """The run that is reviewed: one that boosted a corpus and is finished."""
    run = reader.run(number)
    if run.kind != "run":
        raise UsageError(f"run {run.id} is a {run.kind}, and edits are reviewed in the run that made them.")
    if run.status not in ("finished", "superseded"):
        raise UsageError(f"run {run.id} is not finished ({run.status}).", hint="Finish it first: run it again.")
    return run


def check_new(output: Path) -> None:
    """Raise UsageError for a file that is there."""
    if output.exists():
        raise UsageError(f"{output} exists.", hint="Choose another -o.")
