"""How summaries, proofs and lists from the audit log look on a terminal."""

from __future__ import annotations

import io
import sys
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from midb.audit.evaluating.rows import KIND as EVALUATION
from midb.audit.evaluating.rows import describe_evaluation
from midb.audit.questions.comparing import Comparison, RunSums
from midb.audit.questions.filters import Filters
from midb.audit.questions.finding import Match
from midb.audit.questions.usage import PassUsage, total_usage
from midb.audit.rows import RecordRow, as_text
from midb.audit.run_rows import Run
from midb.audit.verdict_rows import read_reviewer
from midb.dashboard.blocks import OUTCOME_STYLES
from midb.dashboard.text import pluralize
from midb.domain.decisions import Outcome, list_outcomes
from midb.review.agreement import Precision
from midb.text.terminal import END_OF_ISOLATE, ISOLATE, has_right_to_left, isolated, visible

#: Events of a run that a summary lists.
_EVENTS = 20

#: Columns where the output goes into a file or another program: nothing is cut there.
_UNCUT = 10_000


def use_utf8() -> None:
    """Data is UTF-8 wherever it goes, whatever the locale says."""
    if isinstance(sys.stdout, io.TextIOWrapper) and sys.stdout.encoding.lower().replace("-", "") != "utf8":
        sys.stdout.reconfigure(encoding="utf-8")


def open_console() -> Console:
    """The standard output, for data: no markup, no guessing what is a number, no wrapping where nobody looks."""
    use_utf8()
    made = Console(highlight=False, markup=False, emoji=False)
    if not made.is_terminal:
        made.width = _UNCUT
    return made


def show_found(console: Console, found: Sequence[tuple[RecordRow, Sequence[Match]]]) -> None:
    """Records, each with what was edited or found in it, one line each."""
    titles = [
        Text(title, style="bold") for title in ("record", "position", "language", "outcome", "edits and findings")
    ]
    lines = [titles] if found else []
    for row, matches in found:
        what = Text("   ").join(map(_describe_match, matches[:3]))
        if len(matches) > 3:
            what.append(f"   +{len(matches) - 3:,}")
        outcome = Text(visible(row.outcome), style=OUTCOME_STYLES.get(row.outcome, "default"))
        key, language = Text(cut(row.record_key, 32)), Text(visible(row.language))
        lines.append([key, Text(f"#{row.position}"), language, outcome, what])
    widths = [max(cell.cell_len for cell in column) for column in zip(*lines, strict=True)]
    for cells in lines:
        for cell, width in zip(cells[:-1], widths, strict=False):
            cell.pad_right(width - cell.cell_len)
        line = Text("  ").join(cells)
        if console.is_terminal:  # only there is a cut line better than a wrapped one
            line.truncate(console.width, overflow="ellipsis")
        console.print(line, soft_wrap=True)


def _describe_match(match: Match) -> Text:
    line = Text(f"{visible(match.id)} ").append(
        visible(match.kind), style="yellow" if match.status == "open" else "default"
    )
    if match.status != "edited":
        line.append(f" ({visible(match.status)})")
    if match.evidence is None:
        line.append(f" [{cut(match.before or '', 24)}] → [{cut(match.after or '', 24)}]")
    else:
        line.append(f" {cut(match.evidence, 40)}")
    return line


def cut(text: str, cells: int) -> str:
    """The text made visible, cut to a width, and set apart where it is written from right to left."""
    shown = Text(visible(text[: cells + 1]))
    shown.truncate(cells, overflow="ellipsis")
    return f"{ISOLATE}{shown.plain}{END_OF_ISOLATE}" if has_right_to_left(shown.plain) else shown.plain


def show_summary(
    console: Console,
    path: Path,
    runs: Sequence[Run],
    chosen: Run,
    parts: Mapping[str, Sequence[tuple[Any, ...]]],
    used: Sequence[PassUsage],
    undone: Sequence[tuple[str, int, int, int]] = (),
) -> None:
    """A run in tables; ``undone`` by a run that goes on: kind, edits that went, edits that came back, records."""
    console.print(Text(visible(str(path)), style="bold"))
    for run in runs:
        mark = "→" if run.id == chosen.id else " "
        # A review has no output and no end; "open" is a word for findings.
        reviews = run.kind == "review"
        status = "" if reviews else f"{run.status}  "
        told = f"{isolated(run.corpus)} → {isolated(run.output)}"
        if reviews:
            told = f"of run {run.parent_run} by {isolated(read_reviewer(run.config))}"
        elif run.kind == EVALUATION:
            told = isolated(describe_evaluation(run.config, run.corpus, run.parent_run))
        console.print(
            Text(visible(f"{mark} run {run.id}  {run.kind}  {status}{run.started_at}  ")) + Text(told),
            soft_wrap=True,
        )
    ledger: dict[str, Counter[str]] = defaultdict(Counter)
    for language, outcome, count in parts["ledger"]:
        for key in (language, "total"):
            ledger[key][outcome] += count
    order = sorted(set(ledger) - {"total"}) + (["total"] if ledger else [])
    rejected = sum(row[1] for row in parts["rejected"])
    outcomes = [outcome.value for outcome in list_outcomes(chosen.kind)]
    _print_table(
        console,
        ("language", "read", *outcomes, "rejected"),
        [
            (language, ledger[language].total() + (rejected if language == "total" else 0),
             *(ledger[language][outcome] for outcome in outcomes), rejected if language == "total" else 0)
            for language in order
        ],
    )  # fmt: skip
    if undone:
        back = any(row[2] for row in undone)
        rows = [row if back else (row[0], row[1], row[3]) for row in undone]
        _print_table(console, ("undone", "edits", *(["edits that stand again"] if back else []), "records"), rows)
    if not undone or chosen.kind == "apply":
        _print_table(
            console,
            ({"revert": "undone", "apply": "corrected"}.get(chosen.kind, "repaired"), "pass", "edits", "records"),
            parts["repairs"],
        )
    _print_table(console, ("taken back by", "reason", "decisions"), parts["taken_back"])
    _print_table(console, ("open", "severity", "findings", "languages"), parts["open"])
    _print_table(console, ("left as they are", "records", "first line"), parts["left_alone"])
    _print_first(console, ("the same texts", "first line", "records"), parts["duplicates"])
    _print_first(console, ("open in several languages", "kind", "languages", "which"), parts["several_languages"])
    _show_usage(console, used)
    _print_table(console, ("rejected lines", "lines", "first"), parts["rejected"])
    events = parts["events"]
    _print_table(console, ("at", "level", "event"), events[:_EVENTS])
    if len(events) > _EVENTS:
        console.print(Text(f"… and {len(events) - _EVENTS:,} more events (--json lists all)"))


def show_sums(console: Console, runs: Sequence[tuple[Run, RunSums]], logs: Sequence[str]) -> None:
    """Two runs side by side in numbers; ``logs`` are their files where these are two."""
    outcomes = [
        outcome.value
        for outcome in Outcome
        if any(sums.outcomes.get(outcome.value) or outcome in list_outcomes(run.kind) for run, sums in runs)
    ]
    with_model = any(sums.calls for _, sums in runs)
    rows = [
        (
            f"{mark} run {run.id} ({run.kind}{'' if run.status == 'finished' else f', {run.status}'})"
            + (f" of {logs[number]}" if logs else ""),
            sums.read, *(sums.outcomes.get(outcome, 0) for outcome in outcomes), sums.rejected, sums.edits,
            "not counted" if sums.open_findings is None else sums.open_findings,
            *((sums.calls, sums.tokens) if with_model else ()),
        )
        for number, (mark, (run, sums)) in enumerate(zip("+-", runs, strict=True))
    ]  # fmt: skip
    titles = ("records", "read", *outcomes, "rejected", "edits that stand", "open findings")
    _print_table(console, titles + (("model calls", "tokens") if with_model else ()), rows)
    for run, _ in runs:
        if run.goes_on:
            told = f"run {run.id} starts from run {run.parent_run}: its unchanged records are as that run left them"
            console.print(Text(told), soft_wrap=True)
    console.print()


def describe_limit(total: int, limit: int) -> str:
    """What is said behind a number of records of which not all are shown."""
    if total <= limit:
        return ""
    return f"; the first {f'{limit:,} are' if limit > 1 else 'is'} shown, --limit {total} shows all"


def show_comparison(
    console: Console, comparison: Comparison, runs: tuple[Run, Run], logs: Sequence[str], filters: Filters, limit: int
) -> None:
    """How many records differ, and which only one of the runs has; ``logs`` are their files where these are two."""
    here, there = (
        f"run {run.id}{f' of {logs[number]}' if logs else ''} ({mark})"
        for number, (run, mark) in enumerate(zip(runs, "+-", strict=True))
    )
    described = visible(filters.described())
    if not comparison.shared:
        told = f"the two runs have no record in common{f' that fits: {described}' if described else ''}"
        if not comparison.by_place and comparison.here.count and comparison.there.count:
            told += "; records of different corpora are matched by id"
    else:
        both = f"{pluralize(comparison.shared, 'record')} of both"
        fit = f" that fit{'s' if comparison.shared == 1 else ''} ({described})" if described else ""
        told = f"{comparison.differing:,} of the {both}{fit} came out differently in {here} and {there}"
    told += describe_limit(comparison.differing, limit)
    console.print(Text(told), soft_wrap=True)
    for only, name in ((comparison.here, here), (comparison.there, there)):
        if only.count:
            names = ", ".join(cut(key, 32) for key in only.names or ())
            more = f" and {only.count - len(only.names or ()):,} more" if only.count > len(only.names or ()) else ""
            console.print(Text(f"only in {name}: {pluralize(only.count, 'record')}: {names}{more}"), soft_wrap=True)


def show_precision(console: Console, reviewed: Sequence[Precision]) -> None:
    """How many of the reviewed edits and findings of each kind were right, with the 95 % interval."""
    rows = [
        (one.kind, one.language, one.what, one.right, one.changed, one.reviewed, f"{100 * one.share:.1f} %",
         f"{100 * one.interval[0]:.0f}-{100 * one.interval[1]:.0f} %")
        for one in reviewed
    ]  # fmt: skip
    _print_table(console, ("reviewed", "language", "what", "right", "other text", "of", "precision", "interval"), rows)
    if any(one.what == "findings" and one.changed for one in reviewed):
        said = "a finding is right also where people gave another text: there was something to find"
        console.print(Text(said, style="dim"), soft_wrap=True)


def _print_first(console: Console, titles: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> None:
    """A table of the first rows, and how many more there are."""
    _print_table(console, titles, rows[:_EVENTS])
    if len(rows) > _EVENTS:
        console.print(Text(f"… and {len(rows) - _EVENTS:,} more (--json lists up to 100)"))


def _show_usage(console: Console, used: Sequence[PassUsage]) -> None:
    """What each pass took of the model, and what went wrong; columns that would hold only noughts are left out."""
    if not used:
        return
    titles = ("model", "calls", "reused", "tokens in", "cached", "out", "retries", "seconds")
    rows = [
        (one.pass_, one.calls, one.reused, one.prompt_tokens, one.cached_tokens, one.completion_tokens, one.retries,
         round(one.seconds))
        for one in (*used, total_usage(used))
    ]  # fmt: skip
    kept = [n for n, title in enumerate(titles) if title not in ("reused", "cached", "retries") or rows[-1][n]]
    _print_table(console, [titles[n] for n in kept], [tuple(row[n] for n in kept) for row in rows])
    troubles = [
        (one.pass_, f"{what}: {word}", number)
        for one in used
        for what, words in (("ended by", one.finished), ("failed", one.failed))
        for word, number in sorted(words.items(), key=lambda item: (-item[1], item[0]))
    ]
    _print_table(console, ("model", "trouble", "times"), troubles)


def _print_table(console: Console, titles: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> None:
    if not rows:
        return
    table = Table(box=None, pad_edge=False)
    for number, title in enumerate(titles):
        figures = all(isinstance(row[number], int) for row in rows)
        table.add_column(title, justify="right" if figures else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(f"{cell:,}" if isinstance(cell, int) else isolated(as_text(cell))) for cell in row))
    console.print()
    console.print(table)
