"""Tables, views and migrations of the audit log. A migration and the record of it are one transaction."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Callable
from pathlib import Path

from midb.audit.file import heads, seals
from midb.domain.errors import AuditError

#: Marks the file as ours ("MIDB" in ASCII), so that a foreign SQLite file is never written to.
APPLICATION_ID = 0x4D494442

_FIRST = """
CREATE TABLE runs (
  id INTEGER PRIMARY KEY,
  kind TEXT NOT NULL,               -- run | revert
  parent_run INTEGER REFERENCES runs(id),
  started_at TEXT NOT NULL,         -- UTC, ISO 8601
  finished_at TEXT,
  status TEXT NOT NULL,             -- running | interrupted | finishing | finished | failed | superseded
  corpus TEXT NOT NULL,
  corpus_sha256 TEXT NOT NULL,
  corpus_bytes INTEGER NOT NULL,
  output TEXT NOT NULL,
  output_sha256 TEXT,
  rejected TEXT NOT NULL,           -- where rejected lines are kept
  config TEXT NOT NULL,             -- JSON
  config_hash TEXT NOT NULL,        -- of the settings that shape the output
  engine TEXT NOT NULL,             -- fingerprint of what rewrites
  versions TEXT NOT NULL,           -- JSON
  seal TEXT NOT NULL
);
CREATE TABLE checkpoints (          -- how far a run has come; moves in the transaction of each batch
  run_id INTEGER PRIMARY KEY REFERENCES runs(id),
  records INTEGER NOT NULL,
  rejected_lines INTEGER NOT NULL,
  events INTEGER NOT NULL,
  position INTEGER NOT NULL,        -- of the next record
  line INTEGER NOT NULL,            -- of the next record
  input_offset INTEGER NOT NULL,    -- bytes of the decompressed corpus
  output_bytes INTEGER NOT NULL,
  rejected_bytes INTEGER NOT NULL,
  head TEXT NOT NULL,               -- hash of the last decision
  rejected_head TEXT NOT NULL,      -- hash of the last rejected line
  seal TEXT NOT NULL
);
CREATE TABLE records (
  id INTEGER PRIMARY KEY,
  run_id INTEGER NOT NULL REFERENCES runs(id),
  position INTEGER NOT NULL,        -- from 0, rejected lines counted
  line INTEGER NOT NULL,            -- from 1
  record_key TEXT NOT NULL,
  language TEXT NOT NULL,
  outcome TEXT NOT NULL,            -- unchanged | improved | reverted
  pairs INTEGER NOT NULL,
  open_findings INTEGER NOT NULL,
  original_text TEXT,               -- JSON: [[instruction, input, response], ...]; only with findings or edits
  final_text TEXT,                  -- the same; only where it differs from original_text
  original_hash TEXT NOT NULL,
  final_hash TEXT NOT NULL,
  seal TEXT NOT NULL,
  UNIQUE (run_id, position)
);
CREATE INDEX records_by_key ON records(run_id, record_key);
CREATE TABLE generations (          -- what a model was asked and what it answered
  id INTEGER PRIMARY KEY,
  prompt_hash TEXT NOT NULL,
  engine TEXT NOT NULL,
  sampling TEXT NOT NULL,
  prompt TEXT NOT NULL,
  completion TEXT NOT NULL,
  prompt_tokens INTEGER NOT NULL,
  completion_tokens INTEGER NOT NULL,
  finish_reason TEXT NOT NULL,
  seconds REAL NOT NULL,
  seal TEXT NOT NULL,
  UNIQUE (prompt_hash, engine, sampling)
);
CREATE TABLE decisions (
  id INTEGER PRIMARY KEY,
  record_id INTEGER NOT NULL REFERENCES records(id),
  pair INTEGER NOT NULL,            -- from 0; a conversation has one per turn
  pass TEXT NOT NULL,               -- route | content | translation | localization | verification | revert
  attempt INTEGER NOT NULL,
  action TEXT NOT NULL,             -- skipped | applied | rejected
  reason TEXT NOT NULL,
  detail TEXT NOT NULL,
  before_hash TEXT NOT NULL,
  after_hash TEXT NOT NULL,
  prompt_hash TEXT,
  generation_id INTEGER REFERENCES generations(id),
  previous_hash TEXT NOT NULL,
  hash TEXT NOT NULL
);
CREATE INDEX decisions_by_record ON decisions(record_id);
CREATE TABLE edits (
  decision_id INTEGER NOT NULL REFERENCES decisions(id),
  ordinal INTEGER NOT NULL,
  field TEXT NOT NULL,
  start INTEGER NOT NULL,           -- code points of the text with the decision's before_hash
  end INTEGER NOT NULL,
  before TEXT NOT NULL,
  after TEXT NOT NULL,
  kind TEXT NOT NULL,
  PRIMARY KEY (decision_id, ordinal)
) WITHOUT ROWID;
CREATE TABLE findings (
  id INTEGER PRIMARY KEY,
  record_id INTEGER NOT NULL REFERENCES records(id),
  pair INTEGER NOT NULL,
  field TEXT NOT NULL,
  kind TEXT NOT NULL,
  family TEXT NOT NULL,
  severity TEXT NOT NULL,
  start INTEGER NOT NULL,           -- open: code points of the final text; else of the text it was found in
  end INTEGER NOT NULL,
  evidence TEXT NOT NULL,
  detector TEXT NOT NULL,
  status TEXT NOT NULL,             -- repaired | open | dismissed
  decision_id INTEGER REFERENCES decisions(id)
);
CREATE INDEX findings_by_record ON findings(record_id);
CREATE TABLE rejected_lines (
  id INTEGER PRIMARY KEY,
  run_id INTEGER NOT NULL REFERENCES runs(id),
  position INTEGER NOT NULL,
  line INTEGER NOT NULL,
  offset INTEGER NOT NULL,
  length INTEGER NOT NULL,
  sha256 TEXT NOT NULL,
  reason TEXT NOT NULL,
  message TEXT NOT NULL,
  previous_hash TEXT NOT NULL,
  hash TEXT NOT NULL,
  UNIQUE (run_id, position)
);
CREATE TABLE run_events (           -- fallbacks and warnings a run gave
  id INTEGER PRIMARY KEY,
  run_id INTEGER NOT NULL REFERENCES runs(id),
  at TEXT NOT NULL,
  level TEXT NOT NULL,
  message TEXT NOT NULL,
  seal TEXT NOT NULL
);
CREATE VIEW decision_trail AS
  SELECT r.run_id, r.record_key, r.language, r.outcome, d.pair, d.id AS decision_id, d.pass, d.attempt, d.action,
         d.reason, d.detail, (SELECT count(*) FROM edits e WHERE e.decision_id = d.id) AS edits
  FROM decisions d JOIN records r ON r.id = d.record_id ORDER BY d.id;
CREATE VIEW edits_by_kind AS
  SELECT r.run_id, r.language, d.pass, e.kind, count(*) AS edits, count(DISTINCT r.id) AS records
  FROM edits e JOIN decisions d ON d.id = e.decision_id JOIN records r ON r.id = d.record_id
  WHERE d.action = 'applied' GROUP BY 1, 2, 3, 4;
CREATE VIEW open_findings_by_language AS
  SELECT r.run_id, r.language, f.kind, f.severity, count(*) AS findings, count(DISTINCT r.id) AS records
  FROM findings f JOIN records r ON r.id = f.record_id WHERE f.status = 'open' GROUP BY 1, 2, 3, 4;
"""

_GENERATIONS = """
CREATE TABLE prompts (              -- system messages, which the prompts of a pass and language share
  hash TEXT PRIMARY KEY,            -- SHA-256 of the text; stands in generations.prompt in place of it
  text TEXT NOT NULL,
  seal TEXT NOT NULL
);
ALTER TABLE generations ADD COLUMN run_id INTEGER NOT NULL DEFAULT 0;        -- that paid for it
ALTER TABLE generations ADD COLUMN pass TEXT NOT NULL DEFAULT '';
ALTER TABLE generations ADD COLUMN cached_tokens INTEGER NOT NULL DEFAULT 0; -- of the prompt
ALTER TABLE generations ADD COLUMN drafted INTEGER NOT NULL DEFAULT 0;       -- draft tokens verified
ALTER TABLE generations ADD COLUMN accepted INTEGER NOT NULL DEFAULT 0;
ALTER TABLE generations ADD COLUMN steps INTEGER NOT NULL DEFAULT 0;
ALTER TABLE generations ADD COLUMN retries INTEGER NOT NULL DEFAULT 0;       -- calls that failed before
CREATE INDEX decisions_by_generation ON decisions(generation_id) WHERE generation_id IS NOT NULL;
CREATE VIEW generations_by_pass AS
  SELECT run_id, pass, finish_reason, count(*) AS generations, sum(prompt_tokens) AS prompt_tokens,
         sum(cached_tokens) AS cached_tokens, sum(completion_tokens) AS completion_tokens, sum(seconds) AS seconds
  FROM generations GROUP BY 1, 2, 3;
"""

_STANDING = """
CREATE VIEW standing_decisions AS   -- whose edits stand: applied, and no verification of the pair failed after them
  SELECT d.id AS decision_id, d.record_id, d.pair, d.pass FROM decisions d
  WHERE d.action = 'applied' AND NOT EXISTS (
    SELECT 1 FROM decisions v WHERE v.record_id = d.record_id AND v.pair = d.pair AND v.id > d.id
    AND v.pass = 'verification' AND v.action = 'rejected'
  );
DROP VIEW edits_by_kind;            -- it counted what a verification had taken back as well
CREATE VIEW edits_by_kind AS
  SELECT r.run_id, r.language, s.pass, e.kind, count(*) AS edits, count(DISTINCT r.id) AS records
  FROM standing_decisions s JOIN edits e ON e.decision_id = s.decision_id JOIN records r ON r.id = s.record_id
  GROUP BY 1, 2, 3, 4;
"""

_HEADS = """
CREATE TABLE written (              -- of an unfinished run's files, as long as its checkpoint says they are
  run_id INTEGER PRIMARY KEY REFERENCES runs(id),
  output_sha256 TEXT NOT NULL,
  rejected_sha256 TEXT NOT NULL,
  seal TEXT NOT NULL
);
CREATE TABLE heads (                -- one or more for each transaction; each covers all that was written before it
  id INTEGER PRIMARY KEY,
  run_id INTEGER NOT NULL REFERENCES runs(id),
  action TEXT NOT NULL,             -- adopted | begun | batch | replies | status
  status TEXT NOT NULL,             -- of the run then
  last_migration INTEGER NOT NULL,  -- the last row that each table had then
  last_run INTEGER NOT NULL,
  last_record INTEGER NOT NULL,
  last_decision INTEGER NOT NULL,
  last_rejected_line INTEGER NOT NULL,
  last_event INTEGER NOT NULL,
  last_generation INTEGER NOT NULL,
  content TEXT NOT NULL,            -- JSON: of each table, SHA-256 over the rows since the head before
  state TEXT NOT NULL,              -- JSON: seals of the run's row, its checkpoint and its row of written
  previous_hash TEXT NOT NULL,
  hash TEXT NOT NULL,
  mac TEXT                          -- of the hash, with the key that the run was given
);
"""

_VERDICTS = """
CREATE TABLE verdicts (             -- what people said of edits and findings, in runs of kind review; all are kept
  id INTEGER PRIMARY KEY,
  run_id INTEGER NOT NULL REFERENCES runs(id),       -- the review: its reviewer stands in its config
  record_id INTEGER NOT NULL REFERENCES records(id),
  item TEXT NOT NULL,               -- e-DECISION-ORDINAL: an edit; f-FINDING: an open finding
  reviewer TEXT NOT NULL,
  verdict TEXT NOT NULL,            -- accept | reject | change | withdraw
  text TEXT,                        -- the right text; only with change
  note TEXT NOT NULL,
  at TEXT NOT NULL,                 -- UTC, ISO 8601
  previous_hash TEXT NOT NULL,      -- one chain for each review; its checkpoint says where it ends
  hash TEXT NOT NULL
);
CREATE INDEX verdicts_by_record ON verdicts(record_id);
CREATE INDEX verdicts_by_item ON verdicts(item);
CREATE VIEW standing_verdicts AS    -- the last word on each edit and finding, if it was not withdrawn
  SELECT v.* FROM verdicts v WHERE v.id = (SELECT max(w.id) FROM verdicts w WHERE w.item = v.item)
  AND v.verdict <> 'withdraw';
CREATE VIEW edits_with_context AS   -- every edit that stands: where, in which texts, why, and what people said of it
  SELECT 'e-' || e.decision_id || '-' || e.ordinal AS item, r.run_id, r.record_key, r.language, r.line, d.pair, d.pass,
    e.kind, e.field, e.before, e.after,
    json_extract(r.original_text, '$[' || d.pair || '][' ||
      CASE e.field WHEN 'instruction' THEN 0 WHEN 'input' THEN 1 ELSE 2 END || ']') AS text_before,
    json_extract(coalesce(r.final_text, r.original_text), '$[' || d.pair || '][' ||
      CASE e.field WHEN 'instruction' THEN 0 WHEN 'input' THEN 1 ELSE 2 END || ']') AS text_after,
    (SELECT f.severity FROM findings f WHERE f.decision_id = d.id AND f.kind = e.kind LIMIT 1) AS severity,
    (SELECT f.evidence FROM findings f WHERE f.decision_id = d.id AND f.kind = e.kind LIMIT 1) AS evidence,
    v.verdict, v.reviewer, v.text AS right_text, v.note
  FROM standing_decisions s JOIN decisions d ON d.id = s.decision_id JOIN edits e ON e.decision_id = d.id
  JOIN records r ON r.id = d.record_id
  LEFT JOIN standing_verdicts v ON v.item = 'e-' || e.decision_id || '-' || e.ordinal;
CREATE VIEW findings_with_context AS -- every open finding, likewise
  SELECT 'f-' || f.id AS item, r.run_id, r.record_key, r.language, r.line, f.pair, f.kind, f.family, f.severity,
    f.field, f.start, f.end, f.evidence,
    json_extract(coalesce(r.final_text, r.original_text), '$[' || f.pair || '][' ||
      CASE f.field WHEN 'instruction' THEN 0 WHEN 'input' THEN 1 ELSE 2 END || ']') AS text,
    v.verdict, v.reviewer, v.text AS right_text, v.note
  FROM findings f JOIN records r ON r.id = f.record_id LEFT JOIN standing_verdicts v ON v.item = 'f-' || f.id
  WHERE f.status = 'open';
"""

_EVALUATIONS = """
CREATE TABLE judgements (           -- what a judge said of two versions of a pair, in runs of kind evaluation
  id INTEGER PRIMARY KEY,
  run_id INTEGER NOT NULL REFERENCES runs(id),
  item TEXT NOT NULL,               -- the pair: its record's key, with its number where the record has several
  language TEXT NOT NULL,
  first TEXT NOT NULL,              -- the side that was shown as A; the other one as B
  preferred TEXT NOT NULL,          -- a side, tie, or empty where there was no usable verdict
  detail TEXT NOT NULL,             -- the judge's reasons, or why there is no verdict
  generation_id INTEGER REFERENCES generations(id),
  previous_hash TEXT NOT NULL,      -- one chain for each evaluation, whose figures are its end
  hash TEXT NOT NULL
);
CREATE INDEX judgements_by_run ON judgements(run_id);
CREATE TABLE evaluations (          -- what an evaluation found, once it came to its end
  id INTEGER PRIMARY KEY,
  run_id INTEGER NOT NULL REFERENCES runs(id),       -- its parent_run is the run that was evaluated
  evaluates TEXT NOT NULL,          -- data | pairwise | judge
  figures TEXT NOT NULL,            -- JSON
  at TEXT NOT NULL,                 -- UTC, ISO 8601
  previous_hash TEXT NOT NULL,      -- the last judgement of the run
  hash TEXT NOT NULL
);
CREATE VIEW judgements_by_language AS
  SELECT run_id, language, first, preferred, count(*) AS judgements FROM judgements GROUP BY 1, 2, 3, 4;
"""

#: In order. A migration never changes once it is released; what comes later is a new one.
MIGRATIONS: tuple[tuple[str, str], ...] = (
    ("0001_first", _FIRST),
    ("0002_generations", _GENERATIONS),
    ("0003_standing", _STANDING),
    ("0004_heads", _HEADS),
    ("0005_verdicts", _VERDICTS),
    ("0006_evaluations", _EVALUATIONS),
)

#: What a migration does beside its statements, in the same transaction: the first heads cover what is in the log.
_AND_THEN: dict[str, Callable[[sqlite3.Connection], None]] = {"0004_heads": heads.adopt}

#: Migrations that a log must have to be read: all that a reader needs comes from these. The later ones made views, and
#: what proves the rest.
READABLE_FROM = 2

_BOOKKEEPING = """
CREATE TABLE migrations (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL,
  sql_sha256 TEXT NOT NULL,
  applied_at TEXT NOT NULL,
  previous_hash TEXT NOT NULL,
  hash TEXT NOT NULL
)"""


def split_statements(script: str) -> list[str]:
    """The statements of a script, one by one: executescript would commit in the middle of the transaction."""
    found, pending = [], ""
    for line in script.splitlines(keepends=True):
        pending += line
        if sqlite3.complete_statement(pending):
            found.append(pending.strip())
            pending = ""
    return found


def migrate(db: sqlite3.Connection, path: Path, now: Callable[[], str], *, version: int = len(MIGRATIONS)) -> None:
    """Bring the file to this version, or to the one that had the first ``version`` migrations.

    Raises AuditError for a file of a newer version or one that is not ours.
    """
    application_id = db.execute("PRAGMA application_id").fetchone()[0]
    tables = {row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if application_id != APPLICATION_ID and tables:
        raise AuditError(f"{path} is an SQLite file, but no audit log of midb-agent.", hint="Choose another --db.")
    applied = [tuple(row) for row in db.execute("SELECT name, hash FROM migrations ORDER BY id")] if tables else []
    known = [name for name, _ in MIGRATIONS]
    if unknown := [name for name, _ in applied if name not in known]:
        raise AuditError(
            f"{path} was written by a newer midb-agent (it knows {unknown[0]}).",
            hint="Upgrade midb-agent, or choose another --db.",
        )
    previous = applied[-1][1] if applied else seals.GENESIS
    for number, (name, script) in enumerate(MIGRATIONS[len(applied) : version], start=len(applied) + 1):
        with db:
            db.execute("BEGIN IMMEDIATE")
            if number == 1:
                db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
                db.execute(_BOOKKEEPING)
            for statement in split_statements(script):
                db.execute(statement)
            row = (number, name, hashlib.sha256(script.encode()).hexdigest(), now())
            link = seals.chain_hash("migrations", previous, row)
            db.execute("INSERT INTO migrations VALUES (?, ?, ?, ?, ?, ?)", (*row, previous, link))
            previous = link
            if name in _AND_THEN:
                _AND_THEN[name](db)
