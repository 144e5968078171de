"""Evaluations written into a log: where they go on, and what `audit verify` says of them."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

from log_fixtures import RUN, now, rows_of

from midb.audit.evaluating.log import EvaluationLog
from midb.audit.evaluating.rows import LoggedJudgement
from midb.audit.proof.verify import verify
from midb.domain.hashing import digest

WANTED = replace(
    RUN, kind="evaluation", parent_run=1, engine="judge 2", config='{"evaluates":"judge"}',
    config_hash=digest({"evaluates": "judge"}),
)  # fmt: skip


def test_an_evaluation_goes_on_until_it_has_its_figures(finished_log: Path, tmp_path: Path) -> None:
    path = shutil.copyfile(finished_log, tmp_path / "log.audit.db")
    with EvaluationLog(path, now=now) as log:
        first = log.begin_evaluation(WANTED)
    with EvaluationLog(path, now=now) as log:
        assert log.begin_evaluation(WANTED).id == first.id, "it came to no end"
        other = log.begin_evaluation(replace(WANTED, engine="judge 3"))
        assert other.id != first.id, "another judge says other things"
        done = log.finish_evaluation(other, "judge", [LoggedJudgement("x", "de", "a", "", "no", None)], {"n": 1})
        assert (done.status, log.find_evaluation(WANTED)) == ("finished", None)
        assert log.find_evaluation(replace(WANTED, engine="")) == done, "whoever does not know the engine yet finds it"
        assert log.begin_evaluation(replace(WANTED, engine="judge 3")).id not in (first.id, other.id)
    assert rows_of(path, "SELECT status FROM runs WHERE kind = 'evaluation' ORDER BY id") == [
        ("superseded",), ("finished",), ("running",),
    ]  # fmt: skip
    proof = verify(path)
    assert proof.problems == []
    assert [(run.kind, run.judgements) for run in proof.runs][-3:] == [
        ("evaluation", 0), ("evaluation", 2), ("evaluation", 0),
    ]  # fmt: skip
    assert proof.runs[0].records, "what was there stays as it is"
