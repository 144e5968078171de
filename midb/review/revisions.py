"""What people confirmed, as training data: each pair as it was, and as they say that it should be."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from midb.audit.reader import AuditReader
from midb.audit.verdict_rows import Item
from midb.audit.verdicts import find_standing
from midb.domain.pairs import InstructionPair
from midb.review.choosing import ReviewChoice, choose
from midb.review.originals import Originals
from midb.runs.applying import ReviewCorrections, correct_pairs


@dataclass(frozen=True, slots=True)
class SortedReview:
    """The records of which anything was said, by their ids.

    :param complete: every edit was reviewed, and no fault is left.
    :param partly: nobody said anything of some of their edits.
    :param faulty: people confirmed a fault, and gave no right text for it.
    """

    complete: tuple[int, ...]
    partly: tuple[int, ...]
    faulty: tuple[int, ...]


def sort_reviewed(reader: AuditReader, run: int) -> SortedReview:
    """Which of the reviewed records of a run can teach, and why the others cannot."""
    standing = find_standing(reader, run)
    if not standing:
        return SortedReview((), (), ())
    edits: defaultdict[int, list[str]] = defaultdict(list)
    for one in choose(reader, run, ReviewChoice(what="edits")):
        edits[one.record].append(one.item.name)
    reviewed = {verdict.record_id for verdict in standing.values()}
    faulty = {row.record_id for name, row in standing.items() if row.verdict == "accept" and _is_finding(name)}
    partly = {record for record in reviewed - faulty if not all(name in standing for name in edits[record])}
    complete = reviewed - faulty - partly
    return SortedReview(tuple(sorted(complete)), tuple(sorted(partly)), tuple(sorted(faulty)))


def list_revisions(reader: AuditReader, run: int, originals: Originals | None = None) -> Iterator[dict[str, Any]]:
    """One row for each pair of the records of which every edit was reviewed, in the order of the corpus.

    So nothing is taught that nobody looked at. A record in which people confirmed a fault, and gave no right text
    for it, is not there: it would teach to leave the fault. A pair whose edits were all rejected comes as it was on
    both sides: that it is to be left alone is worth learning. ``raw`` and ``revised`` are as ``midb-agent examples``
    reads them, and so is ``source``, the English original, where there is one.
    """
    standing = find_standing(reader, run)
    corrections = ReviewCorrections.of(standing)
    reviewers: defaultdict[int, set[str]] = defaultdict(set)
    for verdict in standing.values():
        reviewers[verdict.record_id].add(verdict.reviewer)
    for record in sort_reviewed(reader, run).complete:
        row = next(iter(reader.records("r.id = ?", [record])))
        for number, (before, after) in enumerate(correct_pairs(reader.parts(row), corrections)):
            source = originals.find(row.position, number) if originals else None
            yield {
                "id": row.record_key if row.pairs == 1 else f"{row.record_key}/{number}",
                "language": row.language,
                "raw": _describe(before),
                "revised": _describe(after),
                "reviewers": sorted(reviewers[record]),
                **({"source": _describe(source)} if source else {}),
            }


def _is_finding(name: str) -> bool:
    return Item.parse(name).decision is None


def _describe(pair: InstructionPair) -> dict[str, str]:
    texts = {"instruction": pair.instruction, "input": pair.input, "output": pair.response}
    return {name: text for name, text in texts.items() if text is not None}
