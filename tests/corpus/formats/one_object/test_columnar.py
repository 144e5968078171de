"""JSON by columns: rows are records, and an edited text is replaced where it stands."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import orjson
import pytest
from corpus_files import Rewrite, read

from midb.corpus.formats.containers import open_container
from midb.corpus.formats.one_object.columnar import Columnar, columns_in, may_be_columnar
from midb.corpus.formats.text import JsonLines
from midb.corpus.raw import Start
from midb.domain.errors import CorpusError

COLUMNS: dict[str, list[Any]] = {
    "id": [1, 2, 3],
    "prompt": ["grün", 'b "x"', None],
    "turns": [["a", "b"], [], ["größer"]],
    "about": [{"n": 1.50, "t": "t"}, None, {"t": "u"}],
}
NUMBERED = {name: dict(enumerate(values)) for name, values in COLUMNS.items()}
FILES = {
    "lists": json.dumps(COLUMNS), "plain": json.dumps(COLUMNS, ensure_ascii=False),
    "spread": json.dumps(COLUMNS, indent=1), "pandas": json.dumps(NUMBERED),
    "blank": "\n " + json.dumps(COLUMNS) + "\n\n",
}  # fmt: skip
files = pytest.mark.parametrize("data", [text.encode() for text in FILES.values()], ids=list(FILES))
RECORDS = [{name: values[row] for name, values in COLUMNS.items()} for row in range(3)]


def opened(folder: Path, data: bytes, name: str = "c.json") -> Columnar:
    (folder / name).write_bytes(data)
    container = open_container(folder / name)
    assert isinstance(container, Columnar)
    return container


@files
def test_it_is_read_from_anywhere_and_comes_back_byte_for_byte(data: bytes, tmp_path: Path, rewrite: Rewrite) -> None:
    container = opened(tmp_path, data)
    records, tail = read(container)
    assert [orjson.loads(record.body) for record in records] == RECORDS
    assert read(container, Start(records[1].end, 2, 3)) == (records[2:], tail)
    assert rewrite(container).read_bytes() == data


@files
def test_an_edit_changes_its_text_alone(data: bytes, tmp_path: Path, rewrite: Rewrite) -> None:
    body = orjson.dumps(RECORDS[0] | {"prompt": "grüner", "turns": ["a", "c\n"], "about": {"n": 1.5, "t": "v"}})
    spelled = "gr\\u00fcn" if b"\\u00fc" in data else "grün"
    expected = data.replace(spelled.encode(), f"{spelled}er".encode(), 1)
    expected = expected.replace(b'"b"', b'"c\\n"', 1).replace(b'"t": "t"', b'"t": "v"').replace(b'"t","t"', b'"t","v"')
    assert rewrite(opened(tmp_path, data), {0: body}).read_bytes() == expected


@files
def test_rejected_rows_and_a_limit_leave_columns_of_one_length(data: bytes, tmp_path: Path, rewrite: Rewrite) -> None:
    container = opened(tmp_path, data)
    made = columns_in(rewrite(container, {1: None}).read_bytes())
    assert made == {name: [values[0], values[2]] for name, values in COLUMNS.items()}
    assert columns_in(rewrite(container, {}, 2).read_bytes()) == {name: v[:2] for name, v in COLUMNS.items()}


def test_it_may_be_packed(tmp_path: Path, rewrite: Rewrite) -> None:
    data = FILES["lists"].encode()
    assert gzip.decompress(rewrite(opened(tmp_path, gzip.compress(data), "c.json.gz")).read_bytes()) == data


@pytest.mark.parametrize(
    "data",
    [
        b'{"turns": ["a", "b"]}', b'{"id": 1, "turns": ["a"]}', b'{"messages": [{"role": "user"}], "tools": [{}]}',
        b'{"a": ["x"], "b": ["y", "z"]}', b'{"a": {"1": "x"}, "b": {"1": "y"}}', b'{"a": [], "b": []}', b'{"a": [1',
        b'{"a": [1], "b": [2]}', b"[1]",
    ],
)  # fmt: skip
def test_what_is_none(data: bytes) -> None:
    assert columns_in(data) is None


def test_lines_with_lists_stay_lines(tmp_path: Path) -> None:
    line = b'{"a": ["x"], "b": ["y"]}\n'
    assert may_be_columnar(line)
    (tmp_path / "c.jsonl").write_bytes(line * 2)
    assert isinstance(open_container(tmp_path / "c.jsonl"), JsonLines)


def test_what_is_too_large_for_memory_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("midb.corpus.formats.one_object.columnar._MOST_BYTES", 100)
    with pytest.raises(CorpusError, match="by columns"):
        opened(tmp_path, FILES["lists"].encode())
