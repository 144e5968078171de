"""The last event of a run is counted from its log."""

from __future__ import annotations

from pathlib import Path

from small_runs import broken_records, session_over, write_lines

from midb.agent.run.runner import Runner
from midb.runs.ending import count_end


def test_the_end_is_what_the_log_says(tmp_path: Path) -> None:
    corpus = write_lines(tmp_path / "c.jsonl", *broken_records(6), b"{no record")
    with session_over(corpus) as session:
        told = Runner(session, lambda event: None, lambda: False).run()
        run = session.log.latest_run()
        assert run
        checkpoint = session.log.checkpoint(run)
        ended = count_end(
            session.log, run, checkpoint, status="finished", output="o", database="d", rejected_path="r", seconds=1.0
        )
        assert ended.head == session.log.head()
    assert (ended.read, ended.rejected, ended.balanced) == (7, 1, True)
    assert (ended.outcomes, ended.repaired, ended.open) == (told.outcomes, told.repaired, told.open)
    assert (ended.repaired["mojibake"], ended.database, ended.seconds) == (3, "d", 1.0)
