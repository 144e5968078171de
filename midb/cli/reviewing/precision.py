"""`midb-agent kinds --db`: how precise the kinds were of whose edits and findings people said what they are."""

from __future__ import annotations

from pathlib import Path

from rich.text import Text

from midb.cli.audit.tables import open_console, show_precision, use_utf8
from midb.domain.errors import UsageError
from midb.review.switching import Bound, decide_switches, name_reviews
from midb.runs.config import MIN_PRECISION, MIN_VERDICTS
from midb.text.terminal import quote_words, visible, visible_json


def show_reviewed(db: Path, language: str | None, *, json: bool) -> None:
    """Print the figures of a log, of one language where it is named; and what the next run would make of them.

    Raises UsageError where nothing was reviewed, AuditError where the log was changed.
    """
    import orjson

    name_reviews([db])
    review = decide_switches([db], Bound(MIN_PRECISION, MIN_VERDICTS))
    figures = [one for one in review.figures if language in (None, one.language)]
    if not figures:
        raise UsageError(f"nobody has reviewed anything in {language} in {db}.", hint="Leave --language out.")
    if json:
        use_utf8()
        for one in figures:
            print(visible_json(orjson.dumps(one.describe()).decode()))
        return
    console = open_console()
    show_precision(console, figures)
    sentences = [said for _, said in (*review.reasons, *review.undecided)]
    console.print()
    console.print(Text(visible(quote_words(["midb-agent", "run", "CORPUS", "--reviewed", str(db)]))), soft_wrap=True)
    for said in sentences or [f"switches nothing off: all are {100 * MIN_PRECISION:g} % right or more"]:
        console.print(Text(visible(f"  {said}")), soft_wrap=True)
