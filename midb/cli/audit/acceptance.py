"""Who accepted what stands in a record: the checks that it passed, the versions that made them, a model's verdict.

Nothing is said that the log does not hold: which checks there were stands in the settings of the run, and a decision
that stands has passed each of them, for one that fails any is taken back. What people said has lines of its own.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import orjson
from rich.console import Console
from rich.text import Text

from midb.audit.rows import DecisionRow, LoggedRecord
from midb.audit.run_rows import Run
from midb.checks.listing import describe_check
from midb.domain.decisions import Action, Pass
from midb.text.terminal import isolated, visible


def show_acceptance(console: Console, run: Run, logged: LoggedRecord) -> None:
    """Who accepted the edits of a run that stand; nothing of a revert, or where nothing was changed."""
    entries = list(list_acceptances(run, logged))
    checked = [entry for entry in entries if entry["by"] == "checks"]
    label = "checks"
    for (pair, checks), same in itertools.groupby(checked, lambda entry: (entry["pair"], tuple(entry["checks"]))):
        turn = f"turn {pair + 1} " if logged.row.pairs > 1 else ""
        passed = ", ".join(map(describe_check, checks)) or "which ones, the log does not say"
        console.print(Text(f" {label:<7} {visible(f'{turn}{_join_passes(same)}: {passed}')}"), soft_wrap=True)
        label = ""
    if checked:
        ended = f" to {run.finished_at}" if run.finished_at else ""
        made = f"by midb-agent {_read_version(run)} in run {run.id}, {run.started_at}{ended}"
        console.print(Text(f"         {visible(made)}"), soft_wrap=True)
    for entry in entries:
        if entry["by"] == "model":
            said = f"{isolated(entry['engine'])} preferred it   {isolated(entry['said'])}"
            console.print(Text(f" verdict {said}"), soft_wrap=True)


def _join_passes(entries: Iterable[Mapping[str, Any]]) -> str:
    return ", ".join(dict.fromkeys(entry["pass"] for entry in entries))


def list_acceptances(run: Run, logged: LoggedRecord) -> Iterator[dict[str, Any]]:
    """Each acceptance of an edit that stands, in the order of the decisions: by checks or by a model's verdict."""
    standing = logged.standing()
    if run.kind != "run" or not standing:
        return
    checks = _read_checks(run)
    for decision in logged.decisions:
        if decision.id in standing:
            yield _by_checks(decision, checks["rewrites" if _is_modelled(decision) else "repairs"])
        elif decision.pass_ == Pass.VERIFICATION and _is_last(decision, logged.decisions):
            own = [row for row in logged.decisions if row.id in standing and row.pair == decision.pair]
            whole = "rewritten_pairs" if any(map(_is_modelled, own)) else "repaired_pairs"
            yield _by_checks(decision, checks[whole])
            for verdict in logged.decisions:
                if verdict.pair == decision.pair and _is_verdict(verdict, own):
                    yield {
                        "pair": verdict.pair, "pass": verdict.pass_, "by": "model", "engine": run.engine,
                        "said": verdict.detail,
                    }  # fmt: skip


def _by_checks(decision: DecisionRow, checks: Sequence[str]) -> dict[str, Any]:
    return {"pair": decision.pair, "pass": decision.pass_, "by": "checks", "checks": list(checks)}


def _is_modelled(decision: DecisionRow) -> bool:
    return decision.generation_id is not None


def _is_last(decision: DecisionRow, decisions: Sequence[DecisionRow]) -> bool:
    """Whether it is the verification that let the pair stand as it is."""
    last = max(row.id for row in decisions if row.pair == decision.pair and row.pass_ == Pass.VERIFICATION)
    return decision.id == last and decision.action == Action.APPLIED


def _is_verdict(decision: DecisionRow, edits: Sequence[DecisionRow]) -> bool:
    """Whether a model accepted the pair here, with all the edits that stand in it."""
    behind = decision.id > max(row.id for row in edits)
    accepted = decision.reason == "accepted" and decision.action != Action.REJECTED
    return decision.pass_ == Pass.VERIFICATION and _is_modelled(decision) and accepted and behind


def _read_checks(run: Run) -> Mapping[str, Sequence[str]]:
    """The checks of the run by what is checked, as its settings say; empty ones where they do not say so."""
    names = ("repairs", "repaired_pairs", "rewrites", "rewritten_pairs")
    logged = _read_object(run.config).get("checks")
    found = logged if isinstance(logged, dict) else {}
    return {name: [str(one) for one in found.get(name) or ()] for name in names}


def _read_version(run: Run) -> str:
    return str(_read_object(run.versions).get("midb-agent", "of an unknown version"))


def _read_object(text: str) -> dict[str, Any]:
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        return {}
    return value if isinstance(value, dict) else {}
