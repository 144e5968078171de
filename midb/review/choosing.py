"""Which edits and findings of a run are reviewed: those that are asked for, all or a sample that is spread evenly.

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
from dataclasses import dataclass

from midb.audit.questions.filters import STANDS
from midb.audit.reader import AuditReader
from midb.audit.rows import as_text
from midb.audit.verdict_rows import Item

_EDITS = (
    'SELECT r.id AS record, r.language, d."pass", e.decision_id, e.ordinal, e.field, e.start, e."end", e.kind, '
    "d.generation_id FROM edits e CROSS JOIN decisions d ON d.id = e.decision_id "
    "CROSS JOIN records r ON r.id = d.record_id "
    f"WHERE r.run_id = ? AND {STANDS}{{more}} ORDER BY e.decision_id, e.ordinal"
)

#: Only of records of which anything was said.
_JUDGED = " AND r.id IN (SELECT record_id FROM verdicts)"

_CAUSES = (
    'SELECT kind, field, start, "end", severity FROM findings WHERE record_id = ? AND decision_id = ? '
    "ORDER BY start, id"
)

_FINDINGS = (
    "SELECT f.id, r.id, r.language, f.kind, f.family, f.severity FROM findings f CROSS JOIN records r "
    "ON r.id = f.record_id WHERE r.run_id = ? AND f.status = 'open'{more} ORDER BY f.id"
)


@dataclass(frozen=True, slots=True)
class Candidate:
    """Edits that stand, or an open finding.

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


@dataclass(frozen=True, kw_only=True)
class ReviewChoice:
    """What is reviewed; an empty set does not restrict.

    :param what: "edits", "findings" or "both".
    :param sample: so many, spread over languages and kinds; 0: all.
    :param judged: only in records of which anything was said; the log must have a place for verdicts.
    """

    what: str = "both"
    languages: frozenset[str] = frozenset()
    kinds: frozenset[str] = frozenset()
    severities: frozenset[str] = frozenset()
    passes: frozenset[str] = frozenset()
    sample: int = 0
    seed: int = 0
    judged: bool = False

    def wants(self, candidate: Candidate) -> bool:
        """Whether it is among those that are asked for."""
        return all(
            not words or word in words
            for words, word in (
                (self.languages, candidate.language), (self.kinds, candidate.kind), (self.passes, candidate.pass_),
                (self.severities, candidate.severity),
            )
        )  # fmt: skip


def choose(reader: AuditReader, run: int, choice: ReviewChoice) -> list[Candidate]:
    """The candidates of a run, in the order of the log; of a sample always the same ones for the same seed."""
    found = (one for one in _list_candidates(reader, run, choice) if choice.wants(one))
    if not choice.sample:
        return list(found)
    chosen = _draw(found, choice.sample, choice.seed)
    return sorted(chosen, key=lambda one: (one.record, one.item.decision is None, one.item.decision, one.item.number))


def _list_candidates(reader: AuditReader, run: int, choice: ReviewChoice) -> Iterator[Candidate]:
    more = _JUDGED if choice.judged else ""
    if choice.what in ("edits", "both"):
        edits = reader.query(_EDITS.format(more=more), [run])
        for _, rows in itertools.groupby(edits, key=lambda row: row["decision_id"]):
            yield from _group_edits(reader, list(rows))
    if choice.what in ("findings", "both"):
        for number, record, *words in reader.query(_FINDINGS.format(more=more), [run]):
            language, kind, family, severity = map(as_text, words)
            yield Candidate(Item(None, number), record, language, kind, family, severity)


def _group_edits(reader: AuditReader, rows: Sequence[sqlite3.Row]) -> Iterator[Candidate]:
    """The edits of one decision, those of one finding together."""
    causes = [tuple(row) for row in reader.query(_CAUSES, [rows[0]["record"], rows[0]["decision_id"]])]
    groups: dict[tuple[object, ...], list[sqlite3.Row]] = {}
    for row in rows:
        near = [cause for cause in causes if cause[:2] == (row["kind"], row["field"])]
        # The finding that it lies in, or the nearest: what repairs one finding may reach beyond its place.
        cause = min(near, key=lambda cause: max(cause[2] - row["end"], row["start"] - cause[3], 0), default=None)
        groups.setdefault(cause or (row["ordinal"],), []).append(row)
    for cause, members in groups.items():
        first = members[0]
        yield Candidate(
            Item(first["decision_id"], first["ordinal"]),
            first["record"],
            as_text(first["language"]),
            as_text(first["kind"]),
            as_text(first["pass"]),
            severity=as_text(cause[4]) if len(cause) > 1 else "",
            others=tuple(row["ordinal"] for row in members[1:]),
            modelled=first["generation_id"] is not None,
        )


def _draw(candidates: Iterable[Candidate], count: int, seed: int) -> list[Candidate]:
    """Draw from each language and kind in turn, so that no frequent kind fills the sample."""
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
    return chosen


def _lot(seed: int, name: str) -> int:
    return int.from_bytes(hashlib.blake2b(f"{seed} {name}".encode(), digest_size=8).digest())
