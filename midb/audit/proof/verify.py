"""`audit verify`: proves that a log is as it was written, or names what is not. Trusts nothing in the file.

Every hash is derived again, every count and every end of a chain is held against the checkpoints, every row against
the heads, every applied edit is replayed from the original text, and the schema is compared with one made by the same
migrations. Rows are read one after another, so that memory stays flat; all of it is of one moment, also while a run
goes on.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from midb.audit.file.connection import open_for_reading
from midb.audit.file.key import SealKey
from midb.audit.file.schema import MIGRATIONS, READABLE_FROM, migrate
from midb.audit.proof.chains import Chain, check_plain_chains, check_seals
from midb.audit.proof.evaluations import check_evaluations
from midb.audit.proof.heads import HeadsCheck, NotedHead, check_configs, check_prompts
from midb.audit.proof.records import RecordsCheck, Types, column_types, wrong_types
from midb.audit.proof.replay import Problem
from midb.audit.reader import check_version
from midb.audit.rows import as_text
from midb.audit.verdict_rows import VERDICTS, read_reviewer
from midb.domain.errors import AuditError

#: Problems that are listed; the rest is counted.
LISTED = 20

#: Tables without which records cannot be checked.
_CORE = frozenset({"runs", "checkpoints", "rejected_lines", "run_events"}) | RecordsCheck.TABLES

_RUN_KINDS = ("run", "revert", "dry-run", "review", "apply", "evaluation")
#: Kinds of runs that decide nothing -> the table of what is said in them.
_SAID = {"review": "verdicts", "evaluation": "judgements"}
_UNFINISHED = ("running", "interrupted", "finishing")
_STATUSES = (*_UNFINISHED, "finished", "failed", "superseded", "open")


#: What a schema holds: type and name, table and SQL.
_Objects = dict[tuple[Any, Any], tuple[Any, Any]]


@dataclass(frozen=True)
class RunProof:
    """What was checked of one run. ``head`` is the hash of its last decision, of a review's last verdict, or of an
    evaluation's figures; that of the log covers far more."""

    id: int
    kind: str
    status: str
    records: int
    decisions: int
    edits: int
    rejected_lines: int
    events: int
    head: str
    verdicts: int = 0
    judgements: int = 0

    @property
    def finished(self) -> bool:
        """Whether the run came to its end; of others everything up to the last checkpoint was checked."""
        return self.status not in _UNFINISHED


@dataclass
class LogProof:
    """What `verify` found: the first problems, how many there are, and what was proved.

    ``head`` covers the whole log: note it, and ask for it again later; logs of older versions have none. ``noted`` says
    where a head that was noted earlier stands, ``noted_run`` is a run whose decisions alone have it as their end.
    ``macs`` heads are sealed with a key; ``key_used``: whether they were held against one.
    """

    problems: list[Problem] = field(default_factory=list)
    problem_count: int = 0
    runs: list[RunProof] = field(default_factory=list)
    head: str | None = None
    heads: int = 0
    noted: NotedHead | None = None
    noted_run: int | None = None
    macs: int = 0
    key_used: bool = False

    @property
    def intact(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problem_count

    def add(self, problems: Iterator[Problem]) -> None:
        """Take in problems; what SQLite itself stumbles over is one."""
        try:
            for problem in problems:
                self.problem_count += 1
                if len(self.problems) < LISTED:
                    self.problems.append(problem)
        except (sqlite3.DatabaseError, UnicodeDecodeError) as error:  # a message may quote what is no text
            self.add(iter([Problem("the file", "", "", f"cannot be read further: {error}")]))


def verify(path: Path, *, head: str | None = None, key: SealKey | None = None) -> LogProof:
    """Check a log from end to end. ``head`` was noted earlier: the log must be the one of then, or go on from it.

    ``key`` is the key that the log should be sealed with. Raises AuditError where there is nothing to check: no file,
    no audit log, or one of a newer version.
    """
    before = _stamp(path)
    connection = open_for_reading(path)
    try:
        proof = LogProof(key_used=key is not None)
        _check(connection, path, proof, head, key)
    finally:
        connection.close()
    if not proof.intact and _stamp(path) != before:
        raise AuditError(f"{path} was written to while it was being read.", hint="Verify it again.", retryable=True)
    return proof


def _stamp(path: Path) -> tuple[int, int] | None:
    """What changes when a file is written to."""
    try:
        state = path.stat()
    except OSError:
        return None
    return state.st_mtime_ns, state.st_size


def _check(connection: sqlite3.Connection, path: Path, proof: LogProof, noted: str | None, key: SealKey | None) -> None:
    def rows(table: str) -> Iterator[sqlite3.Row]:
        yield from connection.execute(f"SELECT * FROM {table} ORDER BY 1")

    there = _objects(connection)
    version, made, types = _model_of(connection, there)
    proof.add(_check_file(connection))
    proof.add(_check_schema(made, there))
    # A table declared in another way may behave in another way: its rows are not read.
    usable = {name for (kind, name), sql in made.items() if kind == "table" and there.get((kind, name)) == sql}
    if "migrations" in usable:
        before = proof.problem_count
        proof.add(_check_migrations(rows("migrations"), version))
        if proof.problem_count == before:
            check_version(connection, path)
    proof.add(_check_foreign_keys(connection))
    for table in sorted(usable - RecordsCheck.TABLES):
        proof.add(_check_types(table, rows(table), types[table]))
    for table in sorted(usable & {"runs", "checkpoints", "generations", "prompts", "run_events", "written"}):
        proof.add(check_seals(table, rows(table)))
    if usable >= {"generations", "prompts", "decisions"}:
        proof.add(_check_generations(connection))
        proof.add(check_prompts(connection))
    if missing := sorted(_CORE - usable):
        proof.add(iter([Problem(missing[0], "", "", "it is not as it was made, so that no record could be checked")]))
        return
    rejected: dict[Any, Chain] = {}
    proof.add(check_plain_chains("rejected_lines", rows("rejected_lines"), rejected, "run_id"))
    records = RecordsCheck(connection, types, noted)
    proof.add(records.problems())
    said: dict[Any, Chain] = {}
    if "verdicts" in usable:
        proof.add(check_plain_chains("verdicts", rows("verdicts"), said, "run_id"))
        proof.add(_check_verdicts(connection))
    if usable >= {"judgements", "evaluations"}:
        for table in ("judgements", "evaluations"):  # the figures are the end of the same chain
            proof.add(check_plain_chains(table, rows(table), said, "run_id"))
        proof.add(check_evaluations(connection))
    proof.add(_check_runs(connection, records, rejected, said, proof))
    if {"heads", "written", "generations", "migrations"} <= usable:
        heads = HeadsCheck(connection, noted, key, proof.problems)
        proof.add(heads.problems())
        proof.add(check_configs(connection))
        proof.head, proof.heads, proof.macs, proof.noted = heads.head, heads.chain.length, heads.macs, heads.place
    elif key:
        proof.add(iter([Problem("heads", "", "", "there are none: logs of this version are not sealed with a key")]))
    if noted is not None and proof.noted is None:
        proof.noted_run = next((run for run, chain in records.chains.items() if chain.stored == noted), None)
        if proof.noted_run is None:
            proof.add(_check_head(records))


def _model_of(connection: sqlite3.Connection, there: _Objects) -> tuple[int, _Objects, Mapping[str, Types]]:
    """The version a log is of, and what the schema and its columns should be.

    That is the version whose migrations make this very schema; where none does, the one of as many migrations as the
    log says it has had.
    """
    models: dict[int, tuple[_Objects, Mapping[str, Types]]] = {}
    for version in range(len(MIGRATIONS), READABLE_FROM - 1, -1):
        model = sqlite3.connect(":memory:")
        migrate(model, Path(":memory:"), lambda: "", version=version)
        models[version] = _objects(model), column_types(model)
        model.close()
        if models[version][0] == there:
            return version, *models[version]
    try:
        applied = int(connection.execute("SELECT count(*) FROM migrations").fetchone()[0])
    except sqlite3.DatabaseError:
        applied = len(MIGRATIONS)
    version = min(max(applied, READABLE_FROM), len(MIGRATIONS))
    return version, *models[version]


def _check_file(connection: sqlite3.Connection) -> Iterator[Problem]:
    """What SQLite can say about its own pages and indexes, and a mark that nothing of ours sets."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version:
        yield Problem("the file", "", "", f"its user_version was set to {version}")
    for (message,) in connection.execute(f"PRAGMA integrity_check({LISTED})"):
        if message != "ok":
            yield Problem("the file", "", "", as_text(message))


def _check_schema(there: _Objects, here: _Objects) -> Iterator[Problem]:
    """Tables, indexes and views against those the same migrations make in an empty file."""
    for kind, name in sorted(there.keys() | here.keys(), key=str):
        if (kind, name) not in here:
            change = "dropped"
        elif (kind, name) not in there:
            change = "added"
        elif there[kind, name] != here[kind, name]:
            change = "altered"
        else:
            continue
        yield Problem("the schema", "", "", f"the {as_text(kind)} {as_text(name)} was {change}")


def _objects(connection: sqlite3.Connection) -> _Objects:
    """What the schema holds, by type and name. Statistics that an auditor's tool leaves behind say nothing of rows."""
    sql = "SELECT type, name, tbl_name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_stat%'"
    return {(row[0], row[1]): (row[2], row[3]) for row in connection.execute(sql)}


def _check_migrations(rows: Iterator[sqlite3.Row], version: int) -> Iterator[Problem]:
    """The migrations that a log says it has had, against those of its version; a newer version's are not known here."""
    found = list(rows)
    yield from check_plain_chains("migrations", iter(found), {}, "")
    known = {name: hashlib.sha256(script.encode()).hexdigest() for name, script in MIGRATIONS}
    for row in found:
        if known.get(row["name"], row["sql_sha256"]) != row["sql_sha256"]:
            yield Problem("migrations", str(row["id"]), "", "it applied other statements than this version does")
    if [row["name"] for row in found if row["name"] in known] != list(known)[:version]:
        yield Problem("migrations", "", "", "rows are missing, were added or stand in another order")


def _check_foreign_keys(connection: sqlite3.Connection) -> Iterator[Problem]:
    for table, row, parent, _ in connection.execute("PRAGMA foreign_key_check"):
        if table != "edits":  # has no row number
            yield Problem(table, str(row), "", f"it refers to a row of {parent} that is not there")
    for row in connection.execute(
        "SELECT decision_id, ordinal FROM edits WHERE decision_id NOT IN (SELECT id FROM decisions)"
    ):
        yield Problem("edits", f"{row[0]}/{row[1]}", "", "it refers to a row of decisions that is not there")


def _check_generations(connection: sqlite3.Connection) -> Iterator[Problem]:
    """Decisions and prompts refer to what is there."""
    sql = (
        "SELECT d.id FROM decisions d JOIN generations g ON g.id = d.generation_id "
        "WHERE d.prompt_hash IS NOT g.prompt_hash ORDER BY 1"
    )
    for (decision,) in connection.execute(sql):
        yield Problem("decisions", str(decision), "", "its generation answers another prompt than its own")
    sql = (
        "SELECT g.id, json_extract(m.value, '$.sha256') AS text FROM generations g, json_each(CASE WHEN "
        "json_valid(g.prompt) THEN g.prompt ELSE '[]' END) m WHERE m.type = 'object' AND text IS NOT NULL "
        "AND text NOT IN (SELECT hash FROM prompts) ORDER BY 1"
    )
    for generation, text in connection.execute(sql):
        message = f"its system message {as_text(text)[:12]}… is missing from prompts"
        yield Problem("generations", str(generation), "", message)


def _check_types(table: str, rows: Iterator[sqlite3.Row], types: Types) -> Iterator[Problem]:
    for row in rows:
        for message in wrong_types(row, types):
            yield Problem(table, str(row[0]), "", message)


def _check_verdicts(connection: sqlite3.Connection) -> Iterator[Problem]:
    """Each verdict is of a review, by its reviewer, and of an edit or a finding of the record that it names."""
    sql = (
        "SELECT v.id, v.item, v.verdict, v.reviewer, v.text IS NOT NULL AS told, u.kind, u.config, CASE "
        "WHEN v.item LIKE 'f-%' THEN EXISTS (SELECT 1 FROM findings f WHERE 'f-' || f.id = v.item AND "
        "f.record_id = v.record_id) ELSE EXISTS (SELECT 1 FROM edits e JOIN decisions d ON d.id = e.decision_id "
        "WHERE d.record_id = v.record_id AND 'e-' || e.decision_id || '-' || e.ordinal = v.item) END AS there "
        "FROM verdicts v LEFT JOIN runs u ON u.id = v.run_id ORDER BY v.id"
    )
    for row in connection.execute(sql):
        label = str(row["id"])
        if row["verdict"] not in VERDICTS:
            yield Problem("verdicts", label, "", f'verdict is "{as_text(row["verdict"])}", which is no such word')
        elif (row["verdict"] == "change") != bool(row["told"]):
            yield Problem("verdicts", label, "", "it has a right text only if it is a change")
        if not row["there"]:
            message = f"it speaks of {as_text(row['item'])}, which is no edit or finding of its record"
            yield Problem("verdicts", label, "", message)
        if row["kind"] != "review" or read_reviewer(row["config"]) != as_text(row["reviewer"]):
            yield Problem("verdicts", label, "", "it is not of the reviewer whose review it stands in")


def _check_runs(
    connection: sqlite3.Connection,
    records: RecordsCheck,
    rejected: dict[Any, Chain],
    opinions: dict[Any, Chain],
    proof: LogProof,
) -> Iterator[Problem]:
    """Each run against its checkpoint: counts, and where its chains end.

    ``opinions`` are the chains of runs that decide nothing: what people said in a review, or a judge in an evaluation.
    """
    checkpoints = {row["run_id"]: row for row in connection.execute("SELECT * FROM checkpoints")}
    events = dict(connection.execute("SELECT run_id, count(*) FROM run_events GROUP BY 1").fetchall())
    for number, row in enumerate(connection.execute("SELECT * FROM runs ORDER BY id"), start=1):
        run = row["id"]
        if run != number:
            yield Problem("runs", str(run), "", f"it should be run {number}: rows are missing before it")
        for column, words in (("kind", _RUN_KINDS), ("status", _STATUSES)):
            if row[column] not in words:
                yield Problem("runs", str(run), "", f'{column} is "{as_text(row[column])}", which is no such word')
        chain, lines = records.chains.get(run, Chain()), rejected.get(run, Chain())
        said = opinions.get(run, Chain())
        table_said = _SAID.get(as_text(row["kind"]), "")
        if table_said:
            chain = said
        proof.runs.append(
            RunProof(
                run, as_text(row["kind"]), as_text(row["status"]), records.counts[run],
                0 if chain is said else chain.length, records.edits[run], lines.length, events.get(run, 0),
                chain.stored, said.length if row["kind"] == "review" else 0,
                said.length if row["kind"] == "evaluation" else 0,
            )
        )  # fmt: skip
        if (checkpoint := checkpoints.get(run)) is None:
            yield Problem("checkpoints", str(run), "", "the checkpoint of this run is missing")
            continue
        counts = {"records": records.counts[run], "rejected_lines": lines.length, "events": events.get(run, 0)}
        for column, count in counts.items():
            if checkpoint[column] != count:
                table = "run_events" if column == "events" else column
                message = f"{checkpoint[column]} were written, {count} are in the table: rows are missing or were added"
                yield Problem(table, "", f"run {run}", message)
        if table_said and checkpoint["position"] != said.length:
            message = (
                f"{checkpoint['position']} were written, {said.length} are in the table: rows are missing or were added"
            )
            yield Problem(table_said, "", f"run {run}", message)
        read, accounted = checkpoint["position"], records.counts[run] + lines.length
        if row["kind"] == "run" and read != accounted:
            message = (
                f"the ledger does not balance: {read} were read, {accounted} are logged as records or rejected lines"
            )
            yield Problem("checkpoints", str(run), "", message)
        links = table_said or "decisions"
        for column, table, walked in (("head", links, chain), ("rejected_head", "rejected_lines", lines)):
            if not walked.ends_at(as_text(checkpoint[column])):
                message = (
                    f"the chain does not end at the checkpoint's {column}: the last rows are missing, or were added"
                )
                yield Problem(table, "", f"run {run}", message)


def _check_head(records: RecordsCheck) -> Iterator[Problem]:
    """What is to be said of a head that is none any more."""
    if records.seen:
        run, link = records.seen
        message = f"the head you noted is link {link:,} of run {run}'s chain, not its end: decisions were added since"
    else:
        message = (
            "the head you noted is in no chain: what it covers was written anew or taken away, or is another log's"
        )
    yield Problem("the log", "", "", message)
