"""What a model was asked for the records of a run, and what that took: read from the log. Knows no engine."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

import orjson

from midb.audit.file.connection import explain_read_errors
from midb.audit.generation_rows import full_prompt
from midb.audit.reader import AuditReader
from midb.audit.rows import VERIFY_HINT, LoggedRecord, as_text
from midb.domain.decisions import Pass
from midb.domain.errors import AuditError
from midb.domain.generations import read_adapter_name


@dataclass(frozen=True, slots=True)
class GenerationRow:
    """A row of `generations`."""

    id: int
    prompt_hash: str
    engine: str
    sampling: str
    prompt: str
    completion: str
    finish_reason: str
    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int
    seconds: float

    @property
    def adapter(self) -> str:
        """The adapter that answered; empty where the model did so as it is."""
        return read_adapter_name(self.engine)


def find_generations(reader: AuditReader, logged: LoggedRecord) -> dict[int, GenerationRow]:
    """The generations that a record's decisions refer to, by id; what is missing from the log is missing here."""
    wanted = {decision.generation_id for decision in logged.decisions if decision.generation_id is not None}
    found = {}
    for number in sorted(wanted):
        for row in reader.query("SELECT * FROM generations WHERE id = ?", [number]):
            found[number] = _generation(row)
    return found


def _generation(row: sqlite3.Row) -> GenerationRow:
    for column in ("prompt_tokens", "completion_tokens", "cached_tokens", "seconds"):
        if not isinstance(row[column], int | float):
            message = f"the column {column} of the table generations holds {row[column]!r}, which is no number."
            raise AuditError(message, hint=VERIFY_HINT)
    return GenerationRow(
        id=row["id"],
        prompt_hash=as_text(row["prompt_hash"]),
        engine=as_text(row["engine"]),
        sampling=as_text(row["sampling"]),
        prompt=as_text(row["prompt"]),
        completion=as_text(row["completion"]),
        finish_reason=as_text(row["finish_reason"]),
        prompt_tokens=row["prompt_tokens"],
        completion_tokens=row["completion_tokens"],
        cached_tokens=row["cached_tokens"],
        seconds=row["seconds"],
    )


def read_messages(reader: AuditReader, generation: GenerationRow) -> list[tuple[str, str]]:
    """What was sent, as (role, content); a prompt that somebody made something else comes as it stands."""
    try:
        with explain_read_errors(reader.path):
            messages = full_prompt(reader.connection, generation.prompt)
        return [(as_text(message["role"]), as_text(message["content"])) for message in messages]
    except (orjson.JSONDecodeError, TypeError, KeyError):
        return [("prompt", generation.prompt)]


@dataclass(frozen=True, kw_only=True)
class PassUsage:
    """What a pass took of the model in one run; every generation counts once, however many decisions refer to it.

    :param calls: replies the run paid for, those among them that no decision refers to yet; all sums are over these.
    :param reused: replies it found in the log, which earlier runs had paid for.
    :param finished: finish reasons other than ``stop``, of both.
    :param failed: why its replies could not be used, there was none, or a rewrite was taken back.
    """

    pass_: str
    calls: int = 0
    reused: int = 0
    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0
    retries: int = 0
    seconds: float = 0.0
    finished: dict[str, int] = field(default_factory=dict)
    failed: dict[str, int] = field(default_factory=dict)


_OF_RUN = (
    "FROM generations g WHERE g.run_id = :run OR g.id IN (SELECT d.generation_id FROM records r "
    "JOIN decisions d ON d.record_id = r.id WHERE r.run_id = :run) GROUP BY 1"
)
_SUMS = (
    'SELECT g."pass", '
    + ", ".join(
        f"coalesce(sum({column}) FILTER (WHERE g.run_id = :run), 0)"
        for column in ("1", "g.prompt_tokens", "g.cached_tokens", "g.completion_tokens", "g.retries", "g.seconds")
    )
    + f", count(*) FILTER (WHERE g.run_id <> :run) {_OF_RUN}"
)
_FINISHED = f'SELECT g."pass", g.finish_reason, count(*) {_OF_RUN}, 2'
_FAILED = (
    'SELECT d."pass", d.reason, count(*) FROM records r JOIN decisions d ON d.record_id = r.id '
    "WHERE r.run_id = :run AND d.prompt_hash IS NOT NULL AND (d.action = 'rejected' OR d.generation_id IS NULL) "
    "GROUP BY 1, 2"
)


def usage_by_pass(reader: AuditReader, run: int) -> list[PassUsage]:
    """What each pass took of the model, in the order of the passes; empty for a run without one."""
    sums = {as_text(pass_): numbers for pass_, *numbers in reader.query(_SUMS, {"run": run})}
    finished, failed = _counts(reader, _FINISHED, run), _counts(reader, _FAILED, run)
    used = []
    for name in {**sums, **failed}:
        calls, read, cached, written, retries, seconds, reused = sums.get(name, [0] * 7)
        ends = {word: number for word, number in finished.get(name, {}).items() if word != "stop"}
        used.append(
            PassUsage(
                pass_=name, calls=calls, reused=reused, prompt_tokens=read, cached_tokens=cached,
                completion_tokens=written, retries=retries, seconds=seconds, finished=ends,
                failed=failed.get(name, {}),
            )
        )  # fmt: skip
    order = [pass_.value for pass_ in Pass]
    return sorted(used, key=lambda one: (order.index(one.pass_) if one.pass_ in order else len(order), one.pass_))


def _counts(reader: AuditReader, sql: str, run: int) -> dict[str, dict[str, int]]:
    """What a query counts: by pass, the words and how often they are there."""
    found: dict[str, dict[str, int]] = {}
    for pass_, word, number in reader.query(sql, {"run": run}):
        found.setdefault(as_text(pass_), {})[as_text(word)] = number
    return found


def total_usage(used: Iterable[PassUsage]) -> PassUsage:
    """The sum over all passes."""
    total = PassUsage(pass_="total")
    for one in used:
        total = PassUsage(
            pass_="total",
            calls=total.calls + one.calls,
            reused=total.reused + one.reused,
            prompt_tokens=total.prompt_tokens + one.prompt_tokens,
            cached_tokens=total.cached_tokens + one.cached_tokens,
            completion_tokens=total.completion_tokens + one.completion_tokens,
            retries=total.retries + one.retries,
            seconds=total.seconds + one.seconds,
            finished=dict(Counter(total.finished) + Counter(one.finished)),
            failed=dict(Counter(total.failed) + Counter(one.failed)),
        )
    return total
