"""What reviews show: how precise each kind is in each language, and how far two reviewers agree."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from midb.audit.reader import AuditReader
from midb.audit.rows import VerdictRow
from midb.audit.verdicts import find_standing, has_verdicts
from midb.locales.measured import wilson
from midb.review.choosing import Candidate, ReviewChoice, choose


@dataclass(frozen=True, slots=True)
class Precision:
    """How many of the reviewed edits or findings of a kind were right, with the 95 % interval (Wilson).

    :param what: edits, model edits or findings: each is another figure.
    :param changed: for so many people gave the right text: there was something to find.
    """

    kind: str
    language: str
    what: str
    right: int
    changed: int
    reviewed: int

    @property
    def share(self) -> float:
        """From 0 to 1."""
        return self.right / self.reviewed

    def describe(self) -> dict[str, Any]:
        """As JSON has it."""
        low, high = self.interval
        return {
            "kind": self.kind, "language": self.language, "what": self.what, "right": self.right,
            "changed": self.changed, "reviewed": self.reviewed, "precision": round(self.share, 4),
            "low": round(low, 4), "high": round(high, 4),
        }  # fmt: skip

    @property
    def interval(self) -> tuple[float, float]:
        """Bounds of the share."""
        return wilson(self.right, self.reviewed)


def measure_precision(candidates: Iterable[Candidate], standing: Mapping[str, VerdictRow]) -> list[Precision]:
    """By kind, language, and what it is, where anything was reviewed. An edit is right if it was accepted; a finding
    also if a person gave the right text for it, for then there was something to find."""
    right, changed, reviewed = (defaultdict[tuple[str, str, str], int](int) for _ in range(3))
    for one in candidates:
        row = standing.get(one.item.name)
        if row is None:
            continue
        name = one.kind, one.language, one.what
        reviewed[name] += 1
        changed[name] += row.verdict == "change"
        right[name] += row.verdict == "accept" or (one.item.decision is None and row.verdict == "change")
    return [Precision(*name, right[name], changed[name], count) for name, count in sorted(reviewed.items())]


def list_judged(reader: AuditReader, run: int) -> Iterator[Candidate]:
    """What of a run can be reviewed, in records of which anything was said; nothing where nothing was."""
    if has_verdicts(reader):
        yield from choose(reader, run, ReviewChoice(judged=True))


def measure_review(reader: AuditReader, run: int) -> list[Precision]:
    """The precision of what was reviewed in a run, by the last word on each edit and finding."""
    return measure_precision(list_judged(reader, run), find_standing(reader, run))


def compute_kappa(first: Mapping[str, VerdictRow], second: Mapping[str, VerdictRow]) -> tuple[float | None, int]:
    """Cohen's kappa (1960) of two reviewers, and of how many items that both judged: accepted or not.

    None where it is not defined: nothing in common, or both said the same of everything, by chance or not.
    """
    common = sorted(first.keys() & second.keys())
    pairs = [(first[item].verdict == "accept", second[item].verdict == "accept") for item in common]
    if not pairs:
        return None, 0
    count = len(pairs)
    agreed = sum(a == b for a, b in pairs) / count
    a, b = sum(a for a, _ in pairs) / count, sum(b for _, b in pairs) / count
    by_chance = a * b + (1 - a) * (1 - b)
    return (None if by_chance == 1 else (agreed - by_chance) / (1 - by_chance)), count
