"""Walking the heads of a log: is everything that a run left what its head was made of, and who sealed it?"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from midb.audit.file import seals
from midb.audit.file.heads import LAST, STATE, content_hash, links_between, read_state
from midb.audit.file.key import SealKey
from midb.audit.proof.chains import Chain
from midb.audit.proof.replay import Problem
from midb.audit.rows import as_text
from midb.domain.hashing import digest

_ACTIONS = ("adopted", "begun", "batch", "replies", "status", "verdicts", "judgements")

#: What a run is when nothing more can become of it: no head may follow that is its.
_ENDED = ("finished", "failed", "superseded")

#: Tables of which each row names its run.
_OF_RUNS = ("records", "rejected_lines", "run_events", "generations")


@dataclass(frozen=True)
class NotedHead:
    """The place in a log of a head that was noted earlier: the run that wrote it, how many heads follow it, and of
    which runs these are."""

    run: int
    since: int
    runs: tuple[int, ...] = ()


@dataclass(frozen=True)
class _LastOfRun:
    """The last head that was made for a run: its number, and how the run stood."""

    number: int
    status: str
    state: Mapping[str, Any]


class HeadsCheck:
    """Goes through the heads once; what it found is there afterwards.

    ``noted`` is a head to look for. ``key`` is the key that the log should be sealed with; without one macs are only
    counted. What is among the ``known`` problems is not said a second time.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        noted: str | None = None,
        key: SealKey | None = None,
        known: Sequence[Problem] = (),
    ) -> None:
        self._connection = connection
        self._noted = noted
        self._key = key
        self._known = {(problem.table, problem.row) for problem in known}
        self.chain = Chain()
        self.macs = 0
        self.place: NotedHead | None = None
        self._seen: tuple[int, int] | None = None
        self._later: dict[int, None] = {}  # runs with heads behind the noted one, in order
        self._states: dict[int, _LastOfRun] = {}
        self._last: dict[str, int | None] = dict.fromkeys(LAST)
        self._wrong = self._first_wrong = 0
        self._keyless = 0  # the first of the last heads that have no mac

    @property
    def head(self) -> str:
        """The head of the log, as its last row holds it."""
        return self.chain.stored

    def problems(self) -> Iterator[Problem]:
        """Everything that does not agree with the heads."""
        for row in self._connection.execute("SELECT * FROM heads ORDER BY id"):
            yield from self._step(row)
        if self._seen:
            run, length = self._seen
            self.place = NotedHead(run, self.chain.length - length, tuple(self._later))
        yield from self._check_uncovered()
        yield from self._check_states()
        if self._key:
            yield from self._check_macs()

    def _step(self, row: sqlite3.Row) -> Iterator[Problem]:
        number, link = row["id"], as_text(row["hash"])
        values = seals.covered_values("heads", dict(row))

        def derive(previous: str) -> Collection[str]:
            return (seals.chain_hash("heads", previous, values),)

        if message := self.chain.step(as_text(row["previous_hash"]), link, derive, "a column or the hash"):
            yield Problem("heads", str(number), "", message)
        if number != self.chain.length:
            message = f"it should be head {self.chain.length}: rows are missing before it, or were renumbered"
            yield Problem("heads", str(number), "", message)
        if row["action"] not in _ACTIONS:
            yield Problem("heads", str(number), "", f'action is "{as_text(row["action"])}", which is no such word')
        if self._seen:
            self._later[row["run_id"]] = None
        if link == self._noted:
            self._seen = row["run_id"], self.chain.length
        self._take_mac(row)
        before = self._states.get(row["run_id"])
        if before and before.status in _ENDED:
            message = (
                f"it was made for run {row['run_id']}, which had ended ({before.status}) with head {before.number}"
            )
            yield Problem("heads", str(number), "", message)
        self._states[row["run_id"]] = _LastOfRun(number, as_text(row["status"]), _parse(row["state"]))
        yield from self._check_content(row)

    def _check_content(self, head: sqlite3.Row) -> Iterator[Problem]:
        """The rows that were written since the head before, against what this one says of them."""
        content = _parse(head["content"])
        for table, column in LAST.items():
            after = self._last[table]
            last = head[column] if isinstance(head[column], int) else after or 0  # no number: reported as such
            self._last[table] = last
            empty = last in (0, after)
            made = None if empty else content_hash(links_between(self._connection, table, after, last))
            if made != content.get(table):
                first = 1 if after is None else after + 1
                if any(name == table and row.isdigit() and first <= int(row) <= last for name, row in self._known):
                    continue
                which = f"row {first} is" if first == last else f"rows {first} to {last} are"
                message = f"{which} not what head {head['id']} was made of: what stands there, or the head, was changed"
                yield Problem(table, "", f"run {head['run_id']}", message)
            elif made and table in _OF_RUNS and head["action"] != "adopted":
                yield from self._check_owner(table, after, last, head)

    def _check_owner(self, table: str, after: int | None, last: int, head: sqlite3.Row) -> Iterator[Problem]:
        """A run writes rows of its own and no others."""
        sql = f"SELECT id FROM {table} WHERE id > ? AND id <= ? AND run_id IS NOT ? ORDER BY id LIMIT 1"
        for (row,) in self._connection.execute(sql, [after or 0, last, head["run_id"]]):
            message = f"it was written in run {head['run_id']} (head {head['id']}) and says that it is another run's"
            yield Problem(table, str(row), "", message)

    def _take_mac(self, row: sqlite3.Row) -> None:
        if row["mac"] is None:
            self._keyless = self._keyless or row["id"]
            return
        self.macs += 1
        self._keyless = 0
        if self._key and not self._key.made(as_text(row["mac"]), as_text(row["hash"])):
            self._wrong += 1
            self._first_wrong = self._first_wrong or row["id"]

    def _check_uncovered(self) -> Iterator[Problem]:
        """Rows that were added behind the last head. (A migration's row waits for the next one.)"""
        for table in LAST:
            if table == "migrations":
                continue
            last = self._last[table] or 0
            (count,) = self._connection.execute(f"SELECT count(*) FROM {table} WHERE id > ?", [last]).fetchone()
            if count:
                message = f"{count:,} of its rows, behind row {last}, have no head: they were added, or it is gone"
                yield Problem(table, "", "", message)

    def _check_states(self) -> Iterator[Problem]:
        """How each run stands, against the last head that was made for it."""
        for run, status in self._connection.execute("SELECT id, status FROM runs ORDER BY id").fetchall():
            if not (last := self._states.get(run)):
                yield Problem("heads", "", f"run {run}", "this run has no head: its heads are missing")
                continue
            if last.status != as_text(status):
                message = f"its status is {as_text(status)}, but head {last.number} was made when it was {last.status}"
                yield Problem("runs", str(run), "", message)
            now = read_state(self._connection, run)
            for table in STATE:
                if last.state.get(table) != now.get(table) and (table, str(run)) not in self._known:
                    message = (
                        f"its row is not the one that head {last.number} was made of: it was changed, or the head was"
                    )
                    yield Problem(table, str(run), f"run {run}", message)

    def _check_macs(self) -> Iterator[Problem]:
        if not self.macs:
            yield Problem("heads", "", "", "no head is sealed with a key: the log was written without, or anew")
            return
        if self._wrong:
            message = (
                f"{self._wrong:,} of {self.macs:,} heads, from head {self._first_wrong} on, were not sealed with this "
                "key: they were changed, or written with another"
            )
            yield Problem("heads", str(self._first_wrong), "", message)
        if self._keyless:
            message = (
                f"from head {self._keyless} on nothing is sealed with a key: it was written without, or added by "
                "somebody who does not have it"
            )
            yield Problem("heads", str(self._keyless), "", message)


def _parse(text: Any) -> Mapping[str, Any]:
    """The object that a column of JSON holds; an empty one where it holds none, which its hash notices."""
    try:
        values = orjson.loads(text)
    except (orjson.JSONDecodeError, TypeError):
        return {}
    return values if isinstance(values, dict) else {}


def check_configs(connection: sqlite3.Connection) -> Iterator[Problem]:
    """The settings of each run that began under heads, against their hash. (Older ones state them in another order.)"""
    sql = "SELECT id, config, config_hash FROM runs WHERE id IN (SELECT run_id FROM heads WHERE action = 'begun')"
    for run, config, noted in connection.execute(f"{sql} ORDER BY id"):
        try:
            found = digest(orjson.loads(config))
        except (orjson.JSONDecodeError, TypeError):
            found = ""
        if found != noted:
            yield Problem("runs", str(run), "", "its config does not have its config_hash: one of them was changed")


def check_prompts(connection: sqlite3.Connection) -> Iterator[Problem]:
    """System messages: each has the hash it is known by, and some generation was asked with it."""
    for name, text in connection.execute("SELECT hash, text FROM prompts ORDER BY 1"):
        data = text if isinstance(text, bytes) else as_text(text).encode()
        if hashlib.sha256(data).hexdigest() != name:
            yield Problem("prompts", as_text(name), "", "its text does not have this hash: one of them was changed")
    sql = (
        "SELECT hash FROM prompts WHERE hash NOT IN (SELECT json_extract(m.value, '$.sha256') FROM generations g, "
        "json_each(CASE WHEN json_valid(g.prompt) THEN g.prompt ELSE '[]' END) m WHERE m.type = 'object' AND "
        "json_extract(m.value, '$.sha256') IS NOT NULL) ORDER BY 1"
    )
    for (name,) in connection.execute(sql):
        yield Problem("prompts", as_text(name), "", "no generation was asked with it: it was added")
