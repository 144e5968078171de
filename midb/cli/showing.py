"""How records, summaries and verdicts of the audit log look on a terminal."""

from __future__ import annotations

import shlex
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from midb.audit.log import Run
from midb.audit.replay import Stage, replay
from midb.audit.rows import DecisionRow, FindingRow, LoggedRecord
from midb.audit.verify import Verdict
from midb.decisions import Action, Pass
from midb.diffs import CONTEXT, hunks, render
from midb.terminal import visible

_OUTCOME_STYLES = {"improved": "green", "reverted": "red", "unchanged": "default"}
_SEVERITY_STYLES = {"critical": "red", "major": "yellow", "minor": "default"}


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


def show_record(console: Console, path: Path, run: Run, logged: LoggedRecord, *, twins: bool, full: bool) -> None:
    """One record of a run, as an auditor reads it in a minute."""
    row = logged.row
    reverts = run.kind == "revert"
    told = replay(logged, reverts=reverts)
    edits = sum(len(decision.edits) for decision in logged.decisions if decision.action == Action.APPLIED.value)
    head = Text(visible(row.record_key), style="bold")
    head.append(" · ", style="default").append(row.language, style="default").append(" · ", style="default")
    head.append(visible(row.outcome), style=_OUTCOME_STYLES.get(row.outcome, "default"))
    place = f" · line {row.line:,}" + (f" (#{row.position})" if twins or row.record_key.startswith("#") else "")
    head.append(f" · {edits} edit{'' if edits == 1 else 's'}{place}", style="not bold")
    console.print(head, soft_wrap=True)
    for problem in told.problems:
        console.print(Text(f"  DOES NOT AGREE  {visible(problem.message)}", style="red"), soft_wrap=True)
    for stage in told.stages:
        if stage.row.edits:
            _show_stage(console, stage, logged.findings, several=row.pairs > 1, full=full)
        elif stage.row.action == Action.REJECTED.value:
            _show_rejection(console, stage.row)
    _show_open(console, logged, several=row.pairs > 1)
    for number in range(row.pairs):
        decisions = [decision for decision in logged.decisions if decision.pair == number]
        turn = f" (turn {number + 1})" if row.pairs > 1 else ""
        console.print(Text(f" trail{turn}   {trail(decisions)}"), soft_wrap=True)
    if edits and not reverts:
        command = ["midb-agent", "revert", "--record", row.record_key, "--db", str(path), "-o", "OUT"]
        console.print(Text(f" undo    {visible(shlex.join(command))}"), soft_wrap=True)


def trail(decisions: Sequence[DecisionRow]) -> str:
    """The stations of a pair and what they decided."""
    words = ["diagnose"]
    for decision in decisions:
        if decision.station == Pass.ROUTE.value:
            words.append(f"route ({decision.reason}" + (f": {visible(decision.detail)})" if decision.detail else ")"))
        elif decision.station == Pass.VERIFICATION.value:
            accepted = decision.action == Action.APPLIED.value
            words.append("verify (accepted)" if accepted else f"verify (taken back: {decision.reason})")
        else:
            words.append(f"{decision.station} ({decision.action}" + _again(decision) + ")")
    return visible(" → ".join([*words, "record"]))


def _again(decision: DecisionRow) -> str:
    return f", attempt {decision.attempt}" if decision.attempt > 1 else ""


def _show_rejection(console: Console, row: DecisionRow) -> None:
    line = Text(f" ✗ {row.station}   taken back: {row.reason}", style="red")
    line.append(f"   {visible(row.detail)}", style="default")
    console.print(line, soft_wrap=True)


def _show_stage(console: Console, stage: Stage, findings: Sequence[FindingRow], *, several: bool, full: bool) -> None:
    """The edits of one decision, by kind and field, each passage with the reason why."""
    row = stage.row
    rejected = row.action == Action.REJECTED.value
    if rejected:
        _show_rejection(console, row)
    groups: dict[tuple[str, str], list[Any]] = defaultdict(list)
    for edit in row.edits:
        groups[edit.kind, edit.field].append(edit)
    for (kind, field), edits in groups.items():
        causes = [f for f in findings if f.decision_id == row.id and f.kind == kind and f.field == field]
        severity = causes[0].severity if causes else ""
        turn = f"turn {row.pair + 1} " if several else ""
        line = Text(f" {'tried' if rejected else '●'} {row.station} / {visible(kind)}")
        if severity:
            line.append(f"   {severity}", style=_SEVERITY_STYLES.get(severity, "default"))
        line.append(f"   {turn}{visible(field)} {edits[0].start}-{edits[-1].end}")
        for evidence in list(dict.fromkeys(cause.evidence for cause in causes))[:3]:
            line.append(f"   {visible(evidence)}")
        console.print(line, soft_wrap=True)
        text = next((text for name, text in stage.before.texts() if name.value == field), None)
        if text is not None and stage.fits:
            for hunk in hunks(text, [edit.edit() for edit in edits], context=None if full else CONTEXT):
                for shown in render(hunk, full=full):
                    console.print(Text("     ").append_text(shown), soft_wrap=True)


def _show_open(console: Console, logged: LoggedRecord, *, several: bool) -> None:
    for finding in logged.findings:
        if finding.status == "open":
            turn = f"turn {finding.pair + 1} " if several else ""
            line = Text(f" ○ open {visible(finding.kind)}", style="yellow")
            line.append(f"   {finding.severity}", style=_SEVERITY_STYLES.get(finding.severity, "default"))
            line.append(
                f"   {turn}{finding.field} {finding.start}-{finding.end}   {visible(finding.evidence)}", style="default"
            )
            console.print(line, soft_wrap=True)


def show_changes(console: Console, logged: LoggedRecord, *, kind: str | None) -> None:
    """The standing changes of one record, compactly."""
    row = logged.row
    console.print(
        Text(visible(row.record_key), style="bold").append(f" · {row.language}", style="not bold"), soft_wrap=True
    )
    for stage in replay(logged).stages:
        if stage.row.action != Action.APPLIED.value or not stage.fits:
            continue
        groups: dict[str, list[Any]] = defaultdict(list)
        for edit in stage.row.edits:
            if kind is None or edit.kind == kind:
                groups[edit.field].append(edit)
        for name, text in stage.before.texts():
            for hunk in hunks(text, [edit.edit() for edit in groups.get(name.value, [])]):
                inside = {e.kind for e in groups[name.value] if hunk.start <= e.start and e.end <= hunk.end}
                console.print(Text(f"   {visible(', '.join(sorted(inside)))}   {name.value} {hunk.start}-{hunk.end}"))
                for shown in render(hunk):
                    console.print(Text("     ").append_text(shown), soft_wrap=True)
    console.print()


def as_json(logged: LoggedRecord) -> dict[str, Any]:
    """One record with everything the log says about it."""
    row = logged.row
    return {
        "record": row.record_key, "position": row.position, "line": row.line, "language": row.language,
        "outcome": row.outcome,
        "decisions": [
            {"pair": d.pair, "pass": d.station, "attempt": d.attempt, "action": d.action, "reason": d.reason,
             "detail": d.detail,
             "edits": [{"field": e.field, "start": e.start, "end": e.end, "before": e.before, "after": e.after,
                        "kind": e.kind} for e in d.edits]}
            for d in logged.decisions
        ],
        "findings": [
            {"pair": f.pair, "field": f.field, "kind": f.kind, "severity": f.severity, "start": f.start, "end": f.end,
             "evidence": f.evidence, "status": f.status}
            for f in logged.findings
        ],
    }  # fmt: skip


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
