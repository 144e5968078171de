"""Tasks bound to English: rhymes, spelling, letters, puns, idioms, acronyms in a pair that was translated.

The task is read from the English source. Where the translated pair may well do what is asked, since its lines rhyme,
its list is sorted or a mistake was corrected, nothing is said. No repair: somebody has to write another task.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from midb.detectors.localization.english_bound.survival import survives
from midb.detectors.localization.english_bound.tasks import Bond, find_bond
from midb.domain.defects import DefectFamily, DefectKind, Finding, Severity
from midb.domain.pairs import Field
from midb.locales import Locale
from midb.text.forms.alphabets import LetterOrder
from midb.text.inspection import Inspection, PairTask
from midb.text.quotations import find_quotations

ENGLISH_BOUND_TASK = DefectKind(
    name="english-bound-task",
    family=DefectFamily.LOCALIZATION,
    severity=Severity.MAJOR,
    summary="a task that works only with English words, such as one about rhymes or spelling",
    needs_source=True,
)
KINDS = (ENGLISH_BOUND_TASK,)

#: A word of an English task that was left as it is; names have capitals.
_ENGLISH_WORD = re.compile(r"(?<![\w@#/.&-])[a-z]{3,}(?![\w@/&-]|\.\w)")
#: Characters of what is given in which such a word is looked for.
_LONGEST_GIVEN = 2_000
_WITH_CAPITALS = ("Latin", "Cyrillic", "Greek")


def detect(inspection: Inspection) -> Iterator[Finding]:
    """The instruction, where its source asks for something that only English words can do."""
    source, instruction = inspection.source, inspection.pair.instruction
    if source is None or not source.instruction or not instruction or not instruction.strip():
        return
    found = inspection.task.tell(_find_bond)
    if found is None or not _holds(found[0], inspection):
        return
    bond, words = found
    if bond is not Bond.WORD and survives(bond, inspection.pair, source, inspection.locale.code):
        return
    evidence = f"a task about {bond}: “{' '.join(words.split())}” in the source"
    yield ENGLISH_BOUND_TASK.finding(Field.INSTRUCTION, 0, len(instruction), evidence)


def _find_bond(task: PairTask) -> tuple[Bond, str] | None:
    return find_bond(task.source.instruction) if task.source and task.source.instruction else None


def _holds(bond: Bond, inspection: Inspection) -> bool:
    """Whether a bond is one in this language, and not what another kind looks for."""
    locale = inspection.locale
    if bond is Bond.ALPHABET:
        order = locale.get(LetterOrder)  # by which unsorted-list judges the list itself
        return order is None or order.read(inspection.pair.response or "") is None
    if bond is Bond.CAPITALS:
        return not _has_capitals(locale) and not re.search("[A-Z]", inspection.pair.response or "")
    return bond is not Bond.WORD or _has_english_word(inspection)


def _has_capitals(locale: Locale) -> bool:
    return any(script in _WITH_CAPITALS for script in locale.scripts)


def _has_english_word(inspection: Inspection) -> bool:
    """Whether the task gives a small English word, in a language of another script; elsewhere nobody can tell.

    A word is given in quotation marks, behind a colon or as the input; anywhere else it is one that was not translated.
    """
    if "Latin" in inspection.locale.scripts or inspection.source is None:
        return False
    pair, source = inspection.pair, inspection.source
    instruction = pair.instruction or ""
    given = [instruction[start:end] for start, end in find_quotations(instruction)]
    given += (pair.input or "", instruction.replace("：", ":").partition(":")[2])
    english = f"{source.instruction}\n{(source.input or '')[:_LONGEST_GIVEN]}"
    words = (word for text in given for word in _ENGLISH_WORD.findall(text[:_LONGEST_GIVEN]))
    return any(re.search(rf"\b{word}\b", english) for word in words)
