"""How far a shard's run is: counted from its events, written to a small file, read by whoever shows all of them."""

from __future__ import annotations

import dataclasses
import json
import os
import socket
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from midb.corpus.output import DEFAULT_MODE, make_private
from midb.domain.decisions import Action, Outcome, Pass
from midb.domain.events import BatchDone, EditMade, Event, ModelUsed, RunPlanned, Tally, Warned
from midb.domain.generations import Usage

#: Edits that are told with a shard's progress: a screen shows a few of all shards.
_EDITS = 2

#: Warnings of one shard that are told; its log has all of them.
_WARNINGS = 20


@dataclass
class ShardProgress:
    """The state of one shard's run, counted from its beginning, also where it goes on from a snapshot.

    :param host: the machine it runs on.
    :param attempt: from 1: how often it was begun there or elsewhere.
    :param used: what the model did in this attempt; None without a model.
    """

    host: str = field(default_factory=socket.gethostname)
    attempt: int = 1
    tally: Tally = field(default_factory=Tally)
    edits: tuple[EditMade, ...] = ()
    warnings: list[str] = field(default_factory=list)
    used: ModelUsed | None = None

    @property
    def position(self) -> int:
        """Records and rejected lines that are behind the run."""
        return self.tally.records + self.tally.rejected

    def take(self, event: Event) -> None:
        """Count an event in."""
        match event:
            case RunPlanned() if event.behind:
                self.tally.add(event.behind.counts)
            case BatchDone():
                self.tally.add(event)
                self.edits = event.edits[:_EDITS] or self.edits
            case ModelUsed():
                self.used = event
            case Warned() if len(self.warnings) < _WARNINGS:
                self.warnings.append(event.message)
            case _:
                pass

    def write(self, path: Path, mode: int = DEFAULT_MODE) -> None:
        """Replace the file in one step. Nothing is lost with it, so nobody waits for the disk.

        :param mode: the access that others get to it: pieces of texts are in it.
        """
        made = path.with_name(f"{path.name}.{self.host}.{os.getpid()}.partial")
        made.unlink(missing_ok=True)
        make_private(made, mode)
        made.write_text(json.dumps(self._as_json()), encoding="utf-8")
        os.replace(made, path)

    @classmethod
    def read(cls, path: Path) -> Self | None:
        """What the file says; None where there is none, or what is there was written by another version."""
        try:
            return cls._parse(json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def _as_json(self) -> dict[str, Any]:
        tally, used = self.tally, self.used
        return {
            "host": self.host,
            "attempt": self.attempt,
            "records": tally.records,
            "rejected": tally.rejected,
            "pairs": tally.pairs,
            "outcomes": [[*key, count] for key, count in tally.outcomes.items()],
            "decisions": [[*key, count] for key, count in tally.decisions.items()],
            "repaired": tally.repaired,
            "open": tally.open,
            "edits": [dataclasses.asdict(edit) for edit in self.edits],
            "warnings": self.warnings,
            "used": None
            if used is None
            else {
                "usage": dataclasses.asdict(used.usage),
                "by_pass": {pass_.value: dataclasses.asdict(usage) for pass_, usage in used.by_pass.items()},
                "in_flight": used.in_flight,
                "calls_in_flight": used.calls_in_flight,
                "tokens_in_flight": used.tokens_in_flight,
                "seconds": used.seconds,
            },
        }

    @classmethod
    def _parse(cls, told: Mapping[str, Any]) -> Self:
        used = told["used"]
        return cls(
            host=str(told["host"]),
            attempt=int(told["attempt"]),
            tally=Tally(
                records=told["records"],
                rejected=told["rejected"],
                pairs=told["pairs"],
                outcomes=Counter({(language, Outcome(outcome)): n for language, outcome, n in told["outcomes"]}),
                decisions=Counter({(Pass(pass_), Action(action)): n for pass_, action, n in told["decisions"]}),
                repaired=Counter(told["repaired"]),
                open=Counter(told["open"]),
            ),
            edits=tuple(EditMade(**edit) for edit in told["edits"]),
            warnings=list(told["warnings"]),
            used=None
            if used is None
            else ModelUsed(
                **used
                | {
                    "usage": Usage(**used["usage"]),
                    "by_pass": {Pass(name): Usage(**usage) for name, usage in used["by_pass"].items()},
                }
            ),
        )


def add_up(tallies: list[Tally]) -> Tally:
    """The sum of several."""
    total = Tally()
    for tally in tallies:
        total.records += tally.records
        total.rejected += tally.rejected
        total.pairs += tally.pairs
        for name in ("outcomes", "decisions", "repaired", "open"):
            getattr(total, name).update(getattr(tally, name))
    return total


def difference(now: Tally, before: Tally, edits: tuple[EditMade, ...] = ()) -> BatchDone:
    """What came since ``before``, as a batch; counts are negative where a lost machine took some with it."""

    def less(name: str) -> dict[Any, int]:
        new, old = getattr(now, name), getattr(before, name)
        return {key: new[key] - old[key] for key in [*new, *(key for key in old if key not in new)]
                if new[key] != old[key]}  # fmt: skip

    return BatchDone(
        records=now.records - before.records,
        rejected=now.rejected - before.rejected,
        pairs=now.pairs - before.pairs,
        outcomes=less("outcomes"),
        decisions=less("decisions"),
        repaired=less("repaired"),
        open=less("open"),
        edits=edits,
    )
