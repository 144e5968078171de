"""Events as a run in 16 languages would send them, a clock that the tests turn, and streams to look at."""

from __future__ import annotations

import io
from typing import Any

from rich.console import Console

from midb.dashboard import PlainLines
from midb.dashboard.console import open_terminal
from midb.domain.decisions import Action, Outcome, Pass
from midb.domain.events import BatchDone, Behind, EditMade, Event, ModelUsed, RunEnded, RunPlanned
from midb.domain.generations import Usage
from midb.locales import LANGUAGES


class Clock:
    """Seconds that pass when the test says so."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


class Screen(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def plan(**changes: Any) -> RunPlanned:
    """The plan of a run over 1,000 records."""
    values: dict[str, Any] = {
        "corpus": "corpora/translated.jsonl", "total": 1000, "format": "JSON Lines", "layout": "Alpaca",
        "language": "16 languages, declared in `lang`", "passes": ("content", "translation"),
        "engine": "embedded default, no model", "output": "out.jsonl", "database": "out.jsonl.audit.db",
        "rejected": "out.jsonl.rejected.jsonl", "workers": 2,
    }  # fmt: skip
    return RunPlanned(**values | changes)


def behind(records: int = 100, rejected: int = 0, **changes: Any) -> Behind:
    """What a run did before it was resumed: German records, half of them improved."""
    outcomes = {("de", Outcome.UNCHANGED): records - records // 2, ("de", Outcome.IMPROVED): records // 2}
    decisions = {(Pass.TRANSLATION, Action.APPLIED): records // 2}
    counts = BatchDone(
        records=records, rejected=rejected, pairs=records, outcomes=outcomes, decisions=decisions,
        repaired={"translated-code": records // 2}, open={"untranslated-text": records // 4},
    )  # fmt: skip
    return Behind(counts=counts, **changes)


def resumed(records: int = 100, rejected: int = 0, **changes: Any) -> RunPlanned:
    """The plan of a run that goes on."""
    own = {name: changes.pop(name) for name in ("reasons", "warnings", "usage") if name in changes}
    return plan(resumed_at=records + rejected, behind=behind(records, rejected, **own), **changes)


def edit(number: int = 0, **changes: str) -> EditMade:
    """An edit of the record de-NUMBER."""
    values = {
        "record": f"de-{number:04}", "language": "de", "pass_": "translation", "kind": "translated-code",
        "field": "response", "left": "Schreibe ", "before": "wenn (20 > 18)", "after": "if (20 > 18)", "right": ":",
    }  # fmt: skip
    return EditMade(**values | changes)


def batch(records: int = 160, rejected: int = 0, **changes: Any) -> BatchDone:
    """Each of the 16 languages has the same share; some records are improved, one Japanese record is reverted."""
    each = records // len(LANGUAGES)
    outcomes = {(code, Outcome.UNCHANGED): each - 2 for code in LANGUAGES}
    outcomes |= {(code, Outcome.IMPROVED): 2 for code in LANGUAGES}
    outcomes[("ja", Outcome.IMPROVED)] -= 1
    outcomes[("ja", Outcome.REVERTED)] = 1
    values: dict[str, Any] = {
        "records": records, "rejected": rejected, "pairs": records, "outcomes": outcomes,
        "decisions": {
            (Pass.TRANSLATION, Action.APPLIED): 31, (Pass.TRANSLATION, Action.REJECTED): 1,
            (Pass.TRANSLATION, Action.SKIPPED): 8, (Pass.VERIFICATION, Action.APPLIED): 31,
        },
        "repaired": {"translated-code": 31}, "open": {"untranslated-text": 17, "foreign-currency": 4},
        "edits": tuple(edit(number) for number in range(30)),
    }  # fmt: skip
    return BatchDone(**values | changes)


#: What the events below say of a model.
USAGE = Usage(
    calls=1204, reused=12, prompt_tokens=1_200_000, completion_tokens=388_000, cached_tokens=852_000, drafted=500_000,
    accepted=305_000, steps=114_000, retries=3, attempts_failed=5, calls_failed=0,
)  # fmt: skip


def used(usage: Usage = USAGE, **changes: Any) -> ModelUsed:
    """What a model has done in 1,000 seconds."""
    values: dict[str, Any] = {
        "usage": usage, "by_pass": {Pass.TRANSLATION: usage}, "in_flight": 64, "seconds": 1000.0,
        "budget_left": "0:41:20",
    }  # fmt: skip
    return ModelUsed(**values | changes)


def end(source: BatchDone | None = None, **changes: Any) -> RunEnded:
    """The end of a run that had one batch."""
    source = source or batch()
    values: dict[str, Any] = {
        "status": "finished", "read": source.records + source.rejected, "rejected": source.rejected,
        "outcomes": source.outcomes, "repaired": source.repaired, "open": source.open, "balanced": True,
        "output": "out.jsonl", "database": "out.jsonl.audit.db", "rejected_path": "out.jsonl.rejected.jsonl",
        "seconds": 125.0,
    }  # fmt: skip
    return RunEnded(**values | changes)


def show(console: Console, clock: Clock, *events: Event, by: type[PlainLines] = PlainLines) -> None:
    """Let a listener print some events."""
    with by(console, clock=clock) as lines:
        for event in events:
            lines.handle(event)


def show_in_file(clock: Clock, *events: Event) -> str:
    """What plain lines print into a file."""
    stream = io.StringIO()
    show(open_terminal(stream), clock, *events)
    return stream.getvalue()
