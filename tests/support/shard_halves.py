"""A small corpus, cut in two and run: what the tests of logs, records and merges spoil in their own ways."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from small_runs import BROKEN, MENDED, run_over, write_lines

from midb.corpus.places import OutputPlaces
from midb.shards.split import split

#: Ids of its records; some fall to each shard.
KEYS = [f"de-{number}" for number in range(9)]


@dataclass(frozen=True)
class Halves:
    """A corpus in a folder of its own, with the logs of its two shards and what one run made of it."""

    folder: Path

    @property
    def corpus(self) -> Path:
        return self.folder / "c.jsonl"

    @property
    def single(self) -> Path:
        """The output of one run over the whole corpus; its log lies beside it."""
        return self.folder / "single.jsonl"

    @property
    def places(self) -> OutputPlaces:
        """Where a merge goes."""
        return OutputPlaces(self.folder / "merged.jsonl", self.folder / "merged.jsonl.audit.db")

    def log(self, number: int) -> Path:
        return self.folder / f"c.shard-{number}-of-2.boosted.jsonl.audit.db"

    @property
    def logs(self) -> list[Path]:
        return [self.log(1), self.log(2)]

    def output(self, number: int) -> Path:
        return self.folder / f"c.shard-{number}-of-2.boosted.jsonl"


def make_halves(folder: Path, **settings: Any) -> Halves:
    """Nine records, every second one with something to repair, and a line that cannot be read."""
    halves = Halves(folder)
    folder.mkdir(exist_ok=True)
    lines = (
        {"id": key, "instruction": f"Gruß {key}!", "output": MENDED if number % 2 else BROKEN}
        for number, key in enumerate(KEYS)
    )
    write_lines(halves.corpus, *lines, b"oops")
    for cut in split(halves.corpus, 2).cuts:
        assert cut.path is not None
        run_over(cut.path, **settings)
    run_over(halves.corpus, output=halves.single, **settings)
    return halves
