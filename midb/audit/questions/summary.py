"""A run summed up: its ledger, repairs, what was taken back, what is open, rejected lines, events.

And what only many records show together: records that are the same, and rows that are flagged in several languages.
"""

from __future__ import annotations

from typing import Any

from midb.audit.questions.filters import STANDS
from midb.audit.reader import READ_OUTCOME, AuditReader
from midb.audit.run_rows import REVIEW_LEVEL
from midb.domain.decisions import LEFT_ALONE_REASONS

#: (language, outcome, records)
LEDGER = f"SELECT r.language, {READ_OUTCOME}, count(*) FROM records r WHERE r.run_id = ? GROUP BY 1, 2"

#: (kind, pass, edits that stand, records); in a revert these are the edits that undo others
REPAIRS = (
    'SELECT e.kind, d."pass", count(*), count(DISTINCT r.id) FROM records r JOIN decisions d ON d.record_id = r.id '
    f"JOIN edits e ON e.decision_id = d.id WHERE r.run_id = ? AND {STANDS} GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2"
)

#: (pass, reason, times)
TAKEN_BACK = (
    'SELECT d."pass", d.reason, count(*) FROM decisions d JOIN records r ON r.id = d.record_id '
    "WHERE r.run_id = ? AND d.action = 'rejected' GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2"
)

#: (reason, records, line of the first): why records were left as they are without being examined to the end
LEFT_ALONE = (
    "SELECT d.reason, count(DISTINCT r.id), min(r.line) FROM records r JOIN decisions d ON d.record_id = r.id "
    f"WHERE r.run_id = ? AND d.reason IN ({', '.join(repr(str(reason)) for reason in LEFT_ALONE_REASONS)}) "
    "GROUP BY 1 ORDER BY 2 DESC, 1"
)

#: (kind, severity, findings, languages with their numbers)
OPEN = (
    "SELECT kind, severity, sum(n), group_concat(language || ' ' || n, ', ') FROM (SELECT f.kind, f.severity, "
    "r.language, count(*) AS n FROM records r JOIN findings f ON f.record_id = r.id WHERE r.run_id = ? "
    "AND f.status = 'open' GROUP BY 1, 2, 3 ORDER BY n DESC, r.language) GROUP BY 1, 2 ORDER BY 3 DESC, 1"
)

#: (first record, its line, records): records of a language whose texts were the same, the most frequent first
DUPLICATES = (
    "SELECT record_key, line, n FROM (SELECT min(position) AS first, count(*) AS n FROM records WHERE run_id = ?1 "
    "AND pairs > 0 GROUP BY language, original_hash HAVING count(*) > 1) JOIN records ON run_id = ?1 AND "
    "position = first ORDER BY n DESC, first LIMIT 100"
)

#: A record's id without the code of its language in front of it or behind it: the same row has it in every language.
_ROW = (
    "CASE WHEN substr(r.record_key, 1, length(r.language) + 1) IN "
    "(r.language || '-', r.language || '_', r.language || '/', r.language || ':') "
    "THEN substr(r.record_key, length(r.language) + 2) "
    "WHEN substr(r.record_key, -length(r.language) - 1) IN "
    "('-' || r.language, '_' || r.language, '/' || r.language, ':' || r.language) "
    "THEN substr(r.record_key, 1, length(r.record_key) - length(r.language) - 1) ELSE r.record_key END"
)

#: (row, kind, number of languages, languages): rows with one open kind in three languages or more, whose source is
#: probably at fault. Defects of translation are each translator's own.
SEVERAL_LANGUAGES = (
    "SELECT row, kind, count(*), group_concat(language, ', ') FROM (SELECT DISTINCT "
    f"{_ROW} AS row, f.kind, r.language FROM records r JOIN findings f ON f.record_id = r.id WHERE r.run_id = ? "
    "AND f.status = 'open' AND (f.family = 'content' OR f.kind = 'english-bound-task') "
    "AND r.record_key NOT LIKE '#%' ORDER BY r.language) "
    "GROUP BY 1, 2 HAVING count(*) > 2 ORDER BY 3 DESC, 1, 2 LIMIT 100"
)

#: (reason, lines, the first of them)
REJECTED = "SELECT reason, count(*), min(line) FROM rejected_lines WHERE run_id = ? GROUP BY 1 ORDER BY 2 DESC, 1"

#: (sentence): what verdicts on earlier runs switched off in this one
SWITCHED_OFF = f"SELECT message FROM run_events WHERE run_id = ? AND level = '{REVIEW_LEVEL}' ORDER BY id"

#: (time, level, message)
EVENTS = "SELECT at, level, message FROM run_events WHERE run_id = ? ORDER BY id"

#: What a summary holds, by the names under which `audit summary --json` gives it.
PARTS = {
    "ledger": LEDGER,
    "repairs": REPAIRS,
    "taken_back": TAKEN_BACK,
    "open": OPEN,
    "left_alone": LEFT_ALONE,
    "duplicates": DUPLICATES,
    "several_languages": SEVERAL_LANGUAGES,
    "rejected": REJECTED,
    "events": EVENTS,
}


def summarize(reader: AuditReader, run: int) -> dict[str, list[tuple[Any, ...]]]:
    """The parts of a run's summary by name, each as the rows that the query of `PARTS` gives."""
    return {name: [tuple(row) for row in reader.query(sql, [run])] for name, sql in PARTS.items()}
