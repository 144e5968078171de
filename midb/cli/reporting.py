"""`midb-agent report`: what a run did, as a page, a card or figures, and figures that fail a build."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer

from midb import __version__
from midb.audit.questions import items
from midb.audit.questions.export import json_line, write_file
from midb.audit.questions.filters import Filters
from midb.audit.reader import AuditReader
from midb.cli.audit.options import Json, RecordOptions, find_log
from midb.cli.audit.tables import use_utf8
from midb.cli.options import unfold
from midb.domain.errors import UsageError
from midb.report.card import write_card
from midb.report.examples import read_examples
from midb.report.figures import gather
from midb.report.gates import fails, measure, parse_gate
from midb.report.page import write_page
from midb.report.sampling import EditDraw, EditPlace
from midb.text.terminal import visible, visible_json

#: What an output's name may end in.
ENDINGS = (".html", ".md", ".json")


@unfold
def report(
    options: RecordOptions,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="FILE", help="FILE.html, FILE.md (a data set's card) or FILE.json."),
    ] = None,
    fail_on: Annotated[
        list[str] | None,
        typer.Option("--fail-on", metavar="FIGURE>N", help="Exit with 1 where this holds; may be repeated."),
    ] = None,
    examples: Annotated[
        int,
        typer.Option(
            "--examples", min=0, max=1000, metavar="N", help="Edits shown of each kind (HTML), without --sample."
        ),
    ] = 10,
    json: Json = False,
    force: Annotated[bool, typer.Option("--force", help="Replace an existing file.")] = False,
) -> int:
    """Report what a run did, from its audit log: as an HTML page, a data set's card, or JSON.

    The page holds a sample of edits with their texts; card and JSON hold no texts. Without -o the page is written
    beside the log, except with --json or --fail-on alone. With filters all figures are of what fits, and say so; what a
    model took is of the whole run.
    Example: midb-agent report --db c.boosted.jsonl.audit.db -o report.html
    """
    gates = [parse_gate(text) for text in fail_on or ()]
    path = find_log(options.db)
    if output is None and not json and not gates:
        output = path.with_name(f"{path.name.removesuffix('.audit.db')}.report.html")
    if output is not None:
        _check_output(output, path, force=force)
    page = output is not None and output.suffix.lower() == ".html"
    draw = EditDraw(options.seed, examples if page and not options.sample else 0)
    with AuditReader(path) as reader:
        filters = options.filters(reader)
        figures = gather(reader, reader.run(filters.run), draw, path, filters)
        failed = [gate for gate in gates if fails(gate, figures)]
        places = draw_evenly(reader, filters, options) if page and options.sample else draw.drawn()
        shown = read_examples(reader, places)
    if output is not None and page:
        most = 0 if options.sample else examples
        text = write_page(figures, shown, seed=options.seed, most=most, version=__version__)
        write_file([text], output)
    elif output is not None:
        write_file([write_card(figures) if output.suffix.lower() == ".md" else _indent(figures)], output)
    use_utf8()
    if json:
        sys.stdout.write(json_line(figures))
    elif output is not None:
        print(f"report     {visible(str(output))}")
    for gate in failed:
        print(f"failed: {visible(gate.text)} ({gate.figure} is {measure(gate, figures):,})", file=sys.stderr)
    return 1 if failed else 0


def draw_evenly(reader: AuditReader, filters: Filters, options: RecordOptions) -> dict[str, list[EditPlace]]:
    """Edits that stand, drawn from all languages and kinds in turn, by kind."""
    places: dict[str, list[EditPlace]] = {}
    for one in items.draw(items.list_edits(reader, filters, standing=True), options.sample, options.seed):
        for item in one.items():
            place = EditPlace(one.record, item.decision or 0, item.number)
            places.setdefault(one.kind, []).append(place)
    return places


def _check_output(output: Path, log: Path, *, force: bool) -> None:
    """Raise UsageError for an output of another form, or one that is there and is not to be replaced."""
    if output.suffix.lower() not in ENDINGS:
        raise UsageError(f"{output} says no form.", hint=f"Let it end in {', '.join(ENDINGS[:-1])} or {ENDINGS[-1]}.")
    if not output.exists():
        return
    if log.exists() and output.samefile(log):
        raise UsageError(f"{output} is the audit log itself.", hint="Choose another -o.")
    if output.is_dir() or not force:
        raise UsageError(
            f"{output} exists.", hint="Name a file with -o." if output.is_dir() else "--force replaces it."
        )


def _indent(figures: dict[str, Any]) -> str:
    """JSON for people as well; line by line, as a break between names is none of those that are escaped."""
    lines = orjson.dumps(figures, option=orjson.OPT_INDENT_2).decode().split("\n")
    return "\n".join(map(visible_json, lines)) + "\n"
