"""Writing a sheet: what it is called says its form, and nothing is replaced."""

from __future__ import annotations

from pathlib import Path

import pytest

from midb.cli.audit.options import RecordOptions
from midb.cli.reviewing.sheet_file import write_sheet_file
from midb.domain.errors import UsageError
from midb.review.sheets import read_sheet


@pytest.mark.parametrize("ending", [".csv", ".xlsx", ".CSV"])
def test_its_ending_is_its_form(
    ending: str, reviewed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("openpyxl")
    sheet = tmp_path / f"s{ending}"
    write_sheet_file(sheet, RecordOptions(db=reviewed), "edits", corpus=None, source=None)
    assert len(read_sheet(sheet)) == 4
    assert "4 rows in" in capsys.readouterr().err
    assert sheet.read_bytes()[:2] == (b"PK" if ending == ".xlsx" else b"\xef\xbb")


def test_a_file_that_is_there_stays(reviewed: Path, tmp_path: Path) -> None:
    for name, told in (("s.csv", "exists"), ("s.txt", "says no form")):
        (tmp_path / name).write_text("mine")
        with pytest.raises(UsageError, match=told):
            write_sheet_file(tmp_path / name, RecordOptions(db=reviewed), "edits", corpus=None, source=None)
        assert (tmp_path / name).read_text() == "mine"
