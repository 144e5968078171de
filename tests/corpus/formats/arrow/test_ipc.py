"""Arrow files of both forms: texts are edited, and every other value and the schema are what they were."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from corpus_files import Rewrite, read

pa = pytest.importorskip("pyarrow")

from midb.corpus.formats.arrow.ipc import ArrowFile  # noqa: E402
from midb.corpus.formats.containers import open_container  # noqa: E402
from midb.corpus.raw import Start  # noqa: E402
from midb.domain.errors import CorpusError, MidbError  # noqa: E402

TABLE = pa.table(
    {
        "id": pa.array([1, 2, 3, 4, 5], pa.int16()),
        "prompt": pa.array(["a", "b", None, "d", "e"], pa.large_string()),
        "kind": pa.array(["x", "y", "x", "x", "z"]).dictionary_encode(),
        "messages": [[{"role": "user", "content": f"m{n}"}] for n in range(5)],
        "vector": pa.array([[1.5, 2.5]] * 5, pa.list_(pa.float32(), 2)),
        "when": pa.array([10**18 + n for n in range(5)], pa.timestamp("ns")),
    }
).replace_schema_metadata({"huggingface": "{}"})
forms = pytest.mark.parametrize("make", [pa.ipc.new_stream, pa.ipc.new_file], ids=["stream", "file"])


def opened(path: Path, make: Any, table: Any = TABLE) -> ArrowFile:
    with make(str(path), table.schema) as writer:
        writer.write_table(table, max_chunksize=2)
    container = open_container(path)
    assert isinstance(container, ArrowFile)
    return container


def table_of(path: Path, make: Any) -> Any:
    with pa.memory_map(str(path)) as source:
        return (pa.ipc.open_stream if make is pa.ipc.new_stream else pa.ipc.open_file)(source).read_all()


@forms
def test_rows_are_read_from_anywhere(make: Any, tmp_path: Path) -> None:
    container = opened(tmp_path / "c.arrow", make)
    records, tail = read(container)
    assert json.loads(records[1].body) == {
        "id": 2, "prompt": "b", "kind": "y", "messages": [{"role": "user", "content": "m1"}],
        "vector": {"fixed_size_list<item: float>[2]": None}, "when": {"timestamp[ns]": None},
    }  # fmt: skip
    assert read(container, Start(records[2].end, 3, 4)) == (records[3:], tail)


@forms
def test_what_is_not_edited_stays(make: Any, tmp_path: Path, rewrite: Rewrite) -> None:
    container = opened(tmp_path / "c.arrow", make)
    assert table_of(rewrite(container), make).equals(TABLE, check_metadata=True)


@forms
def test_texts_are_edited_and_rejected_rows_gone(make: Any, tmp_path: Path, rewrite: Rewrite) -> None:
    container = opened(tmp_path / "c.arrow", make)
    record = json.loads(read(container)[0][1].body)
    record |= {"prompt": "B", "kind": "new", "messages": [{"role": "user", "content": "M"}]}
    made = table_of(rewrite(container, {1: json.dumps(record).encode(), 3: None}, 4), make)
    assert made.schema.equals(TABLE.schema, check_metadata=True)
    expected = TABLE.to_pylist()
    expected[1] |= {name: record[name] for name in ("prompt", "kind", "messages")}
    assert made.to_pylist() == expected[:3]


@forms
def test_the_name_is_kept_and_damage_is_said(make: Any, tmp_path: Path) -> None:
    path = tmp_path / "c.feather"
    container = opened(path, make)
    assert (container.name, container.suffix) == ("Arrow", ".feather")
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(CorpusError, match="is damaged"):
        read(container)


def with_dictionary(words: Any) -> Any:
    return pa.DictionaryArray.from_arrays(pa.array([0, 1, None, 0, 1], pa.uint32()), words)


@forms
@pytest.mark.parametrize("columns", [["prompt"], ["one", "more"]], ids=["flat", "deep"])
@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.string_view()], ids=str)
def test_texts_with_a_dictionary_are_read_and_written_however_deep(
    kind: Any, columns: list[str], make: Any, tmp_path: Path, rewrite: Rewrite
) -> None:
    """As polars writes its categories, which Arrow cannot take from, and for which a file has one dictionary."""
    words = with_dictionary(pa.array(["x", "y"], kind))
    one = pa.StructArray.from_arrays([words], names=["text"])
    more = pa.ListArray.from_arrays(pa.array([0, 1, 1, 2, 4, 5], pa.int32()), words)
    table = pa.table({"prompt": words, "one": one, "more": more}).select(columns)
    new = {"prompt": "new", "one": {"text": "newer"}, "more": ["newest"]}
    container = opened(tmp_path / "c.arrow", make, table)
    records, _ = read(container)
    assert [json.loads(record.body) for record in records] == table.to_pylist()
    made = table_of(rewrite(container, {0: json.dumps({name: new[name] for name in columns}).encode()}), make)
    assert made.schema == table.schema
    assert made.to_pylist() == [{name: new[name] for name in columns}, *table.to_pylist()[1:]]


def test_what_pyarrow_cannot_write_is_a_sentence(tmp_path: Path, rewrite: Rewrite) -> None:
    words = with_dictionary(pa.array(["x", None]))
    table = pa.table({"prompt": ["a"] * 5, "kind": words})
    with pytest.raises(MidbError, match="cannot be written: Cannot yet unify") as raised:
        rewrite(opened(tmp_path / "c.arrow", pa.ipc.new_file, table))
    assert "JSON Lines" in raised.value.hint


def test_a_dictionary_of_what_is_no_text_stays_as_it_is(tmp_path: Path, rewrite: Rewrite) -> None:
    words = with_dictionary(pa.array([b"x", b"\xff"]))
    table = pa.table({"prompt": ["a"] * 5, "kind": words})
    container = opened(tmp_path / "c.arrow", pa.ipc.new_stream, table)
    assert json.loads(read(container)[0][2].body)["kind"] is None
    assert table_of(rewrite(container), pa.ipc.new_stream).equals(table)
