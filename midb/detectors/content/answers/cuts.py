"""Responses that stop in the middle of a sentence, where their English source comes to its end.

That the last mark is missing proves nothing by itself. It counts where the source has one and the response is much
shorter than a translation of it: of 17,454 real pairs whose source ends with a mark, none is so.
"""

from __future__ import annotations

from collections.abc import Iterator

from midb.domain.defects import DefectFamily, DefectKind, Finding, Severity
from midb.domain.pairs import Field
from midb.text.inspection import Inspection
from midb.text.quantities.proportions import TranslationLength, compare_lengths

TRUNCATED = DefectKind(
    name="truncated-response",
    family=DefectFamily.CONTENT,
    severity=Severity.MAJOR,
    summary="a response that stops in the middle of a sentence, far before its English source ends",
    needs_source=True,
    needs=(TranslationLength,),
)
KINDS = (TRUNCATED,)

#: Marks that end a sentence of the source.
_ENDS = (".", "!", "?", '."', '!"', '?"', ".)")
#: Times the expected length below which a part is missing.
_LEAST = 0.75
#: Characters of a source that is long enough to be cut.
_LEAST_SOURCE = 100
#: Characters at the end that a finding is about.
_SHOWN = 40


def detect(inspection: Inspection) -> Iterator[Finding]:
    """At most one finding, over the end of the response."""
    item = inspection.field(Field.RESPONSE)
    if item is None or not item.source or len(item.source) < _LEAST_SOURCE:
        return
    text = item.text.rstrip()
    if not text or not (text[-1].isalpha() or text[-1] in ",،、;-–") or not item.source.rstrip().endswith(_ENDS):
        return
    times = compare_lengths(text, item.source, inspection.locale)
    if times is None or times >= _LEAST or item.possible_code.holds(len(text) - 1):
        return
    evidence = f"stops in the middle of a sentence, at {times:.0%} of the length that its source lets expect"
    yield TRUNCATED.finding(Field.RESPONSE, max(0, len(text) - _SHOWN), len(text), evidence)
