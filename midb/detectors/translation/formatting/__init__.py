"""Marks of Markdown and LaTeX that translation took apart or translated."""

from collections.abc import Iterator

from midb.detectors.translation.formatting import emphasis, formulas
from midb.domain.defects import Finding
from midb.text.inspection import Inspection

KINDS = (*emphasis.KINDS, *formulas.KINDS)


def detect(inspection: Inspection) -> Iterator[Finding]:
    """Each sort in turn."""
    yield from emphasis.detect(inspection)
    yield from formulas.detect(inspection)
