"""Examples as token ids, and files of them. Imports nothing but the standard library."""

from __future__ import annotations

import gzip
import json
import lzma
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

#: How compressed files of encoded examples are opened, by the ends of their names.
_OPENERS: Mapping[str, Any] = {".xz": lzma.open, ".gz": gzip.open}


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodedExample:
    """Token ids of prompt and reply.

    :param ids: all of them; those from ``start`` on are the reply, which is learnt, its closing token included.
    :param room: tokens that it counts as where batches are cut; 0: as many as it has. Trainings whose examples have the
        same rooms have the same examples in each step.
    """

    ids: list[int]
    start: int
    language: str = ""
    pass_: str = ""
    kind: str = ""
    name: str = ""
    row: str = ""
    room: int = 0

    @property
    def length(self) -> int:
        """Tokens that it counts as in a batch."""
        return max(self.room, len(self.ids))

    @property
    def reply(self) -> int:
        """Tokens that are learnt."""
        return len(self.ids) - self.start


def write_encoded(path: Path, examples: Iterable[EncodedExample]) -> None:
    """Write encoded examples as JSON Lines, compressed as the end of the name says (.xz, .gz)."""
    with _OPENERS.get(path.suffix, open)(path, "wt", encoding="utf-8") as file:
        for example in examples:
            file.write(json.dumps(asdict(example), ensure_ascii=False, separators=(",", ":")) + "\n")


def read_encoded(path: Path) -> list[EncodedExample]:
    """Read what ``write_encoded`` wrote."""
    with _OPENERS.get(path.suffix, open)(path, "rt", encoding="utf-8") as file:
        return [EncodedExample(**json.loads(line)) for line in file]
