"""Edits and findings one by one, as filters mean them, and samples that are spread evenly over languages and kinds.

Edits that repair one finding together are one thing to a person: of a pair of quotation marks, or of words that change
places, none stands without the others.
"""

from __future__ import annotations

import hashlib
import heapq
import itertools
import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from midb.audit.questions.filters import (
    STANDS,
    Filters,
    cause_of_edit,
    edit_condition,
    finding_condition,
    parameters,
    scope_condition,
    split_words,
)
from midb.audit.reader import AuditReader
from midb.audit.rows import as_text
from midb.audit.verdict_rows import Item

_EDITS = (
    'SELECT r.id AS record, r.language, d."pass", e.decision_id, e.ordinal, e.kind, d.generation_id, {cause} AS cause, '
    "{severity} AS severity FROM edits e CROSS JOIN decisions d ON d.id = e.decision_id "
    "CROSS JOIN records r ON r.id = d.record_id WHERE {where} ORDER BY e.decision_id, e.ordinal"
)

_FINDINGS = (
    "SELECT f.id, r.id, r.language, f.kind, f.family, f.severity FROM findings f CROSS JOIN records r "
    "ON r.id = f.record_id WHERE {where} ORDER BY f.id"
)


@dataclass(frozen=True, slots=True)
class Candidate:
    """Edits that belong together, or a finding.

    :param item: the finding, or the first of the edits; ``others`` are the numbers of the rest in their decision.
    :param pass_: of edits the pass that made them, of a finding its family.
    :param severity: empty for an edit that no finding asked for.
    :param modelled: whether a model wrote the edits.
    """

    item: Item
    record: int
    language: str
    kind: str
    pass_: str
    severity: str
    others: tuple[int, ...] = ()
    modelled: bool = False

    @property
    def what(self) -> str:
        """What it is, as figures name it: edits, edits of a model, or findings."""
        if self.item.decision is None:
            return "findings"
        return "model edits" if self.modelled else "edits"

    def items(self) -> list[Item]:
        """All of its items: verdicts are written for each."""
        return [self.item, *(Item(self.item.decision, number) for number in self.others)]


def list_edits(reader: AuditReader, filters: Filters, *, standing: bool, more: str = "1") -> Iterator[Candidate]:
    """The edits that the filters mean, those of one finding together; with ``standing`` only those that stand, and
    ``more`` (SQL over records ``r``) holds as well.

    Where one of several that belong together is named, all of them are meant.
    """
    where = [scope_condition(filters), edit_condition(replace(filters, edit=None)), more]
    if standing:
        where.append(STANDS)
    if names := set(split_words(filters.edit)):
        by_finding = (
            "e.decision_id IN (SELECT decision_id FROM findings WHERE id IN (SELECT value FROM json_each(:findings)))"
        )
        where.append(f"(e.decision_id IN (SELECT value FROM json_each(:edit_decisions)) OR {by_finding})")
    sql = _EDITS.format(cause=cause_of_edit("id"), severity=cause_of_edit("severity"), where=" AND ".join(where))
    for _, rows in itertools.groupby(reader.query(sql, parameters(filters)), key=lambda row: row["decision_id"]):
        for one, cause in _group(list(rows)):
            if not names or names & {f"f-{cause}", *(item.name for item in one.items())}:
                yield one


def _group(rows: Sequence[sqlite3.Row]) -> Iterator[tuple[Candidate, int | None]]:
    """The edits of one decision, those of one finding together; with the finding's id."""
    groups: dict[tuple[str, int], list[sqlite3.Row]] = {}
    for row in rows:
        key = ("alone", row["ordinal"]) if row["cause"] is None else ("repairs", row["cause"])
        groups.setdefault(key, []).append(row)
    for members in groups.values():
        first = members[0]
        language, kind, pass_ = (as_text(first[name]) for name in ("language", "kind", "pass"))
        yield (
            Candidate(
                Item(first["decision_id"], first["ordinal"]), first["record"], language, kind, pass_,
                severity="" if first["cause"] is None else as_text(first["severity"]),
                others=tuple(row["ordinal"] for row in members[1:]),
                modelled=first["generation_id"] is not None,
            ),
            first["cause"],
        )  # fmt: skip


def list_findings(
    reader: AuditReader, filters: Filters, *, but: Iterable[str] = (), more: str = "1"
) -> Iterator[Candidate]:
    """The findings that the filters mean, without those of the statuses ``but``; ``more`` as for edits."""
    where = [scope_condition(filters), finding_condition(filters), more]
    where += [f"f.status <> '{status}'" for status in but]
    for number, record, *words in reader.query(_FINDINGS.format(where=" AND ".join(where)), parameters(filters)):
        language, kind, family, severity = map(as_text, words)
        yield Candidate(Item(None, number), record, language, kind, family, severity)


def draw(candidates: Iterable[Candidate], count: int, seed: int) -> list[Candidate]:
    """Draw from each language and kind in turn, so that no frequent kind fills the sample; in the order of the log.

    The same candidates and seed give the same sample. Memory grows with the sample, not with the log.
    """
    groups: defaultdict[tuple[str, str], list[tuple[int, str, Candidate]]] = defaultdict(list)
    for one in candidates:
        group = groups[one.language, one.kind]
        entry = (-_lot(seed, one.item.name), one.item.name, one)
        if len(group) < count:
            heapq.heappush(group, entry)
        elif entry > group[0]:
            heapq.heapreplace(group, entry)
    order = sorted(groups, key=lambda name: _lot(seed, "/".join(name)))
    queues = [sorted(groups[name], reverse=True) for name in order]
    chosen: list[Candidate] = []
    for turn in range(count):
        for queue in queues:
            if turn < len(queue) and len(chosen) < count:
                chosen.append(queue[turn][2])
        if len(chosen) == count:
            break
    return sorted(chosen, key=lambda one: (one.record, one.item.decision is None, one.item.decision, one.item.number))


def _lot(seed: int, name: str) -> int:
    return int.from_bytes(hashlib.blake2b(f"{seed} {name}".encode(), digest_size=8).digest())


def narrow(filters: Filters, candidates: Iterable[Candidate], *, sampled: str = "") -> Filters:
    """The filters, meaning these edits and findings alone; ``sampled`` says in words how they were drawn."""
    names = tuple(item.name for one in candidates for item in one.items())
    # A name that nothing has, where there is nothing: no name at all would mean everything.
    return replace(filters, edit=names or ("f-0",), sampled=sampled or filters.sampled)
