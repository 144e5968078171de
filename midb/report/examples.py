"""The edits that a report shows, each replayed from the log and held against its hashes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from midb.audit.proof.records import check_one
from midb.audit.proof.replay import Stage, replay
from midb.audit.reader import AuditReader
from midb.audit.rows import VERIFY_HINT
from midb.audit.verdict_rows import Item
from midb.domain.edits import Edit
from midb.domain.errors import AuditError
from midb.locales import LANGUAGES, load
from midb.report.sampling import EditPlace
from midb.text.diffs import Piece, find_hunks
from midb.text.rendering import shorten, show_change
from midb.text.terminal import has_right_to_left, visible

#: Characters shown on both sides of an edit.
AROUND = 60


@dataclass(frozen=True, slots=True)
class ShownPiece:
    """A passage with everything in it that hides or steers made visible; ``changed`` or context."""

    text: str
    changed: bool


@dataclass(frozen=True, slots=True)
class Example:
    """An edit that stands, as it is shown. ``language`` is empty where it is none that this program knows."""

    name: str
    kind: str
    record: str
    pass_: str
    language: str
    direction: str  # ltr | rtl
    severity: str
    evidence: str
    place: str
    before: tuple[ShownPiece, ...]
    after: tuple[ShownPiece, ...]


def read_examples(reader: AuditReader, drawn: Mapping[str, Sequence[EditPlace]]) -> dict[str, list[Example]]:
    """The edits at these places, by kind. Raises AuditError where one of their records is not as it was written."""
    return {kind: [read_example(reader, kind, place) for place in places] for kind, places in drawn.items()}


def read_example(reader: AuditReader, kind: str, place: EditPlace) -> Example:
    """One edit, as it is shown; raises AuditError where its record is not as it was written."""
    row = next(iter(reader.records("r.id = ?", [place.record])))
    logged = reader.parts(row)
    if problems := check_one(reader.connection, row.id):
        raise AuditError(f"{reader.path} was changed: {problems[0].message}.", hint=VERIFY_HINT)
    stage = next(stage for stage in replay(logged).stages if stage.row.id == place.decision)
    edit = next(row for row in stage.row.edits if row.ordinal == place.ordinal).edit()
    before, after = _find_sides(stage, edit)
    causes = [
        f for f in logged.findings
        if f.decision_id == place.decision and f.kind == kind and f.field == edit.field
    ]  # fmt: skip
    # The finding that the edit lies on, where one decision repairs several of a kind.
    causes.sort(key=lambda cause: not (cause.start <= edit.end and edit.start <= cause.end))
    turn = f"turn {stage.row.pair + 1} " if row.pairs > 1 else ""
    known = row.language in LANGUAGES
    rtl = load(row.language).direction == "rtl" if known else has_right_to_left(edit.before + edit.after)
    return Example(
        name=Item(place.decision, place.ordinal).name,
        kind=visible(kind),
        record=visible(shorten(row.record_key, False)),
        pass_=visible(stage.row.pass_),
        language=row.language if known else "",
        direction="rtl" if rtl else "ltr",
        severity=visible(causes[0].severity) if causes else "",
        evidence=visible(shorten(causes[0].evidence if causes else stage.row.detail, False)),
        place=f"{turn}{edit.field.value} {edit.start}-{edit.end}",
        before=_shown(before),
        after=_shown(after),
    )


def _find_sides(stage: Stage, edit: Edit) -> tuple[Sequence[Piece], Sequence[Piece]]:
    """An edit in the text that was read, and in the one that came of it.

    Other edits of the decision stand beside it there: a sorted list without its neighbours is a text that never was.
    """
    earlier = (row for row in stage.row.edits if row.field == edit.field and row.start < edit.start)
    start = edit.start + sum(len(row.after) - len(row.before) for row in earlier)
    back = replace(edit, start=start, end=start + len(edit.after), before=edit.after, after=edit.before)
    before, after = stage.before.text(edit.field) or "", stage.after.text(edit.field) or ""
    return (
        next(find_hunks(before, [edit], context=AROUND)).before,
        next(find_hunks(after, [back], context=AROUND)).before,
    )


def _shown(pieces: Sequence[Piece]) -> tuple[ShownPiece, ...]:
    return tuple(
        ShownPiece(show_change(text) if piece.changed else visible(text), piece.changed)
        for piece in pieces
        if (text := shorten(piece.text, False)) or piece.changed
    )
