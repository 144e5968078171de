"""`midb-agent review`: people say of each edit and finding whether it is right, on a page or in a sheet."""

from __future__ import annotations

import getpass
import sys
from pathlib import Path
from typing import Annotated

import typer

from midb.audit.file.key import read_key
from midb.audit.reader import AuditReader
from midb.audit.rows import VerdictRow
from midb.audit.verdicts import find_standing
from midb.cli import options as common
from midb.cli.audit.options import Db, RecordOptions, RunNumber, find_log
from midb.cli.reviewing.options import Reviewer, What, choose_some, find_reviewed
from midb.cli.reviewing.originals import Corpus, Source, find_originals
from midb.cli.reviewing.sheet_file import write_sheet_file
from midb.cli.table import PLAIN
from midb.dashboard.text import pluralize
from midb.domain.errors import UsageError
from midb.review.checking import check_reviewer
from midb.review.choosing import ReviewChoice, choose
from midb.review.desk import Desk, Said
from midb.review.sheets import read_sheet, read_verdicts
from midb.text.terminal import visible

app = typer.Typer(**PLAIN)


@app.callback(invoke_without_command=True)
@common.unfold
def review(
    context: typer.Context,
    options: RecordOptions,
    reviewer: Annotated[
        str | None, typer.Option("--reviewer", metavar="NAME", help="Who says so. Default: the user's name here.")
    ] = None,
    what: What = "both",
    corpus: Corpus = None,
    source: Source = None,
    port: Annotated[int, typer.Option("--port", metavar="N", min=0, max=65535, help="0: any that is free.")] = 0,
    open_browser: Annotated[bool, typer.Option("--open/--no-open", help="Open a browser.")] = True,
    seal_key: common.SealKey = None,
) -> int:
    """People review edits and findings: on a local page, or in a sheet.

    The page is served on 127.0.0.1 alone, to whoever has the address that is printed. Every verdict is in the log
    before the next page comes. Ctrl-C ends it; the same command goes on. The commands below are for sheets.
    """
    if context.invoked_subcommand:
        return 0
    from midb.cli.reviewing.serving import serve

    name = check_reviewer(reviewer if reviewer is not None else _find_user())
    path = find_log(options.db)
    with AuditReader(path) as reader:
        chosen = find_reviewed(reader, options.find_run(reader).id)
        candidates = choose_some(reader, chosen, options, what)
        originals = find_originals(reader, chosen, [one.record for one in candidates], corpus, source)
    desk = Desk(path, chosen, read_key(seal_key))
    serve(desk, candidates, name, port=port, open_browser=open_browser, originals=originals)
    return 0


def _find_user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return ""


@app.command("sheet")
@common.unfold
def write_sheet(
    output: Annotated[Path, typer.Option("-o", "--output", metavar="FILE", help="FILE.csv or FILE.xlsx.")],
    options: RecordOptions,
    what: What = "edits",
    corpus: Corpus = None,
    source: Source = None,
) -> int:
    """Write edits or findings as a sheet for people without this program: one row each, with cells for what they say.

    Fill in verdict (accept, reject or change), right_text (with change) and note; review apply takes it back.
    Example: midb-agent review sheet --db c.boosted.jsonl.audit.db --sample 50 -o edits.csv
    """
    write_sheet_file(output, options, what, corpus=corpus, source=source)
    return 0


@app.command("apply")
def take_sheet(
    sheet: Annotated[Path, typer.Argument(metavar="SHEET", help="The sheet, filled in.")],
    reviewer: Reviewer,
    db: Db = None,
    run: RunNumber = None,
    seal_key: common.SealKey = None,
) -> int:
    """Take the verdicts of a sheet into the log; all of them, or none where anything is wrong.

    Example: midb-agent review apply tr.csv --reviewer Ayse --db c.boosted.jsonl.audit.db
    """
    name = check_reviewer(reviewer)
    path = find_log(db)
    rows = read_sheet(sheet)
    with AuditReader(path) as reader:
        chosen = find_reviewed(reader, run)
        said = read_verdicts(rows, reader, chosen, choose(reader, chosen.id, ReviewChoice()))
        standing = find_standing(reader, chosen.id)
    if not said:
        raise UsageError(f"{sheet} holds no verdict.", hint="Fill in the column verdict: accept, reject or change.")
    new = [(one, what) for one, what in said if not all(_stands(standing.get(i.name), name, what) for i in one.items())]
    if new:
        Desk(path, chosen, read_key(seal_key)).write(name, new)
    others = [standing.get(one.item.name) for one, _ in said]
    opposite = sum(
        row is not None and row.reviewer != name and (row.verdict == "accept") != (what.verdict == "accept")
        for row, (_, what) in zip(others, said, strict=True)
    )
    counted = {word: sum(one.verdict == word for _, one in said) for word in ("accept", "reject", "change", "withdraw")}
    told = ", ".join(f"{count:,} {word}" for word, count in counted.items() if count)
    items = pluralize(sum(len(one.items()) for one, _ in said), "edit or finding", "edits and findings")
    known = f"\n  known    {len(said) - len(new):,} stood in the log already" if len(new) < len(said) else ""
    against = f"\n  opposite {opposite:,} to what others said: the later counts, both are kept" if opposite else ""
    print(
        f"{pluralize(len(said), 'verdict')} of {visible(name)} ({told}) on {items}; "
        f"{len(rows) - len(said):,} rows without one{known}{against}\n"
        f"  logged   {visible(str(path))}\n  next     midb-agent apply --db {visible(str(path))} -o OUT",
        file=sys.stderr,
    )
    return 0


def _stands(row: VerdictRow | None, reviewer: str, said: Said) -> bool:
    """Whether a verdict is the last word on its item already."""
    return row is not None and (row.reviewer, row.verdict, row.text, row.note) == (
        reviewer, said.verdict, said.text, said.note,
    )  # fmt: skip
