"""Which records are meant: by words that are checked, and by texts in any script."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from midb.audit.questions import queries
from midb.audit.questions.comparing import Comparison
from midb.audit.questions.queries import Filters
from midb.audit.reader import AuditReader
from midb.domain.errors import UsageError


@pytest.fixture
def reader(finished_log: Path) -> Iterator[AuditReader]:
    """The log, ready for searching."""
    with AuditReader(finished_log) as reader:
        queries.prepare(reader)
        yield reader


def positions(reader: AuditReader, **filters: Any) -> list[int]:
    """The positions of the records of run 1 that the filters mean."""
    wanted = Filters(run=1, **filters)
    found = [row.position for row in queries.find_records(reader, wanted)]
    assert queries.count_records(reader, wanted) == len(found)
    return found


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({}, [0, 1, 2, 4, 5, 6, 7, 8, 10, 11, 12, 13, 14]),
        ({"kind": "decimal-separator"}, [0, 2, 10]),
        ({"kind": "decimal-separator", "language": "tr"}, [10]),
        ({"kind": "culture-bound-reference"}, [0]),  # only found
        ({"pass_": "content"}, [5, 7, 11]),
        ({"outcome": "reverted"}, [6]),
        ({"status": "open"}, [0, 6, 8]),
        ({"status": "open", "kind": "space-before-punctuation"}, [6]),
        ({"status": "open", "pass_": "localization"}, [6]),
        ({"status": "dismissed"}, [7, 11]),
        ({"kind": "space-before-punctuation", "edited": True}, [1]),  # of the other one it was taken back
        ({"language": "und"}, [13]),
    ],
)
def test_filters(reader: AuditReader, filters: dict[str, Any], expected: list[int]) -> None:
    assert positions(reader, **filters) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("thanksgiving", [0]),
        ("THANKSGIVING", [0]),
        ("σίσυφος", [7]),
        ("ΣΊΣΥΦΟΣ", [7]),
        ("isparta", [10]),
        ("İKİ", [10]),
        ("лет", [6]),
        ("首都", [1]),
        ("１４００万", [1]),  # full width
        ("대한", []),
        ("a US holiday", [0]),  # evidence
        ("2٫5", [2]),  # only in the text after the edit
        ("\x00\u200b", [8]),
        ("'; DROP TABLE records;--", [8]),
        ("%", []),
        ("_", []),
        ("original_text", []),
        ("\\u001b", []),  # how JSON spells it is not in the text
        ("TWICE", [11, 12]),  # the id
    ],
)
def test_texts_are_found_whatever_their_case_and_their_signs(
    reader: AuditReader, text: str, expected: list[int]
) -> None:
    assert positions(reader, text=text) == expected


def test_a_column_that_holds_no_text_does_not_stop_a_search(tampered: Callable[..., Path]) -> None:
    path = tampered("UPDATE findings SET evidence = CAST(X'FF' AS TEXT)", "UPDATE edits SET before = X'FF'")
    with AuditReader(path) as reader:
        queries.prepare(reader)
        assert positions(reader, text="首都") == [1]


@pytest.mark.parametrize(
    ("filters", "near"),
    [
        ({"kind": "decimal-seperator"}, "decimal-separator"),
        ({"outcome": "improve"}, "improved"),
        ({"status": "opened"}, "open"),
        ({"pass_": "contents"}, "content"),
    ],
)
def test_an_unknown_word_names_the_nearest(reader: AuditReader, filters: dict[str, str], near: str) -> None:
    with pytest.raises(UsageError) as caught:
        queries.checked(reader, Filters(run=1, **filters))
    assert f"Did you mean {near}?" in caught.value.hint
    assert caught.value.exit_code == 2


def test_known_words_pass(reader: AuditReader) -> None:
    for filters in ({"kind": "repeated-words"}, {"language": "und"}, {"language": "it"}, {"kind": "mojibake"}):
        wanted = Filters(run=1, **filters)
        assert queries.checked(reader, wanted) == wanted
    with pytest.raises(UsageError, match='unknown language "xx"'):
        queries.checked(reader, Filters(run=1, language="xx"))


@pytest.mark.parametrize(
    ("name", "expected"),
    [("de-0417", [0]), ("twice", [11, 12]), ("#13", [13]), ("13", [13]), ("17", [14]), ("#0", [0]), ("0", [0])],
)
def test_records_by_id_or_position(reader: AuditReader, name: str, expected: list[int]) -> None:
    assert [row.position for row in queries.records_called(reader, 1, name)] == expected


@pytest.mark.parametrize(
    ("run", "name", "told"),
    [
        (1, "de-417", "Did you mean de-0417"),
        (1, "zzzzzz", "audit find lists records"),
        (2, "th-1", "--run 1"),
        (1, "²", "audit find"),
        (1, "9" * 30, "audit find"),
        (1, "' OR 1=1 --", "audit find"),
    ],
)
def test_an_unknown_record(reader: AuditReader, run: int, name: str, told: str) -> None:
    with pytest.raises(UsageError) as caught:
        queries.records_called(reader, run, name)
    assert told in caught.value.hint


def test_the_position_of_a_rejected_line(reader: AuditReader) -> None:
    with pytest.raises(UsageError, match="rejected line: 4 \\(not-json\\)"):
        queries.records_called(reader, 1, "#3")


def test_what_was_taken_back_later_is_no_repair(reader: AuditReader) -> None:
    repairs = {(kind, pass_): edits for kind, pass_, edits, _ in queries.counted(reader, queries.REPAIRS, 1)}
    assert repairs["false-equation", "content"] == 1
    assert repairs["decimal-separator", "localization"] == 3
    assert ("space-before-punctuation", "localization") in repairs
    taken = queries.counted(reader, queries.TAKEN_BACK, 1)
    assert set(taken) == {("localization", "number-changed", 1), ("verification", "number-changed", 1)}


def test_matches_say_why_a_record_was_found(reader: AuditReader) -> None:
    (row,) = queries.records_called(reader, 1, "el-1")
    found = queries.matches(reader, row.id, Filters(run=1, kind="false-equation"))
    assert [(match.status, match.before) for match in found] == [
        ("taken back", "Αθήνα;"),
        ("edited", "Καλημέρα."),
        ("dismissed", None),
    ]


def test_two_runs_side_by_side(reader: AuditReader) -> None:
    comparison = Comparison(reader, Filters(run=2), reader.run(1))
    (difference,) = comparison.differences(10)
    assert (comparison.shared(), comparison.count()) == (3, 1)
    assert difference.texts is not None
    assert difference.other_texts is not None
    assert "2.5" in (difference.texts[0].response or "")
    assert "2,5" in (difference.other_texts[0].response or "")


def test_runs_over_other_corpora_are_compared_by_id(tampered: Callable[..., Path]) -> None:
    path = tampered(
        "UPDATE runs SET corpus_sha256 = 'other' WHERE id = 2",
        "UPDATE records SET position = position + 50 WHERE run_id = 2",
    )
    with AuditReader(path) as reader:
        comparison = Comparison(reader, Filters(run=2), reader.run(1))
        assert [difference.row.record_key for difference in comparison.differences(10)] == ["de-0417"]
        assert comparison.shared() == 3
