"""A run as JSON Lines, for programs. The names below are fixed: scripts rely on them."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from typing import Any, Self, TextIO

from midb.dashboard.state import outcome_sums
from midb.domain.decisions import RUN_OUTCOMES, Outcome
from midb.domain.events import BatchDone, EditMade, Event, LineRejected, ModelUsed, RunEnded, RunPlanned, Warned


class JsonEvents:
    """One JSON object a line, flushed at once, in plain ASCII: nothing in it can steer a terminal.

    ``event`` says what it is:

    - ``plan``: corpus, total (number or null), format, layout, language, passes (a list of names), engine, output,
      database, rejected_path, workers, resumed_at, model (whether one rewrites), budget
    - ``batch``, counts of this batch alone: records, pairs, unchanged, improved, reverted, rejected (lines),
      languages {code: {unchanged, improved, reverted}}, passes {pass: {skipped, applied, rejected}},
      repaired {kind: number}, open {kind: number},
      edits [{record, language, pass, station (an older name of pass), kind, field, before, after,
      left, right}]
    - ``usage``, only with a model, about once a second, counts since the run (re)started: calls, reused,
      prompt_tokens, completion_tokens, cached_tokens, drafted, accepted, steps, retries, attempts_failed,
      calls_failed, passes {pass: {the same}}, in_flight, ahead, seconds, budget_left
    - ``rejected``: line, reason, message
    - ``warning``: message
    - ``end``, counts of the whole run: status, read, unchanged, improved, reverted, rejected, balanced, languages,
      repaired, open, output, database, rejected_path, internal_errors, seconds, resume_command,
      usage {the eleven numbers of ``usage``, since the run (re)started}

    Every name is always there. Unlike a display, this is data: an error of the stream is raised.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def handle(self, event: Event) -> None:
        """Write one line."""
        self._stream.write(json.dumps(as_json(event)) + "\n")
        self._stream.flush()


def as_json(event: Event) -> dict[str, Any]:
    """The object that stands for an event, as JsonEvents describes it."""
    told = {field.name: getattr(event, field.name) for field in dataclasses.fields(event)}
    match event:
        case RunPlanned():
            told["rejected_path"] = told.pop("rejected")  # everywhere else "rejected" is a number
            return {"event": "plan"} | told
        case BatchDone():
            passes: dict[str, dict[str, int]] = {}
            for (pass_, action), number in told.pop("decisions").items():
                passes.setdefault(pass_, dict.fromkeys(("skipped", "applied", "rejected"), 0))[action] = number
            edits = [_edit(edit) for edit in told.pop("edits")]
            outcomes = _outcomes(told.pop("outcomes"))
            return {"event": "batch"} | _plain(told) | outcomes | {"passes": passes, "edits": edits}
        case ModelUsed():
            usage = dataclasses.asdict(told.pop("usage"))
            passes = {pass_: dataclasses.asdict(one) for pass_, one in told.pop("by_pass").items()}
            return {"event": "usage"} | usage | {"passes": passes} | told
        case LineRejected():
            return {"event": "rejected"} | told
        case Warned():
            return {"event": "warning"} | told
        case RunEnded():
            outcomes = _outcomes(told.pop("outcomes"))
            usage = dataclasses.asdict(told.pop("usage"))
            return {"event": "end"} | _plain(told) | outcomes | {"usage": usage}


def _edit(edit: EditMade) -> dict[str, Any]:
    """An edit; ``station`` repeats ``pass`` for scripts that were written before there was a version 0.2."""
    row = dataclasses.asdict(edit)
    name = row.pop("pass_")
    return row | {"pass": name, "station": name}


def _plain(told: dict[str, Any]) -> dict[str, Any]:
    """The same with ordinary dictionaries, which is all that the encoder knows."""
    return {name: dict(value) if isinstance(value, Mapping) else value for name, value in told.items()}


def _outcomes(outcomes: Mapping[tuple[str, Outcome], int]) -> dict[str, Any]:
    """Outcomes in all and per language."""
    languages: dict[str, dict[str, int]] = {}
    for (language, outcome), number in outcomes.items():
        languages.setdefault(language, dict.fromkeys(RUN_OUTCOMES, 0))[outcome] = number
    return {str(outcome): n for outcome, n in outcome_sums(outcomes).items()} | {"languages": languages}
