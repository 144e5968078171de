"""Edits as a report shows them: replayed, in their language's direction, nothing in them hidden."""

from __future__ import annotations

from pathlib import Path

import pytest
from log_fixtures import STEERING, Tamper
from report_fixtures import report_on
from small_runs import run_over, write_lines

from midb.domain.errors import AuditError
from midb.report.examples import Example


def examples(path: Path, kind: str, run: int = 1) -> list[Example]:
    return report_on(path, run)[1][kind]


def test_an_edit_is_shown_with_its_words_and_its_reason(finished_log: Path) -> None:
    german = next(e for e in examples(finished_log, "decimal-separator") if e.language == "de")
    assert [(p.text, p.changed) for p in german.before] == [
        ("if (20 > 18): Der Wert ist ", False), ("2.5", True), (" Meter. Thanksgiving!", False),
    ]  # fmt: skip
    assert [p.text for p in german.after if p.changed] == ["2,5"]
    assert (german.severity, german.evidence, german.place) == ("minor", "de writes a comma", "response 27-30")


def test_arabic_runs_right_to_left(finished_log: Path) -> None:
    directions = {e.language: e.direction for e in examples(finished_log, "decimal-separator")}
    assert directions == {"ar": "rtl", "de": "ltr", "tr": "ltr"}


def test_a_turn_of_a_conversation_is_named(finished_log: Path) -> None:
    turkish = next(e for e in examples(finished_log, "decimal-separator") if e.language == "tr")
    assert turkish.place.startswith("turn 2 response ")


def test_a_blank_that_is_all_of_a_change_is_seen(finished_log: Path) -> None:
    shown = [p.text for e in examples(finished_log, "space-before-punctuation") for p in e.before if p.changed]
    assert "␣、" in shown


def test_nothing_in_a_hostile_text_stays_hidden(finished_log: Path) -> None:
    hostile = next(e for e in examples(finished_log, "leaked-markup") if e.language == "vi")
    pieces = [*hostile.before, *hostile.after]
    for text in (hostile.record, hostile.evidence, *(piece.text for piece in pieces)):
        assert STEERING.search(text) is None
    assert any("\\u200b" in piece.text for piece in pieces)


def test_what_a_person_undid_is_shown(undone_log: Path) -> None:
    assert {e.pass_ for e in examples(undone_log, "decimal-separator", 3)} == {"revert"}


def test_a_changed_record_is_no_example(tampered: Tamper) -> None:
    with pytest.raises(AuditError, match="was changed"):
        report_on(tampered("UPDATE edits SET after = 'owned' WHERE kind = 'translated-code'"))


def test_an_edit_stands_in_the_text_that_came_of_it(tmp_path: Path) -> None:
    words = "Das GebÃ¤ude ist schÃ¶n, und die TÃ¼r ist grÃ¼n."
    run_over(write_lines(tmp_path / "c.jsonl", {"id": "one", "instruction": "Wie ist es?", "output": words}))
    found = examples(tmp_path / "c.boosted.jsonl.audit.db", "mojibake")
    assert len(found) > 1
    for one in found:
        assert "".join(piece.text for piece in one.before) == words
        assert "".join(piece.text for piece in one.after) == "Das Gebäude ist schön, und die Tür ist grün."
        assert len([piece for piece in one.after if piece.changed]) == 1
