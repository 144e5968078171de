"""What a model took in a run, read from the log: per pass, and in all."""

from __future__ import annotations

from pathlib import Path

from midb.audit.proof.verify import verify
from midb.audit.questions.usage import PassUsage, total_usage, usage_by_pass
from midb.audit.reader import AuditReader


def test_the_log_is_as_a_run_writes_it(model_log: Path) -> None:
    assert verify(model_log).problems == []


def test_every_generation_counts_once_in_the_run_that_paid_for_it(model_log: Path) -> None:
    with AuditReader(model_log) as reader:
        first, second = usage_by_pass(reader, 1), usage_by_pass(reader, 2)
    assert [(one.pass_, one.calls, one.reused) for one in first] == [
        ("content", 2, 0),
        ("translation", 2, 0),
        ("localization", 0, 0),
        ("verification", 1, 0),
    ]
    assert [(one.pass_, one.calls, one.reused) for one in second] == [
        ("content", 0, 1),
        ("translation", 0, 2),
        ("verification", 1, 0),
    ]
    assert first[1] == PassUsage(
        pass_="translation", calls=2, prompt_tokens=200, cached_tokens=120, completion_tokens=20, retries=2,
        seconds=3.0, finished={"length": 1}, failed={"truncated": 2},
    )  # fmt: skip
    assert first[2].failed == {"engine-failed": 1}, "there was no reply at all"
    total = total_usage(second)
    assert (total.calls, total.reused, total.prompt_tokens, total.completion_tokens) == (1, 3, 100, 7)
    assert total.finished == {"length": 1}
