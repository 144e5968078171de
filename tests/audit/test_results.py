"""Rows of the log turned back into results say what was written."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from log_fixtures import tale

from midb.audit.reader import AuditReader
from midb.audit.results import logged_pairs
from midb.audit.texts import parse_texts
from midb.domain.decisions import PairResult


def without_fixes(pair: PairResult) -> PairResult:
    """A finding's fix is not in the log."""
    findings = tuple(
        dataclasses.replace(logged, finding=dataclasses.replace(logged.finding, fix=())) for logged in pair.findings
    )
    return dataclasses.replace(pair, findings=findings)


def test_what_was_written_is_read_again(finished_log: Path) -> None:
    told = {result.position: result for result in tale()}
    compared = 0
    with AuditReader(finished_log) as reader:
        for row in reader.records("r.run_id = ?", [1]):
            if row.original_text is None:
                continue
            originals = parse_texts(row.original_text)
            finals = parse_texts(row.final_text) if row.final_text is not None else originals
            pairs = logged_pairs(reader.parts(row), originals, finals)
            assert pairs == tuple(map(without_fixes, told[row.position].pairs))
            compared += 1
    assert compared > 5
