"""The part of `audit verify` that goes through all records: hashes, words, types, and the replay of every edit."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from midb.audit.proof.chains import Chain, check_record
from midb.audit.proof.replay import Problem, replay
from midb.audit.rows import DecisionRow, EditRow, FindingRow, LoggedRecord, RecordRow, as_text, read_row

_PYTHON_TYPES = {"INTEGER": int, "TEXT": str, "REAL": float}

#: Of each column: its name, the type it is declared with, and whether it may hold nothing.
Types = Sequence[tuple[str, str, bool]]


def wrong_types(row: sqlite3.Row, types: Types) -> Iterator[str]:
    """The columns of a row that hold what their type does not allow, as SQLite lets anybody store anything."""
    for column, name, optional in types:
        value = row[column]
        if value is None:
            if not optional:
                yield f"the column {column} holds nothing"
        elif not isinstance(value, _PYTHON_TYPES.get(name, object)):
            held = "bytes (a BLOB, or text that is not UTF-8)" if isinstance(value, bytes) else f"{value!r}"
            yield f"the column {column} should hold {name} and holds {held}"


def column_types(connection: sqlite3.Connection) -> dict[str, Types]:
    """The columns of each table as they are declared."""
    tables = [as_text(row[0]) for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    return {
        table: [
            (as_text(name), as_text(declared), not (required or key))
            for _, name, declared, required, _, key in connection.execute("SELECT * FROM pragma_table_info(?)", [table])
        ]
        for table in tables
    }


class _Grouped:
    """Rows that come in groups by one column, taken along with the rows they belong to."""

    def __init__(self, rows: Iterator[sqlite3.Row], column: str) -> None:
        self._rows = rows
        self._column = column
        self._next = next(rows, None)
        self.passed: list[sqlite3.Row] = []

    def take(self, owner: int) -> list[sqlite3.Row]:
        """The rows of ``owner``; those before it, which belong to nobody, are left in ``passed``."""
        taken: list[sqlite3.Row] = []
        self.passed = []
        while self._next is not None and (value := self._next[self._column]) <= owner:
            (taken if value == owner else self.passed).append(self._next)
            self._next = next(self._rows, None)
        return taken


class RecordsCheck:
    """Goes through the records once; what it counted is there afterwards."""

    #: The tables it reads.
    TABLES = frozenset({"records", "findings", "decisions", "edits"})

    def __init__(self, connection: sqlite3.Connection, types: Mapping[str, Types], head: str | None = None) -> None:
        self._connection = connection
        self._types = types
        self._head = head
        self.chains: dict[int, Chain] = {}
        self.counts: Counter[int] = Counter()
        self.edits: Counter[int] = Counter()
        self.seen: tuple[int, int] | None = None  # the run and the link that have the hash ``head``

    def problems(self) -> Iterator[Problem]:
        """Everything that is wrong with the records, in the order in which they were written."""
        execute = self._connection.execute
        # A reference that is no number would not sort among the others; its row is reported as belonging to nobody.
        where = "WHERE typeof(record_id) = 'integer' ORDER BY record_id, id"
        findings = _Grouped(execute(f"SELECT * FROM findings {where}"), "record_id")
        decisions = _Grouped(execute(f"SELECT * FROM decisions {where}"), "record_id")
        for record in execute("SELECT * FROM records ORDER BY id"):
            mine = findings.take(record["id"])
            taken = decisions.take(record["id"])
            self._pass_over(decisions.passed)
            with_edits = [(row, self.edits_of(row["id"])) for row in taken]
            yield from self.check(record, mine, with_edits)

    def edits_of(self, decision: int) -> list[sqlite3.Row]:
        """The edits of a decision, by ordinal."""
        sql = "SELECT * FROM edits WHERE decision_id = ? ORDER BY ordinal"
        return self._connection.execute(sql, [decision]).fetchall()

    def _pass_over(self, orphans: Sequence[sqlite3.Row]) -> None:
        """Decisions of a missing record: they are reported elsewhere; the chain they stand in goes on behind them."""
        for row in orphans:
            for chain in self.chains.values():
                if chain.ends_at(as_text(row["previous_hash"])):
                    chain.stored, chain.derived = as_text(row["hash"]), ()
                    chain.length += 1
                    break

    def _replies(self, decisions: Sequence[tuple[sqlite3.Row, Sequence[sqlite3.Row]]]) -> dict[int, str]:
        """The seals of the generations that decisions rest on."""
        ids = {row["generation_id"] for row, _ in decisions if isinstance(row["generation_id"], int)}
        if not ids:
            return {}
        sql = f"SELECT id, seal FROM generations WHERE id IN ({', '.join('?' * len(ids))})"
        return {row["id"]: as_text(row["seal"]) for row in self._connection.execute(sql, sorted(ids))}

    def check(
        self,
        record: sqlite3.Row,
        findings: Sequence[sqlite3.Row],
        decisions: Sequence[tuple[sqlite3.Row, Sequence[sqlite3.Row]]],
    ) -> Iterator[Problem]:
        """What is wrong with one record and its parts, as the next of its run."""
        run, key = record["run_id"], as_text(record["record_key"])
        self.counts[run] += 1
        chain = self.chains.setdefault(run, Chain())
        length = chain.length
        for table, label, message in check_record(record, findings, decisions, chain, self._replies(decisions)):
            yield Problem(table, label, key, message)
        if self._head is not None:
            for link, (row, _) in enumerate(decisions, start=length + 1):
                if row["hash"] == self._head:
                    self.seen = run, link
        mistyped = False
        for table, rows in (
            ("records", [record]), ("findings", findings), ("decisions", [row for row, _ in decisions]),
            ("edits", [edit for _, edits in decisions for edit in edits]),
        ):  # fmt: skip
            for row in rows:
                label = f"{row[0]}/{row[1]}" if table == "edits" else str(row[0])
                for message in wrong_types(row, self._types[table]):
                    mistyped = True
                    yield Problem(table, label, key, message)
        if mistyped:
            return
        replayed = replay(_logged(record, findings, decisions))
        self.edits[run] += replayed.edits
        yield from replayed.problems


def _logged(
    record: sqlite3.Row,
    findings: Sequence[sqlite3.Row],
    decisions: Sequence[tuple[sqlite3.Row, Sequence[sqlite3.Row]]],
) -> LoggedRecord:
    return LoggedRecord(
        read_row(RecordRow, "records", record),
        tuple(
            read_row(DecisionRow, "decisions", row, edits=tuple(read_row(EditRow, "edits", edit) for edit in edits))
            for row, edits in decisions
        ),
        tuple(read_row(FindingRow, "findings", finding) for finding in findings),
    )


def check_one(connection: sqlite3.Connection, record: int) -> list[Problem]:
    """What is wrong with one record alone: its seal, its links and the one before and behind them, and its replay."""
    execute = connection.execute
    (row,) = execute("SELECT * FROM records WHERE id = ?", [record]).fetchall()
    check = RecordsCheck(connection, column_types(connection))
    findings = execute("SELECT * FROM findings WHERE record_id = ? ORDER BY id", [record]).fetchall()
    decisions = execute("SELECT * FROM decisions WHERE record_id = ? ORDER BY id", [record]).fetchall()
    chain = check.chains.setdefault(row["run_id"], Chain())
    beside = (  # CROSS JOIN: in the order of the ids, without looking at the rest of the run
        "SELECT d.* FROM decisions d CROSS JOIN records r ON r.id = d.record_id WHERE r.run_id = ? AND d.id {} ? "
        "ORDER BY d.id {} LIMIT 1"
    )
    if decisions:
        before = execute(beside.format("<", "DESC"), [row["run_id"], decisions[0]["id"]]).fetchone()
        chain.stored = as_text(before["hash"]) if before else chain.stored
    with_edits = [(found, check.edits_of(found["id"])) for found in decisions]
    problems = list(check.check(row, findings, with_edits))
    if decisions:
        after = execute(beside.format(">", "ASC"), [row["run_id"], decisions[-1]["id"]]).fetchone()
        if after and not chain.ends_at(as_text(after["previous_hash"])):
            message = "the decision behind it does not follow it: rows are missing or were added there"
            problems.append(Problem("decisions", str(decisions[-1]["id"]), as_text(row["record_key"]), message))
    return problems
