"""`midb-agent audit`: reading the log. Data goes to stdout, and nothing in it reaches the terminal as it is."""

from __future__ import annotations

import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text

from midb.audit.proof.records import check_one
from midb.audit.proof.verify import verify as verify_log
from midb.audit.questions import export as exports
from midb.audit.questions import queries
from midb.audit.questions.comparing import Comparison
from midb.audit.questions.queries import Filters
from midb.audit.questions.usage import generations_of, messages_of, total_usage, usage_by_pass
from midb.audit.reader import AuditReader
from midb.cli.audit import records as showing
from midb.cli.audit import tables
from midb.cli.audit.model_calls import show_prompts
from midb.domain.errors import UsageError
from midb.text.terminal import visible

app = typer.Typer(
    help="Look into the audit log: what was changed, why, and the proof.", no_args_is_help=True, rich_markup_mode=None
)

Db = Annotated[Path | None, typer.Option("--db", metavar="DB", help="The audit log; default: the only one here.")]
Run = Annotated[int | None, typer.Option("--run", metavar="N", help="A run of the log; default: the latest.")]
Kind = Annotated[str | None, typer.Option("--kind", metavar="KIND", help="Only this kind of defect.")]
PassName = Annotated[str | None, typer.Option("--pass", metavar="PASS", help="Only what this pass decided.")]
Language = Annotated[str | None, typer.Option("--language", metavar="xx", help="Only records in this language.")]
Outcome = Annotated[str | None, typer.Option("--outcome", help="unchanged, improved or reverted.")]
Status = Annotated[str | None, typer.Option("--status", help="Of findings: repaired, open or dismissed.")]
Containing = Annotated[str | None, typer.Option("--text", metavar="TEXT", help="Only records that hold this text.")]
Json = Annotated[bool, typer.Option("--json", help="JSON on stdout, for scripts.")]


def database(db: Path | None) -> Path:
    """The log that is meant: the one named, else the only one in this folder."""
    if db is not None:
        return db
    found = sorted(Path().glob("*.audit.db"))
    if len(found) == 1:
        return found[0]
    have = f"Here are {', '.join(map(str, found[:4]))}." if found else "There is none here."
    raise UsageError("which audit log? Name it with --db.", hint=have)


def dump(value: Any) -> None:
    """One JSON object on a line of stdout."""
    tables.use_utf8()
    sys.stdout.write(exports.json_line(value))


@app.command()
def verify(
    db: Db = None,
    head: Annotated[str | None, typer.Option("--head", metavar="HASH", help="A chain's end noted earlier.")] = None,
    json: Json = False,
) -> int:
    """Prove the log: re-derive the hash chain and replay every edit. Exits with 1 where anything was changed."""
    path = database(db)
    verdict = verify_log(path, head=head)
    if json:
        dump(
            {
                "intact": not verdict.count,
                "problems": [
                    {"table": p.table, "row": p.row, "record": p.record, "message": p.message} for p in verdict.problems
                ],
                "problem_count": verdict.count,
                "runs": [
                    {"id": r.id, "kind": r.kind, "status": r.status, "records": r.records, "decisions": r.decisions,
                     "edits": r.edits, "head": r.head}
                    for r in verdict.runs
                ],
            }
        )  # fmt: skip
    else:
        tables.show_verdict(tables.console(), path, verdict)
    return 1 if verdict.count else 0


@app.command()
def show(
    record: Annotated[str, typer.Argument(metavar="RECORD", help="An id, or #17 for a position.")],
    db: Db = None,
    run: Run = None,
    full: Annotated[bool, typer.Option("--full", help="Whole texts instead of passages.")] = False,
    prompts: Annotated[bool, typer.Option("--prompts", help="Also what a model was asked and answered.")] = False,
    json: Json = False,
) -> None:
    """Show one record: what changed, why, and how it was decided."""
    path = database(db)
    with AuditReader(path) as reader:
        chosen = reader.run(run)
        found = queries.records_called(reader, chosen.id, record)
        console = tables.console()
        for index, row in enumerate(found):
            logged = reader.parts(row)
            problems = check_one(reader.connection, row.id, reverts=chosen.kind == "revert")
            asked = generations_of(reader, logged)
            texts = {number: messages_of(reader, one) for number, one in asked.items()} if prompts else {}
            if json:
                dump(showing.as_json(logged, problems, asked, texts))
                continue
            if index:
                console.print()
            showing.show_record(
                console, path, chosen, logged, problems, generations=asked, twins=len(found) > 1, full=full
            )
            if prompts:
                show_prompts(console, logged, asked, texts)


@app.command()
def find(
    db: Db = None,
    kind: Kind = None,
    pass_: PassName = None,
    language: Language = None,
    outcome: Outcome = None,
    status: Status = None,
    text: Containing = None,
    run: Run = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="Records to show.")] = 20,
    json: Json = False,
) -> None:
    """List the records that match: by kind, pass, language, outcome, status of findings, or text.

    Example: midb-agent audit find --db c.boosted.jsonl.audit.db --status open --language tr
    """
    with AuditReader(database(db)) as reader:
        filters = filters_of(reader, run, kind, pass_, language, outcome, status, text)
        found = [
            (row, queries.matches(reader, row.id, filters)) for row in queries.find_records(reader, filters, limit)
        ]
        total = queries.count_records(reader, filters) if len(found) == limit else len(found)
    if json:
        for row, matches in found:
            told = [{key: value for key, value in asdict(match).items() if value is not None} for match in matches]
            dump(
                {
                    "record": row.record_key, "position": row.position, "line": row.line, "language": row.language,
                    "outcome": row.outcome, "matches": told,
                }
            )  # fmt: skip
        return
    tables.show_found(tables.console(), found)
    more = f"; the first {limit:,} are shown, --limit {total} shows all" if total > limit else ""
    tables.console().print(Text(f"{total:,} record{'' if total == 1 else 's'}{more}"), soft_wrap=True)


def filters_of(
    reader: AuditReader,
    run: int | None,
    kind: str | None,
    pass_: str | None,
    language: str | None,
    outcome: str | None,
    status: str | None,
    text: str | None,
) -> Filters:
    """The filters of a command, checked; the connection can search texts afterwards."""
    queries.prepare(reader)
    return queries.checked(
        reader,
        Filters(
            run=reader.run(run).id, kind=kind, pass_=pass_, language=language, outcome=outcome, status=status,
            text=text,
        ),
    )  # fmt: skip


@app.command()
def diff(
    db: Db = None,
    kind: Kind = None,
    pass_: PassName = None,
    language: Language = None,
    outcome: Outcome = None,
    status: Status = None,
    text: Containing = None,
    run: Run = None,
    against: Annotated[int | None, typer.Option("--against", metavar="N", help="Compare with this run.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="Records to show.")] = 50,
) -> None:
    """Show the changes of all changed records, or of those that match, as word-level diffs.

    With --against N: the records whose final texts differ between two runs.
    Example: midb-agent audit diff --kind decimal-separator --db c.boosted.jsonl.audit.db
    """
    console = tables.console()
    with AuditReader(database(db)) as reader:
        filters = filters_of(reader, run, kind, pass_, language, outcome, status, text)
        if against is not None:
            other = reader.run(against)
            comparison = Comparison(reader, filters, other)
            total, shared = comparison.count(), comparison.shared()
            for difference in comparison.differences(limit):
                showing.show_difference(console, difference)
            what = f"of the {shared:,} records of both came out differently in run {filters.run} (+) and {other.id} (-)"
        else:
            filters = replace(filters, edited=True)
            total = queries.count_records(reader, filters)
            for row in queries.find_records(reader, filters, limit):
                showing.show_changes(console, reader.parts(row), kind=kind, pass_=pass_)
            what = "changed record" + ("" if total == 1 else "s")
        more = f"; the first {limit:,} are shown, --limit {total} shows all" if total > limit else ""
        console.print(Text(f"{total:,} {what}{more}"), soft_wrap=True)


@app.command()
def summary(db: Db = None, run: Run = None, json: Json = False) -> None:
    """Sum a run up: ledger, repairs, what was taken back, open findings, the model's use, rejected lines, events."""
    path = database(db)
    with AuditReader(path) as reader:
        chosen = reader.run(run)
        parts = {
            name: queries.counted(reader, sql, chosen.id)
            for name, sql in (
                ("ledger", queries.LEDGER), ("repairs", queries.REPAIRS), ("taken_back", queries.TAKEN_BACK),
                ("open", queries.OPEN), ("rejected", queries.REJECTED), ("events", queries.EVENTS),
            )
        }  # fmt: skip
        used = usage_by_pass(reader, chosen.id)
        if json:
            told = [asdict(one) for one in (*used, total_usage(used))] if used else []
            model = [{"pass": one.pop("pass_"), **one} for one in told]
            dump({"run": chosen.id, "status": chosen.status, "corpus": chosen.corpus, **parts, "model": model})
        else:
            tables.show_summary(tables.console(), path, reader.runs(), chosen, parts, used)


@app.command()
def export(
    db: Db = None,
    form: Annotated[str, typer.Option("--format", metavar="csv|jsonl", help="csv or jsonl.")] = "csv",
    what: Annotated[str, typer.Option("--what", help="edits, findings, decisions or records.")] = "edits",
    output: Annotated[Path | None, typer.Option("-o", "--output", help="A file; default: stdout.")] = None,
    kind: Kind = None,
    pass_: PassName = None,
    language: Language = None,
    outcome: Outcome = None,
    status: Status = None,
    text: Containing = None,
    run: Run = None,
    force: Annotated[bool, typer.Option("--force", help="Replace an existing file.")] = False,
) -> None:
    """Export edits, findings, decisions or records as CSV (no cell starts a formula) or JSON lines (exact)."""
    queries.require_known("format", form, exports.FORMATS)
    queries.require_known("table", what, exports.TABLES)
    path = database(db)
    if output and output.exists():
        if path.exists() and output.samefile(path):
            raise UsageError(f"{output} is the audit log itself.", hint="Choose another -o.")
        if output.is_dir() or not force:
            hint = "Name a file with -o." if output.is_dir() else "--force replaces it."
            raise UsageError(f"{output} exists.", hint=hint)
    with AuditReader(path) as reader:
        filters = filters_of(reader, run, kind, pass_, language, outcome, status, text)
        found = exports.rows(reader, what, filters)
        if output is None and sys.stdout.isatty():
            found = ({name: visible(v) if isinstance(v, str) else v for name, v in row.items()} for row in found)
        lines = exports.FORMATS[form](found, exports.columns(what))
        if output is not None:
            exports.write_file(lines, output)
            return
        tables.use_utf8()
        for line in lines:
            sys.stdout.write(line)
