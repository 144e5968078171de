"""`midb-agent audit`: reading the log. Data goes to stdout, and nothing in it reaches the terminal as it is."""

from __future__ import annotations

import re
import sys
from contextlib import ExitStack
from dataclasses import asdict, replace
from itertools import chain
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text

from midb.audit.file.key import read_key
from midb.audit.proof.files import FileProof, FileState, MovedFiles, compare_files
from midb.audit.proof.records import check_one
from midb.audit.proof.verify import verify as verify_log
from midb.audit.questions import export as exports
from midb.audit.questions.comparing import Comparison, sum_up
from midb.audit.questions.filters import require_known
from midb.audit.questions.finding import count_records, find_by_name, find_matches, find_records
from midb.audit.questions.items import list_edits, list_findings
from midb.audit.questions.later import count_undone, find_later
from midb.audit.questions.search import add_search
from midb.audit.questions.summary import summarize
from midb.audit.questions.usage import find_generations, read_messages, total_usage, usage_by_pass
from midb.audit.reader import AuditReader
from midb.audit.rows import RecordRow
from midb.audit.run_rows import Run
from midb.audit.verdicts import check_verdicts, read_verdicts
from midb.cli.audit import tables
from midb.cli.audit.datasette import write_metadata
from midb.cli.audit.later import find_start
from midb.cli.audit.model_calls import show_prompts
from midb.cli.audit.options import (
    Db,
    Json,
    Key,
    RecordOptions,
    RunNumber,
    find_log,
    say_nothing_fits,
)
from midb.cli.audit.proofs import proof_json, show_files, show_heads, show_proof
from midb.cli.audit.records import record_json, show_changes, show_difference, show_record
from midb.cli.options import unfold
from midb.cli.reviewing.originals import Corpus, Source, find_originals
from midb.cli.reviewing.sheet_file import write_sheet_file
from midb.cli.table import PLAIN
from midb.dashboard.text import pluralize
from midb.domain.errors import AuditError, UsageError
from midb.review.agreement import measure_review
from midb.review.revisions import SortedReview, list_revisions, sort_reviewed
from midb.text.terminal import visible

#: What may be the name of an edit or a finding.
ITEM_NAME = re.compile(r"e-\d+-\d+|f-\d+")

app = typer.Typer(help="Look into the audit log: what was changed, why, and the proof.", no_args_is_help=True, **PLAIN)


app.command("datasette")(write_metadata)


def dump(value: Any) -> None:
    """One JSON object on a line of stdout."""
    tables.use_utf8()
    sys.stdout.write(exports.json_line(value))


@app.command()
def verify(
    db: Db = None,
    head: Annotated[str | None, typer.Option("--head", metavar="HASH", help="The log's head, noted earlier.")] = None,
    key: Key = None,
    corpus: Annotated[
        Path | None, typer.Option("--corpus", metavar="FILE", help="The corpus, if it was moved.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", metavar="FILE", help="The output, if it was moved.")
    ] = None,
    run: Annotated[
        int | None,
        typer.Option("--run", metavar="N", help="Whose corpus and output these are; default: found out by their hash."),
    ] = None,
    log_only: Annotated[bool, typer.Option("--log-only", help="Look at no corpus and no output.")] = False,
    json: Json = False,
) -> int:
    """Prove the log, and hold corpus and output against it. Exits with 1 where anything was changed.

    Every hash is derived again and every edit replayed. A file that is not there is said to be missing, and is no
    failure: name it with --corpus or --output.
    """
    path = find_log(db)
    moved = MovedFiles(corpus=corpus, output=output, run=run)
    if log_only and moved != MovedFiles():
        raise UsageError("--log-only looks at no files.", hint="Leave it out, or --corpus, --output and --run.")
    proof = verify_log(path, head=head, key=read_key(key))
    files: list[FileProof] | None = None
    if not log_only:
        try:
            with AuditReader(path) as reader:
                files = compare_files(reader, moved)
        except AuditError:
            if proof.intact:
                raise
    changed = any(file.state is FileState.CHANGED for file in files or ())
    if json:
        dump(proof_json(proof, files))
    else:
        console = tables.open_console()
        show_proof(console, path, proof)
        show_files(console, files)
        show_heads(console, proof)
    return 1 if proof.problem_count or changed else 0


@app.command()
def show(
    record: Annotated[
        str | None,
        typer.Argument(metavar="RECORD", help="An id, #17 for a position, or the name of an edit or finding."),
    ] = None,
    edit: Annotated[
        list[str] | None,
        typer.Option("--edit", metavar="NAME", help="This edit (e-31-0) or finding (f-12) alone; repeat for more."),
    ] = None,
    db: Db = None,
    run: RunNumber = None,
    full: Annotated[bool, typer.Option("--full", help="Whole texts instead of passages.")] = False,
    prompts: Annotated[bool, typer.Option("--prompts", help="Also what a model was asked and answered.")] = False,
    json: Json = False,
) -> None:
    """Show one record: what changed, why, how it was decided, what became of it later. Or one edit or finding of it.

    Example: midb-agent audit show de-0417 --db c.boosted.jsonl.audit.db
    """
    path = find_log(db)
    with AuditReader(path) as reader:
        names, chosen, found = find_shown(reader, record, edit or [], run)
        console = tables.open_console()
        for index, row in enumerate(found):
            logged = reader.parts(row)
            problems = [*check_one(reader.connection, row.id), *check_verdicts(reader, chosen.id, row.id)]
            asked = find_generations(reader, logged)
            texts = {number: read_messages(reader, one) for number, one in asked.items()} if prompts else {}
            said = list(read_verdicts(reader, chosen.id, row.id))
            later = find_later(reader, chosen, row.position)
            if json:
                told = record_json(chosen, logged, problems, asked, texts, said)
                dump(told | {"later": [one.describe() for one in later]})
                continue
            if index:
                console.print()
            show_record(
                console, path, chosen, logged, problems, generations=asked, verdicts=said, twins=len(found) > 1,
                full=full, only=names, later=later, start=find_start(reader, chosen),
            )  # fmt: skip
            if prompts:
                show_prompts(console, logged, asked, texts)


def find_shown(
    reader: AuditReader, record: str | None, names: list[str], run: int | None
) -> tuple[frozenset[str], Run, list[RecordRow]]:
    """What `audit show` is about: names of edits and findings (none: all), their run, and the records."""
    if record is None and not names:
        raise UsageError("which record?", hint="Name it by its id or as #17, or an edit or a finding with --edit.")
    options = RecordOptions(run=run, edit=names or None)
    if record is not None and not names and ITEM_NAME.fullmatch(record):
        # A record may be called like an edit: it comes first.
        chosen = reader.run(run)
        if not next(
            reader.query("SELECT 1 FROM records WHERE run_id = ? AND record_key = ?", [chosen.id, record]), None
        ):
            options, record = RecordOptions(run=run, edit=[record]), None
    chosen = options.find_run(reader)
    filters = options.filters(reader, chosen)
    found = list(find_records(reader, filters)) if options.edit else []
    if record is not None:
        named = find_by_name(reader, chosen.id, record)
        ids = {row.id for row in named}
        if options.edit and not ids & {row.id for row in found}:
            raise UsageError(f"{', '.join(options.edit)} is of another record than {record}.", hint="Leave RECORD out.")
        found = [row for row in found if row.id in ids] if options.edit else named
    return frozenset(options.edit or ()), chosen, found


@app.command()
@unfold
def find(
    options: RecordOptions,
    limit: Annotated[int, typer.Option("--limit", min=1, help="Records to show.")] = 20,
    json: Json = False,
) -> None:
    """List the records that fit, each with the edits and findings that fit, by name.

    Options that are repeated unite, different ones intersect. Unchanged records in which nothing was found are hidden
    unless they are asked for (--outcome unchanged, --record, --text).
    Example: midb-agent audit find --db c.boosted.jsonl.audit.db --status open --language tr
    """
    with AuditReader(find_log(options.db)) as reader:
        filters = options.filters(reader)
        asked = filters.outcome or filters.record or filters.text or filters.of_items
        shown = replace(filters, told=not asked)
        edits = list_edits(reader, filters, standing=filters.changed)
        findings = list_findings(reader, filters, but=("repaired",)) if not filters.changed else ()
        shown = options.draw_from(shown, chain(edits, findings))
        found = [(row, find_matches(reader, row.id, shown)) for row in find_records(reader, shown, limit)]
        total = count_records(reader, shown) if len(found) == limit else len(found)
        hidden = count_records(reader, filters) - total if not asked and not shown.sampled else 0
    if json:
        for row, matches in found:
            why = [{key: value for key, value in asdict(match).items() if value is not None} for match in matches]
            dump(
                {
                    "record": row.record_key, "position": row.position, "line": row.line, "language": row.language,
                    "outcome": row.outcome, "matches": why,
                }
            )  # fmt: skip
        return
    console = tables.open_console()
    tables.show_found(console, found)
    told = pluralize(total, "record") if total else say_nothing_fits(shown)
    more = tables.describe_limit(total, limit)
    if hidden:
        more += f"; {pluralize(hidden, 'unchanged record')} in which nothing was found: --outcome unchanged"
    console.print(Text(f"{told}{more}"), soft_wrap=True)


@app.command()
@unfold
def diff(
    options: RecordOptions,
    against: Annotated[
        str | None,
        typer.Option("--against", metavar="N|OTHER.db", help="Compare with this run, or with one of this log."),
    ] = None,
    against_run: Annotated[
        int | None, typer.Option("--against-run", metavar="N", help="Which run of OTHER.db; default: its latest.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="Records to show.")] = 50,
) -> None:
    """Show the changes of all changed records, or of those that fit, as word-level diffs.

    With --against: both runs in numbers, the records whose final texts differ, and those that only one has. Records are
    matched by their place in the same corpus, else by id.
    Example: midb-agent audit diff --kind decimal-separator --db c.boosted.jsonl.audit.db
    """
    if against_run is not None and (against is None or against.isdecimal()):
        raise UsageError("--against-run names a run of another log.", hint="Name that log with --against OTHER.db.")
    console = tables.open_console()
    with AuditReader(find_log(options.db)) as reader, ExitStack() as stack:
        filters = options.filters(reader)
        if against is None:
            filters = replace(filters, changed=True)
            filters = options.draw_from(filters, list_edits(reader, filters, standing=True))
            total = count_records(reader, filters)
            for row in find_records(reader, filters, limit):
                names = None if not filters.of_items else {match.id for match in find_matches(reader, row.id, filters)}
                show_changes(console, reader.parts(row), names=names)
            what = pluralize(total, "changed record") if total else say_nothing_fits(filters)
            console.print(Text(f"{what}{tables.describe_limit(total, limit)}"), soft_wrap=True)
            return
        same = against.isdecimal()
        other = reader if same else stack.enter_context(AuditReader(Path(against)))
        add_search(other.connection)
        run, old = reader.run(filters.run), other.run(int(against) if same else against_run)
        for one in (run, old):
            if one.kind == "review":
                raise UsageError(f"run {one.id} is a review, which has no output.", hint="Name a run, revert or apply.")
        filters = options.draw_from(filters, list_edits(reader, filters, standing=filters.changed))
        sums = [(run, sum_up(reader, run)), (old, sum_up(other, old))]
        comparison = Comparison(reader, filters, other, old, limit=limit)
        logs = [] if same else name_logs(reader.path, other.path)
        tables.show_sums(console, sums, logs)
        for difference in comparison.differences():
            show_difference(console, difference)
        tables.show_comparison(console, comparison, (run, old), logs, filters, limit)


def name_logs(*paths: Path) -> list[str]:
    """The names of logs; where they are the same, with their folders."""
    names = [path.name for path in paths]
    return [visible(name) for name in (names if len(set(names)) == len(names) else map(str, paths))]


@app.command()
def summary(db: Db = None, run: RunNumber = None, json: Json = False) -> None:
    """Sum a run up: ledger, repairs, what was taken back, open findings, the model's use, rejected lines, events."""
    path = find_log(db)
    with AuditReader(path) as reader:
        chosen = reader.run(run)
        parts = summarize(reader, chosen.id)
        used = usage_by_pass(reader, chosen.id)
        reviewed = measure_review(reader, chosen.id)
        if json:
            rows = [asdict(one) for one in (*used, total_usage(used))] if used else []
            model = [{"pass": row.pop("pass_"), **row} for row in rows]
            dump(
                {
                    "run": chosen.id,
                    "status": chosen.status,
                    "corpus": chosen.corpus,
                    **parts,
                    "model": model,
                    "reviewed": [one.describe() for one in reviewed],
                    "undone": count_undone(reader, chosen),
                }
            )
        else:
            undone = count_undone(reader, chosen)
            tables.show_summary(tables.open_console(), path, reader.runs(), chosen, parts, used, undone)
            tables.show_precision(tables.open_console(), reviewed)


@app.command()
@unfold
def export(
    options: RecordOptions,
    form: Annotated[str, typer.Option("--format", metavar="csv|jsonl|meb", help="csv, jsonl, or meb (below).")] = "csv",
    what: Annotated[str, typer.Option("--what", help="edits, findings, decisions or records.")] = "edits",
    output: Annotated[Path | None, typer.Option("-o", "--output", help="A file; default: stdout.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace an existing file.")] = False,
    for_review: Annotated[
        Path | None, typer.Option("--for-review", metavar="FILE", help="A sheet for people: FILE.csv or FILE.xlsx.")
    ] = None,
    corpus: Corpus = None,
    source: Source = None,
) -> None:
    """Export edits, findings, decisions or records as CSV (no cell starts a formula) or JSON lines (exact).

    With --format meb: what people reviewed, as training data (JSON lines of raw and revised pairs). With --for-review:
    edits or findings with cells for what people say, as `review sheet` writes them; `review apply` takes them back.
    """
    if for_review is not None:
        export_for_review(options, for_review, what, output, corpus, source)
        return
    require_known("format", form, [*exports.FORMATS, "meb"])
    require_known("table", what, exports.TABLES)
    path = find_log(options.db)
    if output and output.exists():
        if path.exists() and output.samefile(path):
            raise UsageError(f"{output} is the audit log itself.", hint="Choose another -o.")
        if output.is_dir() or not force:
            hint = "Name a file with -o." if output.is_dir() else "--force replaces it."
            raise UsageError(f"{output} exists.", hint=hint)
    with AuditReader(path) as reader:
        filters = options.filters(reader)
        if form == "meb":
            if options.restricts:
                raise UsageError("--format meb takes no filters.", hint="It exports all that was reviewed of a run.")
            records = [verdict.record_id for verdict in read_verdicts(reader, filters.run)]
            originals = find_originals(reader, reader.run(filters.run), records, corpus, source)
            found, form = list_revisions(reader, filters.run, originals), "jsonl"
            tell_taught(sort_reviewed(reader, filters.run))
            if originals.missing:
                print(f"without English originals: {visible(originals.missing)}", file=sys.stderr)
        else:
            edits = list_edits(reader, filters, standing=filters.changed) if what != "findings" else ()
            findings = list_findings(reader, filters) if what == "findings" or not filters.changed else ()
            filters = options.draw_from(filters, chain(edits, findings if what != "edits" else ()))
            found = exports.read_rows(reader, what, filters)
        if output is None and sys.stdout.isatty():
            found = ({name: visible(v) if isinstance(v, str) else v for name, v in row.items()} for row in found)
        lines = exports.FORMATS[form](found, exports.column_names(what))
        if output is not None:
            exports.write_file(lines, output)
            return
        tables.use_utf8()
        for line in lines:
            sys.stdout.write(line)


def tell_taught(review: SortedReview) -> None:
    """Say of how many records training data is, and why others of which something was said are left out."""
    print(f"training data of {pluralize(len(review.complete), 'record')}", file=sys.stderr)
    for records, why in (
        (review.partly, "some of their edits were not reviewed"),
        (review.faulty, "people confirmed a fault, and gave no right text for it"),
    ):
        if records:
            print(f"  left out {pluralize(len(records), 'record')}: {why}", file=sys.stderr)


def export_for_review(
    options: RecordOptions, sheet: Path, what: str, output: Path | None, corpus: Path | None, source: Path | None
) -> None:
    """Write a sheet of what the options mean; raises UsageError for a second output."""
    require_known("table", what, ("edits", "findings", "both"))
    if output is not None:
        raise UsageError("-o does not go with --for-review.", hint="--for-review names the file.")
    write_sheet_file(sheet, options, what, corpus=corpus, source=source)
