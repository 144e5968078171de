"""Which edits a report shows: some of each kind, by a seed, so that the same log and seed show the same ones."""

from __future__ import annotations

import hashlib
import heapq
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class EditPlace:
    """Where an edit stands in the log: the ids of its record and its decision, and its order within the decision."""

    record: int
    decision: int
    ordinal: int


class EditDraw:
    """Keeps ``most`` of the edits of each kind that it is offered, each as likely, whatever their order."""

    def __init__(self, seed: int, most: int) -> None:
        self.seed, self.most = seed, most
        # The largest lot is the first to go; heapq has the smallest in front, hence the minus.
        self._kept: dict[str, list[tuple[int, int, int, int]]] = {}

    def offer(self, kind: str, place: EditPlace) -> None:
        """Take part in the draw."""
        if self.most < 1:
            return
        name = f"{self.seed} {place.decision} {place.ordinal}".encode()
        lot = int.from_bytes(hashlib.blake2b(name, digest_size=8).digest())
        entry = (-lot, place.record, place.decision, place.ordinal)
        kept = self._kept.setdefault(kind, [])
        if len(kept) < self.most:
            heapq.heappush(kept, entry)
        elif entry > kept[0]:
            heapq.heapreplace(kept, entry)

    def drawn(self) -> dict[str, list[EditPlace]]:
        """What was drawn, by kind, in the order of the log."""
        return {
            kind: sorted((EditPlace(*entry[1:]) for entry in kept), key=lambda place: (place.decision, place.ordinal))
            for kind, kept in sorted(self._kept.items())
        }
