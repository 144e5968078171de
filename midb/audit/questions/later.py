"""What later runs did to a record, or a run that goes on did to all: edits that went, and those that came back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from midb.audit.lineage import PairHistory, list_later, read_at, read_detail, trace
from midb.audit.reader import AuditReader
from midb.audit.rows import as_text
from midb.audit.run_rows import Run
from midb.audit.texts import parse_texts
from midb.audit.verdict_rows import Item
from midb.domain.decisions import Pass
from midb.domain.errors import ReplayError


@dataclass(frozen=True, slots=True)
class LaterChange:
    """What a later run did to a record: the edits that it undid, those that stand again by it, and its own.

    :param asked: why, in the words of the command or the names of the reviewers.
    """

    run: Run
    undone: tuple[Item, ...]
    again: tuple[Item, ...]
    written: tuple[Item, ...]
    asked: str

    def describe(self) -> dict[str, object]:
        """As JSON has it."""
        return {
            "run": self.run.id, "kind": self.run.kind, "at": self.run.started_at, "asked": self.asked,
            **{
                name: [item.name for item in items]
                for name, items in (("undone", self.undone), ("again", self.again), ("written", self.written))
            },
        }  # fmt: skip


def find_later(reader: AuditReader, run: Run, position: int) -> list[LaterChange]:
    """What later runs did to the record at a position of a run, in their order; others left it alone."""
    found = []
    for later in list_later(reader, run):
        records = read_at(reader, trace(reader, later), position)
        if not records or records[-1].row.run_id != later.id or not any(d.edits for d in records[-1].decisions):
            continue
        before, after = set[Item](), set[Item]()
        try:
            for pair, original in enumerate(parse_texts(records[0].row.original_text or "[]")):
                before |= PairHistory.of(records[:-1], pair, original).standing()
                after |= PairHistory.of(records, pair, original).standing()
        except (ReplayError, ValueError):  # the log was changed by hand
            found.append(LaterChange(later, (), (), (), "what it did cannot be replayed: audit verify says why"))
            continue
        own = {Item(d.id, e.ordinal) for d in records[-1].decisions for e in d.edits}
        asked = dict.fromkeys(read_detail(d.detail)[0] for d in records[-1].decisions if d.edits)
        found.append(
            LaterChange(
                later, tuple(sorted(before - after)), tuple(sorted(after - before - own)),
                tuple(sorted(after & own)), "; ".join(asked),
            )
        )  # fmt: skip
    return found


def find_standing_now(reader: AuditReader, runs: Sequence[Run], position: int) -> frozenset[Item]:
    """The edits of a record that are in its text behind the last of some runs."""
    records = read_at(reader, runs, position)
    originals = parse_texts(records[0].row.original_text or "[]") if records else ()
    return frozenset(
        item for pair, original in enumerate(originals) for item in PairHistory.of(records, pair, original).standing()
    )


def count_undone(reader: AuditReader, run: Run) -> list[tuple[str, int, int, int]]:
    """What a run that goes on undid: kind, edits that went, edits that came back, records; the most frequent first.

    Edits that build on one that was meant are counted as well. Empty where the log does not name them.
    """
    counted: dict[str, list[int]] = {}
    sql = (
        "SELECT d.detail, d.record_id FROM records r CROSS JOIN decisions d ON d.record_id = r.id "
        "WHERE r.run_id = ? AND d.\"pass\" IN ('revert', 'review') ORDER BY r.position, d.id"
    )
    made = (
        'SELECT e.kind, d."pass" FROM edits e JOIN decisions d ON d.id = e.decision_id '
        "WHERE e.decision_id = ? AND e.ordinal = ?"
    )
    last: dict[str, int] = {}
    for detail, record in reader.query(sql, [run.id]) if run.goes_on else ():
        _, undone, again = read_detail(as_text(detail))
        for column, items in enumerate((undone or (), again)):
            for item in items:
                for kind, pass_ in reader.query(made, [item.decision, item.number]):
                    if pass_ != Pass.REVERT.value:
                        row = counted.setdefault(as_text(kind), [0, 0, 0])
                        row[column] += 1
                        row[2] += last.get(as_text(kind)) != record
                        last[as_text(kind)] = record
    rows = [(kind, went, came, records) for kind, (went, came, records) in counted.items()]
    return sorted(rows, key=lambda row: (-row[1] - row[2], row[0]))
