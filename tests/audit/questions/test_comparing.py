"""Two runs side by side, over the same corpus or another one."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from cli_fixtures import Cli
from log_fixtures import Tamper
from small_runs import BROKEN, MENDED, broken_records, run_over, write_lines

from midb.audit.questions.comparing import Comparison, final_texts, sum_up
from midb.audit.questions.filters import Filters
from midb.audit.reader import AuditReader


def compare(reader: AuditReader, **filters: Any) -> Comparison:
    """Run 2 of a log with its run 1."""
    return Comparison(reader, Filters(run=2, **filters), reader, reader.run(1), limit=10)


def test_two_runs_side_by_side(reader: AuditReader) -> None:
    comparison = compare(reader)
    (difference,) = comparison.differences()
    assert (comparison.shared, comparison.differing) == (3, 1)
    assert difference.texts is not None
    assert difference.other_texts is not None
    assert "2.5" in (difference.texts[0].response or "")
    assert "2,5" in (difference.other_texts[0].response or "")


def test_runs_over_other_corpora_are_compared_by_id(tampered: Tamper) -> None:
    path = tampered(
        "UPDATE runs SET corpus_sha256 = 'other' WHERE id = 2",
        "UPDATE records SET position = position + 50 WHERE run_id = 2",
    )
    with AuditReader(path) as reader:
        comparison = compare(reader)
        assert [difference.row.record_key for difference in comparison.differences()] == ["de-0417"]
        assert comparison.shared == 3


def test_records_that_share_an_id_are_compared_one_by_one(tampered: Tamper) -> None:
    """Over another corpus the first of those with an id belongs to the first there, the second to the second."""
    path = tampered(
        "UPDATE runs SET corpus_sha256 = 'other' WHERE id = 2",
        "UPDATE records SET record_key = 'same' WHERE position IN (0, 1, 2)",
    )
    with AuditReader(path) as reader:
        comparison = compare(reader)
        assert (comparison.shared, comparison.differing) == (3, 1)
        assert [difference.row.position for difference in comparison.differences()] == [0]


def test_filters_hold_for_both_runs(reader: AuditReader) -> None:
    comparison = compare(reader, language="ja")
    assert (comparison.shared, comparison.differing) == (1, 0)
    assert (comparison.here.count, comparison.there.count) == (0, 0), "the filters hold for both"


def test_texts_that_the_log_does_not_hold_are_none(reader: AuditReader) -> None:
    row = next(reader.records("r.run_id = ? AND r.position = 14", [1]))  # nothing was found in it: no text was kept
    assert final_texts(row, row) is None
    told = dataclasses.replace(row, original_text='[["?",null,"nic"]]')
    (pair,) = final_texts(row, told) or ()
    assert pair.response == "nic", "the other run may have kept it"
    assert final_texts(row, dataclasses.replace(told, original_text="no JSON")) is None
    assert final_texts(row, dataclasses.replace(told, original_hash="another text")) is None


def test_records_that_only_one_run_has_are_counted_and_named(reader: AuditReader) -> None:
    comparison = compare(reader)
    assert comparison.here.count == 0
    assert (comparison.there.count, len(comparison.there.names or ())) == (10, 10)
    other = Comparison(reader, Filters(run=1), reader, reader.run(2), limit=1)
    assert other.here.names == comparison.there.names
    assert other.there.count == 0


def test_runs_of_two_logs_are_compared_as_those_of_one(finished_log: Path, tampered: Tamper) -> None:
    """By place where the corpus is the same, by id where it is not, whatever the order there."""
    for statements in (
        ("UPDATE runs SET config = config",),
        ("UPDATE runs SET corpus_sha256 = 'other'", "UPDATE records SET position = 1000 - position"),
    ):
        with AuditReader(finished_log) as here, AuditReader(tampered(*statements)) as there:
            comparison = Comparison(here, Filters(run=2), there, there.run(1), limit=10)
            assert (comparison.shared, comparison.differing) == (3, 1)
            (difference,) = comparison.differences()
            assert "2.5" in (difference.texts or ())[0].response  # type: ignore[operator]
            assert comparison.there.count == 10


def test_a_run_is_summed_up(reader: AuditReader) -> None:
    sums = sum_up(reader, reader.run(1))
    assert sums.outcomes == {"improved": 9, "reverted": 1, "unchanged": 3}
    assert (sums.read, sums.rejected, sums.open_findings) == (15, 2, 3)
    assert sums.edits == 11


def test_texts_of_a_run_that_left_a_record_alone_are_those_of_the_run_before(cli: Cli, tmp_path: Path) -> None:
    run_over(write_lines(tmp_path / "c.jsonl", *broken_records(4)))
    db = tmp_path / "c.boosted.jsonl.audit.db"
    for name, record in (("a", "de-1"), ("b", "de-3")):
        assert cli("revert", "--db", db, "--record", record, "-o", f"{name}.jsonl").code == 0
    with AuditReader(db) as reader:
        comparison = Comparison(reader, Filters(run=3), reader, reader.run(1), limit=9)
        texts = [
            (one.texts[0].response, one.other_texts[0].response)
            for one in comparison.differences()
            if one.texts and one.other_texts
        ]
    assert texts == [(BROKEN, MENDED)] * 2
