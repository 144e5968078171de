"""A run as JSON Lines, for programs. The names are fixed: scripts rely on them."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from typing import Any, Self, TextIO

from midb.dashboard.state import sum_outcomes
from midb.domain.decisions import RUN_OUTCOMES, Outcome
from midb.domain.events import (
    BatchDone,
    Behind,
    EditMade,
    Event,
    LineRejected,
    ModelUsed,
    RunEnded,
    RunPlanned,
    ShardsSeen,
    Waiting,
    Warned,
)


class JsonEvents:
    """One JSON object a line, flushed at once, in plain ASCII: nothing in it can steer a terminal.

    ``event`` says what it is; `midb.domain.events` explains each name. Some of them stand in another form here:

    - ``plan``: corpus, total (number or null), format, layout, language, passes (a list of names), engine,
      adapters (which answers which passes, empty without one), output, database, rejected_path, workers, resumed_at,
      examined_before, model (whether one rewrites), budget, switched_off (sentences),
      cluster (of a run on many machines: its shards, for people),
      behind (null, or what a run that goes on did before: the counts of a batch, reasons {reason: rejected lines},
      warnings, usage)
    - ``batch``, counts of this batch alone: records, pairs, unchanged, improved, reverted, rejected (lines),
      languages {code: {unchanged, improved, reverted}}, passes {pass: {skipped, applied, rejected}},
      repaired {kind: number}, open {kind: number},
      edits [{record, language, pass, station (an older name of pass), kind, field, before, after,
      left, right}]
    - ``usage``, only with a model, about once a second, counts since the run (re)started: calls, reused,
      prompt_tokens, completion_tokens, cached_tokens, drafted, accepted, steps, retries, attempts_failed,
      calls_failed, passes {pass: {the same}}, in_flight, calls_in_flight,
      tokens_in_flight, ahead, seconds, budget_left
    - ``rejected``: line, reason, message
    - ``warning``: message, logged (whether it is in the audit log)
    - ``shards``, only in a run on many machines, whenever something of them has changed: shards
      [{number, state, host, attempts, done, total}]; what a lost machine had done after its last snapshot is taken
      back by a ``batch`` with negative counts
    - ``end``, counts of the whole run: status, read, unchanged, improved, reverted, rejected, balanced, languages,
      repaired, open, output, database, rejected_path, internal_errors, too_slow, no_usable_reply, unexamined, reasons
      {reason: rejected lines}, seconds, resume_command, head (of the audit log), switched_off (sentences), usage {the
      eleven numbers of ``usage``, since the run (re)started}

    Every name is always there. Unlike a display, this is data: an error of the stream is raised.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def handle(self, event: Event) -> None:
        """Write one line. What a run waits for is for people who look at a screen."""
        if isinstance(event, Waiting):
            return
        self._stream.write(json.dumps(to_json(event)) + "\n")
        self._stream.flush()


#: The events that are told; what a run waits for is for people.
Told = BatchDone | LineRejected | ModelUsed | RunEnded | RunPlanned | ShardsSeen | Warned


def to_json(event: Told) -> dict[str, Any]:
    """The object that stands for an event, as JsonEvents describes it."""
    values = {field.name: getattr(event, field.name) for field in dataclasses.fields(event)}
    match event:
        case RunPlanned():
            values["rejected_path"] = values.pop("rejected")  # everywhere else "rejected" is a number
            if event.behind:
                values["behind"] = _behind_json(event.behind)
            return {"event": "plan"} | values
        case BatchDone():
            return {"event": "batch"} | _counts_json(event) | {"edits": [_edit_json(edit) for edit in event.edits]}
        case ModelUsed():
            usage = dataclasses.asdict(values.pop("usage"))
            passes = {pass_: dataclasses.asdict(one) for pass_, one in values.pop("by_pass").items()}
            return {"event": "usage"} | usage | {"passes": passes} | values
        case LineRejected():
            return {"event": "rejected"} | values
        case ShardsSeen():
            return {"event": "shards", "shards": [dataclasses.asdict(shard) for shard in event.shards]}
        case Warned():
            return {"event": "warning"} | values
        case RunEnded():
            outcomes = _outcomes_json(values.pop("outcomes"))
            usage = dataclasses.asdict(values.pop("usage"))
            return {"event": "end"} | _to_dicts(values) | outcomes | {"usage": usage}


def _behind_json(behind: Behind) -> dict[str, Any]:
    rest = {"reasons": dict(behind.reasons), "warnings": behind.warnings, "usage": dataclasses.asdict(behind.usage)}
    return _counts_json(behind.counts) | rest


def _counts_json(batch: BatchDone) -> dict[str, Any]:
    """What a batch counts, without its edits."""
    passes: dict[str, dict[str, int]] = {}
    for (pass_, action), number in batch.decisions.items():
        passes.setdefault(pass_, dict.fromkeys(("skipped", "applied", "rejected"), 0))[action] = number
    named = {"records": batch.records, "rejected": batch.rejected, "pairs": batch.pairs}
    kinds = {"repaired": dict(batch.repaired), "open": dict(batch.open)}
    return named | kinds | _outcomes_json(batch.outcomes) | {"passes": passes}


def _edit_json(edit: EditMade) -> dict[str, Any]:
    """An edit; ``station`` repeats ``pass`` for scripts that were written before there was a version 0.2."""
    row = dataclasses.asdict(edit)
    name = row.pop("pass_")
    return row | {"pass": name, "station": name}


def _to_dicts(values: dict[str, Any]) -> dict[str, Any]:
    """The same with ordinary dictionaries, which is all that the encoder knows."""
    return {name: dict(value) if isinstance(value, Mapping) else value for name, value in values.items()}


def _outcomes_json(outcomes: Mapping[tuple[str, Outcome], int]) -> dict[str, Any]:
    """Outcomes in all and per language."""
    languages: dict[str, dict[str, int]] = {}
    for (language, outcome), number in outcomes.items():
        languages.setdefault(language, dict.fromkeys(RUN_OUTCOMES, 0))[outcome] = number
    return {str(outcome): n for outcome, n in sum_outcomes(outcomes).items()} | {"languages": languages}
