"""Results cross from a worker process to the writer, whole and unchanged."""

from __future__ import annotations

import dataclasses
import pickle

import pytest
from log_fixtures import REJECTED, tale

from midb.audit.file import seals
from midb.domain.results import RecordResult, RejectedLine


@pytest.mark.parametrize("result", [*tale(), *REJECTED], ids=lambda result: str(result.position))
def test_a_result_survives_the_way_between_processes(result: RecordResult | RejectedLine) -> None:
    assert pickle.loads(pickle.dumps(result)) == result
    with pytest.raises(dataclasses.FrozenInstanceError):
        result.position = 99  # type: ignore[misc]


def test_a_rejected_line_has_all_that_the_log_keeps_of_it() -> None:
    names = [field.name for field in dataclasses.fields(RejectedLine)]
    assert ("id", "run_id", *names) == seals.COVERED["rejected_lines"], "in the order of the table's columns"
