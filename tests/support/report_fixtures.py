"""Reports on logs made by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from midb.audit.reader import AuditReader
from midb.report.examples import Example, read_examples
from midb.report.figures import gather
from midb.report.sampling import EditDraw


def report_on(
    path: Path, run: int = 1, *, seed: int = 0, most: int = 10
) -> tuple[dict[str, Any], dict[str, list[Example]]]:
    """The figures of a run, and its examples by kind."""
    draw = EditDraw(seed, most)
    with AuditReader(path) as reader:
        figures = gather(reader, reader.run(run), draw, path)
        return figures, read_examples(reader, draw.drawn())
