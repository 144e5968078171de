"""What a run did before it is resumed is counted from the log as its batches counted it when they were told."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from log_fixtures import REJECTED, REPLY, RUN, now, tale

from midb.audit.behind import count_behind
from midb.audit.log import AuditLog
from midb.domain.decisions import Action, Outcome, Pass
from midb.domain.generations import Usage


def test_all_that_a_run_has_in_the_log_is_counted_and_nothing_of_another(tmp_path: Path) -> None:
    records = tale()
    with AuditLog(tmp_path / "c.audit.db", now=now) as log:
        other, checkpoint = log.begin(replace(RUN, kind="dry-run"))
        log.add_generations(other, [replace(REPLY, key=replace(REPLY.key, prompt_hash="ff" * 32))])
        log.write_batch(other, records[:1], [], checkpoint, [("warning", "of another run")])
        run, checkpoint = log.begin(RUN)
        log.add_generations(run, [replace(REPLY, retries=2)])
        events = [("warning", "one"), ("warning", "two")]
        checkpoint = log.write_batch(run, records, REJECTED, replace(checkpoint, position=99), events)
        behind = count_behind(log, run, checkpoint)
        outcomes = log.outcomes(run)
    counts = behind.counts
    assert (counts.records, counts.rejected) == (len(records), len(REJECTED))
    assert counts.pairs == sum(len(record.pairs) for record in records)
    assert counts.outcomes == outcomes
    decisions = [d for record in records for pair in record.pairs for d in pair.decisions if d.pass_ is not Pass.ROUTE]
    assert sum(counts.decisions.values()) == len(decisions) > 10
    for pass_ in Pass:
        for action in Action:
            told = sum((d.pass_, d.action) == (pass_, action) for d in decisions)
            assert counts.decisions.get((pass_, action), 0) == told
    assert counts.outcomes["ru", Outcome.REVERTED] == 1
    assert counts.repaired["decimal-separator"] == 3
    assert counts.open == {"culture-bound-reference": 1, "space-before-punctuation": 1, "untranslated-text": 1}
    assert sum(behind.reasons.values()) == len(REJECTED)
    assert set(behind.reasons) == {line.reason for line in REJECTED}
    assert behind.warnings == 2
    assert behind.usage == Usage(calls=1, prompt_tokens=3, completion_tokens=4, retries=2)
