"""Verdicts of people as rows: what they say of an edit or a finding, and of which one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import orjson

from midb.audit.file import seals
from midb.domain.hashing import digest

#: What may be said: of an edit that it is right, that it is to be undone, or what should stand there instead; of a
#: finding that it is one, that it is a false alarm, or what should stand in its place. The last takes a verdict back.
VERDICTS = ("accept", "reject", "change", "withdraw")


@dataclass(frozen=True, slots=True, order=True)
class Item:
    """What a verdict is about, by a name that lasts: an edit (its decision and its number in it) or a finding."""

    decision: int | None
    number: int

    @classmethod
    def parse(cls, name: str) -> Self:
        """Read a name; raises ValueError where it is none.

        >>> Item.parse("e-12-0"), Item.parse("f-7").name
        (Item(decision=12, number=0), 'f-7')
        """
        kind, *numbers = name.split("-")
        if not all(part.isascii() and part.isdigit() and len(part) < 19 for part in numbers):
            raise ValueError(f"{name} names no edit and no finding")
        if kind == "e" and len(numbers) == 2:
            return cls(int(numbers[0]), int(numbers[1]))
        if kind == "f" and len(numbers) == 1:
            return cls(None, int(numbers[0]))
        raise ValueError(f"{name} names no edit and no finding")

    @property
    def name(self) -> str:
        """As it is printed and accepted everywhere."""
        return f"f-{self.number}" if self.decision is None else f"e-{self.decision}-{self.number}"


@dataclass(frozen=True, slots=True)
class ReviewVerdict:
    """What one reviewer said of one item; ``text`` is the right text, only with "change"."""

    record: int
    item: Item
    verdict: str
    text: str | None = None
    note: str = ""


def build_verdict_row(
    verdict: ReviewVerdict, number: int, run: int, reviewer: str, at: str, previous: str
) -> dict[str, Any]:
    """The row of a verdict, chained to the one before it in its review."""
    row = {
        "id": number, "run_id": run, "record_id": verdict.record, "item": verdict.item.name, "reviewer": reviewer,
        "verdict": verdict.verdict, "text": verdict.text, "note": verdict.note, "at": at,
    }  # fmt: skip
    link = seals.chain_hash("verdicts", previous, seals.covered_values("verdicts", row))
    return row | {"previous_hash": previous, "hash": link}


def describe_review(reviewer: str, run: int) -> dict[str, str]:
    """The settings of a review, as the columns of its row in `runs` hold them."""
    settings = {"reviewer": reviewer, "reviews": run}
    return {"config": orjson.dumps(settings).decode(), "config_hash": digest(settings)}


def read_reviewer(config: Any) -> str:
    """Whose review it is; empty where the settings do not say so."""
    try:
        values = orjson.loads(config)
    except (orjson.JSONDecodeError, TypeError):
        return ""
    reviewer = values.get("reviewer") if isinstance(values, dict) else None
    return reviewer if isinstance(reviewer, str) else ""
