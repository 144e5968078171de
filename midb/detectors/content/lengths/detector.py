"""Lengths that were asked for and missed: "in 50 words or less", and the response has 90.

The length is read from the English source where there is one, else from the instruction where its form is certain in
its language. It is missed by more than a quarter, however one counts.
"""

from __future__ import annotations

from collections.abc import Iterator

from midb.detectors.content.lengths.counts import LengthCount, count
from midb.detectors.content.lengths.native import LengthWords, read_native_limit
from midb.detectors.content.lengths.requests import LengthLimit, read_limit
from midb.domain.defects import DefectFamily, DefectKind, Finding, Severity
from midb.domain.pairs import Field
from midb.text.inspection import Inspection, PairTask

LENGTH_LIMIT = DefectKind(
    name="length-limit",
    family=DefectFamily.CONTENT,
    severity=Severity.MINOR,
    summary="a response much longer or shorter than the instruction asks for",
    needs=(LengthWords,),
)
KINDS = (LENGTH_LIMIT,)


def detect(inspection: Inspection) -> Iterator[Finding]:
    """The response, where it misses the length by more than a quarter."""
    response = inspection.pair.response
    if not response or not response.strip():
        return
    limit = inspection.task.tell(_read)
    if limit is None:
        return
    counted = count(limit.measure, response, inspection.locale.code)
    if counted is None or not _misses(limit, counted) or _has_code(inspection):
        return
    number = str(counted.least) if counted.least == counted.most else f"{counted.least} to {counted.most}"
    evidence = f"the instruction asks for {limit}, the response has {number}"
    yield LENGTH_LIMIT.finding(Field.RESPONSE, 0, len(response), evidence)


def _read(task: PairTask) -> LengthLimit | None:
    """The length that the task asks for: its source says it more plainly than a translation."""
    english = task.source.instruction if task.source else None
    if english and english.strip():
        return read_limit(english)
    return read_native_limit(task.instruction or "", task.locale.code)


def _has_code(inspection: Inspection) -> bool:
    item = inspection.field(Field.RESPONSE)
    return item is not None and len(item.code) > 0


def _misses(limit: LengthLimit, counted: LengthCount) -> bool:
    """Whether a count is more than a quarter above the upper or below the lower bound."""
    if limit.most is not None and 4 * counted.least > 5 * limit.most:
        return True
    return 4 * counted.most < 3 * limit.least
