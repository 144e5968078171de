"""What a translator did beside translating: carried a task out, dropped a part of it, or left words of its own."""

from collections.abc import Iterator

from midb.detectors.translation.translator import lengths, notes
from midb.domain.defects import Finding
from midb.text.inspection import Inspection

__all__ = ["KINDS", "detect"]

KINDS = (*lengths.KINDS, *notes.KINDS)

#: What is found in a field is no matter of the response, unless it is found there (see midb.detectors).
FIELD_BY_FIELD = True


def detect(inspection: Inspection) -> Iterator[Finding]:
    """Lengths that do not fit the source, and words of the translator."""
    yield from lengths.detect(inspection)
    yield from notes.detect(inspection)
