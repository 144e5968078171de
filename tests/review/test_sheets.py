"""Sheets go out, come back from a spreadsheet's hands, and say what people wrote; or nothing is taken of them."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path

import pytest
from review_fixtures import candidates_of

from midb.audit.reader import AuditReader
from midb.domain.errors import UsageError
from midb.review.choosing import Candidate
from midb.review.desk import Said
from midb.review.sheets import COLUMNS, _is_same, list_rows, read_sheet, read_verdicts, write_csv, write_xlsx
from midb.review.showing import show_item

Rows = list[dict[str, str]]


@pytest.fixture(scope="session")
def rows(reviewed: Path) -> Rows:
    with AuditReader(reviewed) as reader:
        run = reader.run(1)
        return list(list_rows([show_item(reader, one) for one in candidates_of(reviewed).values()], run))


def take(rows: Rows, log: Path) -> dict[str, Said]:
    """What a sheet says, by record and kind."""
    found = candidates_of(log)
    names: dict[Candidate, str] = {one: name for name, one in found.items()}
    with AuditReader(log) as reader:
        return {names[one]: said for one, said in read_verdicts(rows, reader, reader.run(1), list(found.values()))}


def fill(rows: Rows, **verdicts: tuple[str, str, str]) -> Rows:
    """Fill in verdict, right text and note, by record."""
    filled = [dict(row) for row in rows]
    for row in filled:
        if row["record"] in verdicts:
            row |= dict(zip(("verdict", "right_text", "note"), verdicts[row["record"]], strict=True))
    return filled


def test_a_sheet_is_harmless_and_holds_what_a_person_needs(rows: Rows) -> None:
    text = "".join(write_csv(rows))
    assert text.startswith("\ufeff")
    back = list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline="")))
    assert back == rows
    assert tuple(back[0]) == COLUMNS
    by_record = {row["record"]: row for row in rows}
    assert by_record["two"]["sentence_after"] == "Der Turm ist 3,5 Meter hoch, das Haus {size} Meter."
    assert by_record["open"]["before"] == "5 Meilen"
    assert not any(cell.startswith(("=", "+", "-", "@")) for row in rows for cell in row.values())


def excel_german(rows: Rows, path: Path) -> None:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, COLUMNS, delimiter=";", lineterminator="\r\n")
    writer.writeheader()
    writer.writerows({key: value.replace("\n", "\r\n") for key, value in row.items()} for row in rows)
    path.write_bytes(text.getvalue().encode("utf-8-sig"))


def utf16_tabs(rows: Rows, path: Path) -> None:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, COLUMNS, delimiter="\t")
    writer.writeheader()
    writer.writerows(rows)
    path.write_bytes(text.getvalue().encode("utf-16"))


def plain(rows: Rows, path: Path) -> None:
    path.write_text("".join(write_csv(rows)), encoding="utf-8", newline="")


def workbook(rows: Rows, path: Path) -> None:
    pytest.importorskip("openpyxl")
    write_xlsx(rows, path)


@pytest.mark.parametrize("save", [plain, excel_german, utf16_tabs, workbook])
def test_it_comes_back_however_it_was_saved(
    save: Callable[[Rows, Path], None], rows: Rows, reviewed: Path, tmp_path: Path
) -> None:
    filled = fill(
        rows, one=("Accept", "", ""), two=("", "'=3,75", "measured"), quotes=("rejected", "", "= ours"),
        open=("FALSE ALARM", "", ""),
    )  # fmt: skip
    path = tmp_path / "sheet"
    save(filled, path)
    assert take(read_sheet(path), reviewed) == {
        "one mojibake": Said("accept"),
        "two decimal-separator": Said("change", "=3,75", "measured"),
        "quotes quotation-marks": Said("reject", None, "= ours"),
        "open imperial-unit": Said("reject"),
    }


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"verdict": "maybe"}, '"maybe" is no verdict'),
        ({"note": "but why"}, "a note, but no verdict"),
        ({"verdict": "accept", "right_text": "x"}, "says accept and gives a right text"),
        ({"verdict": "change"}, "needs a right text"),
        ({"verdict": "accept", "before": "other"}, "its before was changed"),
        ({"verdict": "accept", "language": "tr"}, "its language was changed"),
        ({"verdict": "accept", "sentence_before": "Es sind 8 km."}, "its sentence_before was changed"),
        ({"sentence_before": "Es sind 8 km."}, "what is right goes into right_text"),  # mended where it stands
        ({"after": "8 km"}, "its after was changed"),
        ({"right_text": "x" * 30_000}, "at most"),
        ({"verdict": "accept", "id": "e-999-0"}, "has no e-999-0"),
        ({"verdict": "accept", "id": "=1"}, "=1 is no id"),
        ({"verdict": "accept", "log": "0" * 12}, "another log"),
        ({"right_text": "x\x07"}, "control character"),
    ],
)
def test_one_wrong_row_and_nothing_is_taken(changes: dict[str, str], told: str, rows: Rows, reviewed: Path) -> None:
    filled = fill(rows, one=("accept", "", ""))
    wrong = next(row for row in filled if row["record"] == "open")
    wrong |= changes
    with pytest.raises(UsageError, match="row") as caught:
        take(filled, reviewed)
    assert told in caught.value.message
    assert caught.value.hint.startswith("Nothing was written")


def test_rows_may_be_missing_moved_and_doubled_but_not_contradict(rows: Rows, reviewed: Path) -> None:
    filled = fill(rows, one=("accept", "", ""), two=("reject", "", ""))
    chosen = [row for row in reversed(filled) if row["record"] in ("one", "two")]
    assert set(take([*chosen, *chosen], reviewed)) == {"one mojibake", "two decimal-separator"}
    with pytest.raises(UsageError, match="stands twice, with another verdict"):
        take([*chosen, chosen[0] | {"verdict": "accept"}], reviewed)


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "has no column id"),
        (b"a,b\n1,2\n", "has no column id"),
        (b"id,log,verdict,id\n", "a column twice"),
        ("id,log,verdict\ngroß,x,y\n".encode("latin-1"), "not in UTF-8"),
        (b'id,log,verdict\n"x,y\n', "is no CSV"),
        (b"PK\x03\x04 nothing", "is no Excel workbook"),
    ],
)
def test_what_is_no_sheet(data: bytes, told: str, tmp_path: Path) -> None:
    if data.startswith(b"PK"):
        pytest.importorskip("openpyxl")
    path = tmp_path / "sheet.csv"
    path.write_bytes(data)
    with pytest.raises(UsageError, match=told):
        read_sheet(path)
    with pytest.raises(UsageError, match="cannot be read"):
        read_sheet(tmp_path / "missing.csv")


@pytest.mark.parametrize(
    ("cell", "expected", "same"),
    [
        ("3.5", "3.50", True), ("3,5", "3.50", True), ("7", "007", True), ("a\r\nb", "a\nb ", True),
        ("3.6", "3.50", False),
        ("3.5", "3.50 m", False), ("02. Jan", "1/2", False), ("", "0", False), ("x", "y", False),
    ],
)  # fmt: skip
def test_numbers_that_a_spreadsheet_writes_anew(cell: str, expected: str, same: bool) -> None:
    assert _is_same(cell, expected) is same
