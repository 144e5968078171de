"""Judgements and figures against the runs and replies that they belong to. Their hashes are checked as chains are."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

from midb.audit.evaluating.rows import EVALUATED, KIND
from midb.audit.proof.replay import Problem
from midb.audit.rows import as_text


def check_evaluations(connection: sqlite3.Connection) -> Iterator[Problem]:
    """Each judgement and each row of figures stands in a run of kind evaluation; a preferred side has a reply."""
    for table in ("judgements", "evaluations"):
        sql = f"SELECT t.id, u.kind FROM {table} t LEFT JOIN runs u ON u.id = t.run_id ORDER BY t.id"
        for number, kind in connection.execute(sql):
            if kind != KIND:
                yield Problem(table, str(number), "", "it stands in a run that is no evaluation")
    for number, preferred, reply in connection.execute("SELECT id, preferred, generation_id FROM judgements"):
        if preferred and reply is None:
            yield Problem("judgements", str(number), "", "it has a verdict, and no reply that it was read from")
    for number, word in connection.execute("SELECT id, evaluates FROM evaluations"):
        if word not in EVALUATED:
            yield Problem("evaluations", str(number), "", f'evaluates is "{as_text(word)}", which is no such word')
    sql = "SELECT run_id FROM evaluations GROUP BY run_id HAVING count(*) > 1"
    for (run,) in connection.execute(sql):
        yield Problem("evaluations", "", f"run {run}", "it has more than one row of figures")
