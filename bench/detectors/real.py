"""Real pairs: how much is found, in how many different English rows, and how much of what people read of it is right.

Judgements are lines of bench/judgements/KIND.jsonl: id of the record, language, verdict (right or wrong), reason, and
whether the finding came with a repair (edit): then the verdict is on the repaired text. No text of the corpora is in
them.
"""

from __future__ import annotations

import json
import re
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from registry import ROOT, Row, benchmark

from detectors.figures import store
from detectors.pairs import examine, real_pairs
from midb.detectors import detectors, kinds
from midb.locales.measured import wilson
from midb.text.inspection import Inspection

JUDGEMENTS = ROOT / "bench" / "judgements"

#: The English row of a record: translations of one row have the same number.
_ROW = re.compile(r"(\d+)\D*\Z")

#: Pairs that are timed, evenly out of all.
TIMED = 3_000


def row_of(record: str) -> str:
    """The English row that a record translates.

    >>> row_of("de-0042"), row_of("x")
    ('0042', 'x')
    """
    found = _ROW.search(record)
    return found[1] if found else record


@benchmark("detectors-findings", "findings on real pairs by kind and language, and the English rows they stand in")
def findings(corpora: Path) -> Iterator[Row]:
    """A row for each kind, then one for all of them."""
    found: dict[str, Counter[str]] = defaultdict(Counter)
    edits: Counter[str] = Counter()
    rows: dict[str, set[str]] = defaultdict(set)
    touched = total = changed = 0
    for record, clean in real_pairs(corpora):
        first, after = examine(clean, clean.pair)
        total += 1
        touched += bool(first)
        changed += after != clean.pair
        for finding in first:
            found[finding.kind][clean.language] += 1
            edits[finding.kind] += bool(finding.fix)
            rows[finding.kind].add(row_of(record))
    for kind in kinds():
        if found[kind]:
            yield {
                "kind": kind,
                "findings": found[kind].total(),
                "repairable": edits[kind],
                "english_rows": len(rows[kind]),
                "by_language": dict(sorted(found[kind].items())),
            }
    share = touched / total if total else 0.0
    yield {"kind": "all", "pairs": total, "with_findings": touched, "share": round(share, 4), "changed": changed}
    # Of all languages together: findings, those with a repair, English rows.
    store(
        "findings",
        {
            kind: {"all": [by.total(), edits[kind], len(rows[kind])]} | {code: [n] for code, n in by.items()}
            for kind, by in found.items()
            if by
        },
    )


def read_judgements(folder: Path = JUDGEMENTS) -> dict[str, list[dict[str, Any]]]:
    """The judgements by kind; raises ValueError for a line that is none."""
    judged: dict[str, list[dict[str, Any]]] = {}
    for path in sorted(folder.glob("*.jsonl")):
        judged[path.stem] = []
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
            entry = json.loads(line)
            wanted = {"id", "language", "verdict", "reason", "edit"}
            if wanted != entry.keys() or entry["verdict"] not in ("right", "wrong") or type(entry["edit"]) is not bool:
                raise ValueError(f"{path.name}:{number} is no judgement")
            judged[path.stem].append(entry)
    return judged


@benchmark("detectors-precision", "of findings that people read, those that are right, with the interval", needs="")
def precision(corpora: Path) -> Iterator[Row]:
    """A row for each kind that was judged, its repairs apart. Written to the package's figures as well."""
    all_findings: dict[str, dict[str, list[int]]] = {}
    repairs: dict[str, dict[str, list[int]]] = {}
    for kind, entries in read_judgements().items():
        edits = [entry for entry in entries if entry["edit"]]
        all_findings[kind] = _count_by_language(entries)
        row = {"kind": kind, **_describe(entries), "edits": len(edits)}
        if edits:
            repairs[kind] = _count_by_language(edits)
            told = _describe(edits)
            row |= {f"edits_{name}": told[name] for name in ("right", "interval", "english_rows")}
        yield row
    store("precision", all_findings)
    store("edits", repairs)


def _count_by_language(entries: list[dict[str, Any]]) -> dict[str, list[int]]:
    """Right ones, and all of them, by language."""
    counts: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for entry in entries:
        counts[entry["language"]][0] += entry["verdict"] == "right"
        counts[entry["language"]][1] += 1
    return counts


def _describe(entries: list[dict[str, Any]]) -> dict[str, Any]:
    """Judgements in numbers, with the interval of their share of right ones."""
    right = sum(entry["verdict"] == "right" for entry in entries)
    low, high = wilson(right, len(entries))
    return {
        "right": right,
        "judged": len(entries),
        "interval": [round(low, 3), round(high, 3)],
        "english_rows": len({row_of(entry["id"]) for entry in entries}),
    }


@benchmark("detectors-speed", "processor time per pair of each detector, over an even sample of the real pairs")
def speed(corpora: Path) -> Iterator[Row]:
    """A row for each detector, the slowest first, then one for all of them."""
    from detectors.pairs import identifier

    pairs = [clean for _, clean in real_pairs(corpora)]
    pairs = pairs[:: max(len(pairs) // TIMED, 1)][:TIMED]
    spent: Counter[str] = Counter()
    for clean in pairs:
        seen = Inspection(clean.pair, clean.locale, identifier(), clean.source)
        for detector in detectors():
            started = time.process_time_ns()
            for _ in detector.detect(seen):
                pass
            spent[detector.__name__.rpartition(".")[2]] += time.process_time_ns() - started
    for name, nanoseconds in spent.most_common():
        yield {"detector": name, "ms_per_pair": round(nanoseconds / len(pairs) / 1e6, 4)}
    yield {"detector": "all", "ms_per_pair": round(spent.total() / len(pairs) / 1e6, 3), "pairs": len(pairs)}
