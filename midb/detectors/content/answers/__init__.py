"""Answers that are none: what was given, given back; refusals; and answers that stop before their end."""

from collections.abc import Iterator

from midb.detectors.content.answers import cuts, echoes, refusals
from midb.domain.defects import Finding
from midb.text.inspection import Inspection

__all__ = ["KINDS", "detect"]

KINDS = (*cuts.KINDS, *echoes.KINDS, *refusals.KINDS)


def detect(inspection: Inspection) -> Iterator[Finding]:
    """Where the response stops, what it repeats of its task, and refusals."""
    yield from cuts.detect(inspection)
    yield from echoes.detect(inspection)
    yield from refusals.detect(inspection)
