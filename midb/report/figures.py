"""The figures of a report: counted in the log, in one pass over each table, with memory that does not grow with it."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from midb.audit.lineage import trace
from midb.audit.questions.filters import (
    STANDS,
    Filters,
    decision_condition,
    edit_condition,
    finding_condition,
    parameters,
    scope_condition,
)
from midb.audit.questions.summary import LEDGER, LEFT_ALONE, REJECTED, SWITCHED_OFF, TAKEN_BACK
from midb.audit.questions.usage import total_usage, usage_by_pass
from midb.audit.reader import AuditReader
from midb.audit.rows import as_text
from midb.audit.run_rows import Run
from midb.audit.verdicts import find_standing
from midb.domain.decisions import list_outcomes
from midb.domain.defects import FindingStatus, Severity
from midb.report.evaluated import read_evaluated
from midb.report.sampling import EditDraw, EditPlace
from midb.review.agreement import measure_precision
from midb.review.choosing import ReviewChoice, choose
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


def gather(reader: AuditReader, run: Run, draw: EditDraw, db: Path, filters: Filters | None = None) -> dict[str, Any]:
    """The figures of a run, as the JSON report gives them; ``draw`` is shown every edit that stands.

    A revert and an apply have no findings of their own: ``findings_counted`` says so, and ``examined_by_run`` names the
    run that has them.

    Findings, edits and records are counted apart: each figure is of what its name says. Filters of records say which
    records and pairs are counted, those of edits and findings which of these; what a model took is of the whole run.
    """
    asked = _Asked(reader, filters or Filters(run=run.id))
    languages = _count_languages(asked)
    edits, kinds_and_languages = _count_edits(asked, draw)
    findings = _count_findings(asked, kinds_and_languages)
    whole = not asked.filters.of_records  # a line that cannot be read has no language
    rejected = list(_rows(reader.query(REJECTED, [run.id]), ("reason", "lines", "first_line"))) if whole else []
    back = f" AND {decision_condition(asked.filters)}" if asked.filters.of_items else ""
    taken_back = list(_rows(asked.query(TAKEN_BACK, back), ("pass", "reason", "times")))
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
        "filters": asked.filters.described(),
        # A revert and an apply look for nothing: that they have no findings is no news of their output.
        "findings_counted": run.kind not in ("revert", "apply"),
        "examined_by_run": trace(reader, run)[0].id,
        "ledger": _count_ledger(asked, run, sum(row["lines"] for row in rejected)),
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
        "left_alone": list(_rows(asked.query(LEFT_ALONE), ("reason", "records", "first_line"))),
        "model": _use_of_model(reader, run),
        "switched_off": [as_text(row[0]) for row in reader.query(SWITCHED_OFF, [run.id])],
        "reviewed": _measure_review(asked),
        "evaluated": read_evaluated(reader, run.id),
        **_origin(reader, run, db),
    }  # fmt: skip


class _Asked:
    """Questions to a log about what filters mean of a run."""

    def __init__(self, reader: AuditReader, filters: Filters) -> None:
        self.reader, self.filters = reader, filters
        self._scope, self._values = scope_condition(filters), parameters(filters)

    def query(self, sql: str, more: str = "") -> Iterator[sqlite3.Row]:
        """The rows of a query that asks for ``r.run_id = ?``, of the records meant, with ``more`` behind it."""
        return self.reader.query(sql.replace("r.run_id = ?", f"{self._scope}{more}"), self._values)


def _measure_review(asked: _Asked) -> list[dict[str, Any]]:
    """How precise each kind is in each language, as far as people reviewed it and the filters mean it."""
    run = asked.filters.run
    if not (standing := find_standing(asked.reader, run)):
        return []
    chosen = choose(asked.reader, run, ReviewChoice(filters=asked.filters, judged=True))
    return [one.describe() for one in measure_precision(chosen, standing)]


def _rows(rows: Iterator[sqlite3.Row], names: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    for row in rows:
        yield {name: v if isinstance(v, int) else as_text(v) for name, v in zip(names, row, strict=True)}


def _per_thousand(findings: int, pairs: int) -> float:
    return round(1000 * findings / pairs, 2) if pairs else 0.0


def _count_ledger(asked: _Asked, run: Run, rejected: int) -> dict[str, int]:
    counted: Counter[str] = Counter()
    for _, outcome, records in asked.query(LEDGER):
        counted[as_text(outcome)] += records
    known = [outcome.value for outcome in list_outcomes(run.kind)]
    outcomes = {name: counted[name] for name in dict.fromkeys([*known, *counted])}
    return {"read": counted.total() + rejected, **outcomes, "rejected": rejected}


def _count_languages(asked: _Asked) -> dict[str, dict[str, Any]]:
    return {
        as_text(language): {"records": records, "changed": changed, "pairs": int(pairs or 0)}
        for language, records, changed, pairs in asked.query(_LANGUAGES)
    }


_Matrix = defaultdict[tuple[str, str], Counter[str]]


def _count_edits(asked: _Asked, draw: EditDraw) -> tuple[dict[str, Any], _Matrix]:
    """Edits that stand, by kind, pass and language, and by kind and language together."""
    kinds, passes, languages = Counter[str](), Counter[str](), Counter[str]()
    matrix: _Matrix = defaultdict(Counter)
    for row in asked.query(_EDITS, f" AND {edit_condition(asked.filters)}"):
        language, pass_, kind = as_text(row[0]), as_text(row[1]), as_text(row[2])
        kinds[kind] += 1
        passes[pass_] += 1
        languages[language] += 1
        matrix[kind, language]["edits"] += 1
        draw.offer(kind, EditPlace(record=row[3], decision=row[4], ordinal=row[5]))
    counted = {"kinds": _ordered(kinds), "passes": _ordered(passes), "languages": _ordered(languages)}
    return {"total": kinds.total(), **counted}, matrix


def _count_findings(asked: _Asked, matrix: _Matrix) -> dict[str, dict[str, Any]]:
    """Findings by their status; those that are open are added to the counts by kind and language."""
    counters: dict[str, dict[str, Counter[str]]] = {
        status: {"severities": Counter(), "kinds": Counter(), "languages": Counter()} for status in FindingStatus
    }
    for row in asked.query(_FINDINGS, f" AND {finding_condition(asked.filters)}"):
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
