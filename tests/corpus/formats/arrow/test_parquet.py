"""Parquet: edited texts come out edited, rejected rows are gone, and every other value is what it was, of any type."""

from __future__ import annotations

import datetime
import decimal
import json
from pathlib import Path
from typing import Any

import pytest
from corpus_files import Rewrite, read
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from midb.corpus.formats.arrow.parquet import Parquet
from midb.corpus.formats.containers import open_container
from midb.corpus.layouts import LayoutFinder
from midb.corpus.raw import RawRecord, Start
from midb.corpus.records import parse_record
from midb.domain.errors import CorpusError, MidbError

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")

COUNT = 1300  # more than two batches
MOMENT = datetime.datetime(2024, 2, 29, 12, 30, 1, 123456)
DICTIONARY = pa.dictionary(pa.int8(), pa.string())
STRUCT = pa.struct([("a", pa.int8()), ("b", pa.list_(pa.struct([("when", pa.timestamp("ns")), ("t", pa.string())])))])


def odd_columns() -> dict[str, Any]:
    """Columns that no schema inferred from JSON would give back."""
    every = range(COUNT)
    nanoseconds = pa.array([None if n % 5 == 0 else 1_700_000_000_000_000_001 + n for n in every], pa.timestamp("ns"))
    return {
        "decimal": pa.array([decimal.Decimal(f"{n}.10") if n % 3 else None for n in every], pa.decimal128(20, 2)),
        "timestamp": pa.array([MOMENT] * COUNT, pa.timestamp("us", tz="Europe/Berlin")),
        "nanoseconds": nanoseconds,
        "far": pa.array([9_000_000_000_000_000] * COUNT, pa.timestamp("s")),  # Python has no such year
        "date": pa.array([MOMENT.date(), None] * (COUNT // 2)),
        "dictionary": pa.array(["x", "y", None, "x"] * (COUNT // 4)).dictionary_encode().cast(DICTIONARY),
        "nested": pa.StructArray.from_arrays(
            [
                pa.array([n % 100 for n in every], pa.int8()),
                pa.ListArray.from_arrays(
                    list(range(COUNT + 1)),
                    pa.StructArray.from_arrays([nanoseconds, pa.array(["t"] * COUNT)], ["when", "t"]),
                ),
            ],
            fields=list(STRUCT),
            mask=pa.array([n % 7 == 0 for n in every]),
        ),
        "nulls": pa.nulls(COUNT),
        "tags": pa.array([["a", None], [], None, ["b"]] * (COUNT // 4), pa.list_(pa.string())),
        "vector": pa.array([[0.1, float("nan")]] * COUNT, pa.list_(pa.float32(), 2)),
        "bytes": pa.array([b"\xff\x00", None] * (COUNT // 2), pa.binary()),
        "not text": pa.array([b"\xff", b"ok"] * (COUNT // 2), pa.binary()).view(pa.string()),
        "map": pa.array([[("k", "v")], None] * (COUNT // 2), pa.map_(pa.string(), pa.string())),
        "large": pa.array([2**64 - 1] * COUNT, pa.uint64()),
        "float": pa.array([float("nan"), 1e300] * (COUNT // 2)),
        "bool": pa.array([True, None] * (COUNT // 2)),
    }  # fmt: skip


METADATA = {b"huggingface": b'{"info": {}}', b"\xff": b"\x00"}


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """A Parquet file with an Alpaca corpus among odd columns, in row groups of 500."""
    columns = {
        "id": pa.array([f"de-{n}" for n in range(COUNT)]),
        **odd_columns(),
        "instruction": pa.array([f"Frage {n}" for n in range(COUNT)], pa.large_string()),
        "output": pa.array([None if n == 3 else f"Antwort «{n}»" for n in range(COUNT)]),
    }
    table = pa.table(columns)
    fields = [field.with_metadata({"note": field.name}) for field in table.schema]
    path = tmp_path / "corpus.parquet"
    pq.write_table(table.cast(pa.schema(fields, metadata=METADATA)), path, row_group_size=500, compression="zstd")
    return path


def same(one: Any, other: Any) -> bool:
    """Whether two columns hold the same bits; NaN is like itself, and what is no UTF-8 is compared as bytes."""
    if pa.types.is_string(one.type):
        one, other = one.cast(pa.binary()), other.cast(pa.binary())
    return (
        str(one.to_pylist()) == str(other.to_pylist())
        if "float" in str(one.type) or one.type == "double"
        else one.equals(other)
    )


def edited(record: RawRecord, key: str, text: str) -> bytes:
    row = json.loads(record.body)
    assert isinstance(row[key], str)
    return json.dumps(row | {key: text}).encode()


def test_rows_are_records(corpus: Path) -> None:
    container = open_container(corpus)
    assert (container.name, container.suffix) == ("Parquet", ".parquet")
    records, tail = read(container)
    assert (len(records), tail.data) == (COUNT, b"")
    assert [(r.position, r.line) for r in records[:2]] == [(0, 1), (1, 2)]
    parsed = parse_record(records[1], LayoutFinder())
    assert (parsed.key, parsed.slots[0].pair.instruction, parsed.slots[0].pair.response) == (
        "de-1",
        "Frage 1",
        "Antwort «1»",
    )
    row = json.loads(records[1].body)
    assert row["large"] == 2**64 - 1
    assert row["tags"] == []
    assert row["decimal"] == {"decimal128(20, 2)": None}, "what is no text is not taken for one"
    assert row["not text"] == "ok"
    assert json.loads(records[0].body)["not text"] == {"not UTF-8": None}


def test_reading_resumes_behind_any_row(corpus: Path) -> None:
    container = open_container(corpus)
    records, tail = read(container)
    for number in (0, 510, 511, 512, COUNT - 1):
        record = records[number]
        assert read(container, Start(record.end, record.position + 1, record.next_line)) == (
            records[number + 1 :],
            tail,
        )


def test_what_is_kept_is_the_same_of_every_type(corpus: Path, rewrite: Rewrite) -> None:
    before, after = pq.read_table(corpus), pq.read_table(rewrite(open_container(corpus)))
    assert after.schema.equals(before.schema, check_metadata=True)
    assert after.schema.metadata[b"huggingface"] == b'{"info": {}}'
    for name in before.column_names:
        assert same(after[name], before[name]), name


def test_edited_texts_and_rejected_rows(corpus: Path, rewrite: Rewrite) -> None:
    container = open_container(corpus)
    records, _ = read(container)
    bodies = {
        0: edited(records[0], "output", "Neu\u2028\n"), 5: None, 700: edited(records[700], "instruction", "Neue Frage"),
        511: None, 512: None, 513: edited(records[513], "output", ""), COUNT - 1: None,
    }  # fmt: skip
    path = rewrite(container, bodies)
    kept = [n for n in range(COUNT) if n not in (5, 511, 512, COUNT - 1)]
    before, after = pq.read_table(corpus).take(pa.array(kept)), pq.read_table(path)
    assert after.schema.equals(before.schema, check_metadata=True)
    for name in set(before.column_names) - {"instruction", "output"}:
        assert same(after[name], before[name]), name
    outputs, questions = before["output"].to_pylist(), before["instruction"].to_pylist()
    outputs[0], outputs[kept.index(513)], questions[kept.index(700)] = "Neu\u2028\n", "", "Neue Frage"
    assert after["output"].to_pylist() == outputs
    assert after["instruction"].to_pylist() == questions


def test_row_groups_and_compression_are_like_the_corpus(corpus: Path, rewrite: Rewrite) -> None:
    before, after = pq.read_metadata(corpus), pq.read_metadata(rewrite(open_container(corpus)))
    assert after.num_row_groups == before.num_row_groups
    assert after.row_group(0).column(0).compression == "ZSTD"


@pytest.mark.parametrize("codec", ["none", "snappy", "gzip", "brotli", "lz4", "zstd"])
def test_every_compression_is_written_again(codec: str, tmp_path: Path, rewrite: Rewrite) -> None:
    pq.write_table(pa.table({"instruction": ["x"] * 50}), path := tmp_path / "c.parquet", compression=codec)
    after = rewrite(open_container(path))
    expected = pq.read_metadata(path).row_group(0).column(0).compression
    assert pq.read_metadata(after).row_group(0).column(0).compression == expected


@pytest.mark.parametrize("compliant", [True, False])
def test_what_is_in_a_list_keeps_its_name(compliant: bool, tmp_path: Path, rewrite: Rewrite) -> None:
    path = tmp_path / "c.parquet"
    table = pa.table({"messages": [[{"role": "user", "content": "a"}]], "tags": [["b"]]})
    pq.write_table(table, path, use_compliant_nested_type=compliant)
    after = pq.ParquetFile(rewrite(open_container(path), {0: b'{"messages":[{"content":"c"}],"tags":["b"]}'}))
    assert after.schema.equals(pq.ParquetFile(path).schema), "as Parquet has it"
    assert after.schema_arrow == pq.ParquetFile(path).schema_arrow
    assert after.read().to_pylist() == [{"messages": [{"role": "user", "content": "c"}], "tags": ["b"]}]


def test_a_codec_that_pyarrow_cannot_name_is_lz4(
    corpus: Path, rewrite: Rewrite, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first form of LZ4, which programs for Hadoop wrote: it can be read, and is written in its present form."""
    container = open_container(corpus)
    monkeypatch.setattr("midb.corpus.formats.arrow.parquet._codec_of", lambda _: "UNKNOWN")
    after = pq.ParquetFile(rewrite(container))
    assert after.metadata.row_group(0).column(0).compression == "LZ4"
    assert after.read(["id"]).equals(pq.ParquetFile(corpus).read(["id"]))


def test_rows_behind_a_limit_are_left_out(corpus: Path, rewrite: Rewrite) -> None:
    assert pq.read_table(rewrite(open_container(corpus), {1: None}, 600)).num_rows == 599


def test_all_rows_rejected_and_no_rows_at_all(corpus: Path, tmp_path: Path, rewrite: Rewrite) -> None:
    after = pq.read_table(rewrite(open_container(corpus), dict.fromkeys(range(COUNT))))
    assert (after.num_rows, after.schema) == (0, pq.read_schema(corpus))
    empty = tmp_path / "empty.parquet"
    pq.write_table(pa.table({"instruction": pa.array([], pa.string())}), empty)
    assert read(open_container(empty))[0] == []
    assert pq.read_table(rewrite(open_container(empty))).num_rows == 0


CHATS: list[Any] = [
    [
        {"role": "user", "content": "Was?", "at": 1, "tags": ["x"]},
        {"role": "assistant", "content": "Das.", "at": 2, "tags": None},
    ],
    None,
    [],
    [{"role": "user", "content": None, "at": None, "tags": []}, None],
]  # fmt: skip
TURN = pa.struct(
    [("role", pa.string()), ("content", pa.string()), ("at", pa.timestamp("ns")), ("tags", pa.list_(pa.string()))]
)


@pytest.mark.parametrize("kind", [pa.list_(TURN), pa.large_list(TURN)], ids=["list", "large_list"])
def test_conversations_in_lists_of_structs(kind: Any, tmp_path: Path, rewrite: Rewrite) -> None:
    path = tmp_path / "c.parquet"
    column = pa.array(CHATS * 200, kind)
    pq.write_table(pa.table({"messages": column}), path)
    container = open_container(path)
    records, _ = read(container)
    parsed = parse_record(records[4], LayoutFinder())
    assert [(slot.pair.instruction, slot.pair.response) for slot in parsed.slots] == [("Was?", "Das.")]
    row = json.loads(records[4].body)
    row["messages"][1]["content"] = "Dies."
    after = pq.read_table(rewrite(container, {4: json.dumps(row).encode()}))["messages"].combine_chunks()
    expected = CHATS * 200
    expected[4] = [CHATS[0][0], CHATS[0][1] | {"content": "Dies."}]
    assert after.equals(pa.array(expected, kind))


def test_of_columns_with_one_name_each_is_seen_and_edited(tmp_path: Path, rewrite: Rewrite) -> None:
    path = tmp_path / "c.parquet"
    fields = pa.schema([("prompt", pa.string()), ("response", pa.string()), ("response", pa.string())])
    pq.write_table(pa.Table.from_arrays([pa.array([text] * 2) for text in "pab"], schema=fields), path)
    records, _ = read(open_container(path))
    assert json.loads(records[0].body) == {"prompt": "p", "response": "a", "response.1": "b"}
    after = pq.ParquetFile(rewrite(open_container(path), {0: edited(records[0], "response", "c")})).read()
    assert [after.column(n).to_pylist() for n in range(3)] == [["p", "p"], ["c", "a"], ["b", "b"]]
    assert after.schema == fields


def test_the_ending_stays_as_it_is_spelled() -> None:
    assert [Parquet(Path(name)).suffix for name in ("c.parquet", "C.PARQUET", "c")] == [
        ".parquet", ".PARQUET", ".parquet",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("column", "told"),
    [
        (pa.array([b"bytes"]), "not text"),
        (pa.array([MOMENT]), "not text"),
        (pa.array([decimal.Decimal("1.5")]), "not text"),
        (pa.array([1.5]), "not text"),
        (pa.array([["x"]]), "not text"),
        (pa.array([None], pa.string()), "missing or null"),
        (pa.array([b"caf\xe9"]).view(pa.string()), "not text"),
    ],
    ids=str,
)
def test_columns_that_hold_no_text(column: Any, told: str, tmp_path: Path, rewrite: Rewrite) -> None:
    path = tmp_path / "c.parquet"
    pq.write_table(pa.table({"instruction": column, "output": ["x"]}), path)
    (record,), _ = read(open_container(path))
    assert told in parse_record(record, LayoutFinder()).unexamined
    assert pq.read_table(rewrite(open_container(path), {})).equals(pq.read_table(path))


@given(st.binary(max_size=30), st.integers(0, 400), st.integers(1, 60))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
def test_damaged_files_raise_nothing_but_our_own_errors(tmp_path: Path, noise: bytes, start: int, length: int) -> None:
    path = tmp_path / "c.parquet"
    pq.write_table(pa.table({"instruction": ["x", "y"], "output": [None, "z"]}), path)
    data = path.read_bytes()
    start = 4 + start % (len(data) - 4)
    path.write_bytes(data[:start] + noise + data[start + length :])
    try:
        list(open_container(path).read())
    except MidbError as error:
        assert isinstance(error, CorpusError)
        assert "c.parquet" in error.message
        assert "\n" not in error.message


def test_a_cut_off_file_is_damaged(corpus: Path) -> None:
    corpus.write_bytes(corpus.read_bytes()[:-100])
    with pytest.raises(CorpusError, match="is damaged") as caught:
        list(open_container(corpus).read())
    assert caught.value.hint
