"""The figures of a report: counted in the log, in one pass over each table, with memory that does not grow with it."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from midb.audit.questions.filters import STANDS
from midb.audit.questions.summary import LEDGER, LEFT_ALONE, REJECTED, TAKEN_BACK
from midb.audit.questions.usage import total_usage, usage_by_pass
from midb.audit.reader import AuditReader
from midb.audit.rows import as_text
from midb.audit.run_rows import Run
from midb.domain.decisions import list_outcomes
from midb.domain.defects import FindingStatus, Severity
from midb.report.evaluated import read_evaluated
from midb.report.sampling import EditDraw, EditPlace
from midb.review.agreement import measure_review
from midb.text.terminal import quote_words

#: Says how the JSON is laid out; names are added to it, never renamed or removed.
FORM = 1

#: (language, records, changed records, pairs)
_LANGUAGES = (
    "SELECT r.language, count(*), count(r.final_text), sum(r.pairs) FROM records r WHERE r.run_id = ? GROUP BY 1"
)

#: Every edit that stands: (language, pass, kind, record, decision, place in the decision). The order of the joins is
#: fixed: edits are few beside records, and decisions and records are found by their number.
_EDITS = (
    'SELECT r.language, d."pass", e.kind, r.id, e.decision_id, e.ordinal FROM edits e '
    "CROSS JOIN decisions d ON d.id = e.decision_id CROSS JOIN records r ON r.id = d.record_id "
    f"WHERE r.run_id = ? AND {STANDS}"
)

#: (language, kind, severity, status, findings)
_FINDINGS = (
    "SELECT r.language, f.kind, f.severity, f.status, count(*) FROM findings f "
    "CROSS JOIN records r ON r.id = f.record_id WHERE r.run_id = ? GROUP BY 1, 2, 3, 4"
)


def gather(reader: AuditReader, run: Run, draw: EditDraw, db: Path) -> dict[str, Any]:
    """The figures of a run, as the JSON report gives them; ``draw`` is shown every edit that stands.

    Findings, edits and records are counted apart: each figure is of what its name says.
    """
    languages = _count_languages(reader, run)
    edits, kinds_and_languages = _count_edits(reader, run, draw)
    findings = _count_findings(reader, run, kinds_and_languages)
    rejected = list(_rows(reader, REJECTED, run, ("reason", "lines", "first_line")))
    taken_back = list(_rows(reader, TAKEN_BACK, run, ("pass", "reason", "times")))
    repaired, left = findings[FindingStatus.REPAIRED], findings[FindingStatus.OPEN]
    for language, row in languages.items():
        row["edits"] = edits["languages"].get(language, 0)
        row["open"] = left["languages"].get(language, 0)
        found = repaired["languages"].get(language, 0) + row["open"]
        row["density_before"] = _per_thousand(found, row["pairs"])
        row["density_after"] = _per_thousand(row["open"], row["pairs"])
    pairs = sum(row["pairs"] for row in languages.values())
    return {
        "form": FORM,
        "run": {
            "id": run.id, "kind": run.kind, "status": run.status, "started_at": run.started_at,
            "finished_at": run.finished_at,
        },
        "ledger": _count_ledger(reader, run, sum(row["lines"] for row in rejected)),
        "pairs": pairs,
        "languages": languages,
        "edits": edits,
        "open": left,
        "repaired": repaired,
        "density": {
            "before": _per_thousand(repaired["total"] + left["total"], pairs),
            "after": _per_thousand(left["total"], pairs),
        },
        "kinds_and_languages": [
            {"kind": kind, "language": language, "edits": counted["edits"], "open": counted["open"]}
            for (kind, language), counted in sorted(kinds_and_languages.items())
        ],
        "taken_back": {"total": sum(row["times"] for row in taken_back), "reasons": taken_back},
        "rejected_lines": rejected,
        "left_alone": list(_rows(reader, LEFT_ALONE, run, ("reason", "records", "first_line"))),
        "model": _use_of_model(reader, run),
        "reviewed": [one.describe() for one in measure_review(reader, run.id)],
        "evaluated": read_evaluated(reader, run.id),
        **_origin(reader, run, db),
    }  # fmt: skip


def _rows(reader: AuditReader, sql: str, run: Run, names: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    for row in reader.query(sql, [run.id]):
        yield {name: v if isinstance(v, int) else as_text(v) for name, v in zip(names, row, strict=True)}


def _per_thousand(findings: int, pairs: int) -> float:
    return round(1000 * findings / pairs, 2) if pairs else 0.0


def _count_ledger(reader: AuditReader, run: Run, rejected: int) -> dict[str, int]:
    counted: Counter[str] = Counter()
    for _, outcome, records in reader.query(LEDGER, [run.id]):
        counted[as_text(outcome)] += records
    known = [outcome.value for outcome in list_outcomes(run.kind)]
    outcomes = {name: counted[name] for name in dict.fromkeys([*known, *counted])}
    return {"read": counted.total() + rejected, **outcomes, "rejected": rejected}


def _count_languages(reader: AuditReader, run: Run) -> dict[str, dict[str, Any]]:
    return {
        as_text(language): {"records": records, "changed": changed, "pairs": int(pairs or 0)}
        for language, records, changed, pairs in reader.query(_LANGUAGES, [run.id])
    }


_Matrix = defaultdict[tuple[str, str], Counter[str]]


def _count_edits(reader: AuditReader, run: Run, draw: EditDraw) -> tuple[dict[str, Any], _Matrix]:
    """Edits that stand, by kind, pass and language, and by kind and language together."""
    kinds, passes, languages = Counter[str](), Counter[str](), Counter[str]()
    matrix: _Matrix = defaultdict(Counter)
    for row in reader.query(_EDITS, [run.id]):
        language, pass_, kind = as_text(row[0]), as_text(row[1]), as_text(row[2])
        kinds[kind] += 1
        passes[pass_] += 1
        languages[language] += 1
        matrix[kind, language]["edits"] += 1
        draw.offer(kind, EditPlace(record=row[3], decision=row[4], ordinal=row[5]))
    counted = {"kinds": _ordered(kinds), "passes": _ordered(passes), "languages": _ordered(languages)}
    return {"total": kinds.total(), **counted}, matrix


def _count_findings(reader: AuditReader, run: Run, matrix: _Matrix) -> dict[str, dict[str, Any]]:
    """Findings by their status; those that are open are added to the counts by kind and language."""
    counters: dict[str, dict[str, Counter[str]]] = {
        status: {"severities": Counter(), "kinds": Counter(), "languages": Counter()} for status in FindingStatus
    }
    for row in reader.query(_FINDINGS, [run.id]):
        language, kind, severity, status = map(as_text, row[:4])
        if status not in counters:
            continue  # `audit verify` names such a row
        for name, word in (("severities", severity), ("kinds", kind), ("languages", language)):
            counters[status][name][word] += row[4]
        if status == FindingStatus.OPEN:
            matrix[kind, language]["open"] += row[4]
    return {
        status: {
            "total": counted["kinds"].total(),
            **{severity.value: counted["severities"][severity] for severity in Severity},
            "kinds": _ordered(counted["kinds"]),
            "languages": _ordered(counted["languages"]),
        }
        for status, counted in counters.items()
    }


def _ordered(counted: Counter[str]) -> dict[str, int]:
    """The most frequent first, then by name."""
    return dict(sorted(counted.items(), key=lambda item: (-item[1], item[0])))


def _use_of_model(reader: AuditReader, run: Run) -> list[dict[str, Any]]:
    """What each pass took of the model and the sum of all, as `audit summary --json` says it; empty without a model."""
    used = usage_by_pass(reader, run.id)
    rows = [asdict(one) for one in (*used, total_usage(used))] if used else []
    return [{"pass": row.pop("pass_"), **row} for row in rows]


def _origin(reader: AuditReader, run: Run, db: Path) -> dict[str, Any]:
    """From what the run worked, with what, and how that is proved. Files are named without their folders."""
    tables = {as_text(row[0]) for row in reader.query("SELECT name FROM sqlite_master WHERE type = 'table'")}
    head = ""
    for row in reader.query("SELECT hash FROM heads ORDER BY id DESC LIMIT 1") if "heads" in tables else ():
        head = as_text(row[0])
    prompts = "SELECT hash FROM prompts ORDER BY hash LIMIT 100" if "prompts" in tables else "SELECT 1 WHERE 0"
    words = ["midb-agent", "audit", "verify", "--db", db.name, *(["--head", head] if head else [])]
    return {
        "corpus": {"name": Path(run.corpus).name, "sha256": run.corpus_sha256, "bytes": run.corpus_bytes},
        "output": {"name": Path(run.output).name, "sha256": run.output_sha256},
        "engine": run.engine,
        "settings": _read_json(run.config),
        "settings_hash": run.config_hash,
        "versions": _read_json(run.versions),
        "prompts_in_log": [as_text(row[0]) for row in reader.query(prompts)],
        "head": head,
        "verify": quote_words(words),
    }


def _read_json(text: str) -> dict[str, Any]:
    """A column that holds a JSON object; what is none is given as it stands, under one name."""
    try:
        value = json.loads(text)
    except ValueError:
        value = None
    return value if isinstance(value, dict) else {"unreadable": text}
