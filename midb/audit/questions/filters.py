"""What an auditor means, as SQL: which records, and which edits and findings in them. One set for all commands.

Repeating a filter unites, different ones intersect. Those of records (language, outcome, text, record) say where to
look; those of edits and findings (kind, family, pass, severity, field, status, edit) say what is looked for there, and
a record is meant where it has one of those. Every value goes in as a parameter.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from midb.audit.questions.search import fold, search_column
from midb.audit.reader import READ_OUTCOME
from midb.domain.defects import FindingStatus
from midb.domain.errors import UsageError

#: One word, several of which any one will do, or no restriction.
Words = str | tuple[str, ...] | None

#: What `--status` says of an edit that a check took back; one that stands is `repaired`, as its finding is.
TAKEN_BACK = "taken-back"

#: What `--status` may be.
STATUSES = (*(status.value for status in FindingStatus), TAKEN_BACK)


def split_words(words: Words) -> tuple[str, ...]:
    """The words, one by one."""
    return (words,) if isinstance(words, str) else words or ()


@dataclass(frozen=True, kw_only=True)
class Filters:
    """What is meant; what is None does not restrict, and of several words any one will do.

    :param status: of findings repaired, open or dismissed; of edits repaired (they stand) or taken-back.
    :param record: ids, or ``#`` and a position.
    :param edit: names of edits and findings. That of a finding also means the edits that repaired it.
    :param changed: changed records only, and of edits only those that stand; what is looked for is an edit then.
    :param told: only records in which something was found or edited: of others there is nothing to tell.
    :param sampled: how ``edit`` was drawn, in words; empty where it was not.
    """

    run: int
    kind: Words = None
    family: Words = None
    pass_: Words = None
    language: Words = None
    severity: Words = None
    field: Words = None
    outcome: Words = None
    status: Words = None
    text: Words = None
    record: Words = None
    edit: Words = None
    changed: bool = False
    told: bool = False
    sampled: str = ""

    @property
    def of_records(self) -> bool:
        """Whether any of them restricts the records that are looked at."""
        return bool(self.language or self.outcome or self.text or self.record or self.changed)

    @property
    def of_items(self) -> bool:
        """Whether any of them says what is looked for in a record."""
        return bool(
            self.kind or self.family or self.pass_ or self.severity or self.field or self.status or self.edit
        )  # fmt: skip

    def described(self) -> str:
        """The filters in words, as the log of a revert and the messages have them; empty without any.

        >>> Filters(run=1, kind=("mojibake", "line-break"), language="tr").described()
        'kind line-break, mojibake; language tr'
        """
        named = [
            (name, split_words(getattr(self, attribute)))
            for name, attribute in (
                ("kind", "kind"), ("family", "family"), ("pass", "pass_"), ("language", "language"),
                ("severity", "severity"), ("field", "field"), ("outcome", "outcome"), ("status", "status"),
                ("text", "text"), ("record", "record"),
                *(() if self.sampled else (("edit", "edit"),)),
            )
        ]  # fmt: skip
        parts = [f"{name} {_list_some(sorted(words))}" for name, words in named if words]
        return "; ".join([*parts, *(["changed"] if self.changed else []), *([self.sampled] if self.sampled else [])])


def require_known(name: str, given: str, words: Iterable[str]) -> None:
    """Raise UsageError where a word is not among those known, with the nearest of them."""
    listed = sorted(words)
    if given not in listed:
        near = difflib.get_close_matches(given, listed, n=1) or [w for w in listed if len(given) > 2 and given in w][:3]
        meant = f"Did you mean {' or '.join(near)}? " if near else ""
        raise UsageError(f'unknown {name} "{given}".', hint=f"{meant}Known are: {', '.join(listed)}.")


def _list_some(words: Sequence[str]) -> str:
    """Words as a list; of many the first, and how many more there are."""
    more = f" and {len(words) - _LISTED:,} more" if len(words) > _LISTED else ""
    return ", ".join(words[:_LISTED]) + more


#: Words that a description lists.
_LISTED = 8

#: Whether a column holds one of the words of a parameter, which is a JSON array.
_AMONG = "IN (SELECT value FROM json_each(:{}))"

#: Whether the edits of a decision ``d`` stand, as SQL. The rule is that of `midb.domain.decisions.standing`: it was
#: applied, and no verification after it failed. A test holds the two together.
STANDS = (
    "d.action = 'applied' AND NOT EXISTS (SELECT 1 FROM decisions v WHERE v.record_id = d.record_id "
    "AND v.pair = d.pair AND v.id > d.id AND v.\"pass\" = 'verification' AND v.action = 'rejected')"
)

#: The names of an edit ``e`` and of a finding ``f``, as `midb.audit.verdict_rows.Item` has them.
EDIT_NAME = "'e-' || e.decision_id || '-' || e.ordinal"
FINDING_NAME = "'f-' || f.id"


def cause_of_edit(column: str) -> str:
    """A column of the finding that an edit ``e`` of a decision ``d`` repairs, as SQL.

    Where a decision repairs several of a kind in a field, it is the one that the edit lies in, or the nearest.
    """
    return (  # SQLite knows nothing of ``e`` in the ORDER BY of a subquery, hence two of them
        f'(SELECT told FROM (SELECT c.{column} AS told, max(c.start - e."end", e.start - c."end", 0) AS away, '
        "c.start AS place, c.id AS number FROM findings c WHERE c.record_id = d.record_id AND c.decision_id = d.id "
        "AND c.kind = e.kind AND c.field = e.field) ORDER BY away, place, number LIMIT 1)"
    )


def scope_condition(filters: Filters) -> str:
    """The filters of records as SQL over the alias ``r`` of `records`.

    A search for a text needs a connection with `midb.audit.questions.search.add_search`.
    """
    parts = ["r.run_id = :run"]
    if filters.language:
        parts.append(f"r.language {_AMONG.format('language')}")
    if filters.outcome:
        parts.append(f"{READ_OUTCOME} {_AMONG.format('outcome')}")
    if filters.changed:
        parts.append("r.final_text IS NOT NULL")
    if filters.told:
        parts.append("r.original_text IS NOT NULL")
    if filters.record:
        parts.append(
            "r.id IN (SELECT x.id FROM json_each(:record) j CROSS JOIN records x ON x.run_id = :run AND "
            "x.record_key = j.value UNION ALL SELECT x.id FROM json_each(:record) j CROSS JOIN records x ON "
            "x.run_id = :run AND x.position = CAST(substr(j.value, 2) AS INTEGER) WHERE j.value LIKE '#%')"
        )
    if filters.text:
        parts.append(f"({' OR '.join(_holds(f'text{n}') for n in range(len(split_words(filters.text))))})")
    return " AND ".join(parts)


def _holds(needle: str) -> str:
    """Whether a record holds a text: in its id, its texts, an edit or the evidence of a finding."""
    before, after = (search_column(f"r.{name}_text", needle, texts=True) for name in ("original", "final"))
    return (  # a record of which no text was kept has neither edits nor findings
        f"({search_column('r.record_key', needle)} OR (r.original_text IS NOT NULL AND ({before} OR {after} "
        "OR EXISTS (SELECT 1 FROM decisions d JOIN edits e ON e.decision_id = d.id WHERE d.record_id = r.id AND "
        f"({search_column('e.before', needle)} OR {search_column('e.after', needle)})) OR EXISTS (SELECT 1 FROM "
        f"findings f WHERE f.record_id = r.id AND {search_column('f.evidence', needle)}))))"
    )


def record_condition(filters: Filters) -> tuple[str, dict[str, Any]]:
    """All filters as SQL over the alias ``r`` of `records`, and their parameters."""
    parts = [scope_condition(filters)]
    if filters.edit:
        parts.append(
            "r.id IN (SELECT d.record_id FROM json_each(:edit_decisions) j CROSS JOIN decisions d ON d.id = j.value "
            "UNION ALL SELECT f.record_id FROM json_each(:findings) j CROSS JOIN findings f ON f.id = j.value)"
        )
    if filters.of_items:
        # Edits and findings are few beside records: they are gone through once, not record by record.
        edits = (
            "SELECT d.record_id FROM edits e CROSS JOIN decisions d ON d.id = e.decision_id "
            f"WHERE {edit_condition(filters)}"
        )
        found = f"SELECT f.record_id FROM findings f WHERE {finding_condition(filters)}"
        only_pass = _restricts_passes_alone(filters)
        if only_pass and not filters.changed:
            parts.append(f"r.id IN (SELECT d.record_id FROM decisions d WHERE {decision_condition(filters)})")
        elif only_pass or (filters.changed and not filters.status):
            parts.append(f"r.id IN ({edits})")
        else:
            parts.append(f"(r.id IN ({edits}) OR r.id IN ({found}))")
    return " AND ".join(parts), parameters(filters)


def parameters(filters: Filters) -> dict[str, Any]:
    """The parameters of all the conditions here."""
    from midb.detectors import kinds

    families = split_words(filters.family)
    of_families = [kind.name for kind in kinds().values() if kind.family in families] if families else []
    names = split_words(filters.edit)
    numbers = [name.split("-") for name in names]
    return {
        "run": filters.run,
        "family_kinds": json.dumps(of_families),
        "known_kinds": json.dumps(list(kinds()) if families else []),
        "edit_decisions": json.dumps(sorted({int(parts[1]) for parts in numbers if parts[0] == "e"})),
        "findings": json.dumps(sorted({int(parts[1]) for parts in numbers if parts[0] == "f"})),
        **{f"text{n}": fold(word) for n, word in enumerate(split_words(filters.text))},
        **{
            name: json.dumps(split_words(getattr(filters, name)))
            for name in (
                "kind", "family", "pass_", "language", "severity", "field", "outcome", "status", "record", "edit",
            )
        },
    }  # fmt: skip


def edit_condition(filters: Filters) -> str:
    """The filters as SQL over an edit ``e`` and its decision ``d``."""
    parts = [STANDS] if filters.changed else []
    if statuses := set(split_words(filters.status)):
        stands, fell = FindingStatus.REPAIRED.value in statuses, TAKEN_BACK in statuses
        if not (stands and fell):
            parts.append(f"({STANDS})" if stands else f"NOT ({STANDS})" if fell else "0")
    if filters.kind:
        parts.append(f"e.kind {_AMONG.format('kind')}")
    if filters.family:  # of a kind that this program does not know, the pass says it
        other = f'e.kind NOT {_AMONG.format("known_kinds")} AND d."pass" {_AMONG.format("family")}'
        parts.append(f"(e.kind {_AMONG.format('family_kinds')} OR ({other}))")
    if filters.pass_:
        parts.append(f'd."pass" {_AMONG.format("pass_")}')
    if filters.severity:
        parts.append(f"{cause_of_edit('severity')} {_AMONG.format('severity')}")
    if filters.field:
        parts.append(f"e.field {_AMONG.format('field')}")
    if filters.edit:
        named = f"e.decision_id {_AMONG.format('edit_decisions')} AND {EDIT_NAME} {_AMONG.format('edit')}"
        repairs = f"d.record_id IN (SELECT record_id FROM findings WHERE id {_AMONG.format('findings')}) AND "
        repairs += f"{cause_of_edit('id')} {_AMONG.format('findings')}"
        by_finding = any(name.startswith("f") for name in split_words(filters.edit))
        parts.append(f"(({named}) OR ({repairs}))" if by_finding else f"({named})")
    return " AND ".join(parts) or "1"


def _restricts_passes_alone(filters: Filters) -> bool:
    """Whether what is looked for is all that a pass decided: also a decision that changed nothing is one of it."""
    return bool(filters.pass_) and not (
        filters.kind or filters.family or filters.severity or filters.field or filters.status or filters.edit
    )


def decision_condition(filters: Filters) -> str:
    """The filters as SQL over a decision ``d``: it is of a pass, or has an edit that is meant."""
    if filters.changed or (filters.of_items and not _restricts_passes_alone(filters)):
        return f"EXISTS (SELECT 1 FROM edits e WHERE e.decision_id = d.id AND {edit_condition(filters)})"
    return f'd."pass" {_AMONG.format("pass_")}' if filters.pass_ else "1"


def finding_condition(filters: Filters) -> str:
    """The filters as SQL over a finding ``f``."""
    parts = []
    for name in ("kind", "family", "severity", "field", "status"):
        if getattr(filters, name):
            parts.append(f"f.{name} {_AMONG.format(name)}")
    if filters.pass_:
        among = _AMONG.format("pass_")
        by_pass = f'SELECT 1 FROM decisions g WHERE g.id = f.decision_id AND g."pass" {among}'
        parts.append(f"(f.family {among} OR EXISTS ({by_pass}))")
    if filters.edit:
        parts.append(f"f.id {_AMONG.format('findings')}")
    return " AND ".join(parts) or "1"
