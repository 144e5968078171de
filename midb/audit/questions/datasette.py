"""Metadata by which datasette (https://datasette.io/) shows a log well: titles, facets, descriptions, ready queries."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from midb.audit.reader import AuditReader
from midb.audit.run_rows import Run

#: Characters shown on both sides of an edit.
_AROUND = 60

#: A field of a record's texts, which are JSON: SQL over an edit ``e``, its decision ``d`` and its record ``r``.
_TEXT = (
    "json_extract(r.original_text, '$[' || d.pair || '][' || "
    "CASE e.field WHEN 'instruction' THEN 0 WHEN 'input' THEN 1 ELSE 2 END || ']')"
)

#: Edits with what stands around them. Places count from the text that a pass was given: where an earlier pass changed
#: it, that is not the text in the log, and only the edit itself is shown.
_DIFFS = f"""
SELECT 'e-' || e.decision_id || '-' || e.ordinal AS edit, r.run_id AS run, r.record_key AS record, r.language, d.pass,
  e.kind, e.field,
  CASE WHEN NOT EXISTS (SELECT 1 FROM standing_decisions s2 WHERE s2.record_id = r.id AND s2.pair = d.pair
    AND s2.decision_id < d.id AND EXISTS (SELECT 1 FROM edits x WHERE x.decision_id = s2.decision_id))
  THEN substr({_TEXT}, max(e.start - {_AROUND - 1}, 1), min(e.start, {_AROUND})) || '⟦' || e.before || ' → ' || e.after
    || '⟧' || substr({_TEXT}, e.end + 1, {_AROUND})
  ELSE '⟦' || e.before || ' → ' || e.after || '⟧' END AS difference,
  (SELECT f.evidence FROM findings f WHERE f.decision_id = d.id AND f.kind = e.kind LIMIT 1) AS evidence
FROM standing_decisions s JOIN decisions d ON d.id = s.decision_id JOIN edits e ON e.decision_id = d.id
JOIN records r ON r.id = d.record_id
WHERE (:language = '' OR r.language = :language) AND (:kind = '' OR e.kind = :kind)
ORDER BY r.position LIMIT 500
""".strip()

_PRECISION = """
SELECT language, kind, count(*) AS reviewed, sum(verdict = 'accept') AS accepted, sum(verdict = 'reject') AS rejected,
  sum(verdict = 'change') AS changed
FROM edits_with_context WHERE verdict IS NOT NULL GROUP BY 1, 2 ORDER BY 3 DESC
""".strip()

_LEDGER = """
SELECT run_id AS run, language, outcome, count(*) AS records FROM records GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
""".strip()

#: What a table or view is about, what it is grouped by, and what of it comes first.
_TABLES: dict[str, dict[str, Any]] = {
    "edits_with_context": {
        "title": "Edits that stand",
        "description": (
            "One row for each edit that stood at the end of its run: where it is, both texts, why, and what people "
            "said of it. A later revert or apply may have undone it: those are runs of their own, with edits that lead "
            "back."
        ),
        "facets": ["run_id", "language", "kind", "pass", "severity", "verdict"],
        "columns": {
            "item": "the edit's name everywhere: midb-agent audit show, review, revert",
            "before": "what stood there", "after": "what stands there now", "text_before": "the whole text as it was",
            "text_after": "the whole text as the run left it", "evidence": "what the detector saw",
            "verdict": "the last word of people, if there is one",
        },
    },
    "findings_with_context": {
        "title": "Open findings",
        "description": "What was found and not repaired, with the text it stands in.",
        "facets": ["run_id", "language", "kind", "severity", "family", "verdict"],
        "columns": {
            "start": "the first character of the place in the text, from 0", "end": "the character behind the last",
        },
    },
    "records": {
        "title": "Records",
        "description": "One row for each record; texts are there only where anything was found or changed.",
        "facets": ["language", "outcome"],
        "size": 50,
    },
    "decisions": {
        "title": "Decisions",
        "description": "Every decision on every pair, chained by hashes.",
        "facets": ["pass", "action", "reason"],
    },
    "findings": {"title": "Findings", "facets": ["kind", "severity", "status"]},
    "edits": {
        "title": "Edits, those that were taken back among them",
        "description": "Places count characters of the text that the decision was given.",
        "facets": ["kind", "field"],
    },
    "verdicts": {
        "title": "What people said", "description": "All of it; of each edit the last word counts.",
        "facets": ["verdict", "reviewer"], "sort_desc": "id",
    },
    "judgements": {
        "title": "What judges said",
        "description": "One row for each comparison of two versions of a pair, each in both orders.",
        "facets": ["language", "preferred"],
        "columns": {"first": "the side that was shown as A", "preferred": "a side, tie, or nothing usable"},
    },
    "evaluations": {
        "title": "Evaluations", "description": "What each of them found, as JSON.", "facets": ["evaluates"],
    },
    "runs": {"title": "Runs, reverts, reviews, evaluations", "facets": ["kind", "status"]},
    "rejected_lines": {"title": "Lines that could not be read", "facets": ["reason"]},
    "run_events": {"title": "What the user was told", "facets": ["level"]},
    "generations": {"title": "Replies of the model", "facets": ["pass", "finish_reason"], "size": 20},
}  # fmt: skip

#: What proves the rest, and is read by no person.
_HIDDEN = ("checkpoints", "heads", "migrations", "prompts", "written")

_QUERIES: dict[str, dict[str, Any]] = {
    "differences": {
        "title": "Differences, as one reads them",
        "description": (
            "Each edit in the sentence that it read, as ⟦before → after⟧, 500 at most; edits of all runs, reverts "
            "among them. Leave a field empty for all."
        ),
        "sql": _DIFFS,
        "hide_sql": True,
        "params": ["language", "kind"],
    },
    "precision": {
        "title": "How often people agreed with edits, by language and kind",
        "description": (
            "Every edit counts here. midb-agent kinds --db and audit summary count those that stand or fall together "
            "once."
        ),
        "sql": _PRECISION,
        "hide_sql": True,
    },
    "ledger": {"title": "The ledger: what became of the records", "sql": _LEDGER, "hide_sql": True},
}  # fmt: skip

#: What each query needs, which logs of older versions lack.
_NEEDS = {"differences": "standing_decisions", "precision": "edits_with_context", "ledger": "records"}


def build_metadata(reader: AuditReader, run: Run) -> dict[str, Any]:
    """What a metadata.json for the log holds; tables and views that a log of an older version lacks are left out."""
    there = {str(row[0]) for row in reader.query("SELECT name FROM sqlite_master WHERE type IN ('table', 'view')")}
    tables = {name: described for name, described in _TABLES.items() if name in there}
    tables |= {name: {"hidden": True} for name in _HIDDEN if name in there}
    corpus, ended = Path(run.corpus).name, run.finished_at or run.status
    return {
        "title": f"What midb-agent did to {corpus}",
        "description": f"Run {run.id}: {run.started_at} to {ended}. midb-agent audit verify --db {reader.path.name} "
        "proves this log; datasette only shows it.",
        "databases": {
            reader.path.stem: {
                "title": f"The audit log of {corpus}",
                "description": "Begin with the edits that stand, the open findings, or the queries below.",
                "tables": tables,
                "queries": {name: query for name, query in _QUERIES.items() if _NEEDS[name] in there},
            }
        },
    }
