"""Rows of the log are again what the state machine gave, but for the fixes of findings, which no log holds."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from log_fixtures import Tamper, tale

from midb.audit.reader import AuditReader
from midb.audit.results import logged_pairs
from midb.audit.texts import parse_texts
from midb.domain.decisions import Outcome, PairResult, Pass

WRITTEN = {result.position: result for result in tale()}


def read_back(path: Path, run: int, position: int) -> tuple[PairResult, ...]:
    """The pairs of a record as the log has them."""
    with AuditReader(path) as reader:
        (row,) = reader.records("r.run_id = ? AND r.position = ?", [run, position])
        logged = reader.parts(row)
        originals = parse_texts(row.original_text or "[]")
        return logged_pairs(logged, originals, parse_texts(row.final_text) if row.final_text else originals)


@pytest.mark.parametrize("position", [0, 1, 5, 6, 7, 8, 10, 11])
def test_what_was_written_is_read_back(position: int, finished_log: Path) -> None:
    def without_fixes(pair: PairResult) -> PairResult:
        findings = tuple(replace(one, finding=replace(one.finding, fix=())) for one in pair.findings)
        return replace(pair, findings=findings)

    assert read_back(finished_log, 1, position) == tuple(map(without_fixes, WRITTEN[position].pairs))


def test_a_finding_names_its_decision_by_its_place_in_the_pair(finished_log: Path) -> None:
    _, second = read_back(finished_log, 1, 10)
    (found,) = second.findings
    assert found.decision == 0, "counted in its own turn of the conversation"
    assert second.decisions[0].pass_ is Pass.LOCALIZATION


def test_a_record_of_a_revert_is_undone(undone_log: Path) -> None:
    (pair,) = read_back(undone_log, 3, 0)
    assert (pair.outcome, pair.final.response) == (
        Outcome.UNDONE,
        "if (20 > 18): Der Wert ist 2.5 Meter. Thanksgiving!",
    )


def test_a_word_that_nobody_knows_is_an_error(tampered: Tamper) -> None:
    for change in ("UPDATE findings SET severity = 'grave'", "UPDATE decisions SET reason = 'because'"):
        with pytest.raises(ValueError, match="is not a valid"):
            read_back(tampered(change), 1, 0)
