"""Whether what an auditor names can be: a word, a record, an edit; and what is nearest where it cannot."""

from __future__ import annotations

from dataclasses import replace

from midb.audit.questions.filters import STATUSES, Filters, require_known, split_words
from midb.audit.questions.finding import find_by_name
from midb.audit.reader import AuditReader
from midb.audit.rows import as_text
from midb.audit.verdict_rows import Item
from midb.domain.decisions import Outcome, Pass
from midb.domain.defects import DefectFamily, Severity
from midb.domain.errors import UsageError
from midb.domain.pairs import Field
from midb.locales import LANGUAGES


def check_filters(reader: AuditReader, filters: Filters, allowed: frozenset[int] = frozenset()) -> Filters:
    """The filters, or UsageError for a value that cannot be: a word that neither this program nor the log knows, with
    the nearest of those known; a record or an edit that the run does not have, with where it may be.

    Edits may also be of the runs ``allowed``.
    """
    from midb.detectors import kinds

    logged = {
        "kind": "SELECT kind FROM findings UNION SELECT kind FROM edits",
        "language": "SELECT DISTINCT language FROM records",
    }
    for name, given, words in (
        ("outcome", filters.outcome, {outcome.value for outcome in Outcome}),
        ("status", filters.status, set(STATUSES)),
        ("pass", filters.pass_, {pass_.value for pass_ in Pass}),
        ("family", filters.family, {family.value for family in DefectFamily}),
        ("severity", filters.severity, {severity.value for severity in Severity}),
        ("field", filters.field, {field.value for field in Field}),
        ("kind", filters.kind, set(kinds())),
        ("language", filters.language, set(LANGUAGES)),
    ):
        for word in split_words(given):
            if word not in words:
                more = {as_text(row[0]) for row in reader.query(logged[name])} if name in logged else set()
                require_known(name, word, words | more)
    if any(not word.strip() for word in split_words(filters.text)):
        raise UsageError("--text is empty.", hint="Leave it out to look for no text.")
    for name in split_words(filters.edit):
        require_item(reader, filters.run, name, allowed)
    records = [
        name if row.record_key == name else f"#{row.position}"
        for name in split_words(filters.record)
        for row in find_by_name(reader, filters.run, name)
    ]
    return replace(filters, record=tuple(dict.fromkeys(records))) if records else filters


def find_run_of(reader: AuditReader, name: str) -> int | None:
    """The run of an edit or a finding; None where the log has none of that name. UsageError for what is no name."""
    item = parse_item(name)
    if item.decision is None:
        sql, values = (
            "SELECT r.run_id FROM findings f JOIN records r ON r.id = f.record_id WHERE f.id = ?",
            [item.number],
        )
    else:
        sql = (
            "SELECT r.run_id FROM edits e JOIN decisions d ON d.id = e.decision_id "
            "JOIN records r ON r.id = d.record_id WHERE e.decision_id = ? AND e.ordinal = ?"
        )
        values = [item.decision, item.number]
    return next((int(row[0]) for row in reader.query(sql, values)), None)


def parse_item(name: str) -> Item:
    """An edit or a finding by its name; UsageError for what is none."""
    try:
        return Item.parse(name)
    except ValueError as error:
        hint = "Edits are called e-31-0, findings f-12; audit find prints their names."
        raise UsageError(f'"{name}" names no edit and no finding.', hint=hint) from error


def require_item(reader: AuditReader, run: int, name: str, allowed: frozenset[int] = frozenset()) -> None:
    """Raise UsageError for a name that no edit or finding of a run has, with the run that has it, or names like it."""
    there = find_run_of(reader, name)
    if there == run or there in allowed:
        return
    item = parse_item(name)
    what = "finding" if item.decision is None else "edit"
    if there is not None:
        raise UsageError(f"{name} is {'a' if what == 'finding' else 'an'} {what} of run {there}, not of run {run}.",
                         hint=f"--run {there} has it.")  # fmt: skip
    raise UsageError(f"the log has no {what} {name}.", hint=_name_near(reader, item))


def _name_near(reader: AuditReader, item: Item) -> str:
    """Names of edits or findings that are like one that is not there."""
    if item.decision is None:
        near = [
            f"f-{row[0]}" for row in reader.query("SELECT max(id) FROM findings WHERE id IS NOT NULL", []) if row[0]
        ]
        return f"Its last finding is {near[0]}." if near else "It has no findings."
    of_decision = "SELECT decision_id, ordinal FROM edits WHERE decision_id = ? ORDER BY ordinal LIMIT 5"
    around = (
        "SELECT * FROM (SELECT decision_id, ordinal FROM edits WHERE decision_id < ?1 ORDER BY 1 DESC, 2 DESC LIMIT 1) "
        "UNION ALL SELECT * FROM (SELECT decision_id, ordinal FROM edits WHERE decision_id > ?1 ORDER BY 1, 2 LIMIT 1)"
    )
    found = list(reader.query(of_decision, [item.decision])) or list(reader.query(around, [item.decision]))
    names = [Item(int(row[0]), int(row[1])).name for row in found]
    return f"Near it are {', '.join(names)}." if names else "It has no edits."
