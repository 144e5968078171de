"""Which records an auditor means, as SQL. Every value goes in as a parameter."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from midb.audit.questions.search import fold, search_column
from midb.audit.reader import READ_OUTCOME, AuditReader
from midb.audit.rows import as_text
from midb.domain.decisions import Outcome, Pass
from midb.domain.defects import FindingStatus
from midb.domain.errors import UsageError
from midb.locales import LANGUAGES

#: One word, several of which any one will do, or no restriction.
Words = str | tuple[str, ...] | None


def split_words(words: Words) -> tuple[str, ...]:
    """The words, one by one."""
    return (words,) if isinstance(words, str) else words or ()


@dataclass(frozen=True, kw_only=True)
class Filters:
    """Which records are meant; what is None does not restrict, and of several words any one will do.

    ``kind`` and ``pass_`` hold for edits and findings.
    """

    run: int
    kind: Words = None
    pass_: Words = None
    language: Words = None
    outcome: Words = None
    status: Words = None
    text: str | None = None
    edited: bool = False  # changed records; only standing edits count for ``kind`` and ``pass_``, not findings


def check_filters(reader: AuditReader, filters: Filters) -> Filters:
    """The filters, or UsageError naming the nearest for a word that neither this program nor the log knows."""
    from midb.detectors import kinds

    logged = {
        "kind": "SELECT kind FROM findings UNION SELECT kind FROM edits",
        "language": "SELECT DISTINCT language FROM records",
    }
    for name, given, words in (
        ("outcome", filters.outcome, {outcome.value for outcome in Outcome}),
        ("status", filters.status, {status.value for status in FindingStatus}),
        ("pass", filters.pass_, {pass_.value for pass_ in Pass}),
        ("kind", filters.kind, set(kinds())),
        ("language", filters.language, set(LANGUAGES)),
    ):
        for word in split_words(given):
            if word not in words:
                more = {as_text(row[0]) for row in reader.query(logged[name])} if name in logged else set()
                require_known(name, word, words | more)
    return filters


def require_known(name: str, given: str, words: Iterable[str]) -> None:
    """Raise UsageError where a word is not among those known, with the nearest of them."""
    listed = sorted(words)
    if given not in listed:
        near = difflib.get_close_matches(given, listed, n=1)
        meant = f"Did you mean {near[0]}? " if near else ""
        raise UsageError(f'unknown {name} "{given}".', hint=f"{meant}Known are: {', '.join(listed)}.")


#: Whether a column holds one of the words of a parameter, which is a JSON array.
_AMONG = "IN (SELECT value FROM json_each(:{}))"


def record_condition(filters: Filters) -> tuple[str, dict[str, Any]]:
    """The filters as SQL over the alias ``r`` of `records`, and its parameters.

    A search for a text needs a connection with `midb.audit.questions.search.add_search`.
    """
    parts = ["r.run_id = :run"]
    if filters.language:
        parts.append(f"r.language {_AMONG.format('language')}")
    if filters.outcome:
        parts.append(f"{READ_OUTCOME} {_AMONG.format('outcome')}")
    if filters.edited:
        parts.append("r.final_text IS NOT NULL")
    edit, found = edit_condition(filters), finding_condition(filters)
    either = []
    if not filters.status and (filters.kind or filters.pass_):
        either.append(f"EXISTS (SELECT 1 FROM decisions d LEFT JOIN edits e ON e.decision_id = d.id "
                      f"WHERE d.record_id = r.id AND {edit})")  # fmt: skip
    if filters.status or (filters.kind and not filters.edited):
        either.append(f"EXISTS (SELECT 1 FROM findings f WHERE f.record_id = r.id AND {found})")
    if either:
        parts.append(f"({' OR '.join(either)})")
    if filters.text:
        parts.append(
            "(EXISTS (SELECT 1 FROM decisions d JOIN edits e ON e.decision_id = d.id WHERE d.record_id = r.id "
            f"AND ({search_column('e.before')} OR {search_column('e.after')})) "
            f"OR EXISTS (SELECT 1 FROM findings f WHERE f.record_id = r.id AND {search_column('f.evidence')}) "
            f"OR {search_column('r.record_key')} OR {search_column('r.original_text', texts=True)} "
            f"OR {search_column('r.final_text', texts=True)})"
        )
    values = {
        "run": filters.run, "text": fold(filters.text or ""),
        **{name: json.dumps(split_words(getattr(filters, name)))
           for name in ("kind", "pass_", "language", "outcome", "status")},
    }  # fmt: skip
    return " AND ".join(parts), values


#: Whether the edits of a decision ``d`` stand, as SQL. The rule is that of `midb.domain.decisions.standing`: it was
#: applied, and no verification after it failed. A test holds the two together.
STANDS = (
    "d.action = 'applied' AND NOT EXISTS (SELECT 1 FROM decisions v WHERE v.record_id = d.record_id "
    "AND v.pair = d.pair AND v.id > d.id AND v.\"pass\" = 'verification' AND v.action = 'rejected')"
)


def edit_condition(filters: Filters) -> str:
    """The filters as SQL over an edit ``e`` and its decision ``d``."""
    parts = [STANDS if filters.edited else "1"]
    if filters.kind:
        parts.append(f"e.kind {_AMONG.format('kind')}")
    if filters.pass_:
        parts.append(f'd."pass" {_AMONG.format("pass_")}')
    return " AND ".join(parts)


def finding_condition(filters: Filters) -> str:
    """The filters as SQL over a finding ``f``."""
    parts = ["1"]
    if filters.kind:
        parts.append(f"f.kind {_AMONG.format('kind')}")
    if filters.pass_:
        among = _AMONG.format("pass_")
        by_pass = f'SELECT 1 FROM decisions g WHERE g.id = f.decision_id AND g."pass" {among}'
        parts.append(f"(f.family {among} OR EXISTS ({by_pass}))")
    if filters.status:
        parts.append(f"f.status {_AMONG.format('status')}")
    return " AND ".join(parts)
