"""Hashes that make the log tamper-evident: what is covered, and in which order.

Every row is covered by exactly one hash. A decision's hash covers its own columns, its edits, and the seal of its
record (which covers the record's row and findings), and chains to the decision before it. So one changed byte breaks
the hash of the row it stands in, and a missing or added row breaks the chain or the counts in the checkpoint. All of
these hashes together are covered by the heads (`midb.audit.file.heads`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from operator import itemgetter
from typing import Any

from midb.domain.hashing import digest

#: What the first link of a chain refers to.
GENESIS = "0" * 64

#: Columns in the order they are hashed. Hash columns themselves are left out.
COVERED: dict[str, tuple[str, ...]] = {
    "migrations": ("id", "name", "sql_sha256", "applied_at"),
    "runs": (
        "id", "kind", "parent_run", "started_at", "finished_at", "status", "corpus", "corpus_sha256", "corpus_bytes",
        "output", "output_sha256", "rejected", "config", "config_hash", "engine", "versions",
    ),
    "checkpoints": (
        "run_id", "records", "rejected_lines", "events", "position", "line", "input_offset", "output_bytes",
        "rejected_bytes", "head", "rejected_head",
    ),
    "records": (
        "id", "run_id", "position", "line", "record_key", "language", "outcome", "pairs", "open_findings",
        "original_text", "final_text", "original_hash", "final_hash",
    ),
    "findings": (
        "id", "record_id", "pair", "field", "kind", "family", "severity", "start", "end", "evidence", "detector",
        "status", "decision_id",
    ),
    "decisions": (
        "id", "record_id", "pair", "pass", "attempt", "action", "reason", "detail", "before_hash", "after_hash",
        "prompt_hash", "generation_id",
    ),
    "edits": ("decision_id", "ordinal", "field", "start", "end", "before", "after", "kind"),
    "generations": (
        "id", "prompt_hash", "engine", "sampling", "prompt", "completion", "prompt_tokens", "completion_tokens",
        "finish_reason", "seconds", "run_id", "pass", "cached_tokens", "drafted", "accepted", "steps", "retries",
    ),
    "prompts": ("hash", "text"),
    "rejected_lines": ("id", "run_id", "position", "line", "offset", "length", "sha256", "reason", "message"),
    "run_events": ("id", "run_id", "at", "level", "message"),
    "verdicts": ("id", "run_id", "record_id", "item", "reviewer", "verdict", "text", "note", "at"),
    "judgements": ("id", "run_id", "item", "language", "first", "preferred", "detail", "generation_id"),
    "evaluations": ("id", "run_id", "evaluates", "figures", "at"),
    "written": ("run_id", "output_sha256", "rejected_sha256"),
    "heads": (
        "id", "run_id", "action", "status", "last_migration", "last_run", "last_record", "last_decision",
        "last_rejected_line", "last_event", "last_generation", "content", "state",
    ),
}  # fmt: skip

#: The values of those columns of a row.
_COVERED = {table: itemgetter(*columns) for table, columns in COVERED.items()}


def covered_values(table: str, row: Mapping[str, Any]) -> tuple[Any, ...]:
    """The covered columns of a row, in order. Bytes found where text was written count as a change, not an error."""
    values: tuple[Any, ...] = _COVERED[table](row)
    if bytes in map(type, values):
        return tuple({"bytes": value.hex()} if isinstance(value, bytes) else value for value in values)
    return values


def row_seal(table: str, row: Mapping[str, Any]) -> str:
    """The seal of a row that belongs to no chain."""
    return digest(table, *covered_values(table, row))


def record_seal(record: Sequence[Any], findings: Iterable[Sequence[Any]]) -> str:
    """The seal of a record: its own covered values and those of its findings by id."""
    return digest("records", record, list(findings))


def decision_hash(
    previous: str, seal: str, decision: Sequence[Any], edits: Iterable[Sequence[Any]], generation: str | None = None
) -> str:
    """The next link of the decision chain; ``seal`` is that of the decision's record, the edits come by ordinal.

    ``generation`` is the seal of the reply it rests on, so that the chain covers what a model was asked and answered.
    """
    covered = ("decisions", previous, seal, decision, list(edits))
    return digest(*covered) if generation is None else digest(*covered, generation)


def chain_hash(table: str, previous: str, row: Sequence[Any]) -> str:
    """The next link of a chain of plain rows (rejected lines, migrations, heads)."""
    return digest(table, previous, row)
