"""Provable repairs: which fixes can be made together. Applies none."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from midb.domain.defects import DefectFamily, Finding
from midb.domain.edits import Edit
from midb.domain.pairs import Field


def choose_fixes(findings: Iterable[Finding], family: DefectFamily) -> tuple[list[Finding], list[Edit]]:
    """The findings of one family whose fixes can be made together, and their edits in text order.

    Where two fixes touch the same characters the graver finding wins, then the earlier one; the other waits for the
    next round, when it is looked at again in the repaired text. A fix that changes nothing is left out.
    """
    chosen: list[Finding] = []
    edits: list[Edit] = []
    taken: dict[Field, bytearray] = {}
    for finding in sorted(
        (f for f in findings if f.family is family and f.fix), key=lambda f: (-f.severity.rank, f.start, f.end, f.kind)
    ):
        fix = [edit for edit in finding.fix if edit.before != edit.after]
        if fix and not any(_is_taken(edit, taken) for edit in fix):
            chosen.append(finding)
            edits += fix
            for edit in fix:
                _take(edit, taken)
    return chosen, _sort_edits(edits)


# Each chosen edit marks its characters, and an insertion the one that it stands before. Two edits overlap just where
# their marks do (Edit.overlaps); with many fixes it would take long to hold each against all that were chosen.


def _is_taken(edit: Edit, taken: dict[Field, bytearray]) -> bool:
    return edit.field in taken and taken[edit.field].find(b"\1", edit.start, max(edit.end, edit.start + 1)) >= 0


def _take(edit: Edit, taken: dict[Field, bytearray]) -> None:
    marks = taken.setdefault(edit.field, bytearray())
    end = max(edit.end, edit.start + 1)
    marks.extend(bytes(max(0, end - len(marks))))
    marks[edit.start : end] = b"\1" * (end - edit.start)


def _sort_edits(edits: Sequence[Edit]) -> list[Edit]:
    """Edits in reading order: instruction, input, response, and by offset within each."""
    order = list(Field)
    return sorted(edits, key=lambda edit: (order.index(edit.field), edit.start, edit.end))
