"""Runs and checkpoints as rows: they have the columns of their tables, and a checkpoint moves past a record."""

from __future__ import annotations

import dataclasses
import re

from midb.audit.file import seals
from midb.audit.run_rows import Checkpoint, Run, utc_now
from midb.corpus.raw import RawRecord


def names(kind: type[Run] | type[Checkpoint]) -> tuple[str, ...]:
    """The attributes of a row."""
    return tuple(field.name for field in dataclasses.fields(kind))


def test_rows_have_the_columns_that_their_seals_cover() -> None:
    assert names(Run) == seals.COVERED["runs"]
    assert ("run_id", *names(Checkpoint)) == seals.COVERED["checkpoints"]


def test_nothing_was_read_at_first() -> None:
    start = Checkpoint()
    assert (start.records, start.position, start.line, start.input_offset, start.output_bytes) == (0, 0, 1, 0, 0)
    assert start.head == start.rejected_head == seals.GENESIS


def test_a_checkpoint_moves_past_a_record_and_says_nothing_of_what_was_written() -> None:
    raw = RawRecord(position=4, line=9, offset=120, end=129, next_line=10, before=b"", body=b"{}", after=b"\n")
    before = Checkpoint(records=3, position=4, line=9, input_offset=120, output_bytes=77, head="h")
    after = before.past(raw)
    assert (after.position, after.line, after.input_offset) == (5, 10, 129)
    assert dataclasses.replace(after, position=4, line=9, input_offset=120) == before


def test_the_time_is_utc_to_the_second() -> None:
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", utc_now())
