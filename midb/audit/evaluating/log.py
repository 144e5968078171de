"""Evaluations written: a run of their own kind, replies as they come, judgements and figures together at the end."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from midb.audit.evaluating.rows import KIND, LoggedJudgement, build_figures_row, build_judgement_row
from midb.audit.log import AuditLog
from midb.audit.run_rows import Run


class EvaluationLog(AuditLog):
    """An audit log into which evaluations are written. Runs of other kinds in it stay as they are."""

    def find_evaluation(self, wanted: Run) -> Run | None:
        """The last evaluation with the same settings, of the same run, by the same engine where both name one."""
        sql = "SELECT * FROM runs WHERE kind = ? AND config_hash = ? AND parent_run IS ? ORDER BY id DESC LIMIT 1"
        row = self.db.execute(sql, [KIND, wanted.config_hash, wanted.parent_run]).fetchone()
        found = row and Run(**{field.name: row[field.name] for field in dataclasses.fields(Run)})
        if found is None or (wanted.engine and found.engine != wanted.engine):
            return None
        return found

    def read_figures(self, run: Run) -> dict[str, Any] | None:
        """The figures of a finished evaluation, with which it ended; None where they are none any more."""
        row = self.db.execute("SELECT figures FROM evaluations WHERE run_id = ?", [run.id]).fetchone()
        try:
            found = orjson.loads(row[0]) if row else None
        except (orjson.JSONDecodeError, TypeError):
            return None  # changed by hand, which `audit verify` names
        return found if isinstance(found, dict) else None

    def begin_evaluation(self, wanted: Run) -> Run:
        """Go on with the last evaluation if it is the same and came to no end; else begin a new one.

        Replies are found again by what was asked, in whatever run: nothing depends on going on with the same one.
        """
        last = self.find_evaluation(wanted)
        if last is not None and last.status in ("running", "interrupted"):
            return self.set_status(last, "running")
        return self.begin(wanted)[0]

    def finish_evaluation(
        self, run: Run, evaluates: str, judgements: Sequence[LoggedJudgement], figures: Mapping[str, Any]
    ) -> Run:
        """Log what was said and found, in one transaction, and end the run."""
        checkpoint = self.checkpoint(run)
        head = checkpoint.head
        with self._transaction() as execute:
            for judgement in judgements:
                row = build_judgement_row(judgement, self._numbers.take("judgements"), run.id, head)
                self._insert("judgements", row)
                head = row["hash"]
            number = self._numbers.take("evaluations")
            row = build_figures_row(evaluates, figures, number, run.id, self._now(), head)
            self._insert("evaluations", row)
            moved = dataclasses.replace(checkpoint, position=len(judgements) + 1, head=row["hash"])
            self._save_checkpoint(execute, run.id, moved)
            self._add_head(run.id, "judgements")
        return self.set_status(run, "finished", finished=True)

    def _insert(self, table: str, row: Mapping[str, Any]) -> None:
        columns = ", ".join(f'"{column}"' for column in row)
        marks = ", ".join("?" * len(row))
        self.db.execute(f"INSERT INTO {table} ({columns}) VALUES ({marks})", tuple(row.values()))
