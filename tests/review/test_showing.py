"""Items as people see them: the passage on both sides, the whole pair, and a log that was changed is not shown."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from review_fixtures import candidates_of

from midb.audit.reader import AuditReader
from midb.domain.errors import AuditError
from midb.domain.pairs import Field
from midb.review.showing import Passage, Shown, show_item


def shown_of(log: Path, name: str) -> Shown:
    with AuditReader(log) as reader:
        return show_item(reader, candidates_of(log)[name])


def test_an_edit(reviewed: Path) -> None:
    shown = shown_of(reviewed, "two decimal-separator")
    assert shown.before == Passage("Der Turm ist 3", ".", "5 Meter hoch, das Haus {size} Meter.")
    assert shown.after == Passage("Der Turm ist 3", ",", "5 Meter hoch, das Haus {size} Meter.")
    assert (shown.key, shown.line, shown.turns, shown.field, shown.direction) == ("two", 2, 1, Field.RESPONSE, "ltr")
    assert "3.5" in shown.evidence
    assert (shown.original.response or "").replace("3.5", "3,5") == shown.pair.response


def test_edits_that_stand_together(reviewed: Path) -> None:
    shown = shown_of(reviewed, "quotes quotation-marks")
    assert shown.after is not None
    assert 'Er sagte "Hallo" und ging.' in shown.before.whole
    assert "Er sagte „Hallo“ und ging." in shown.after.whole
    far = shown_of(reviewed, "hostile mojibake")
    assert far.after is not None
    assert ("schÃ¶n" in far.before.whole, "groÃŸ" in far.before.whole) == (True, True)
    assert ("schön" in far.after.whole, "groß" in far.after.whole) == (True, True)


def test_an_open_finding(reviewed: Path) -> None:
    shown = shown_of(reviewed, "open imperial-unit")
    assert shown.after is None
    assert shown.before.text == "5 Meilen"
    assert shown.before.whole == shown.pair.response


def test_what_was_changed_by_hand_is_not_shown(log: Path) -> None:
    with closing(sqlite3.connect(log)) as connection, connection:
        connection.execute("UPDATE edits SET after = 'x' WHERE kind = 'decimal-separator'")
    with pytest.raises(AuditError, match="was changed"):
        shown_of(log, "two decimal-separator")
