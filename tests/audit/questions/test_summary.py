"""A run summed up: what each part counts, and that the ledger of a run and of a revert adds up."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from log_fixtures import HOSTILE, RUN, Tamper, rows_of

from midb.audit.log import AuditLog
from midb.audit.questions.summary import PARTS, summarize
from midb.audit.reader import AuditReader
from midb.domain.decisions import (
    REVERT_OUTCOMES,
    RUN_OUTCOMES,
    Action,
    Decision,
    LoggedFinding,
    Outcome,
    PairResult,
    Pass,
    Reason,
)
from midb.domain.defects import DefectFamily, Finding, FindingStatus, Severity
from midb.domain.pairs import Field, InstructionPair
from midb.domain.results import RecordResult


def test_every_part_is_there(reader: AuditReader) -> None:
    assert set(summarize(reader, 1)) == set(PARTS)
    assert all(not rows for rows in summarize(reader, 99).values())


def test_what_was_taken_back_later_is_no_repair(reader: AuditReader) -> None:
    parts = summarize(reader, 1)
    repairs = {(kind, pass_): (edits, records) for kind, pass_, edits, records in parts["repairs"]}
    assert repairs["false-equation", "content"] == (1, 1)
    assert repairs["decimal-separator", "localization"] == (3, 3)
    assert repairs["space-before-punctuation", "localization"] == (2, 1)
    assert set(parts["taken_back"]) == {("localization", "number-changed", 1), ("verification", "number-changed", 1)}


def test_what_is_open_is_told_per_kind_with_its_languages(reader: AuditReader) -> None:
    assert summarize(reader, 1)["open"] == [
        ("culture-bound-reference", "minor", 1, "de 1"),
        ("space-before-punctuation", "major", 1, "ru 1"),
        ("untranslated-text", "minor", 1, "vi 1"),
    ]


def test_rejected_lines_and_events_come_along(reader: AuditReader) -> None:
    parts = summarize(reader, 1)
    assert parts["rejected"] == [("no-text", 1, 10), ("not-json", 1, 4)]
    assert [(level, message) for _, level, message in parts["events"]] == [("warning", "slow"), ("warning", HOSTILE)]


def test_records_that_were_left_alone_are_counted_with_the_reason(tmp_path: Path) -> None:
    empty = InstructionPair()
    decision = Decision(
        pass_=Pass.ROUTE,
        action=Action.SKIPPED,
        reason=Reason.UNEXAMINED,
        detail="no column holds an instruction",
        before_hash=empty.content_hash(),
        after_hash=empty.content_hash(),
    )
    pairs = (PairResult(empty, empty, Outcome.UNCHANGED, (decision,), ()),)
    records = [RecordResult(n, n + 4, f"#{n}", "de", Outcome.UNCHANGED, pairs, None) for n in range(2)]
    with AuditLog(tmp_path / "run.audit.db") as log:
        run, checkpoint = log.begin(RUN)
        log.write_batch(run, records, [], replace(checkpoint, position=2))
    with AuditReader(tmp_path / "run.audit.db") as reader:
        assert summarize(reader, 1)["left_alone"] == [("unexamined", 2, 4)]


def write_records(folder: Path, keys: dict[str, tuple[str, str, str]]) -> AuditReader:
    """A log of one run with a record for each key: its language, its response, and the kind that is open in it."""
    records = []
    for position, (key, (language, response, kind)) in enumerate(keys.items()):
        pair = InstructionPair(instruction="?", response=response)
        family = DefectFamily.TRANSLATION if kind == "mojibake" else DefectFamily.CONTENT
        finding = Finding(kind, family, Severity.MAJOR, Field.RESPONSE, 0, 1, "so", (), "x")
        found = (LoggedFinding(finding, FindingStatus.OPEN),) if kind else ()
        pairs = (PairResult(pair, pair, Outcome.UNCHANGED, (), found),)
        records.append(RecordResult(position, position + 1, key, language, Outcome.UNCHANGED, pairs, None))
    with AuditLog(folder / "run.audit.db") as log:
        run, checkpoint = log.begin(RUN)
        log.write_batch(run, records, [], replace(checkpoint, position=len(records)))
    return AuditReader(folder / "run.audit.db")


def test_records_of_the_same_texts_are_told_once(tmp_path: Path) -> None:
    texts = {f"de-{n}": ("de", "a" if n % 2 else f"b{n}", "") for n in range(6)}
    with write_records(tmp_path, texts | {"fr-1": ("fr", "a", "")}) as reader:
        assert summarize(reader, 1)["duplicates"] == [("de-1", 2, 3)]


def test_a_row_that_is_open_in_three_languages_is_told(tmp_path: Path) -> None:
    rows = {
        **{f"{code}-07": (code, code, "wrong-answer") for code in ("de", "fr", "it")},
        **{f"12/{code}": (code, code + "2", "length-limit") for code in ("de", "fr", "it", "tr")},
        **{f"{code}_08": (code, code + "3", "wrong-answer") for code in ("de", "fr")},
        **{f"{code}-09": (code, code + "4", "mojibake") for code in ("de", "fr", "it")},
        **{f"{code}-10": (code, code + "5", "") for code in ("de", "fr", "it")},
        "decoder-1": ("de", "x", "wrong-answer"),
    }
    with write_records(tmp_path, rows) as reader:
        assert summarize(reader, 1)["several_languages"] == [
            ("12", "length-limit", 4, "de, fr, it, tr"),
            ("07", "wrong-answer", 3, "de, fr, it"),
        ]


def ledger(path: Path, run: int) -> dict[str, int]:
    """Records per outcome, over all languages."""
    sums: dict[str, int] = {}
    with AuditReader(path) as reader:
        for _, outcome, count in summarize(reader, run)["ledger"]:
            sums[outcome] = sums.get(outcome, 0) + count
    return sums


def test_the_ledger_of_a_run_counts_what_verification_took_back_as_reverted(finished_log: Path) -> None:
    found = ledger(finished_log, 1)
    assert found == {"unchanged": 3, "improved": 9, "reverted": 1}
    assert set(found) <= set(RUN_OUTCOMES)


def test_the_ledger_of_a_revert_counts_what_a_person_undid_as_undone(undone_log: Path) -> None:
    found = ledger(undone_log, 3)
    assert found == {"unchanged": 1, "undone": 2}
    assert set(found) <= set(REVERT_OUTCOMES)
    # Read = unchanged + undone + rejected: as many as the checkpoint says were read.
    ((position, rejected),) = rows_of(undone_log, "SELECT position, rejected_lines FROM checkpoints WHERE run_id = 3")
    assert sum(found.values()) + int(str(rejected)) == position


def test_the_older_word_of_a_revert_is_read_as_undone(old_log: Path) -> None:
    assert ledger(old_log, 1) == {"unchanged": 2, "improved": 2}
    assert ledger(old_log, 2) == {"unchanged": 2, "undone": 2}


@pytest.mark.parametrize("kind", ["run", "dry-run"])
def test_only_in_a_revert_is_reverted_read_as_undone(kind: str, tampered: Tamper) -> None:
    assert ledger(tampered(f"UPDATE runs SET kind = '{kind}' WHERE id = 1"), 1)["reverted"] == 1
