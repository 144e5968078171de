"""Which records are meant, why they were found, and what happens where a name means none."""

from __future__ import annotations

from typing import Any

import pytest

from midb.audit.questions.filters import Filters
from midb.audit.questions.finding import count_records, find_by_name, find_matches, find_records
from midb.audit.reader import AuditReader
from midb.domain.errors import UsageError


def positions(reader: AuditReader, **filters: Any) -> list[int]:
    """The positions of the records of run 1 that the filters mean."""
    wanted = Filters(run=1, **filters)
    found = [row.position for row in find_records(reader, wanted)]
    assert count_records(reader, wanted) == len(found)
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
        ({"kind": "space-before-punctuation", "changed": True}, [1]),  # of the other one it was taken back
        ({"language": "und"}, [13]),
    ],
)
def test_filters(reader: AuditReader, filters: dict[str, Any], expected: list[int]) -> None:
    assert positions(reader, **filters) == expected


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("kind", ("decimal-separator", "space-before-punctuation")),
        ("pass_", ("content", "localization")),
        ("language", ("tr", "und")),
        ("outcome", ("reverted", "improved")),
        ("status", ("open", "dismissed")),
    ],
)
def test_several_words_find_what_each_finds(reader: AuditReader, name: str, words: tuple[str, ...]) -> None:
    each = [positions(reader, **{name: word}) for word in words]
    assert all(each)
    assert positions(reader, **{name: words}) == sorted({position for found in each for position in found})


@pytest.mark.parametrize(
    ("name", "expected"),
    [("de-0417", [0]), ("twice", [11, 12]), ("#13", [13]), ("13", [13]), ("17", [14]), ("#0", [0]), ("0", [0])],
)
def test_records_by_id_or_position(reader: AuditReader, name: str, expected: list[int]) -> None:
    assert [row.position for row in find_by_name(reader, 1, name)] == expected


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
        find_by_name(reader, run, name)
    assert told in caught.value.hint


def test_the_position_of_a_rejected_line(reader: AuditReader) -> None:
    with pytest.raises(UsageError, match="rejected line: 4 \\(not-json\\)"):
        find_by_name(reader, 1, "#3")


def test_matches_say_why_a_record_was_found(reader: AuditReader) -> None:
    (row,) = find_by_name(reader, 1, "el-1")
    found = find_matches(reader, row.id, Filters(run=1, kind="false-equation"))
    assert [(match.status, match.before) for match in found] == [
        ("taken back", "Αθήνα;"),
        ("edited", "Καλημέρα."),
        ("dismissed", None),
    ]
