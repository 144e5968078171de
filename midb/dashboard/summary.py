"""The first and the last screen of a run: what will happen to the data, and what happened. Knows no terminal.

Both are lists of parts, to be printed one below the other.
"""

from __future__ import annotations

import re
import shlex

from rich.text import Text

from midb.dashboard.blocks import Block, Row, beside, figure, table
from midb.dashboard.console import Fact, Part
from midb.dashboard.model import total_text
from midb.dashboard.screen import STYLES, WIDE
from midb.dashboard.state import Progress, outcome_sums
from midb.dashboard.text import count, duration, flow, plural, short, shown, whole
from midb.domain.decisions import RUN_OUTCOMES
from midb.domain.events import RunEnded, RunPlanned
from midb.domain.generations import Usage

#: Record keys that can be typed in a command as they are.
_PLAIN_KEY = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:-]*")


def plan_parts(plan: RunPlanned) -> list[Part]:
    """The first screen."""
    total = "length unknown" if plan.total is None else f"{count(plan.total)} records"
    facts = [
        ("corpus", f"{shown(plan.corpus)}   {total}, {shown(plan.format)}, {shown(plan.layout)}"),
        ("language", shown(plan.language)),
        ("passes", ", ".join(map(shown, plan.passes))),
        ("engine", f"{shown(plan.engine)}{_how(plan)}"),
        ("output", whole(plan.output)),
        ("audit log", whole(plan.database)),
        ("rejected", f"{whole(plan.rejected)}   (only lines that cannot be read)"),
    ]
    if plan.budget:
        facts.insert(4, ("budget", shown(plan.budget)))
    if plan.resumed_at:
        facts.append(("resume", f"resuming at record {count(plan.resumed_at)}: what comes before it is done"))
    return [Fact(label, Text(text)) for label, text in facts]


def _how(plan: RunPlanned) -> str:
    """How much goes on at once."""
    if plan.model:
        return f"   {plural(plan.workers, 'pair')} at once" if plan.workers else ""
    return f"   {plural(plan.workers, 'worker') if plan.workers else 'in this process'}"


def end_parts(ended: RunEnded, progress: Progress, *, width: int) -> list[Part]:
    """The last screen: the most telling things last, next to the prompt."""
    ledger, kinds = _ledger_table(ended), _kinds_table(ended, columns=1 if width >= WIDE else 2)
    tables = [beside([ledger, kinds], widths=[None, None], gap=6).body] if width >= WIDE else [ledger.body, kinds.body]
    parts: list[Part] = [Text("")]
    for item in tables:
        parts += (item, Text(""))
    parts += _verdict(ended, progress, width)
    parts.append(Text(""))
    if _with_model(ended, progress):
        parts.append(Fact("model", total_text(ended.usage)))
    parts += _places(ended)
    parts += _next(ended, progress)
    return parts


def quiet_parts(ended: RunEnded) -> list[Part]:
    """What even a quiet run says: lines were rejected, the ledger is off, an internal error, how to go on."""
    parts: list[Part] = []
    if ended.rejected or not balances(ended):
        parts.append(ledger_sentence(ended))
    if ended.rejected:
        parts.append(Fact("rejected", Text(whole(ended.rejected_path))))
    if ended.internal_errors:
        parts.append(internal_error_sentence(ended))
    if ended.status != "finished":
        parts.append(status_sentence(ended))
        if ended.resume_command:
            parts.append(Fact("next", Text(whole(ended.resume_command)), command=True))
    return parts


def balances(ended: RunEnded) -> bool:
    """Whether everything that was read is accounted for: by the run's own word, and counted again here."""
    return ended.balanced and ended.read == sum(ended.outcomes.values()) + ended.rejected


def ledger_sentence(ended: RunEnded) -> Text:
    """The ledger in one line; loud where it does not balance."""
    sums = outcome_sums(ended.outcomes)
    accounted = sum(sums.values()) + ended.rejected
    terms = " + ".join([*(f"{count(n)} {o}" for o, n in sums.items()), f"{count(ended.rejected)} rejected"])
    if balances(ended):
        return Text.assemble(("ledger balances", "green"), f": {count(ended.read)} read = {terms}")
    if accounted == ended.read:
        why = f"{count(ended.read)} read and accounted for, but the output does not agree with the audit log"
    else:
        missing = ended.read - accounted
        off = f"{count(missing)} missing" if missing > 0 else f"{count(-missing)} too many"
        why = f"{count(ended.read)} read, but {terms} = {count(accounted)} ({off})"
    return Text(f"THE LEDGER DOES NOT BALANCE: {why}. Do not use this output.", "bold red")


def internal_error_sentence(ended: RunEnded) -> Text:
    """Says what an error of our own did to the data: nothing."""
    records = plural(ended.internal_errors, "record")
    return Text(
        f"{records} hit an internal error and {'was' if ended.internal_errors == 1 else 'were'} kept unchanged; "
        "the audit log names them (reason internal-error).",
        "bold red",
    )


def status_sentence(ended: RunEnded) -> Text:
    """How it ended, and how long it took."""
    took = duration(ended.seconds)
    match ended.status:
        case "finished":
            return Text(f"finished in {took}")
        case "interrupted":
            return Text(f"interrupted after {took}: what is done is kept, and the run can be resumed", "yellow")
        case status:
            return Text(f"{shown(status).upper()} after {took}: what was done before is kept", "bold red")


def _ledger_table(ended: RunEnded) -> Block:
    """One row per language, one for rejected lines, a total."""
    languages = sorted({language for language, _ in ended.outcomes})
    rows: list[list[Text | str]] = []
    for language in languages:
        numbers = [ended.outcomes.get((language, outcome), 0) for outcome in RUN_OUTCOMES]
        rows.append([shown(language, 10) or "(none)", count(sum(numbers)), *_figures(numbers), Text("")])
    rejected = figure(ended.rejected, "red")
    if ended.rejected:
        rows.append(["unreadable", count(ended.rejected), "", "", "", rejected])
    sums = [sum(ended.outcomes.get((language, outcome), 0) for language in languages) for outcome in RUN_OUTCOMES]
    total = [Text("total"), Text(count(ended.read)), *_figures(sums), rejected.copy()]
    for cell in total:
        cell.stylize("bold")
    rows.append([*total])
    return table(("language", "read", *(outcome.value for outcome in RUN_OUTCOMES), "rejected"), rows)


def _figures(numbers: list[int]) -> list[Text]:
    return [figure(n, STYLES.get(outcome, "")) for n, outcome in zip(numbers, RUN_OUTCOMES, strict=True)]


def _kinds_table(ended: RunEnded, *, columns: int) -> Block:
    """Findings and repairs per kind, the most frequent first."""
    names = {name for counts in (ended.repaired, ended.open) for name, n in counts.items() if n}
    both = {name: ended.repaired.get(name, 0) + ended.open.get(name, 0) for name in names}
    order = sorted(names, key=lambda name: (-both[name], name))
    written = count if columns == 1 else short
    rows: list[Row] = []
    for name in order:
        counts = [(ended.repaired.get(name, 0), "green"), (ended.open.get(name, 0), "yellow")]
        rows.append([shown(name, 23), *(figure(n, style, written(n) if n else "–") for n, style in counts)])
    headers = ("kind", "repaired", "open")
    if not rows:
        return Block(1, Text("no findings"))
    if columns == 1 or len(rows) < 8:
        return table(headers, rows)
    half = -(-len(rows) // 2)
    return beside([table(headers, rows[:half], gap=1), table(headers, rows[half:], gap=1)], widths=[None, None], gap=2)


def _verdict(ended: RunEnded, progress: Progress, width: int) -> list[Part]:
    parts: list[Part] = [status_sentence(ended), ledger_sentence(ended)]
    if ended.internal_errors:
        parts.append(internal_error_sentence(ended))
    if progress.rejected:
        # A resumed run was not told why the lines before it were rejected.
        since = "" if progress.rejected.total() == ended.rejected else " since the run was resumed"
        label = f"rejected lines{since}: "
        parts.append(Text("\n".join(flow(progress.rejected, width, 2, label)), "red"))
    if left := sum(ended.open.values()):
        whom = "a person" if _with_model(ended, progress) else "a model or a person"
        parts.append(Text(f"{plural(left, 'finding')} left open, for {whom}", "yellow"))
    if progress.warnings:
        them = "it" if progress.warnings == 1 else "them all"
        parts.append(Text(f"{plural(progress.warnings, 'warning')}; the audit log holds {them}", "yellow"))
    return parts


def _with_model(ended: RunEnded, progress: Progress) -> bool:
    return progress.with_model or ended.usage != Usage()


def _places(ended: RunEnded) -> list[Part]:
    unfinished = "" if ended.status == "finished" else "   (not finished)"
    rejected = f"{whole(ended.rejected_path)}   {plural(ended.rejected, 'line')}" if ended.rejected else "none"
    facts = [("output", whole(ended.output) + unfinished), ("audit log", whole(ended.database)), ("rejected", rejected)]
    return [Fact(label, Text(text)) for label, text in facts]


def _next(ended: RunEnded, progress: Progress) -> list[Part]:
    """What to type next."""
    database = shlex.quote(ended.database)
    commands = [whole(ended.resume_command)] if ended.resume_command and ended.status != "finished" else []
    commands.append(f"midb-agent audit summary --db {whole(database)}")
    keys = [edit.record for edit in progress.edits if _PLAIN_KEY.fullmatch(edit.record)]
    commands.append(f"midb-agent audit show {keys[-1] if keys else 'RECORD'} --db {whole(database)}")
    labels = ["next", *[""] * (len(commands) - 1)]
    return [Fact(label, Text(command), command=True) for label, command in zip(labels, commands, strict=True)]
