"""Results cross from worker processes to the writer, and say the same there."""

from __future__ import annotations

import pickle

from log_fixtures import tale

from midb.domain.results import RecordResult, RejectedLine


def test_results_are_the_same_on_the_other_side_of_a_pipe() -> None:
    results: list[RecordResult | RejectedLine] = [*tale()]
    results.append(
        RejectedLine(position=3, line=4, offset=90, length=7, sha256="0" * 64, reason="invalid-json", message="?")
    )
    assert pickle.loads(pickle.dumps(results)) == results
