"""CSV and TSV: found out from the bytes, read from any checkpoint, written back byte for byte but for edited cells."""

from __future__ import annotations

import csv
import gzip
import io
import itertools
from pathlib import Path

import orjson
import pytest
from corpus_files import Rewrite, read

from midb.corpus.formats.containers import open_container
from midb.corpus.formats.table import TableFile, find_dialect
from midb.corpus.formats.text import JsonLines
from midb.corpus.raw import BOM, RawRecord, Start
from midb.corpus.records import load_object
from midb.domain.errors import CorpusError

ROWS = [
    ["id", "instruction", "output"],
    ["1", 'Nenne 3 "Farben", bitte', "rot;\r\nblau\nund\tgrün"],
    ["2", "Was ist das?", ""],
    ["3", " leer ", 'ein 5" langes Rohr'],
]


def table(separator: str = ",", end: str = "\n", quoting: int = csv.QUOTE_MINIMAL) -> bytes:
    written = io.StringIO(newline="")
    csv.writer(written, delimiter=separator, lineterminator=end, quoting=quoting).writerows(ROWS)  # type: ignore[arg-type]
    return written.getvalue().encode()


TABLES = {
    "commas": table(), "semicolons": BOM + table(";", "\r\n"), "tabs": table("\t"), "bars": table("|"),
    "all quoted": table(quoting=csv.QUOTE_ALL), "told": BOM + b"sep=;\r\n" + table(";", "\r\n"),
    "blank lines": b"\n" + table().replace(b"\n2,", b"\n \n\n2,") + b"\n\n", "no end": table().rstrip(b"\n"),
}  # fmt: skip
tables = pytest.mark.parametrize("data", TABLES.values(), ids=list(TABLES))


def opened(folder: Path, data: bytes, name: str = "corpus") -> TableFile:
    path = folder / name
    path.write_bytes(data)
    container = open_container(path)
    assert isinstance(container, TableFile)
    return container


@tables
def test_a_table_is_known_read_and_written_back_byte_for_byte(data: bytes, tmp_path: Path, rewrite: Rewrite) -> None:
    container = opened(tmp_path, data)
    records, _ = read(container)
    assert [load_object(record) for record in records] == [dict(zip(ROWS[0], row, strict=True)) for row in ROWS[1:]]
    assert rewrite(container).read_bytes() == data


@tables
def test_it_is_read_from_any_checkpoint(data: bytes, tmp_path: Path) -> None:
    container = opened(tmp_path, data)
    records, tail = read(container)
    for number, record in enumerate(records):
        assert record.line == data[: record.offset].count(b"\n") + 1
        start = Start(record.end, record.position + 1, record.next_line)
        assert read(container, start) == (records[number + 1 :], tail)


@tables
def test_rejected_rows_leave_a_table_with_the_same_columns(data: bytes, tmp_path: Path, rewrite: Rewrite) -> None:
    container = opened(tmp_path, data)
    for rejected in itertools.chain.from_iterable(itertools.combinations(range(3), size) for size in range(4)):
        path = tmp_path / "output"
        path.write_bytes(rewrite(container, dict.fromkeys(rejected)).read_bytes())
        again = TableFile(path, container.dialect)
        assert again.names == ROWS[0]
        assert [load_object(record)["id"] for record in read(again)[0]] == [
            row[0] for number, row in enumerate(ROWS[1:]) if number not in rejected
        ]


@tables
def test_an_edit_changes_its_cell_alone(data: bytes, tmp_path: Path, rewrite: Rewrite) -> None:
    container = opened(tmp_path, data)
    records, _ = read(container)
    record = load_object(records[1])
    body = orjson.dumps(record | {"instruction": "Was ist dies?"})
    assert rewrite(container, {1: body}).read_bytes() == data.replace(b"Was ist das?", b"Was ist dies?")


def test_a_cell_that_needs_quotation_marks_gets_them(tmp_path: Path, rewrite: Rewrite) -> None:
    container = opened(tmp_path, b"id,prompt\n1,ja\n2,nein\n")
    body = orjson.dumps({"id": "1", "prompt": 'ja, "so"\nist es'})
    assert rewrite(container, {0: body}).read_bytes() == b'id,prompt\n1,"ja, ""so""\nist es"\n2,nein\n'


def test_no_column_hides_another_of_its_name(tmp_path: Path, rewrite: Rewrite) -> None:
    container = opened(tmp_path, b"prompt,prompt,,\na,b,c, \n", "c.csv")
    record = load_object(read(container)[0][0])
    assert record == {"prompt": "a", "prompt.1": "b", "column 3": "c"}
    body = orjson.dumps(record | {"prompt": "d"})
    assert rewrite(container, {0: body}).read_bytes() == b"prompt,prompt,,\nd,b,c, \n"


def test_a_backslash_makes_quotation_marks_text_where_all_first_rows_show_it(tmp_path: Path, rewrite: Rewrite) -> None:
    rows = [
        rb'1,"Er sagt \"ja, gern\", und geht.","C:\new\\"',
        b'2,"\\"Los\\"\nund weg, alle","b"',
        rb'3,"ein \\n","c"',
    ]
    data = b"id,prompt,output\n" + b"\n".join(rows) + b"\n"
    container = opened(tmp_path, data)
    records, tail = read(container)
    assert [load_object(record)["prompt"] for record in records] == [
        'Er sagt "ja, gern", und geht.', '"Los"\nund weg, alle', "ein \\n",
    ]  # fmt: skip
    assert load_object(records[0])["output"] == "C:\\new\\"
    assert read(container, Start(records[0].end, 1, records[0].next_line)) == (records[1:], tail)
    assert rewrite(container).read_bytes() == data
    body = orjson.dumps({"id": "2", "prompt": '"Los", er\\', "output": "b"})
    assert rewrite(container, {1: body}).read_bytes() == data.replace(rows[1], rb'2,"\"Los\", er\\","b"')


def test_a_backslash_is_found_far_behind_the_first_rows(tmp_path: Path) -> None:
    rows = b"".join(b'%d,"some words of a row, here"\n' % number for number in range(5_000))
    data = b"id,prompt\n" + rows + b'5000,"he says \\"a, b\\""\n5001,"c"\n5002,"d"\n'
    records, _ = read(opened(tmp_path, data))
    assert load_object(records[5_000])["prompt"] == 'he says "a, b"'
    doubled = data.replace(b'"c"', b'"""c"""')
    assert not opened(tmp_path, doubled).dialect.backslash, "a doubled mark says that none stands behind a backslash"


@pytest.mark.parametrize("row", [b'1,"a ""x"", \\""b\\"" "', b'1,"x \\", b"', b'1,"C:\\"'])
def test_a_backslash_is_text_where_quotation_marks_come_in_pairs_without_it(row: bytes) -> None:
    found = find_dialect(b"id,prompt\n" + row + b"\n2,b\n", named=True)
    assert found is not None
    assert not found.backslash


@pytest.mark.parametrize(
    ("row", "reason", "message"),
    [
        (b"1,2,3", "ragged-row", "3 cells"),
        (b"1,\xff", "not-utf8", "0xff"),
        (b'1,"open', "open-quote", "never closed"),
    ],
)
def test_a_row_that_cannot_be_read_says_why(row: bytes, reason: str, message: str, tmp_path: Path) -> None:
    records, _ = read(opened(tmp_path, b"id,prompt\n1,a\n" * 1 + b"2,b\n" * 20 + row))
    assert records[-1].fault is not None
    assert records[-1].fault[0] == reason
    assert message in records[-1].fault[1]
    assert b"".join(records[-1].chunks()) == row
    assert records[-1].length == len(row)


def test_missing_and_empty_cells_are_no_fault(tmp_path: Path) -> None:
    records, _ = read(opened(tmp_path, b"id,prompt,output\n1\n2,b,c,,\n"))
    assert [load_object(record) for record in records] == [{"id": "1"}, {"id": "2", "prompt": "b", "output": "c"}]


@pytest.mark.parametrize(
    "data",
    [
        b'{"a": 1, "b": 2}\n', b'[1, 2]\n[3, 4]\n', b'not JSON, at all\n{"instruction": "a"}\n', b"just words\n",
        b'{"broken, \n{"a": 1}\n', b"", b"a,a\n1,2\n", b"x" * 90 + b",b\n1,2\n",
    ],
)  # fmt: skip
def test_what_is_no_table(data: bytes) -> None:
    assert find_dialect(data, named=False) is None


def test_the_name_tells_a_table_of_one_column(tmp_path: Path) -> None:
    records, _ = read(opened(tmp_path, b"prompt\nWas ist das?\n", "c.csv"))
    assert load_object(records[0]) == {"prompt": "Was ist das?"}
    (tmp_path / "lines.csv").write_bytes(b'{"prompt": "a, b"}\n')
    assert isinstance(open_container(tmp_path / "lines.csv"), JsonLines), "the bytes come first"


def test_marks_of_a_text_are_no_quotation_of_a_cell_where_tabs_separate(tmp_path: Path, rewrite: Rewrite) -> None:
    data = b'id\tprompt\toutput\n1\t"Ja", sagte er.\tSie: "nein\n2\t"Auch\tgut\\nso\n3\tc\td\n'
    container = opened(tmp_path, data)
    records, _ = read(container)
    assert [load_object(record)["prompt"] for record in records] == ['"Ja", sagte er.', '"Auch', "c"]
    assert load_object(records[1])["output"] == "gut\nso"
    assert rewrite(container).read_bytes() == data


@pytest.mark.parametrize("name", ["c.csv", "c.csv.gz", "C.TSV"])
def test_the_output_is_called_and_packed_as_the_table(name: str, tmp_path: Path) -> None:
    data = table("\t" if "TSV" in name else ",")
    container = opened(tmp_path, gzip.compress(data) if name.endswith("gz") else data, name)
    assert container.suffix == name[1:]
    assert container.name == ("TSV" if "TSV" in name else "CSV")


@pytest.mark.parametrize(
    ("data", "message", "hint"),
    [
        (b"id;prompt\n" + "1;größer\n2;schön\n".encode("cp1252") * 5, "not UTF-8", "iconv"),
        ("id;größe\n1;a\n".encode("cp1252"), "not UTF-8", "CSV UTF-8"),
        (b"id,prompt\r1,a\r2,b\r", "carriage return", "tr "),
        (b'id,"prompt\n1,a\n', "never closed", "names its columns"),
    ],
)
def test_a_table_that_cannot_be_read_is_refused(data: bytes, message: str, hint: str, tmp_path: Path) -> None:
    path = tmp_path / "c.csv"
    path.write_bytes(data)
    with pytest.raises(CorpusError, match=message) as raised:
        open_container(path)
    assert hint in str(raised.value.hint)


def test_what_pandas_and_polars_write(tmp_path: Path, rewrite: Rewrite) -> None:
    pandas, polars = pytest.importorskip("pandas"), pytest.importorskip("polars")
    frame = pandas.DataFrame(ROWS[1:], columns=ROWS[0])
    frame.to_csv(tmp_path / "pandas.csv")
    polars.from_pandas(frame).write_csv(tmp_path / "polars.csv")
    for name in ("pandas.csv", "polars.csv"):
        container = open_container(tmp_path / name)
        assert [load_object(record)["output"] for record in read(container)[0]] == [row[2] for row in ROWS[1:]]
        assert rewrite(container).read_bytes() == (tmp_path / name).read_bytes()
        assert isinstance(read(container)[0][0], RawRecord)


@pytest.mark.parametrize("last", [b"Fuchs\\\nReh\\\n\\\nDachs", b"Fuchs\\\nReh"])
def test_cells_that_a_backslash_continues_in_the_next_line_are_refused(tmp_path: Path, last: bytes) -> None:
    """In whichever column: halves of a text must not be taken for texts."""
    for row in (b"1\tNenne Tiere.\t" + last, b"1\t" + last + b"\tNenne Tiere."):
        path = tmp_path / "mysql.tsv"
        path.write_bytes(b"id\tinstruction\toutput\n0\tWas?\tC:\\\\\n" + row + b"\n")
        with pytest.raises(CorpusError, match="line breaks behind a backslash within its cells") as told:
            open_container(path)
        assert r"escapechar='\\'" in told.value.hint


@pytest.mark.parametrize(
    "rows",
    [
        b"id\tinstruction\toutput\n1\tWo?\tC:\\\n2\tWo?\tD:\\\n3\tWo?\tE:\n",  # ends of texts
        b"id,instruction,output\n1,Wo?,C:\\\\\n2,Wo?\n",  # a backslash that another one makes text
        b"id\tinstruction\toutput\n1\tWo?\tC:\\\n\n2\tWo?\tD:\n",  # before a blank line
        b"instruction\nC:\\\nD:\n",  # nothing tells of one column whether it goes on
        b'id,instruction,output\n1,Wo?,"a\\\nb"\n2,Wo?,c\n',
    ],
)
def test_a_backslash_at_the_end_of_a_row_is_text_where_no_cell_goes_on(tmp_path: Path, rows: bytes) -> None:
    path = tmp_path / ("c.tsv" if b"\t" in rows else "c.csv")
    path.write_bytes(rows)
    assert isinstance(open_container(path), TableFile)
