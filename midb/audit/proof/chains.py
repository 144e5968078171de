"""Walking the hash chains of a log: does each row follow the one before it, and is it as it was hashed?"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any

from midb.audit.file import seals
from midb.audit.proof.replay import Problem
from midb.audit.rows import as_text

#: A row is changed, or its hash is: which of the two only the next row can tell, where there is one.
_CHANGED = "its hash does not agree with it: {what} was changed"
_BROKEN = "it does not follow the row before it: rows are missing or were added there, or that row's hash was changed"


class Chain:
    """One chain, walked in order. ``stored`` is the hash the last row holds, ``derived`` what it should be."""

    def __init__(self) -> None:
        self.stored: str = seals.GENESIS
        self.derived: Collection[str] = (seals.GENESIS,)
        self.length = 0

    def ends_at(self, head: str) -> bool:
        """Whether ``head`` is the hash of the last row; one changed hash is reported once, where it stands."""
        return head == self.stored or head in self.derived

    def step(self, previous: str, stored: str, derive: Callable[[str], Collection[str]], what: str) -> str | None:
        """Take the next row, with both of its hash columns; returns what is wrong with it.

        ``derive`` gives the hashes the row may have after a given one; ``what`` names all that its hash covers.
        """
        follows = self.ends_at(previous)
        own = derive(previous)
        message = None
        if stored not in own:
            moved = not follows and stored in derive(self.stored)
            message = "its previous_hash was changed" if moved else _CHANGED.format(what=what)
        elif not follows:
            message = _BROKEN
        self.stored, self.derived = stored, own
        self.length += 1
        return message


def check_plain_chains(
    table: str, rows: Iterator[sqlite3.Row], chains: dict[Any, Chain], run: str
) -> Iterator[Problem]:
    """Chains of rows without parts: migrations (one chain), rejected lines (one per run, by the column ``run``)."""
    for row in rows:
        chain = chains.setdefault(row[run] if run else None, Chain())
        values = _values(table, row)

        def derive(previous: str, values: Sequence[Any] = values) -> Collection[str]:
            return (seals.chain_hash(table, previous, values),)

        previous, link = as_text(row["previous_hash"]), as_text(row["hash"])
        if message := chain.step(previous, link, derive, "a column or the hash"):
            yield Problem(table, str(row["id"]), "", message)


def check_seals(table: str, rows: Iterator[sqlite3.Row]) -> Iterator[Problem]:
    """Rows that belong to no chain: each is covered by its own seal."""
    identity = seals.COVERED[table][0]
    for row in rows:
        if seals.row_seal(table, dict(row)) != row["seal"]:
            yield Problem(
                table, str(row[identity]), "", "its seal does not agree with it: a column or the seal was changed"
            )


def check_record(
    record: sqlite3.Row,
    findings: Sequence[sqlite3.Row],
    decisions: Sequence[tuple[sqlite3.Row, Sequence[sqlite3.Row]]],
    chain: Chain,
    replies: Mapping[int, str],
) -> Iterator[tuple[str, str, str]]:
    """A record's seal and the links of its decisions (each with its edits): (table, row, what is wrong).

    ``replies`` are the seals of the generations that the decisions rest on, by id.
    """
    seal = seals.record_seal(_values("records", record), [_values("findings", finding) for finding in findings])
    stored = as_text(record["seal"])
    resealed = False
    for decision, edits in decisions:
        reply = replies.get(decision["generation_id"])
        rows = _values("decisions", decision), [_values("edits", edit) for edit in edits], reply

        def derive(previous: str, rows: tuple[Any, list[Any], str | None] = rows) -> Collection[str]:
            # With the derived seal as well as with the stored one: a changed record is not its decisions' fault.
            return {seals.decision_hash(previous, candidate, *rows) for candidate in (seal, stored)}

        previous, link = as_text(decision["previous_hash"]), as_text(decision["hash"])
        labels = [f"{edit['decision_id']}/{edit['ordinal']}" for edit in edits]
        if message := chain.step(
            previous,
            link,
            derive,
            f"a column, {_one_of('edits', labels)} or the hash",
        ):
            yield "decisions", str(decision["id"]), message
        resealed = resealed or seals.decision_hash(previous, seal, *rows) == link
    if seal != stored:
        # The decisions' hashes cover the seal: where they agree with the derived one, only the column itself is wrong.
        ids = [str(finding["id"]) for finding in findings]
        what = "the seal" if resealed else f"a column, {_one_of('findings', ids)} or the seal"
        yield "records", str(record["id"]), f"its seal does not agree with it: {what} was changed"


def _values(table: str, row: sqlite3.Row) -> tuple[Any, ...]:
    return seals.covered_values(table, dict(row))


def _one_of(table: str, labels: Sequence[str]) -> str:
    shown = ", ".join(labels[:4]) + (", ..." if len(labels) > 4 else "")
    return f"one of its {table} ({shown or 'it has none now'})"
