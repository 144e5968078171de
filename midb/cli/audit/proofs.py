"""What `audit verify` found, on a terminal and as JSON: the log, the files it speaks of, and its head."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from midb.audit.proof.files import FileProof, FileState
from midb.audit.proof.verify import LogProof
from midb.cli.audit.tables import cut
from midb.dashboard.text import pluralize
from midb.text.terminal import isolated, visible

_STYLES = {FileState.CHANGED: "red", FileState.MISSING: "yellow"}


def show_proof(console: Console, path: Path, proof: LogProof) -> None:
    """What is wrong with a log, or what was proved of each run."""
    for problem in proof.problems:
        line = Text("CHANGED  ", style="red")
        line.append(visible(f"{problem.table} {problem.row}".strip()), style="default")
        line.append(f" ({_describe_place(problem.record)})" if problem.record else "", style="default")
        line.append(f": {isolated(problem.message)}", style="default")
        console.print(line, soft_wrap=True)
    if proof.problem_count > len(proof.problems):
        console.print(Text(f"… and {proof.problem_count - len(proof.problems):,} more"))
    for run in proof.runs:
        state = "" if run.status in ("finished", "superseded") else f", {run.status}: proved up to its checkpoint"
        if run.kind == "review":
            told = pluralize(run.verdicts, "verdict on an edit or a finding", "verdicts, each on an edit or a finding")
        elif run.kind == "evaluation":
            told = f"{pluralize(run.judgements, 'link')} of judgements and figures{visible(state)}"
        else:
            told = (
                f"{pluralize(run.records, 'record')}, {pluralize(run.decisions, 'decision')}, "
                f"{pluralize(run.edits, 'edit')} replayed, {pluralize(run.rejected_lines, 'rejected line')}"
                f"{visible(state)}"
            )
        console.print(Text(f"run {run.id} ({visible(run.kind)}): {told}"), soft_wrap=True)
        if proof.head is None:
            console.print(Text(f"  head {visible(run.head)}"), soft_wrap=True)
    name = visible(str(path))
    if proof.problem_count:
        count = pluralize(proof.problem_count, "thing does not agree", "things do not agree")
        console.print(Text(f"{name} was changed: {count}", style="red"), soft_wrap=True)
    else:
        console.print(Text(f"{name} is intact: every hash agrees, every edit replays", style="green"), soft_wrap=True)


def _describe_place(record: str) -> str:
    return record if record.startswith("run ") else f"record {cut(record, 60)}"


def show_files(console: Console, files: Sequence[FileProof] | None) -> None:
    """How the files of the runs are; ``None`` where nobody looked."""
    for file in files or ():
        runs = _name_runs(file.runs)
        state = file.state.value.upper() if file.state is FileState.CHANGED else file.state.value
        if difference := file.difference:
            where = f" at record {cut(difference.record, 60)}" if difference.record else ""
            where += f" (line {difference.line:,})" if difference.line else ""
            state += f"{where}: {visible(difference.message)}"
        elif file.note:
            state += f": {visible(file.note)}" if file.state is FileState.MISSING else f" {visible(file.note)}"
        line = Text(f"{file.kind.value:<9} {isolated(file.path)} ({runs}): ")
        line.append(state, style=_STYLES.get(file.state, "default"))
        console.print(line, soft_wrap=True)


def _name_runs(runs: Sequence[int]) -> str:
    return f"run{'s' if len(runs) > 1 else ''} {', '.join(map(str, runs))}"


def show_heads(console: Console, proof: LogProof) -> None:
    """What the head and the key prove, and what should be noted."""
    for line in _describe_heads(proof):
        console.print(Text(line), soft_wrap=True)


def _describe_heads(proof: LogProof) -> Sequence[str]:
    told = []
    if proof.noted and proof.noted.since:
        heads = pluralize(proof.noted.since, "head follows", "heads follow")
        told.append(
            f"The head you noted was made in run {proof.noted.run}: all that it covers is as it was. {heads} it, for "
            f"what was added since by {_name_runs(proof.noted.runs)}."
        )
    elif proof.noted:
        told.append("The head you noted is the head of the log: all of it is as it was, and nothing was added.")
    elif proof.noted_run is not None:
        told.append(
            f"The head you noted is the end of the decisions of run {proof.noted_run}: these and their records are as "
            "they were. It says nothing of the rest of the log."
        )
    if proof.key_used and proof.intact:
        told.append("The head is sealed with the key that you gave.")
    elif proof.macs and not proof.key_used:
        told.append("The log is sealed with a key: --key FILE proves that nobody wrote in it who does not have it.")
    if proof.intact and proof.head:
        told.append(f"head {visible(proof.head)}")
        told.append("Note the head where nobody can change it: --head HASH later proves that nothing was written anew.")
    elif proof.intact:
        told.append("Note a head: given as --head HASH it later proves that nothing was written anew.")
    return told


def proof_json(proof: LogProof, files: Sequence[FileProof] | None) -> dict[str, Any]:
    """The same for scripts. ``intact`` is about the log alone, ``files_as_logged`` about what lies beside it."""
    return {
        "intact": proof.intact,
        "problems": [
            {"table": p.table, "row": p.row, "record": p.record, "message": p.message} for p in proof.problems
        ],
        "problem_count": proof.problem_count,
        "runs": [
            {"id": r.id, "kind": r.kind, "status": r.status, "records": r.records, "decisions": r.decisions,
             "edits": r.edits, "head": r.head}
            for r in proof.runs
        ],
        "head": proof.head,
        "noted": {"run": proof.noted.run, "heads_since": proof.noted.since, "runs_since": list(proof.noted.runs)}
        if proof.noted else None,
        "noted_decisions_of_run": proof.noted_run,
        "sealed_with_key": bool(proof.macs),
        "key_proved": proof.key_used and proof.intact,
        "files_as_logged": None if files is None else all(file.state is not FileState.CHANGED for file in files),
        "files": [_file_json(file) for file in files or ()],
    }  # fmt: skip


def _file_json(file: FileProof) -> dict[str, Any]:
    where = asdict(file.difference) if file.difference else {"message": file.note, "record": "", "line": None}
    return {
        "kind": file.kind.value, "runs": list(file.runs), "path": file.path, "state": file.state.value, **where,
    }  # fmt: skip
