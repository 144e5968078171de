"""One edit or finding as a person sees it: the passage, the whole pair, why, and who decided it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from midb.audit.proof.records import check_one
from midb.audit.proof.replay import Replay, replay
from midb.audit.reader import AuditReader
from midb.audit.rows import VERIFY_HINT, FindingRow, LoggedRecord
from midb.domain.edits import Edit
from midb.domain.errors import AuditError
from midb.domain.pairs import Field, InstructionPair
from midb.locales import LANGUAGES, load
from midb.review.choosing import Candidate
from midb.review.originals import Originals
from midb.text.diffs import find_hunks
from midb.text.terminal import has_right_to_left

#: Characters shown on both sides of an edit or a finding.
AROUND = 90

#: The same on both sides of each of several edits.
NEAR = 30

#: Stands where text between such edits is left out.
GAP = "[…]"


@dataclass(frozen=True, slots=True)
class Passage:
    """A place in a text, with what stands around it; nothing in it is escaped.

    :param text: what was changed, or what a finding is about.
    """

    left: str
    text: str
    right: str

    @property
    def whole(self) -> str:
        """All of it as one text."""
        return self.left + self.text + self.right


@dataclass(frozen=True, slots=True)
class Shown:
    """An edit or a finding. Texts are as they are in the corpus: whoever shows them makes them harmless.

    :param before: the passage before an edit; of a finding where it lies in the final text.
    :param after: the passage after an edit; None for a finding.
    :param pair: the whole pair as the run left it, ``original`` as it was.
    :param direction: ltr or rtl.
    :param source: the English original of the pair; None where there is none, or none at hand.
    """

    candidate: Candidate
    key: str
    line: int
    turn: int
    turns: int
    field: Field
    evidence: str
    detail: str
    before: Passage
    after: Passage | None
    original: InstructionPair
    pair: InstructionPair
    direction: str
    source: InstructionPair | None = None

    @property
    def name(self) -> str:
        """Of the item, as it is printed everywhere."""
        return self.candidate.item.name

    @property
    def english(self) -> str:
        """The field's English original; empty where there is none."""
        return (self.source.text(self.field) if self.source else "") or ""


def show_item(reader: AuditReader, candidate: Candidate, originals: Originals | None = None) -> Shown:
    """Read an item from the log, with its English original; raises AuditError where its record was changed there."""
    row = next(iter(reader.records("r.id = ?", [candidate.record])))
    if problems := check_one(reader.connection, row.id):
        raise AuditError(f"{reader.path} was changed: {problems[0].message}.", hint=VERIFY_HINT)
    logged = reader.parts(row)
    replayed = replay(logged)
    show = _show_finding if candidate.item.decision is None else _show_edit
    shown = show(candidate, logged, replayed)
    return replace(shown, source=originals.find(row.position, shown.turn)) if originals else shown


def _show_edit(candidate: Candidate, logged: LoggedRecord, replayed: Replay) -> Shown:
    stage = next(stage for stage in replayed.stages if stage.row.id == candidate.item.decision)
    wanted = {candidate.item.number, *candidate.others}
    edits = [row for row in stage.row.edits if row.ordinal in wanted]
    field = Field(edits[0].field)
    before, after = stage.before.text(field) or "", stage.after.text(field) or ""
    if len(edits) == 1:
        (edit,) = edits
        earlier = [row for row in stage.row.edits if row.field == edit.field and row.start < edit.start]
        moved = edit.start + sum(len(row.after) - len(row.before) for row in earlier)
        sides = _cut(before, edit.start, edit.end), _cut(after, moved, moved + len(edit.after))
    else:
        sides = _join(before, [row.edit() for row in edits])
    cause = _find_cause(logged.findings, edits[0].edit(), stage.row.id)
    return Shown(
        candidate, logged.row.record_key, logged.row.line, stage.row.pair, logged.row.pairs, field,
        cause.evidence if cause else "", stage.row.detail, *sides, replayed.originals[stage.row.pair],
        replayed.finals[stage.row.pair], _find_direction(candidate.language, before),
    )  # fmt: skip


def _join(text: str, edits: Sequence[Edit]) -> tuple[Passage, Passage]:
    """Passages of edits that stand or fall together: from the first change to the last, or each with its neighbours."""
    hunks = list(find_hunks(text, edits, context=NEAR))
    before, after = (
        f" {GAP} ".join("".join(piece.text for piece in side) for side in sides)
        for sides in ([hunk.before for hunk in hunks], [hunk.after for hunk in hunks])
    )
    return Passage("", before, ""), Passage("", after, "")


def _cut(text: str, start: int, end: int) -> Passage:
    return Passage(text[max(start - AROUND, 0) : start], text[start:end], text[end : end + AROUND])


def _find_cause(findings: Sequence[FindingRow], edit: Edit, decision: int) -> FindingRow | None:
    """The finding that an edit repairs: the one that it lies on, where there are several of a kind."""
    causes = [f for f in findings if (f.decision_id, f.kind, f.field) == (decision, edit.kind, edit.field.value)]
    return min(causes, key=lambda f: not (f.start <= edit.end and edit.start <= f.end), default=None)


def _show_finding(candidate: Candidate, logged: LoggedRecord, replayed: Replay) -> Shown:
    finding = next(row for row in logged.findings if row.id == candidate.item.number)
    field = Field(finding.field)
    text = replayed.finals[finding.pair].text(field) or ""
    passage = _cut(text, finding.start, finding.end)
    return Shown(
        candidate, logged.row.record_key, logged.row.line, finding.pair, logged.row.pairs, field, finding.evidence, "",
        passage, None, replayed.originals[finding.pair], replayed.finals[finding.pair],
        _find_direction(candidate.language, text),
    )  # fmt: skip


def _find_direction(language: str, text: str) -> str:
    rtl = load(language).direction == "rtl" if language in LANGUAGES else has_right_to_left(text)
    return "rtl" if rtl else "ltr"
