"""The options that commands on a log share, each declared once: which log, which run, which records and edits."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from midb.audit.file.key import KEY_VARIABLE
from midb.audit.questions.checking import check_filters, find_run_of
from midb.audit.questions.filters import Filters
from midb.audit.questions.items import Candidate, draw, narrow
from midb.audit.questions.search import add_search
from midb.audit.reader import AuditReader
from midb.audit.run_rows import Run
from midb.domain.errors import UsageError
from midb.text.terminal import visible

Db = Annotated[Path | None, typer.Option("--db", metavar="DB", help="The audit log; default: the only one here.")]
Key = Annotated[
    Path | None,
    typer.Option(
        "--key",
        metavar="FILE",
        envvar=KEY_VARIABLE,
        show_envvar=False,
        help=f"The key that the log was sealed with; default: the file that {KEY_VARIABLE} names.",
    ),
]
RunNumber = Annotated[int | None, typer.Option("--run", metavar="N", help="A run of the log; default: the latest.")]
Json = Annotated[bool, typer.Option("--json", help="JSON on stdout, for scripts.")]


def find_log(db: Path | None) -> Path:
    """The log that is meant: the one named, else the only one in this folder."""
    if db is not None:
        return db
    found = sorted(Path().glob("*.audit.db"))
    if len(found) == 1:
        return found[0]
    have = f"Here are {', '.join(map(str, found[:4]))}." if found else "There is none here."
    raise UsageError("which audit log? Name it with --db.", hint=have)


#: An option that unites where it is repeated.
_Words = list[str] | None


@dataclass(frozen=True, kw_only=True)
class RecordOptions:
    """Which records, edits and findings of which log a command is about, as a user types it.

    `unfold` makes them options. They are the same for every command, and mean the same in each.
    """

    db: Db = None
    kind: Annotated[_Words, typer.Option("--kind", metavar="KIND", help="Of this kind of defect; repeat for more.")] = (
        None
    )
    family: Annotated[
        _Words,
        typer.Option("--family", metavar="FAMILY", help="content, translation or localization; repeat for more."),
    ] = None
    pass_: Annotated[
        _Words, typer.Option("--pass", metavar="PASS", help="What this pass decided; repeat for more.")
    ] = None
    language: Annotated[
        _Words, typer.Option("--language", metavar="xx", help="In records in this language; repeat for more.")
    ] = None
    severity: Annotated[
        _Words, typer.Option("--severity", metavar="S", help="critical, major or minor; repeat for more.")
    ] = None
    field: Annotated[
        _Words, typer.Option("--field", metavar="FIELD", help="In instruction, input or response; repeat for more.")
    ] = None
    outcome: Annotated[
        _Words,
        typer.Option(
            "--outcome",
            metavar="OUTCOME",
            help="Of records: unchanged, improved, reverted (taken back), undone (`revert`) or corrected (`apply`).",
        ),
    ] = None
    status: Annotated[
        _Words,
        typer.Option(
            "--status",
            metavar="STATUS",
            help="Of findings: repaired, open or dismissed; of edits: repaired (they stand) or taken-back.",
        ),
    ] = None
    text: Annotated[
        _Words, typer.Option("--text", metavar="TEXT", help="In records that hold this text; repeat for more.")
    ] = None
    record: Annotated[
        _Words, typer.Option("--record", metavar="ID", help="In this record, an id or #17; repeat for more.")
    ] = None
    edit: Annotated[
        _Words,
        typer.Option("--edit", metavar="NAME", help="This edit (e-31-0) or finding (f-12) alone; repeat for more."),
    ] = None
    changed: Annotated[bool, typer.Option("--changed", help="Only changed records, and edits that stand.")] = False
    sample: Annotated[
        int,
        typer.Option(
            "--sample",
            metavar="N",
            min=0,
            help="So many of the edits and findings that fit, spread evenly over languages and kinds; 0: all.",
        ),
    ] = 0
    seed: Annotated[int, typer.Option("--seed", metavar="N", help="Which ones are drawn.")] = 0
    run: RunNumber = None

    def find_run(self, reader: AuditReader) -> Run:
        """The run that is meant: the one named, else that of the edits named, else the latest."""
        number = self.run
        for name in self.edit or () if number is None else ():
            number = find_run_of(reader, name) if number is None else number
        return reader.run(number)

    @property
    def restricts(self) -> bool:
        """Whether any filter was given."""
        return bool(self.changed or self.sample or any(getattr(self, name) for name in FILTERS))

    def filters(self, reader: AuditReader, run: Run | None = None, *, allowed: frozenset[int] = frozenset()) -> Filters:
        """What is meant in the log that is open, checked; its connection can search texts afterwards.

        A sample is drawn by `draw_from`. Edits that are named may also be of the runs ``allowed``.
        """
        add_search(reader.connection)
        words: dict[str, Any] = {
            name: tuple(dict.fromkeys(given)) for name in FILTERS if (given := getattr(self, name))
        }  # fmt: skip
        number = (run or self.find_run(reader)).id
        return check_filters(reader, Filters(**words, run=number, changed=self.changed), allowed)

    def draw_from(self, filters: Filters, candidates: Iterable[Candidate]) -> Filters:
        """The filters, narrowed to a sample of what fits where one was asked for."""
        if not self.sample:
            return filters
        drawn = draw(candidates, self.sample, self.seed)
        return narrow(filters, drawn, sampled=f"sample {self.sample}, seed {self.seed}")


#: The options that are filters and may be repeated.
FILTERS = (
    "kind", "family", "pass_", "language", "severity", "field", "outcome", "status", "text", "record", "edit",
)  # fmt: skip


def say_nothing_fits(filters: Filters) -> str:
    """The sentence where filters that can be meant mean nothing of a run."""
    described = visible(filters.described())
    return f"nothing in run {filters.run} fits{f': {described}' if described else ''}."
