"""`midb-agent review`: sheets out and back, and what is refused before anything is written."""

from __future__ import annotations

import csv
import io
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Cli = Callable[..., Any]


def read(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8-sig"), newline="")))


def write(path: Path, rows: list[dict[str, str]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    return path


def test_a_sheet_out_and_back(cli: Cli, log: Path, tmp_path: Path, ask: Callable[..., list[tuple[Any, ...]]]) -> None:
    sheet = tmp_path / "s.csv"
    done = cli("review", "sheet", "--db", log, "--what", "both", "-o", sheet)
    assert (done.code, done.out) == (0, "")
    assert "6 rows in" in done.err
    rows = read(sheet)
    assert len(rows) == 6
    rows[0]["verdict"], rows[1]["verdict"] = "reject", "accept"
    done = cli("review", "apply", write(sheet, rows), "--reviewer", "Ayşe", "--db", log)
    assert done.code == 0, done.err
    assert "2 verdicts of Ayşe (1 accept, 1 reject) on 2 edits and findings; 4 rows without one" in done.err
    assert {row[0] for row in ask(log, "SELECT reviewer FROM verdicts")} == {"Ayşe"}
    written = ask(log, "SELECT count(*) FROM verdicts")
    again = cli("review", "apply", sheet, "--reviewer", "Ayşe", "--db", log)
    assert "known    2 stood in the log already" in again.err
    assert ask(log, "SELECT count(*) FROM verdicts") == written
    rows[1]["verdict"] = "reject"
    changed = cli("review", "apply", write(sheet, rows), "--reviewer", "Ayşe", "--db", log)
    assert "known    1 stood in the log already" in changed.err
    assert "opposite" not in changed.err
    assert cli("audit", "verify", "--db", log).code == 0


def test_a_spreadsheet_in_between_changes_nothing(cli: Cli, log: Path, tmp_path: Path) -> None:
    """LibreOffice reads the workbook and writes CSV; and the other way round."""
    office = shutil.which("soffice") or shutil.which("libreoffice")
    if office is None:
        pytest.skip("there is no LibreOffice")
    pytest.importorskip("openpyxl")
    sheet = tmp_path / "s.xlsx"
    assert cli("review", "sheet", "--db", log, "--what", "both", "-o", sheet).code == 0
    command = [office, "--headless", f"-env:UserInstallation={(tmp_path / 'profile').as_uri()}", "--convert-to"]
    form = "csv:Text - txt - csv (StarCalc):44,34,76,1,,0,false,true,false"
    subprocess.run([*command, form, "--outdir", tmp_path / "back", sheet], check=True, capture_output=True, timeout=180)
    rows = read(tmp_path / "back" / "s.csv")
    for row in rows:
        row["verdict"] = "accept"
    done = cli("review", "apply", write(tmp_path / "t.csv", rows), "--reviewer", "Ana", "--db", log)
    assert done.code == 0, done.err
    assert "6 verdicts of Ana" in done.err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("sheet", "-o", "s.txt"), "says no form"),
        (("sheet", "-o", "c.csv"), "exists"),
        (("sheet", "-o", "s.csv", "--what", "all"), "unknown choice"),
        (("sheet", "-o", "s.csv", "--severity", "bad"), "unknown severity"),
        (("sheet", "-o", "s.csv", "--kind", "mojibakke"), "Did you mean mojibake"),
        (("sheet", "-o", "s.csv", "--language", "tr"), "nothing in run 1 fits: language tr"),
        (("sheet", "-o", "s.csv", "--run", "9"), "there is no run 9"),
        (("apply", "c.csv", "--reviewer", " "), "needs a name"),
        (("apply", "c.csv", "--reviewer", "Ana"), "has no column id"),
        (("apply", "missing.csv", "--reviewer", "Ana"), "cannot be read"),
        (("--reviewer", "a\nb", "--no-open"), "needs a name"),
        (("--language", "tr", "--no-open"), "nothing in run 1 fits: language tr"),
    ],
)
def test_what_is_refused(words: tuple[str, ...], told: str, cli: Cli, log: Path, tmp_path: Path) -> None:
    (tmp_path / "c.csv").write_text("a,b\n1,2\n")
    before = log.read_bytes()
    done = cli("review", *words, "--db", log)
    assert done.code == 2
    assert told in done.err
    assert log.read_bytes() == before
    assert not (tmp_path / "s.csv").exists()


def test_a_sheet_without_verdicts_is_told(cli: Cli, log: Path, tmp_path: Path) -> None:
    cli("review", "sheet", "--db", log, "-o", tmp_path / "s.csv")
    done = cli("review", "apply", tmp_path / "s.csv", "--reviewer", "Ana", "--db", log)
    assert (done.code, "holds no verdict" in done.err) == (2, True)


def test_a_run_that_is_not_finished_is_not_reviewed(cli: Cli, log: Path, tmp_path: Path) -> None:
    import sqlite3
    from contextlib import closing

    with closing(sqlite3.connect(log)) as connection, connection:
        connection.execute("UPDATE runs SET status = 'interrupted'")
    done = cli("review", "sheet", "--db", log, "-o", tmp_path / "s.csv")
    assert (done.code, "is not finished (interrupted)" in done.err) == (2, True)


def test_opposite_verdicts_are_told_and_the_later_counts(
    cli: Cli, log: Path, tmp_path: Path, ask: Callable[..., list[tuple[Any, ...]]]
) -> None:
    sheet = tmp_path / "s.csv"
    assert cli("review", "sheet", "--db", log, "-o", sheet).code == 0
    rows = read(sheet)
    for verdict, reviewer, told in (("accept", "Ana", False), ("reject", "Bo", True), ("reject", "Cem", False)):
        rows[0]["verdict"] = verdict
        done = cli("review", "apply", write(tmp_path / f"{reviewer}.csv", rows), "--reviewer", reviewer, "--db", log)
        assert ("opposite 1 to what others said" in done.err) is told, done.err
    assert ask(log, "SELECT verdict, reviewer FROM standing_verdicts") == [("reject", "Cem")]
    assert len(ask(log, "SELECT 1 FROM verdicts")) == 3, "all are kept"
    shown = cli("audit", "show", "one", "--db", log).out
    assert all(name in shown for name in ("Ana", "Bo", "Cem"))
