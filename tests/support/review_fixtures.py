"""A run to review: single edits, edits that stand or fall together, open findings, hostile texts, two languages."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from small_runs import run_over, write_lines

from midb.audit.reader import AuditReader
from midb.review.choosing import Candidate, ReviewChoice, choose

HOSTILE = "=1+1 <script>alert(1)</script> \u202eabc"

RECORDS: list[dict[str, Any]] = [
    {"id": "one", "instruction": "Grüße!", "output": "SchÃ¶n, dich zu sehen."},
    {
        "id": "two", "instruction": "Wie groß?", "output": "Der Turm ist 3.5 Meter hoch, das Haus {size} Meter.",
        "source": {"instruction": "How tall?", "output": "The tower is 3.5 meters tall, the house {size} meters."},
    },
    {"id": "quotes", "instruction": "Sag es!", "output": 'Er sagte "Hallo" und ging.'},
    {"id": "open", "instruction": "Wie weit?", "output": "Es sind 5 Meilen bis zum See."},
    {"id": "hostile", "instruction": "Sag es!", "output": f"Das ist schÃ¶n. {HOSTILE} Und {{name}} ist groÃŸ."},
    {"id": "clean", "instruction": "Nenne drei Farben.", "output": "Rot, Blau und Grün."},
]  # fmt: skip


@pytest.fixture(scope="session")
def reviewed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The log of a finished run over the records; not to be changed."""
    corpus = write_lines(tmp_path_factory.mktemp("review") / "c.jsonl", *RECORDS)
    run_over(corpus, typography=True)
    return corpus.with_name("c.boosted.jsonl.audit.db")


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """The same in a folder of its own, with its corpus and its output."""
    corpus = write_lines(tmp_path / "c.jsonl", *RECORDS)
    run_over(corpus, typography=True)
    return corpus.with_name("c.boosted.jsonl.audit.db")


def candidates_of(path: Path, **choice: object) -> dict[str, Candidate]:
    """What can be reviewed, by record and kind: "one mojibake"."""
    with AuditReader(path) as reader:
        keys = {row.id: row.record_key for row in reader.records("1", [])}
        found = choose(reader, 1, ReviewChoice(**choice))  # type: ignore[arg-type]
    return {f"{keys[one.record]} {one.kind}": one for one in found}
