"""What cannot be meant is refused with a sentence that helps: unknown words, records and edits, and empty texts."""

from __future__ import annotations

from typing import Any

import pytest

from midb.audit.questions.checking import check_filters, find_run_of, parse_item
from midb.audit.questions.filters import Filters
from midb.audit.reader import AuditReader
from midb.audit.verdict_rows import Item
from midb.domain.errors import UsageError


@pytest.mark.parametrize(
    ("filters", "told", "hint"),
    [
        ({"kind": "decimal-seperator"}, 'unknown kind "decimal-seperator"', "Did you mean decimal-separator?"),
        ({"outcome": "improve"}, 'unknown outcome "improve"', "Did you mean improved?"),
        ({"status": "opened"}, 'unknown status "opened"', "taken-back"),
        ({"pass_": "contents"}, 'unknown pass "contents"', "Did you mean content?"),
        ({"family": "translations"}, 'unknown family "translations"', "Did you mean translation?"),
        ({"severity": "mayor"}, 'unknown severity "mayor"', "Did you mean major?"),
        ({"field": "output"}, 'unknown field "output"', "instruction, response"),
        ({"language": ("de", "xx")}, 'unknown language "xx"', "Known are"),
        ({"text": ("a", " ")}, "--text is empty", ""),
        ({"record": "de-0418"}, 'run 1 has no record "de-0418"', "Did you mean de-0417"),
        ({"record": "#3"}, "is no record but a rejected line", ""),
        ({"edit": "31"}, '"31" names no edit and no finding', "e-31-0"),
        ({"edit": "e-1-7"}, "the log has no edit e-1-7", "Near it are e-1-0"),
        ({"edit": "e-99999-0"}, "the log has no edit e-99999-0", "Near it are e-"),
        ({"edit": "f-99999"}, "the log has no finding f-99999", "Its last finding is f-"),
    ],
)
def test_what_cannot_be_is_refused(reader: AuditReader, filters: dict[str, Any], told: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        check_filters(reader, Filters(run=1, **filters))
    assert told in caught.value.message
    assert hint in caught.value.hint
    assert caught.value.exit_code == 2


def test_an_edit_of_another_run_is_sent_there(reader: AuditReader) -> None:
    (other,) = [row[0] for row in reader.query(
        "SELECT 'e-' || e.decision_id || '-' || e.ordinal FROM edits e JOIN decisions d ON d.id = e.decision_id "
        "JOIN records r ON r.id = d.record_id WHERE r.run_id = 2 ORDER BY e.decision_id LIMIT 1"
    )]  # fmt: skip
    assert find_run_of(reader, other) == 2
    with pytest.raises(UsageError, match=f"{other} is an edit of run 2, not of run 1") as caught:
        check_filters(reader, Filters(run=1, edit=other))
    assert "--run 2" in caught.value.hint
    assert check_filters(reader, Filters(run=1, edit=other), frozenset({1, 2})).edit == other


def test_records_are_named_as_the_log_can_find_them(reader: AuditReader) -> None:
    assert check_filters(reader, Filters(run=1, record=("de-0417", "17"))).record == ("de-0417", "17")
    assert check_filters(reader, Filters(run=1, record="1")).record == ("#1",), "a position may come without its #"
    assert parse_item("f-12") == Item(None, 12)
