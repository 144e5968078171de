"""What all files of columns do: partial lines say of each row whether it stays, changes or goes."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from corpus_files import read

pa = pytest.importorskip("pyarrow")

from midb.corpus.formats.arrow.column_file import ColumnFile, rewritten, unreadable  # noqa: E402
from midb.corpus.raw import RawRecord, Tail  # noqa: E402
from midb.domain.errors import UsageError  # noqa: E402

BATCHES = [pa.record_batch({"t": ["a", "b"]}), pa.record_batch({"t": ["c"]})]


class InMemory(ColumnFile):
    """Two batches, and no file."""

    name = "Arrow"
    suffix = ""

    def batches(self) -> Iterator[Any]:
        yield from BATCHES

    def finish(self, partial: Path, temporary: Path) -> Path:
        return partial


def test_rows_are_numbered_through_all_batches(tmp_path: Path) -> None:
    records, tail = read(InMemory(tmp_path / "c"))
    assert [(record.position, record.body) for record in records] == [
        (0, b'{"t":"a"}'),
        (1, b'{"t":"b"}'),
        (2, b'{"t":"c"}'),
    ]
    assert tail == Tail(b"")


def test_each_row_is_one_line_of_the_partial_output(tmp_path: Path) -> None:
    container = InMemory(tmp_path / "c")
    record = RawRecord.alone(b"{}")
    lines = (container.kept(record, None, first=True), container.kept(record, b'{"t":"B"}', first=False),
             container.dropped(record), container.tail(Tail(b""), first=False))  # fmt: skip
    (tmp_path / "partial").write_bytes(b"".join(lines))
    made = list(container.tables(tmp_path / "partial", BATCHES[0].schema))
    assert [table.to_pylist() for table in made] == [[{"t": "a"}, {"t": "B"}], []]


def test_rows_without_a_line_are_left_out() -> None:
    assert rewritten(BATCHES[0], BATCHES[0].schema, [b"null\n"]).to_pylist() == [{"t": "a"}]


def test_what_is_missing_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(UsageError, match="is an Arrow file, which needs pyarrow") as raised:
        InMemory(tmp_path / "c")
    assert "pip install" in str(raised.value.hint)


def test_what_pyarrow_cannot_do_is_no_damage() -> None:
    missing = unreadable(Path("c.parquet"), pa.lib.ArrowNotImplementedError("Nested data.\nMore."))
    assert missing.message == "c.parquet holds what pyarrow cannot read: Nested data."
    assert "damaged: Bad magic" in unreadable(Path("c.parquet"), pa.lib.ArrowInvalid("Bad magic")).message
