"""How one record of the audit log looks on a terminal: what was changed, why, how it was decided, how to undo it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
from rich.console import Console
from rich.text import Text

from midb.audit.proof.replay import Problem, Stage, replay
from midb.audit.questions.comparing import Difference
from midb.audit.questions.later import LaterChange
from midb.audit.questions.usage import GenerationRow
from midb.audit.rows import DecisionRow, EditRow, LoggedRecord, RecordRow, VerdictRow
from midb.audit.run_rows import Run
from midb.audit.verdict_rows import Item
from midb.cli.audit.acceptance import list_acceptances, show_acceptance
from midb.cli.audit.later import show_later, show_undo
from midb.cli.audit.model_calls import Messages, generation_json, show_generations
from midb.dashboard.blocks import OUTCOME_STYLES
from midb.domain.decisions import Action, Pass
from midb.domain.defects import FindingStatus
from midb.domain.pairs import Field, InstructionPair
from midb.text.diffs import CONTEXT, compare_texts, find_hunks
from midb.text.rendering import render_hunk, render_passage
from midb.text.terminal import isolated, visible

_SEVERITY_STYLES = {"critical": "red", "major": "yellow", "minor": "default"}


def show_record(
    console: Console,
    path: Path,
    run: Run,
    logged: LoggedRecord,
    problems: Sequence[Problem],
    *,
    generations: Mapping[int, GenerationRow],
    verdicts: Sequence[VerdictRow],
    twins: bool,
    full: bool,
    only: Collection[str] = (),
    later: Sequence[LaterChange] = (),
    start: int | None = None,
) -> None:
    """One record of a run, as an auditor reads it in a minute; ``generations`` by id, ``verdicts`` in their order.

    :param only: names of the edits and findings that are shown; empty: all.
    :param later: what later runs did to it; ``start`` is the run whose edits the undo command names.
    """
    row, standing = logged.row, logged.standing()
    replayed = replay(logged)
    edits = [edit for decision in logged.decisions if decision.id in standing for edit in decision.edits]
    head = Text(isolated(row.record_key), style="bold")
    head.append(f" · {visible(row.language)} · ", style="not bold")
    head.append(visible(row.outcome), style=OUTCOME_STYLES.get(row.outcome, "default"))
    place = f" · line {row.line:,}" + (f" (#{row.position})" if twins or row.record_key.startswith("#") else "")
    head.append(f" · {len(edits)} edit{'' if len(edits) == 1 else 's'}{place}", style="not bold")
    head.append(" · DOES NOT AGREE" if problems else " · verified: hashes and replay agree", style="not bold")
    console.print(head, soft_wrap=True)
    for problem in problems:
        line = Text("   CHANGED  ", style="red")
        line.append(visible(f"{problem.table} {problem.row}: {problem.message}"), style="default")
        console.print(line, soft_wrap=True)
    show_later(console, later, run.id)
    whole, logged = logged, _keep_only(logged, only)
    stages = {stage.row.id: stage for stage in replayed.stages}
    number = 0
    for decision in logged.decisions:
        if decision.id in standing:
            number = _show_edits(console, logged, decision, stages.get(decision.id), number, full=full)
        elif decision.edits or (decision.action == Action.REJECTED.value and not only):
            _show_taken_back(console, logged, decision, stages.get(decision.id), full=full)
    _show_findings(console, logged, replayed.finals)
    _show_names(console, logged, standing)
    _show_verdicts(console, [row for row in verdicts if not only or row.item in only])
    show_acceptance(console, run, whole)
    if len(whole.decisions) > len(logged.decisions) or len(whole.findings) > len(logged.findings):
        console.print(Text(" only    what was named; without --edit the whole record is shown"), soft_wrap=True)
    for pair in sorted({decision.pair for decision in logged.decisions}):
        decisions = [decision for decision in whole.decisions if decision.pair == pair]
        turn = f"(turn {pair + 1}) " if row.pairs > 1 else ""
        console.print(Text(f" trail   {turn}{describe_trail(decisions)}"), soft_wrap=True)
    show_generations(console, logged, generations)
    shown = [edit for decision in logged.decisions if decision.id in standing for edit in decision.edits]
    items, kinds = [Item(edit.decision_id, edit.ordinal) for edit in shown], {edit.kind for edit in shown}
    by_place = twins or visible(row.record_key) != row.record_key
    show_undo(console, path, run, row, items, kinds, later, start=start, by_place=by_place, by_name=bool(only))


def _keep_only(logged: LoggedRecord, names: Collection[str]) -> LoggedRecord:
    """The record with these edits and findings alone; with all of them where none is named."""
    if not names:
        return logged
    kept = {finding.decision_id: finding for finding in logged.findings if Item(None, finding.id).name in names}
    decisions = []
    for decision in logged.decisions:
        cause = kept.get(decision.id)
        edits = tuple(
            edit for edit in decision.edits
            if Item(edit.decision_id, edit.ordinal).name in names
            or (cause and (cause.kind, cause.field) == (edit.kind, edit.field))
        )  # fmt: skip
        if edits:
            decisions.append(replace(decision, edits=edits))
    findings = tuple(
        finding for finding in logged.findings
        if Item(None, finding.id).name in names or finding.decision_id in {decision.id for decision in decisions}
    )  # fmt: skip
    return replace(logged, decisions=tuple(decisions), findings=findings)


def describe_trail(decisions: Sequence[DecisionRow]) -> str:
    """The passes of a pair and what they decided; what a person undid went through none."""
    if any(decision.pass_ == Pass.REVERT for decision in decisions):
        return visible(f"undone by request ({decisions[-1].detail})")
    if any(decision.pass_ == Pass.REVIEW for decision in decisions):
        return visible(f"corrected as people said ({decisions[-1].detail})")
    words = ["diagnose"]
    for decision in decisions:
        if decision.pass_ == Pass.ROUTE.value:
            words.append(f"route ({decision.reason}" + (f": {decision.detail})" if decision.detail else ")"))
        elif decision.pass_ == Pass.VERIFICATION.value:
            accepted = decision.action == Action.APPLIED.value
            words.append("verify (accepted)" if accepted else f"verify (taken back: {decision.reason})")
        elif decision.action == Action.REJECTED.value:
            words.append(f"{decision.pass_} (taken back: {decision.reason}{_describe_attempt(decision)})")
        else:
            words.append(f"{decision.pass_} ({decision.action}{_describe_attempt(decision)})")
    return visible(" → ".join([*words, "record"]))


def _describe_attempt(decision: DecisionRow) -> str:
    return f", attempt {decision.attempt}" if decision.attempt > 1 else ""


def _circle(number: int) -> str:
    """A number in a circle, as far as there are such characters."""
    return chr(0x2460 + number - 1) if number <= 20 else f"{number}."


def _describe_place(logged: LoggedRecord, pair: int, field: str, start: int, end: int) -> str:
    turn = f"turn {pair + 1} " if logged.row.pairs > 1 else ""
    return f"{turn}{visible(field)} {start}-{end}"


def _group_edits(row: DecisionRow) -> dict[tuple[str, str], list[EditRow]]:
    """The edits of a decision by kind and field."""
    groups: dict[tuple[str, str], list[EditRow]] = defaultdict(list)
    for edit in row.edits:
        groups[edit.kind, edit.field].append(edit)
    return groups


def _show_edits(
    console: Console, logged: LoggedRecord, row: DecisionRow, stage: Stage | None, number: int, *, full: bool
) -> int:
    """The edits of a decision that stands, each passage with the reason why; returns how many entries there are now."""
    for (kind, field), edits in _group_edits(row).items():
        number += 1
        causes = [f for f in logged.findings if f.decision_id == row.id and (f.kind, f.field) == (kind, field)]
        line = Text(f" {_circle(number)} {visible(row.pass_)} / {visible(kind)}")
        for severity in dict.fromkeys(cause.severity for cause in causes):
            line.append(f"   {visible(severity)}", style=_SEVERITY_STYLES.get(severity, "default"))
        line.append(f"   {_describe_place(logged, row.pair, field, edits[0].start, edits[-1].end)}")
        for evidence in list(dict.fromkeys(cause.evidence for cause in causes))[:3]:
            line.append(f"   {isolated(evidence)}")
        if not causes and row.detail:
            line.append(f"   {isolated(row.detail)}")
        console.print(line, soft_wrap=True)
        _show_passages(console, stage, field, edits, full=full)
    return number


def _name_edits(edits: Sequence[EditRow]) -> str:
    """The names by which edits of one decision are known everywhere."""
    names = [Item(edit.decision_id, edit.ordinal).name for edit in edits]
    return ", ".join(names) if len(names) < 4 else f"{names[0]} … {names[-1]}"


def _show_names(console: Console, logged: LoggedRecord, standing: Collection[int]) -> None:
    """By which names reviews and sheets know the edits and open findings of a record, in the order shown above."""
    groups = [
        edits for decision in logged.decisions if decision.id in standing for edits in _group_edits(decision).values()
    ]
    names = [f"{_circle(number)} {_name_edits(edits)}" for number, edits in enumerate(groups, start=1)]
    names += [
        f"{'○' if finding.status == FindingStatus.OPEN.value else '·'} {Item(None, finding.id).name}"
        for finding in logged.findings
        if finding.status != FindingStatus.REPAIRED.value
    ]
    if names:
        console.print(Text(f" named   {'   '.join(names)}"), soft_wrap=True)


def _show_verdicts(console: Console, verdicts: Sequence[VerdictRow]) -> None:
    """What people said; of each edit and finding the last word counts."""
    last = {row.item: row.id for row in verdicts}
    for row in verdicts:
        line = Text(f" ✎ {visible(row.verdict)} {visible(row.item)}", style="" if last[row.item] == row.id else "dim")
        line.append(f" by {isolated(row.reviewer)}, {visible(row.at)}")
        if row.text is not None:
            line.append(f"   right: [{isolated(row.text)}]")
        if row.note:
            line.append(f"   {isolated(row.note)}")
        console.print(line, soft_wrap=True)


def _show_taken_back(
    console: Console, logged: LoggedRecord, row: DecisionRow, stage: Stage | None, *, full: bool
) -> None:
    """A decision that was taken back: why, and what it tried."""
    line = Text(f" ✗ {visible(row.pass_)}   taken back: ", style="red")
    rejected = row.action == Action.REJECTED.value
    reason, detail = (row.reason, row.detail) if rejected else ("by the verification below", "")
    if rejected and row.pass_ == Pass.VERIFICATION.value:
        reason += ", back to the original"
    line.append(visible(reason)).append(f"   {isolated(detail)}" if detail else "", style="default")
    console.print(line, soft_wrap=True)
    for (kind, field), edits in _group_edits(row).items():
        place = _describe_place(logged, row.pair, field, edits[0].start, edits[-1].end)
        console.print(Text(f"   tried {visible(kind)}   {place}   {_name_edits(edits)}"), soft_wrap=True)
        _show_passages(console, stage, field, edits, full=full)


def _show_passages(console: Console, stage: Stage | None, field: str, edits: Sequence[EditRow], *, full: bool) -> None:
    """What the edits of one field change; as they are logged where they do not fit the text."""
    text = None
    if stage is not None and stage.fits:
        text = next((text for name, text in stage.before.texts() if name.value == field), None)
    if text is None:
        for edit in edits:
            console.print(Text(f"     [{isolated(edit.before)}] → [{isolated(edit.after)}]   (without its text)"))
        return
    for hunk in find_hunks(text, [edit.edit() for edit in edits], context=None if full else CONTEXT):
        for line in render_hunk(hunk, full=full, inline=True):
            console.print(Text("     ").append_text(line), soft_wrap=True)


def _show_findings(console: Console, logged: LoggedRecord, finals: Sequence[InstructionPair]) -> None:
    """What is still open, with its passage, and what went along with another repair."""
    for finding in logged.findings:
        if finding.status == FindingStatus.REPAIRED.value:
            continue
        still_open = finding.status == FindingStatus.OPEN.value
        line = Text(f" {'○' if still_open else '·'} {visible(finding.status)} {visible(finding.kind)}")
        line.stylize("yellow" if still_open else "dim")
        line.append(f"   {visible(finding.severity)}", style=_SEVERITY_STYLES.get(finding.severity, "default"))
        place = _describe_place(logged, finding.pair, finding.field, finding.start, finding.end)
        line.append(f"   {place}   {isolated(finding.evidence)}", style="default")
        console.print(line, soft_wrap=True)
        texts = dict(finals[finding.pair].texts()) if still_open and 0 <= finding.pair < len(finals) else {}
        text = next((text for name, text in texts.items() if name.value == finding.field), "")
        if 0 <= finding.start < finding.end <= len(text):
            console.print(Text("     ").append_text(render_passage(text, finding.start, finding.end)), soft_wrap=True)


def show_changes(console: Console, logged: LoggedRecord, *, names: Collection[str] | None = None) -> None:
    """The changes of one record that stand, compactly; only edits of these names where some are given."""
    standing = logged.standing()
    _show_key(console, logged.row)
    for stage in replay(logged).stages:
        if stage.row.id not in standing or not stage.fits:
            continue
        for name, text in stage.before.texts():
            edits = [
                e for e in stage.row.edits if e.field == name.value and (names is None or _name_edits([e]) in names)
            ]
            for hunk in find_hunks(text, [edit.edit() for edit in edits]):
                inside = [edit for edit in edits if edit.start <= hunk.end and hunk.start <= edit.end]
                kinds = visible(", ".join(sorted({edit.kind for edit in inside})))
                place = _describe_place(logged, stage.row.pair, name.value, hunk.start, hunk.end)
                console.print(Text(f"   {kinds}   {place}   {_name_edits(inside)}"), soft_wrap=True)
                for line in render_hunk(hunk, inline=True):
                    console.print(Text("     ").append_text(line), soft_wrap=True)
    console.print()


def show_difference(console: Console, difference: Difference) -> None:
    """A record that came out differently in another run: ``-`` there, ``+`` here."""
    _show_key(console, difference.row)
    if difference.texts is None or difference.other_texts is None:
        console.print(Text("   the log does not hold both texts"))
    for number, (here, there) in enumerate(zip(difference.texts or (), difference.other_texts or (), strict=False)):
        turn = f"turn {number + 1} " if difference.row.pairs > 1 else ""
        for field in Field:
            for hunk in compare_texts(there.text(field) or "", here.text(field) or ""):
                console.print(Text(f"   {turn}{field} {hunk.start}-{hunk.end}"))
                for line in render_hunk(hunk, inline=True):
                    console.print(Text("     ").append_text(line), soft_wrap=True)
    console.print()


def _show_key(console: Console, row: RecordRow) -> None:
    line = Text(isolated(row.record_key), style="bold").append(f" · {visible(row.language)}", style="not bold")
    console.print(line, soft_wrap=True)


def record_json(
    run: Run,
    logged: LoggedRecord,
    problems: Sequence[Problem],
    generations: Mapping[int, GenerationRow],
    prompts: Mapping[int, Messages],
    verdicts: Sequence[VerdictRow] = (),
) -> dict[str, Any]:
    """One record with everything the log says about it; texts are null where nothing was found in it.

    What a model was asked is there only for generations whose prompts are given.
    """
    row, standing = logged.row, logged.standing()
    texts = [_load_texts(text) for text in (row.original_text, row.final_text or row.original_text)]
    return {
        "run": row.run_id, "record": row.record_key, "position": row.position, "line": row.line,
        "language": row.language, "outcome": row.outcome, "original": texts[0], "final": texts[1],
        "problems": [f"{problem.table} {problem.row}: {problem.message}" for problem in problems],
        "decisions": [
            {"pair": d.pair, "pass": d.pass_, "attempt": d.attempt, "action": d.action, "reason": d.reason,
             "detail": d.detail, "stands": d.id in standing, "prompt_hash": d.prompt_hash,
             "generation": generation_json(generations.get(d.generation_id or 0), prompts.get(d.generation_id or 0)),
             "edits": [{"field": e.field, "start": e.start, "end": e.end, "before": e.before, "after": e.after,
                        "kind": e.kind, "id": Item(e.decision_id, e.ordinal).name} for e in d.edits]}
            for d in logged.decisions
        ],
        "findings": [
            {"pair": f.pair, "field": f.field, "kind": f.kind, "severity": f.severity, "start": f.start, "end": f.end,
             "evidence": f.evidence, "detector": f.detector, "status": f.status, "id": Item(None, f.id).name}
            for f in logged.findings
        ],
        "accepted": list(list_acceptances(run, logged)),
        "verdicts": [
            {"id": v.item, "reviewer": v.reviewer, "verdict": v.verdict, "text": v.text, "note": v.note, "at": v.at}
            for v in verdicts
        ],
    }  # fmt: skip


def _load_texts(text: str | None) -> Any:
    """The texts as lists; as they stand where somebody made them something else."""
    try:
        return None if text is None else orjson.loads(text)
    except orjson.JSONDecodeError:
        return text
