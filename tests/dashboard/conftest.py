"""A clock that the tests turn, and events as a run in 16 languages would send them."""

from __future__ import annotations

import io
from types import SimpleNamespace
from typing import Any

import pytest

from midb.domain.decisions import Action, Outcome, Pass
from midb.domain.events import BatchDone, EditMade, ModelUsed, RunEnded, RunPlanned
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


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal of 80 by 24 cells, whatever the tests themselves run in."""
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE", "COLORTERM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in (("TERM", "xterm-256color"), ("COLUMNS", "80"), ("LINES", "24")):
        monkeypatch.setenv(name, value)


def plan(**changes: Any) -> RunPlanned:
    told: dict[str, Any] = {
        "corpus": "corpora/translated.jsonl", "total": 1000, "format": "JSON Lines", "layout": "Alpaca",
        "language": "16 languages, declared in `lang`", "passes": ("content", "translation"),
        "engine": "embedded default, no model", "output": "out.jsonl", "database": "out.jsonl.audit.db",
        "rejected": "out.jsonl.rejected.jsonl", "workers": 2,
    }  # fmt: skip
    return RunPlanned(**told | changes)


def edit(number: int = 0, **changes: str) -> EditMade:
    told = {
        "record": f"de-{number:04}", "language": "de", "pass_": "translation", "kind": "translated-code",
        "field": "response", "left": "Schreibe ", "before": "wenn (20 > 18)", "after": "if (20 > 18)", "right": ":",
    }  # fmt: skip
    return EditMade(**told | changes)


def batch(records: int = 160, rejected: int = 0, **changes: Any) -> BatchDone:
    """Each of the 16 languages has the same share; some records are improved, one Japanese record is reverted."""
    each = records // len(LANGUAGES)
    outcomes = {(code, Outcome.UNCHANGED): each - 2 for code in LANGUAGES}
    outcomes |= {(code, Outcome.IMPROVED): 2 for code in LANGUAGES}
    outcomes[("ja", Outcome.IMPROVED)] -= 1
    outcomes[("ja", Outcome.REVERTED)] = 1
    told: dict[str, Any] = {
        "records": records, "rejected": rejected, "pairs": records, "outcomes": outcomes,
        "decisions": {
            (Pass.TRANSLATION, Action.APPLIED): 31, (Pass.TRANSLATION, Action.REJECTED): 1,
            (Pass.TRANSLATION, Action.SKIPPED): 8, (Pass.VERIFICATION, Action.APPLIED): 31,
        },
        "repaired": {"translated-code": 31}, "open": {"untranslated-text": 17, "foreign-currency": 4},
        "edits": tuple(edit(number) for number in range(30)),
    }  # fmt: skip
    return BatchDone(**told | changes)


USAGE = Usage(
    calls=1204, reused=12, prompt_tokens=1_200_000, completion_tokens=388_000, cached_tokens=852_000, drafted=500_000,
    accepted=305_000, steps=114_000, retries=3, attempts_failed=5, calls_failed=0,
)  # fmt: skip


def used(usage: Usage = USAGE, **changes: Any) -> ModelUsed:
    told: dict[str, Any] = {
        "usage": usage, "by_pass": {Pass.TRANSLATION: usage}, "in_flight": 64, "seconds": 1000.0,
        "budget_left": "0:41:20",
    }  # fmt: skip
    return ModelUsed(**told | changes)


def end(source: BatchDone | None = None, **changes: Any) -> RunEnded:
    source = source or batch()
    told: dict[str, Any] = {
        "status": "finished", "read": source.records + source.rejected, "rejected": source.rejected,
        "outcomes": source.outcomes, "repaired": source.repaired, "open": source.open, "balanced": True,
        "output": "out.jsonl", "database": "out.jsonl.audit.db", "rejected_path": "out.jsonl.rejected.jsonl",
        "seconds": 125.0,
    }  # fmt: skip
    return RunEnded(**told | changes)


@pytest.fixture
def story() -> SimpleNamespace:
    """Builders of events: ``plan``, ``edit``, ``batch``, ``used``, ``end``, each taking what is to be different;
    ``USAGE``, what they say of a model; ``Screen``."""
    return SimpleNamespace(plan=plan, edit=edit, batch=batch, used=used, end=end, USAGE=USAGE, Screen=Screen)
