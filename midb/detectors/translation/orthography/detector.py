"""Wrongly written letters of a pair: letters in parts, characters of old encodings, wrong letters, lost accents.

Each rule is in a module of its own; here is what they have in common. A pair that is about encodings shows all this on
purpose.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from midb.detectors.translation.orthography.accents import LOST_ACCENTS, LostAccents, find_lost_accents
from midb.detectors.translation.orthography.decomposed import DECOMPOSED_TEXT, find_decomposed
from midb.detectors.translation.orthography.legacy import LEGACY_CHARACTER, find_legacy
from midb.detectors.translation.orthography.places import OpenText, Place, tell
from midb.detectors.translation.orthography.wrong_letter import WRONG_LETTER, find_wrong_letters
from midb.domain.defects import DefectKind, Finding
from midb.text.inspection import FieldText, Inspection, join_texts
from midb.text.subjects.topics import speaks_of_encodings

KINDS = (DECOMPOSED_TEXT, LEGACY_CHARACTER, LOST_ACCENTS, WRONG_LETTER)

#: Texts about the forms of characters: half width, presentation forms, ligatures, parts of syllables.
_ABOUT_FORMS = re.compile(
    r"half-?\s?width|full-?\s?width|presentation form|ligatur|normali[sz]ation form|\bNFK?[CD]\b"
    r"|combining (?:char|mark)|diacritic"
    r"|半角|全角|濁点|자모|초성|중성|종성|자음|모음|반각|전각|أشكال الحروف|شكل الحرف|أشكال حرف",
    re.IGNORECASE,
)


def detect(inspection: Inspection) -> Iterator[Finding]:
    """One finding for each field and reason, unless the pair is about encodings."""
    findings = [found for item in inspection.filled_fields for found in _find_in_field(item, inspection)]
    if findings and not speaks_of_encodings(inspection) and not _speaks_of_forms(inspection):
        yield from findings


def _find_in_field(item: FieldText, inspection: Inspection) -> Iterator[Finding]:
    text = item.text
    yield from _tell(DECOMPOSED_TEXT, item, find_decomposed(text), inspection, quotations=False)
    yield from _tell(LEGACY_CHARACTER, item, find_legacy(text), inspection, quotations=False)
    yield from _tell(WRONG_LETTER, item, find_wrong_letters(text, inspection), inspection, quotations=True)
    section = inspection.locale.get(LostAccents)
    if section is not None and (lost := find_lost_accents(item, inspection.locale)):
        start, end, evidence = lost
        if not section.pattern.search(inspection.pair.instruction or "") and not item.protected.overlaps(start, end):
            yield LOST_ACCENTS.finding(item.field, start, end, evidence)


def _tell(
    kind: DefectKind, item: FieldText, places: Iterator[Place], inspection: Inspection, *, quotations: bool
) -> Iterator[Finding]:
    """The findings of one kind, without the places that are no text. What is quoted is text where it stays the same:
    composed letters are the same letters."""
    if found := list(places):
        text = OpenText(item, inspection, quotations=quotations)
        yield from tell(kind, item, [place for place in found if text.holds(place)])


def _speaks_of_forms(inspection: Inspection) -> bool:
    """Whether the pair, or its source, is about the forms that characters may have."""
    return bool(_ABOUT_FORMS.search(f"{join_texts(inspection.pair)}\n{join_texts(inspection.source)}"))
