"""Instructions that are much longer or shorter than their English source.

Whoever is given a task to translate sometimes carries it out, or leaves out what it is about. How many characters a
language needs for what English says is measured, language by language; short instructions say nothing.
"""

from __future__ import annotations

from collections.abc import Iterator

from midb.domain.defects import DefectFamily, DefectKind, Finding, Severity
from midb.domain.pairs import Field
from midb.text.inspection import Inspection
from midb.text.prose import is_copied
from midb.text.quantities.proportions import TranslationLength, compare_lengths

INSTRUCTION_LENGTH = DefectKind(
    name="instruction-length",
    family=DefectFamily.TRANSLATION,
    severity=Severity.MAJOR,
    summary="an instruction much longer or shorter than its English source: carried out, or a part of it left out",
    needs_source=True,
    needs=(TranslationLength,),
)
KINDS = (INSTRUCTION_LENGTH,)

#: Times the expected length beyond which an instruction is no translation. On 26,918 real pairs none is beyond.
_MOST = 2.4
_LEAST = 0.4
#: English characters that an instruction has too many or too few at least.
_LEAST_EXCESS = 60
_LEAST_LOSS = 40
#: An instruction that has what its input lacks was put together in another way: so near the two numbers must be.
_MOVED = 0.5


def detect(inspection: Inspection) -> Iterator[Finding]:
    """At most one finding, over the whole instruction."""
    item = next((item for item in inspection.filled_fields if item.field is Field.INSTRUCTION), None)
    if item is None or not item.source:
        return
    times = compare_lengths(item.text, item.source, inspection.locale)
    if times is None or _LEAST <= times <= _MOST:
        return
    theirs = len(item.source.strip())
    surplus = (times - 1) * theirs
    if surplus < _LEAST_EXCESS if surplus > 0 else -surplus < _LEAST_LOSS:
        return
    if is_copied(item) or _has_moved(inspection, surplus):
        return
    said = "longer than its source" if surplus > 0 else "shorter than its source"
    why = "carried out, or something was added" if surplus > 0 else "a part was left out"
    evidence = f"much {said} ({len(item.text.strip())} characters for {theirs}): {why}"
    yield INSTRUCTION_LENGTH.finding(Field.INSTRUCTION, 0, len(item.text), evidence)


def _has_moved(inspection: Inspection, surplus: float) -> bool:
    """Whether the input lacks what the instruction has too much of, or the other way round."""
    source = ((inspection.source.input if inspection.source else None) or "").strip()
    given = (inspection.pair.input or "").strip()
    section = inspection.locale.get(TranslationLength)
    other = len(given) / section.ratio - len(source) if section else 0.0
    return surplus * other < 0 and abs(surplus + other) <= _MOVED * abs(surplus)
