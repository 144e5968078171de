"""This program beside its neighbours: what each costs, changes, repairs and breaks, on the same pairs in one run.

Three looks: real pairs (time; what was changed, and what of it may not change), clean pairs (whatever is changed in one
is harm), and clean pairs into which known defects were put.
"""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from detectors.pairs import clean_pairs, real_pairs
from registry import Row, benchmark

from midb.detectors import kinds
from midb.domain.pairs import InstructionPair
from midb.injectors import CleanPair, Expectation, Injection, inject, injectors
from midb.text.protection import find_protected_spans
from neighbours.sides import Cleaner, sides

#: Real pairs that are looked at, evenly out of all corpora.
REAL = 3_000
#: Rounds over the real pairs; the fastest counts.
ROUNDS = 3
#: Every so many clean pairs get a defect of each kind: each side meets some thousands.
EVERY = 2

_NUMBER = re.compile(r"\d+")


@benchmark("pipeline-neighbours", "ftfy and data-juicer on the same pairs: time, repairs, and what each breaks")
def neighbours(corpora: Path) -> Iterator[Row]:
    """For each side a row about real pairs, one about clean ones, and one for each kind of defect that was put in."""
    everything = [clean for _, clean in real_pairs(corpora)]
    real = everything[:: max(1, len(everything) // REAL)][:REAL]
    clean = [pair for _, pair in clean_pairs()]
    spoiled = list(spoil(clean[::EVERY]))
    for side in sides():
        yield look_at_real(side, real)
        yield look_at_clean(side, clean)
        yield from look_at_defects(side, spoiled)


def look_at_real(side: Cleaner, pairs: Sequence[CleanPair]) -> Row:
    """Time, and pairs of 1,000 that are changed, lose a number, or lose something that is protected."""
    rounds = [side.clean(pairs) for _ in range(ROUNDS)]
    seconds = min(cleaned.seconds for cleaned in rounds)
    changed = [
        (clean.pair, after)
        for clean, after in zip(pairs, rounds[0].pairs, strict=True)
        if after != clean.pair
    ]  # fmt: skip
    per_1000 = 1_000 / len(pairs)
    return {
        "side": side.name,
        "pairs": len(pairs),
        "ms_per_pair": round(seconds / len(pairs) * 1e3, 3),
        "changed_per_1000": round(len(changed) * per_1000, 1),
        "lost_protected_per_1000": round(sum(loses_protected(*pair) for pair in changed) * per_1000, 1),
        "lost_number_per_1000": round(sum(loses_number(*pair) for pair in changed) * per_1000, 1),
        "lost_lines_per_1000": round(sum(loses_lines(*pair) for pair in changed) * per_1000, 1),
    }


def loses_protected(before: InstructionPair, after: InstructionPair) -> bool:
    """Whether code, an address, a placeholder or a tag of a pair is no longer there, letter for letter."""
    return any(
        text[span.start : span.end] not in (after.text(field) or "")
        for field, text in before.texts()
        for span in find_protected_spans(text)
    )


def loses_number(before: InstructionPair, after: InstructionPair) -> bool:
    """Whether some digits of a pair are no longer there; separators between them may change."""
    return any(
        Counter(_NUMBER.findall(text)) - Counter(_NUMBER.findall(after.text(field) or ""))
        for field, text in before.texts()
    )


def loses_lines(before: InstructionPair, after: InstructionPair) -> bool:
    """Whether a text of several lines has become one line."""
    return any(
        "\n" in text.strip() and "\n" not in (after.text(field) or "").strip() and bool(after.text(field))
        for field, text in before.texts()
    )


def look_at_clean(side: Cleaner, pairs: Sequence[CleanPair]) -> Row:
    """Clean pairs that are changed, or about which something is told."""
    cleaned = side.clean(pairs)
    changed = sum(after != clean.pair for clean, after in zip(pairs, cleaned.pairs, strict=True))
    return {"side": side.name, "clean_pairs": len(pairs), "changed": changed, "told": sum(cleaned.told)}


#: A kind, the pair as it was, and the defect that was put into it.
Defect = tuple[str, CleanPair, Injection]


def spoil(pairs: Sequence[CleanPair]) -> Iterator[Defect]:
    """Every pair with one defect of each kind that it has a place for; conventions of print are left out."""
    for kind, (number, clean) in itertools.product(injectors(), enumerate(pairs)):
        if kinds()[kind].abstention(clean.locale) or kinds()[kind].convention:
            continue
        injection = inject(kind, clean, f"neighbours {number}")
        if injection is not None and not injection.convention:
            yield kind, clean, injection


def look_at_defects(side: Cleaner, spoiled: Sequence[Defect]) -> Iterator[Row]:
    """For each kind: defects, how many were told, and of those that can be repaired how many read again as before, and
    how many were made something else."""
    pairs = [CleanPair(injection.applied(clean.pair), clean.language, clean.source) for _, clean, injection in spoiled]
    cleaned = side.clean(pairs)
    rows: dict[str, Counter[str]] = {}
    for (kind, clean, injection), damaged, after, told in zip(
        spoiled, pairs, cleaned.pairs, cleaned.told, strict=True
    ):  # fmt: skip
        row = rows.setdefault(kind, Counter())
        row["defects"] += 1
        row["told"] += told
        row["to_be_repaired"] += injection.expected is Expectation.REPAIRED
        row["repaired"] += after == clean.pair
        row["changed_otherwise"] += after not in (clean.pair, damaged.pair)
    names = ("defects", "told", "to_be_repaired", "repaired", "changed_otherwise")
    total = sum(rows.values(), Counter[str]())
    for kind, row in (("all", total), *sorted(rows.items())):
        yield {"side": side.name, "kind": kind} | {name: row[name] for name in names}
