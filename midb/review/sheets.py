"""Sheets for people without the program: one row for each edit or finding, out as CSV or Excel, and back with verdicts.

What comes back has been in a spreadsheet's hands: other separators, other line ends, other quoting. Rows are known by
their ids, and what must not change is held against the log before anything is written.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from midb.audit.questions.export import make_harmless
from midb.audit.reader import AuditReader
from midb.audit.run_rows import Run
from midb.audit.verdict_rows import Item
from midb.domain.errors import UsageError
from midb.domain.hashing import digest
from midb.review.choosing import Candidate
from midb.review.desk import Said, check_said
from midb.review.showing import Shown, show_item

#: The columns of a sheet. Those before "verdict" must come back as they went.
COLUMNS = (
    "id", "log", "record", "line", "language", "kind", "severity", "field", "before", "after", "sentence_before",
    "sentence_after", "evidence", "source", "verdict", "right_text", "note",
)  # fmt: skip

#: What a sheet needs to be read.
_NEEDED = ("id", "log", "verdict")

#: Columns that are held against the log where they come back.
_KEPT = ("language", "kind", "field", "before", "after", "sentence_before", "sentence_after")

#: What a spreadsheet takes for a number, with a comma in some countries.
_NUMBER = re.compile(r"-?[0-9]{1,15}(?:[.,][0-9]{1,15})?")

#: What people write for a verdict.
_WORDS = {
    "accept": "accept", "accepted": "accept", "right": "accept", "ok": "accept", "yes": "accept",
    "reject": "reject", "rejected": "reject", "wrong": "reject", "no": "reject", "false alarm": "reject",
    "change": "change", "changed": "change", "withdraw": "withdraw",
}  # fmt: skip

#: Characters that XML, and so a workbook, cannot hold.
_NO_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")

#: Problems of a sheet that are named.
_NAMED = 10

#: Characters of a cell at the most: what Excel takes.
_MOST_IN_CELL = 32_000


def name_log(run: Run) -> str:
    """What tells the logs of two runs apart, in 12 characters: a sheet goes back to the log it came from."""
    return digest("sheet", run.id, run.started_at, run.corpus_sha256, run.config_hash)[:12]


def list_rows(shown: Iterable[Shown], run: Run) -> Iterator[dict[str, str]]:
    """The rows of a sheet, with empty cells for what a person says."""
    log = name_log(run)
    for one in shown:
        candidate = one.candidate
        place = f"{one.field.value}" if one.turns == 1 else f"turn {one.turn + 1} {one.field.value}"
        row = {
            "id": one.name, "log": log, "record": one.key, "line": str(one.line), "language": candidate.language,
            "kind": candidate.kind, "severity": candidate.severity, "field": place, "before": one.before.text,
            "after": one.after.text if one.after else "", "sentence_before": one.before.whole,
            "sentence_after": one.after.whole if one.after else "", "evidence": one.evidence,
            "source": one.english, "verdict": "", "right_text": "", "note": "",
        }  # fmt: skip
        yield {name: _make_cell(text) for name, text in row.items()}


def _make_cell(text: str) -> str:
    """A text as a cell: no formula, nothing that XML cannot hold, not too long."""
    kept = _NO_XML.sub(lambda match: f"\\x{ord(match[0]):02x}" if match[0] < " " else f"\\u{ord(match[0]):04x}", text)
    if len(kept) > _MOST_IN_CELL:
        kept = kept[:_MOST_IN_CELL] + "…"
    harmless: str = make_harmless(kept)
    return harmless


def write_csv(rows: Iterable[Mapping[str, str]]) -> Iterator[str]:
    """CSV in UTF-8 with a mark at its beginning, by which spreadsheets know it."""
    buffer = io.StringIO(newline="")
    buffer.write("\ufeff")
    writer = csv.DictWriter(buffer, COLUMNS, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writeheader()
    for row in rows:
        writer.writerow(row)
        yield buffer.getvalue()
        buffer.seek(0)
        buffer.truncate()
    yield buffer.getvalue()


def write_xlsx(rows: Iterable[Mapping[str, str]], path: Path) -> None:
    """An Excel workbook; raises UsageError where openpyxl is not installed."""
    openpyxl = _import_openpyxl()
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("review")
    sheet.append(list(COLUMNS))
    for row in rows:
        cells = []
        for name in COLUMNS:
            cell = openpyxl.cell.WriteOnlyCell(sheet, value=row[name])
            cell.data_type = "s"  # a text, whatever it looks like
            cells.append(cell)
        sheet.append(cells)
    book.save(path)


def read_sheet(path: Path) -> list[dict[str, str]]:
    """The rows of a sheet that came back, as texts by column; raises UsageError for what is no sheet."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.") from error
    rows = _read_xlsx(path) if data[:2] == b"PK" else _read_csv(path, data)
    header, *others = rows or [[]]
    names = [name.strip().lower() for name in header]
    if missing := [name for name in _NEEDED if name not in names]:
        raise UsageError(
            f"{path} has no column {missing[0]}.", hint="It is no sheet that `audit export --for-review` wrote."
        )
    if len(set(names)) < len(names):
        raise UsageError(f"{path} has a column twice.")
    return [dict(zip(names, [*row, *[""] * len(names)], strict=False)) for row in others if any(cell for cell in row)]


def _read_csv(path: Path, data: bytes) -> list[list[str]]:
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        raise UsageError(
            f"{path} is not in UTF-8: {error.reason} at byte {error.start:,}.",
            hint='Save it as "CSV UTF-8" (or as .xlsx).',
        ) from error
    first = text.split("\n", 1)[0]
    separator = max((",", ";", "\t"), key=first.count)
    try:
        return list(csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True))
    except csv.Error as error:
        raise UsageError(f"{path} is no CSV: {error}.") from error


def _read_xlsx(path: Path) -> list[list[str]]:
    openpyxl = _import_openpyxl()
    try:
        with path.open("rb") as file:  # by its content, whatever it is called
            book = openpyxl.load_workbook(file, read_only=True, data_only=True)
            sheet = book.worksheets[0]
            found = [["" if cell is None else str(cell) for cell in row] for row in sheet.iter_rows(values_only=True)]
    except Exception as error:  # a library's own errors, of a file that may be anything
        raise UsageError(f"{path} is no Excel workbook that can be read: {error}.") from error
    return found


def _import_openpyxl() -> Any:
    try:
        import openpyxl
    except ImportError as error:
        raise UsageError(
            "Excel workbooks need openpyxl.",
            hint="pip install '.[review]' in the folder of midb-agent's source, or use CSV.",
        ) from error
    return openpyxl


def read_verdicts(
    rows: Sequence[Mapping[str, str]], reader: AuditReader, run: Run, candidates: Sequence[Candidate]
) -> list[tuple[Candidate, Said]]:
    """What a sheet says, checked against the log; raises UsageError that names what is wrong, if anything is.

    Rows without a verdict say nothing, as long as they are as they went.
    """
    known = {one.item.name: one for one in candidates}
    log = name_log(run)
    found: dict[str, Said] = {}
    said: list[tuple[Candidate, Said]] = []
    problems: list[str] = []
    for number, row in enumerate(rows, start=2):
        try:
            what = _read_said(row)
            name = row["id"].strip()
            if what is None:
                # Who mends the text where it stands, and says nothing beside it, would not be heard.
                if name in known and row.get("log", "").strip() == log:
                    _check_kept(row, show_item(reader, known[name]), run)
                continue
            candidate = _find(name, row, known, log)
            shown = show_item(reader, candidate)
            _check_kept(row, shown, run)
            what = check_said(shown, what)
        except UsageError as error:
            problems.append(f"row {number}: {error.message.rstrip('.')}")
            continue
        if found.setdefault(name, what) != what:
            problems.append(f"row {number}: {name} stands twice, with another verdict")
        elif found[name] is what:
            said.append((candidate, what))
    if problems:
        more = f" (and {len(problems) - _NAMED:,} more)" if len(problems) > _NAMED else ""
        raise UsageError(
            f"the sheet cannot be taken: {'; '.join(problems[:_NAMED])}{more}",
            hint="Nothing was written. Mend these rows, or empty their verdicts.",
        )
    return said


def _read_said(row: Mapping[str, str]) -> Said | None:
    """What the cells of a person say; None where they say nothing."""
    word = " ".join(row.get("verdict", "").lower().replace("_", " ").replace("-", " ").split())
    text, note = _restore(row.get("right_text", "")), _restore(row.get("note", "")).strip()
    if not word and not text:
        if note:
            raise UsageError("it has a note, but no verdict.")
        return None
    if word and word not in _WORDS:
        raise UsageError(f'"{word}" is no verdict (accept, reject, change).')
    verdict = _WORDS.get(word, "change")
    if verdict == "change" and not text:
        raise UsageError("a change needs a right text.")
    if text and verdict != "change":
        raise UsageError(f"it says {verdict} and gives a right text.")
    return Said(verdict, text if verdict == "change" else None, note)


def _restore(cell: str) -> str:
    """A cell without the mark that made it harmless."""
    return cell[1:] if cell.startswith("'") and make_harmless(cell[1:]) == cell else cell


def _find(name: str, row: Mapping[str, str], known: Mapping[str, Candidate], log: str) -> Candidate:
    if row.get("log", "").strip() != log:
        raise UsageError(f"{name} is of another log or another run.")
    try:
        Item.parse(name)
    except ValueError as error:
        raise UsageError(f"{name or 'an empty cell'} is no id.") from error
    if name not in known:
        raise UsageError(f"the run has no {name} that can be reviewed.")
    return known[name]


def _check_kept(row: Mapping[str, str], shown: Shown, run: Run) -> None:
    """Raise UsageError where a cell that says what was reviewed is not as it was: the row may have slipped."""
    (expected,) = list_rows([shown], run)
    for name in _KEPT:
        if name in row and not _is_same(row[name], expected[name]):
            raise UsageError(
                f"its {name} was changed, which says what was reviewed: what is right goes into right_text."
            )


def _is_same(cell: str, expected: str) -> bool:
    """Whether a cell is as it went, or a number as spreadsheets write it anew: 3.5 for 3.50, 7 for 007."""
    found, wanted = _flatten(cell), _flatten(expected)
    if found == wanted:
        return True
    numbers = [_NUMBER.fullmatch(text) for text in (found, wanted)]
    return all(numbers) and len({float(text.replace(",", ".")) for text in (found, wanted)}) == 1


def _flatten(cell: str) -> str:
    """A cell without what spreadsheets change by themselves: kinds of line ends and blanks at the ends."""
    return cell.replace("\r\n", "\n").replace("\r", "\n").replace("_x000D_", "").strip()
