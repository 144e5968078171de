"""Writing a sheet for people without this program, as `review sheet` and `audit export --for-review` do alike."""

from __future__ import annotations

import sys
from pathlib import Path

from midb.audit.questions.export import write_file
from midb.audit.reader import AuditReader
from midb.cli.audit.options import RecordOptions, find_log
from midb.cli.reviewing.options import check_new, choose_some, find_reviewed
from midb.cli.reviewing.originals import find_originals
from midb.dashboard.text import pluralize
from midb.domain.errors import UsageError
from midb.review.sheets import list_rows, write_csv, write_xlsx
from midb.review.showing import show_item
from midb.text.terminal import visible


def write_sheet_file(
    output: Path, options: RecordOptions, what: str, *, corpus: Path | None, source: Path | None
) -> None:
    """Write what the options mean as FILE.csv or FILE.xlsx, and say how much it is."""
    if output.suffix.lower() not in (".csv", ".xlsx"):
        raise UsageError(f"{output} says no form.", hint="Let it end in .csv or .xlsx.")
    check_new(output)
    with AuditReader(find_log(options.db)) as reader:
        chosen = find_reviewed(reader, options.find_run(reader).id)
        candidates = choose_some(reader, chosen, options, what)
        originals = find_originals(reader, chosen, [one.record for one in candidates], corpus, source)
        rows = list_rows((show_item(reader, one, originals) for one in candidates), chosen)
        if output.suffix.lower() == ".xlsx":
            write_xlsx(rows, output)
        else:
            write_file(write_csv(rows), output)
    print(f"{pluralize(len(candidates), 'row')} in {visible(str(output))}", file=sys.stderr)
    if originals.missing:
        print(f"  source   empty: {visible(originals.missing)}", file=sys.stderr)
