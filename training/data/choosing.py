"""Which revisions are trained on: the selection by edit distance, duplicates, and who is held out."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rapidfuzz.distance import Levenshtein

from midb.domain.errors import UsageError
from midb.domain.pairs import InstructionPair
from midb.training.data.revision import Revision


@dataclass(frozen=True, slots=True)
class Sides:
    """Revisions to train on, and those that are held out."""

    train: list[Revision]
    held_out: list[Revision]


def parse_selection(text: str) -> float:
    """The share of ``all`` or ``distance:0.3``; raises UsageError for anything else.

    >>> parse_selection("all"), parse_selection("distance:0.3")
    (1.0, 0.3)
    """
    if text == "all":
        return 1.0
    name, _, share = text.partition(":")
    try:
        value = float(share) if name == "distance" else 0.0
    except ValueError:
        value = 0.0
    if not 0 < value <= 1:
        raise UsageError(f'--select "{text}" is not understood.', hint="Write --select all, or --select distance:0.3")
    return value


def select(revisions: Iterable[Revision], share: float) -> list[Revision]:
    """The share of each language with the largest edit distance between raw and revised, in characters.

    CoachLM (arXiv 2311.13246) and MIDB (arXiv 2505.17671) select so, by the distance of the English rows; here it is
    that of the texts themselves. It selects what experts expanded most.
    """
    if share >= 1:
        return list(revisions)
    by_language: dict[str, list[tuple[int, int, Revision]]] = defaultdict(list)
    for place, revision in enumerate(revisions):
        by_language[revision.language].append((-measure_distance(revision.raw, revision.revised), place, revision))
    kept = [
        entry
        for entries in by_language.values()
        for entry in sorted(entries, key=lambda entry: entry[:2])[: max(1, round(share * len(entries)))]
    ]
    return [revision for _, _, revision in sorted(kept, key=lambda entry: entry[1])]


def measure_distance(raw: InstructionPair, revised: InstructionPair) -> int:
    """Levenshtein's distance of two pairs, in characters, summed over their texts."""
    after = dict(revised.texts())
    return sum(Levenshtein.distance(text, after.get(field, "")) for field, text in raw.texts())


def drop_duplicates(revisions: Iterable[Revision]) -> tuple[list[Revision], int]:
    """The revisions without those that stand in another source as well, and how many these were."""
    seen: set[tuple[str, str]] = set()
    kept, dropped = [], 0
    for revision in revisions:
        key = revision.raw.content_hash(), revision.revised.content_hash()
        dropped += key in seen
        if key not in seen:
            seen.add(key)
            kept.append(revision)
    return kept, dropped


def split(revisions: Sequence[Revision], share: float) -> Sides:
    """Hold out a share of the rows. All translations of a row fall on one side, whatever their file.

    The side depends on SHA-256 of the row's name alone, so that it is the same on every machine and for every mix.
    """
    held = [revision for revision in revisions if is_held_out(revision.row, share)]
    return Sides([revision for revision in revisions if not is_held_out(revision.row, share)], held)


def is_held_out(row: str, share: float) -> bool:
    """Whether a row is among the held-out share."""
    number = int.from_bytes(hashlib.sha256(row.encode()).digest()[:8], "big")
    return number < share * 2**64


def refuse_leaks(train: Iterable[Revision], held_out: Iterable[Revision]) -> None:
    """Raise UsageError where a row is on both sides: what is measured there would be remembered, not learnt."""
    rows = {revision.row: revision.name for revision in train}
    both = [(rows[revision.row], revision.name) for revision in held_out if revision.row in rows]
    if both:
        first = f"{both[0][0]} and {both[0][1]} are the same row"
        raise UsageError(
            f"{len(both):,} held-out rows are trained on too, maybe in another language: {first}.",
            hint="Sides by row and not by record, or leave --held-out away: a share is then held out by row.",
        )
