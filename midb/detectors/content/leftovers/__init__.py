"""What a text kept of the place that it was copied from: texts of a web page, and escapes of a program."""

from collections.abc import Iterator

from midb.detectors.content.leftovers import escapes, pages
from midb.domain.defects import Finding
from midb.text.inspection import Inspection

KINDS = (*pages.KINDS, *escapes.KINDS)


def detect(inspection: Inspection) -> Iterator[Finding]:
    """Both sorts, field by field."""
    yield from pages.detect(inspection)
    yield from escapes.detect(inspection)
