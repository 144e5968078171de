"""Runs whose data are evaluated: small corpora, boosted in this process, and pairs made by hand."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from small_runs import run_here_over

from midb.audit.reader import AuditReader
from midb.corpus.formats.containers import open_container
from midb.corpus.opened import open_corpus
from midb.domain.pairs import InstructionPair
from midb.evaluation.data.measuring import DataQuestion
from midb.evaluation.data.sides import PairSides

#: German responses, of which the second has a defect that is repaired (numbering) and one that is not.
CLEAN = "Der Himmel ist blau, weil die Luft das blaue Licht der Sonne stärker streut als das rote Licht der Sonne."
BROKEN = "Gern, das sind vier Farben, die man im Garten oft sieht:\n1. Rot.\n2. Blau.\n2. Grün.\n4. Gelb."
MENDED = BROKEN.replace("2. Grün", "3. Grün")


def write_records(path: Path, records: Sequence[Mapping[str, Any]]) -> Path:
    """A corpus of objects."""
    path.write_text("".join(json.dumps(one, ensure_ascii=False) + "\n" for one in records), encoding="utf-8")
    return path


def make_records(count: int, broken_every: int = 2) -> list[dict[str, Any]]:
    """German records, of which each so-manieth is broken."""
    return [
        {
            "id": f"de-{number}", "instruction": f"Nenne Farben, Frage {number}.", "input": "",
            "output": BROKEN if number % broken_every == 0 else f"{CLEAN} Satz {number}.",
        }
        for number in range(count)
    ]  # fmt: skip


def make_run(folder: Path, records: Sequence[Mapping[str, Any]]) -> Path:
    """A corpus with its run, by rules alone, in a folder of its own; returns the log."""
    write_records(folder / "c.jsonl", records)
    run_here_over(folder, "c.jsonl")
    return folder / "c.boosted.jsonl.audit.db"


def ask(reader: AuditReader, folder: Path, **more: Any) -> DataQuestion:
    """The question about the run of a folder."""
    sides = [open_corpus(open_container(folder / name), identify=False) for name in ("c.jsonl", "c.boosted.jsonl")]
    return DataQuestion(reader=reader, run=reader.run(), corpus=sides[0], output=sides[1], **more)


def make_sides(before: str, after: str | None = None, *, number: int = 0, language: str = "de") -> PairSides:
    """A pair whose response was changed; each has a row of its own."""
    task = f"Nenne Farben, Frage {number}."
    return PairSides(
        key=f"{language}-{number}", number=0, row=f"row {number}", language=language,
        before=InstructionPair(instruction=task, input="", response=before),
        after=InstructionPair(instruction=task, input="", response=before if after is None else after),
        source=None, shared={}, demands=(), size=len(before),
    )  # fmt: skip
