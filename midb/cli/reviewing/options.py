"""What the commands of review share: which edits and findings, whose review, of which run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from midb.audit.questions.filters import Filters, check_filters, require_known
from midb.audit.reader import AuditReader
from midb.audit.run_rows import Run
from midb.domain.defects import Severity
from midb.domain.errors import UsageError
from midb.review.choosing import Candidate, ReviewChoice, choose

Words = list[str] | None

#: What can be reviewed.
WHAT = ("edits", "findings", "both")

What = Annotated[str, typer.Option("--what", metavar="|".join(WHAT), help="Edits that stand, open findings, or both.")]
Kinds = Annotated[Words, typer.Option("--kind", metavar="KIND", help="Only this kind; repeat for more.")]
Languages = Annotated[Words, typer.Option("--language", metavar="xx", help="Only this language; repeat for more.")]
Passes = Annotated[Words, typer.Option("--pass", metavar="PASS", help="Only of this pass; repeat for more.")]
Severities = Annotated[
    Words, typer.Option("--severity", metavar="S", help="critical, major or minor; repeat for more.")
]
Sample = Annotated[
    int, typer.Option("--sample", metavar="N", min=0, help="So many, spread over languages and kinds; 0: all.")
]
Seed = Annotated[int, typer.Option("--seed", metavar="N", help="Which ones are drawn.")]
Reviewer = Annotated[str, typer.Option("--reviewer", metavar="NAME", help="Who says so; it stands in the log.")]


def make_choice(
    reader: AuditReader,
    run: Run,
    *,
    what: str,
    kind: Words,
    language: Words,
    pass_: Words,
    severity: Words,
    sample: int = 0,
    seed: int = 0,
) -> ReviewChoice:
    """The choice of a command line; raises UsageError for words that neither this program nor the log knows."""
    require_known("choice", what, WHAT)
    for word in severity or ():
        require_known("severity", word, [one.value for one in Severity])
    check_filters(
        reader, Filters(run=run.id, kind=tuple(kind or ()), language=tuple(language or ()), pass_=tuple(pass_ or ()))
    )
    return ReviewChoice(
        what=what,
        kinds=frozenset(kind or ()),
        languages=frozenset(language or ()),
        passes=frozenset(pass_ or ()),
        severities=frozenset(severity or ()),
        sample=sample,
        seed=seed,
    )


def choose_some(reader: AuditReader, run: Run, **words: Any) -> list[Candidate]:
    """What a command line asks for (the words of ``make_choice``); UsageError where there is nothing of it."""
    candidates = choose(reader, run.id, make_choice(reader, run, **words))
    if not candidates:
        raise UsageError("nothing matches.", hint="midb-agent audit summary shows what there is.")
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
