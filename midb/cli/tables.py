"""How summaries, verdicts and lists from the audit log look on a terminal."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from midb.audit.log import Run
from midb.audit.queries import Match
from midb.audit.rows import RecordRow
from midb.audit.verify import Verdict
from midb.cli.showing import OUTCOME_STYLES
from midb.terminal import isolated, visible

#: Columns where the output goes into a file or another program: nothing is cut there.
_UNCUT = 10_000


def console() -> Console:
    """The standard output, for data: no markup, no guessing what is a number, no wrapping where nobody looks."""
    made = Console(highlight=False, markup=False, emoji=False)
    if not made.is_terminal:
        made.width = _UNCUT
    return made


def show_found(console: Console, found: Sequence[tuple[RecordRow, Sequence[Match]]]) -> None:
    """Records, each with what was edited or found in it, one line each."""
    if not found:
        return
    table = Table(box=None, pad_edge=False, show_header=True)
    for title in ("record", "position", "language", "outcome", "edits and findings"):
        table.add_column(title, no_wrap=True, overflow="ellipsis", max_width=None if title[0] == "e" else 40)
    for row, matches in found:
        what = Text("   ").join(map(_match, matches[:3]))
        if len(matches) > 3:
            what.append(f"   +{len(matches) - 3:,}")
        style = OUTCOME_STYLES.get(row.outcome, "default")
        cells = isolated(_cut(row.record_key, 40)), f"#{row.position}", visible(row.language)
        table.add_row(*map(Text, cells), Text(visible(row.outcome), style=style), what)
    console.print(table)


def _match(match: Match) -> Text:
    line = Text(visible(match.kind), style="yellow" if match.status == "open" else "default")
    if match.status != "edited":
        line.append(f" ({visible(match.status)})")
    if match.evidence is None:
        line.append(f" [{isolated(_cut(match.before or '', 24))}] → [{isolated(_cut(match.after or '', 24))}]")
    else:
        line.append(f" {isolated(_cut(match.evidence, 40))}")
    return line


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[:most]}…"


def show_verdict(console: Console, path: Path, verdict: Verdict) -> None:
    """What `audit verify` found or proved."""
    for problem in verdict.problems:
        where = f"{problem.table} {problem.row}".strip() + (f" (record {problem.record})" if problem.record else "")
        line = Text("CHANGED  ", style="red")
        line.append(f"{visible(where)}: {visible(problem.message)}", style="default")
        console.print(line, soft_wrap=True)
    if verdict.count > len(verdict.problems):
        console.print(Text(f"… and {verdict.count - len(verdict.problems):,} more"))
    for run in verdict.runs:
        state = "" if run.status in ("finished", "superseded") else f", {run.status}: proved up to its checkpoint"
        console.print(
            Text(
                f"run {run.id} ({run.kind}): {run.records:,} records, {run.decisions:,} decisions, "
                f"{run.edits:,} edits replayed{state}"
            )
        )
        console.print(Text(f"  head {run.head}"), soft_wrap=True)
    if verdict.count:
        count = f"{verdict.count:,} thing{'s' if verdict.count > 1 else ''}"
        console.print(Text(f"{visible(str(path))} was changed: {count} do not agree", style="red"), soft_wrap=True)
    else:
        console.print(
            Text(f"{visible(str(path))} is intact: every hash agrees, every edit replays", style="green"),
            soft_wrap=True,
        )


def show_summary(
    console: Console, path: Path, runs: Sequence[Run], chosen: Run, parts: Mapping[str, Sequence[tuple[Any, ...]]]
) -> None:
    """A run in tables."""
    console.print(Text(visible(str(path)), style="bold"))
    for run in runs:
        mark = "→" if run.id == chosen.id else " "
        console.print(
            Text(f"{mark} run {run.id}  {run.kind}  {run.status}  {run.started_at}  ")
            + Text(f"{visible(run.corpus)} → {visible(run.output)}")
        )
    ledger: dict[str, Counter[str]] = defaultdict(Counter)
    for language, outcome, count in parts["ledger"]:
        for key in (language, "total"):
            ledger[key][outcome] += count
    order = sorted(set(ledger) - {"total"}) + (["total"] if ledger else [])
    rejected = sum(row[1] for row in parts["rejected"])
    outcomes = ("unchanged", "improved", "reverted")
    _table(
        console,
        ("language", "read", *outcomes, "rejected"),
        [
            (language, ledger[language].total() + (rejected if language == "total" else 0),
             *(ledger[language][outcome] for outcome in outcomes), rejected if language == "total" else 0)
            for language in order
        ],
    )  # fmt: skip
    _table(console, ("repaired", "pass", "edits", "records"), parts["repairs"])
    _table(console, ("taken back by", "reason", "times"), parts["taken_back"])
    _table(console, ("open", "severity", "findings", "languages"), parts["open"])
    _table(console, ("rejected lines", "lines", "first"), parts["rejected"])
    _table(console, ("at", "level", "event"), parts["events"])


def _table(console: Console, titles: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> None:
    if not rows:
        return
    table = Table(box=None, pad_edge=False)
    for number, title in enumerate(titles):
        figures = all(isinstance(row[number], int) for row in rows)
        table.add_column(title, justify="right" if figures else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(f"{cell:,}" if isinstance(cell, int) else visible(str(cell))) for cell in row))
    console.print()
    console.print(table)
