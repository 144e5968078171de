"""What people said of earlier runs, as a run or a check takes it: decided once, when it begins."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import orjson

from midb.audit.questions.summary import SWITCHED_OFF
from midb.audit.reader import AuditReader
from midb.audit.run_rows import Run
from midb.detectors import KindSelection
from midb.domain.defects import SwitchedOff
from midb.domain.errors import AuditError
from midb.domain.events import Event, Waiting
from midb.review.switching import Bound, SwitchedByReview, decide_switches, name_reviews, read_decision
from midb.runs.config import RunConfig


def read_reviews(
    config: RunConfig, log: Path | None = None, emit: Callable[[Event], None] = lambda _: None
) -> SwitchedByReview | None:
    """What the logs of ``--reviewed`` switch off; None without any.

    :param log: that of the run. Where it goes on with one that was begun with the same reviews and bounds, what was
        decided then holds, whatever people said since.
    """
    if not config.reviewed:
        return None
    if len(config.reviewed) == 1 and (decided := read_decision(config.reviewed[0])):
        return decided  # once for all shards of a corpus
    bound = Bound(config.precision_bound, config.verdicts_bound)
    names = name_reviews(config.reviewed)
    if log is not None and log.exists() and not config.fresh and (pinned := _find_pinned(log, bound, names)):
        return pinned
    emit(Waiting(what=f"reading {', '.join(map(str, config.reviewed))}"))
    return decide_switches(config.reviewed, bound)


def switch_off(selection: KindSelection, review: SwitchedByReview | None, engine: str = "") -> KindSelection:
    """The kinds of a run without what people said is wrong too often; ``engine``: fingerprint of what rewrites."""
    return replace(selection, switched_off=review.choose(engine)) if review else selection


def _find_pinned(log: Path, bound: Bound, names: tuple[str, ...]) -> SwitchedByReview | None:
    """What the last run of a log was begun with, if that rests on the same; None before its first batch, which holds
    what was said of it."""
    try:
        with AuditReader(log) as reader:
            run = max((run for run in reader.runs() if run.kind == "run"), key=lambda run: run.id, default=None)
            if run is None:
                return None
            notes = tuple(str(row[0]) for row in reader.query(SWITCHED_OFF, [run.id]))
            review = SwitchedByReview(bound, names, _read_off(run), tuple(("", note) for note in notes))
            return review if notes and orjson.loads(run.config).get("reviewed") == review.describe() else None
    except AuditError:  # of another version, or none at all: who opens it for writing says so
        return None


def _read_off(run: Run) -> frozenset[SwitchedOff]:
    reviewed = orjson.loads(run.config).get("reviewed") or {}
    try:
        return frozenset(SwitchedOff.parse(text) for text in reviewed.get("off", ()))
    except ValueError:
        return frozenset()
