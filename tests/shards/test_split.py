"""Cutting a corpus: nothing is lost or altered, and a key's shard depends on nothing but the key."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import orjson
import pytest
import zstandard
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from midb.corpus.formats import text
from midb.corpus.formats.containers import open_container
from midb.corpus.raw import RawRecord
from midb.corpus.sources import open_sources
from midb.domain.errors import CorpusError, MidbError, UsageError
from midb.shards import split as sharding
from midb.shards.split import make_folder, parse_shard_name, shard_of, shard_of_key, split

BOM = b"\xef\xbb\xbf"
RECORD = st.fixed_dictionaries(
    {"instruction": st.text(max_size=20)},
    optional={"id": st.text(max_size=8) | st.integers(0, 40), "output": st.text(max_size=20)},
)
LINE = RECORD.map(lambda record: json.dumps(record).encode()) | st.binary(max_size=20)
#: Longer than what is looked at to tell text from other files.
FIRST = b'{"instruction": "Nenne ein Tier und erklaere in einem Satz, warum gerade dieses."}'


def bodies(path: Path) -> list[bytes]:
    items = [item for item in open_container(path).read() if isinstance(item, RawRecord)]
    return [b"".join(item.chunks()) for item in items]


def written(done: sharding.Split) -> list[bytes]:
    return [body for cut in done.cuts if cut.path for body in bodies(cut.path)]


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lines=st.lists(LINE, max_size=14), shards=st.integers(1, 5), last=st.booleans())
@example(lines=[b"[broken"], shards=2, last=True)
@example(lines=[BOM + FIRST, BOM + b"oops"], shards=3, last=False)
def test_shards_hold_every_line_once_in_order_and_where_its_hash_says(
    lines: list[bytes], shards: int, last: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("split")
    corpus = folder / "c.jsonl"
    corpus.write_bytes(b"\n".join([FIRST, *lines]) + (b"\n" if last else b""))
    whole = [item for item in open_container(corpus).read() if isinstance(item, RawRecord)]
    try:
        done = split(corpus, shards)
    except CorpusError as error:
        # A line that is no object may begin a shard and make it look like another format: that is said, not done.
        assert "another format" in error.message
        assert [path.name for path in folder.iterdir()] == ["c.jsonl"]
        return
    assert Counter(written(done)) == Counter(item.body for item in whole)
    for cut in done.cuts:
        expected = [item.body for item in whole if shard_of(item, shards) == cut.number]
        assert cut.records == len(expected)
        assert (bodies(cut.path) if cut.path else []) == expected


@given(keys=st.lists(st.text(min_size=1).filter(str.strip), max_size=20), shards=st.integers(1, 9))
def test_the_shard_of_a_key_is_that_of_its_sha256(keys: list[str], shards: int) -> None:
    for position, key in enumerate(keys):
        key = key.encode("utf-8", "replace").decode()
        number = int(hashlib.sha256(key.encode()).hexdigest(), 16) % shards + 1
        assert shard_of_key(key, shards) == number
        for place in (position, position + 1000):
            body = orjson.dumps({"text": str(place), "id": key})
            assert shard_of(RawRecord.alone(body, place), shards) == number


def test_what_was_added_elsewhere_moves_nothing_even_where_records_have_no_ids(tmp_path: Path) -> None:
    records = [{"instruction": f"Frage {number}?", "output": "Ja."} | ({"id": number} if number % 2 else {})
               for number in range(60)]  # fmt: skip
    lines = [json.dumps(record) for record in records]
    homes: list[dict[str, int]] = []
    for name, content in (("a", lines), ("b", ["not json", '{"instruction": "neu"}', *reversed(lines)])):
        corpus = tmp_path / f"{name}.jsonl"
        corpus.write_text("\n".join(content) + "\n")
        done = split(corpus, 4)
        homes.append({body.decode(): cut.number for cut in done.cuts if cut.path for body in bodies(cut.path)})
    assert {line: homes[0][line] for line in lines} == {line: homes[1][line] for line in lines}


def test_an_id_that_looks_like_a_position_is_an_id_wherever_it_stands() -> None:
    body = b'{"id": "#4", "instruction": "x"}'
    numbers = {shard_of(RawRecord.alone(body, position), 97) for position in (3, 4, 5)}
    assert numbers == {shard_of_key("#4", 97)}


LINES = [json.dumps({"id": f"r-{number}", "instruction": "Wörter", "n": number}, ensure_ascii=False).encode()
         for number in range(30)]  # fmt: skip
ARRAY = b"\n [ \n  " + b" ,\n  ".join(LINES) + b"\n]\n"
JSONL = b"\n".join(LINES[:10]) + b"\n\n\n" + b"\r\n".join(LINES[10:])
unzstd: Callable[[bytes], bytes] = lambda data: zstandard.ZstdDecompressor().decompressobj().decompress(data)  # noqa: E731


@pytest.mark.parametrize(
    ("name", "content", "unpack"),
    [
        ("c.jsonl", JSONL, bytes),
        ("c.json", ARRAY, bytes),
        ("c.jsonl.gz", gzip.compress(JSONL), gzip.decompress),
        ("c.json.zst", zstandard.compress(ARRAY), unzstd),
        ("c", JSONL, bytes),
    ],
    ids=["jsonl", "json", "gz", "zst", "no-suffix"],  # a gzip holds the time, and workers must agree on names
)
def test_formats_are_kept(name: str, content: bytes, unpack: Callable[[bytes], bytes], tmp_path: Path) -> None:
    corpus = tmp_path / name
    corpus.write_bytes(content)
    done = split(corpus, 3, folder=tmp_path)
    assert sorted(written(done)) == sorted(LINES)
    for cut in done.cuts:
        assert cut.path is not None
        assert cut.path.name == f"c.shard-{cut.number}-of-3.{name.partition('.')[2] or 'jsonl'}"
        data = unpack(cut.path.read_bytes())
        if "json." in name or name.endswith(".json"):
            assert [record["n"] for record in json.loads(data)] == sorted(r["n"] for r in json.loads(data))
    assert not list(tmp_path.glob("*.partial"))
    assert not list(tmp_path.glob("*.temporary"))


def test_parquet_keeps_columns_of_every_type(tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    pq = pytest.importorskip("pyarrow.parquet")
    table = pa.table(
        {
            "id": [f"r-{number}" for number in range(20)],
            "instruction": ["Frage"] * 20,
            "when": pa.array(range(20), pa.timestamp("us")),
            "vector": [[float(number)] * 3 for number in range(20)],
        }
    )
    pq.write_table(table, tmp_path / "c.parquet")
    done = split(tmp_path / "c.parquet", 3)
    parts = [pq.read_table(cut.path) for cut in done.cuts if cut.path]
    assert all(part.schema.equals(table.schema) for part in parts)
    assert sorted(row["id"] for part in parts for row in part.to_pylist()) == sorted(table["id"].to_pylist())
    rows = {row["id"]: row for part in parts for row in part.to_pylist()}
    assert [rows[row["id"]] for row in table.to_pylist()] == table.to_pylist()


@pytest.mark.parametrize("end", [b'{"id": "z", "instru', b"] behind it", b'"', b'{"id": "z"}'])
def test_an_array_that_was_cut_off_gives_shards_with_the_same_elements(end: bytes, tmp_path: Path) -> None:
    corpus = tmp_path / "c.json"
    corpus.write_bytes(b"[" + b", ".join(LINES[:6]) + (b"" if end.startswith(b"]") else b", ") + end)
    assert sorted(written(split(corpus, 2))) == sorted(bodies(corpus))


@pytest.mark.parametrize(("reader", "frame"), [("read_lines", b"%b\n%b\n%b\n"), ("read_array", b"[%b,\n%b,\n%b]\n")])
def test_a_record_too_long_to_be_examined_goes_along(
    reader: str, frame: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = getattr(text, reader)
    monkeypatch.setattr(text, reader, lambda stream, start: read(stream, start, limit=1000))
    corpus = tmp_path / "c.jsonl"
    corpus.write_bytes(frame % (LINES[1], LINES[0][:-1] + b', "x": "' + b"y" * 300_000 + b'"}', LINES[2]))
    done = split(corpus, 1)
    assert done.cuts[0].path is not None
    assert done.cuts[0].path.read_bytes() == corpus.read_bytes()


def test_lines_with_a_mark_amid_the_corpus_stay_the_same_lines(tmp_path: Path) -> None:
    """Files that were joined: the first line of the second has a byte-order mark, and might begin a shard."""
    corpus = tmp_path / "c.jsonl"
    lines = [BOM + line for line in LINES[:8]]
    corpus.write_bytes(b"\n".join(lines) + b"\n")
    assert sorted(written(split(corpus, 4))) == sorted([LINES[0], *lines[1:]])


@pytest.mark.parametrize("kind", ["lines", "array"])
def test_a_source_aligned_by_line_stays_aligned(kind: str, tmp_path: Path) -> None:
    corpus, source = tmp_path / "c.jsonl", tmp_path / "en.json"
    corpus.write_text("".join(json.dumps({"instruction": f"Frage {n}?"}) + "\n" for n in range(25)))
    english = [json.dumps({"instruction": f"Question {n}?"}) for n in range(25)]
    source.write_text("\n".join(english) if kind == "lines" else f"[{', '.join(english)}]")
    done = split(corpus, 3, source=source)
    assert not done.source_whole
    for cut in done.cuts:
        assert cut.path is not None
        assert cut.source is not None
        assert cut.source.name == f"en.shard-{cut.number}-of-3.json"
        numbers = [[int("".join(filter(str.isdigit, json.loads(body)["instruction"]))) for body in bodies(path)]
                   for path in (cut.path, cut.source)]  # fmt: skip
        assert numbers[0] == numbers[1]
        assert open_sources(cut.source, open_container(cut.path), cut.records).described == "aligned by line"


def test_a_source_aligned_by_id_is_left_whole(tmp_path: Path) -> None:
    corpus, source = tmp_path / "c.jsonl", tmp_path / "en.jsonl"
    corpus.write_bytes(b"\n".join(LINES))
    source.write_bytes(b"\n".join(reversed(LINES)))
    done = split(corpus, 2, source=source)
    assert done.source_whole
    assert all(cut.source is None for cut in done.cuts)


def test_a_source_of_another_length_is_refused(tmp_path: Path) -> None:
    corpus, source = tmp_path / "c.jsonl", tmp_path / "en.jsonl"
    corpus.write_bytes(b'{"instruction": "a"}\n' * 3)
    source.write_bytes(b'{"instruction": "a"}\n' * 4)
    with pytest.raises(CorpusError, match="cannot be aligned"):
        split(corpus, 2, source=source)


def test_files_that_are_there_are_kept_if_alike_and_refused_if_not(tmp_path: Path) -> None:
    corpus = tmp_path / "c.jsonl"
    corpus.write_bytes(JSONL)
    paths = [cut.path for cut in split(corpus, 3).cuts]
    assert paths[0] is not None
    assert paths[1] is not None
    paths[0].unlink()
    stamp = paths[1].stat().st_mtime_ns
    assert [cut.path for cut in split(corpus, 3).cuts] == paths
    assert paths[1].stat().st_mtime_ns == stamp
    paths[0].unlink()
    paths[1].write_bytes(LINES[0])
    with pytest.raises(UsageError, match="exists and is another shard"):
        split(corpus, 3)
    assert paths[1].read_bytes() == LINES[0]
    assert not paths[0].exists()
    assert not list(tmp_path.glob("*.partial"))


def test_a_shard_without_records_has_no_file(tmp_path: Path) -> None:
    corpus = tmp_path / "c.jsonl"
    corpus.write_bytes(LINES[0] + b"\n" + LINES[0] + b"\n\n")
    done = split(corpus, 5)
    assert sorted(cut.records for cut in done.cuts) == [0, 0, 0, 0, 2]
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        ["c.jsonl", "c.survey.json", *(cut.path.name for cut in done.cuts if cut.path)]
    )


def test_the_folder_of_the_shards_is_made_and_left_only_where_there_are_any(tmp_path: Path) -> None:
    corpus, folder = tmp_path / "c.jsonl", tmp_path / "new" / "shards"
    corpus.write_bytes(b'{"oops": 1}\n' * 3)
    with pytest.raises(UsageError, match="shards"):
        split(corpus, 999, folder=folder)
    corpus.write_bytes(JSONL)
    with pytest.raises(OSError, match="stands for a full disk"), make_folder(folder):
        raise OSError("stands for a full disk")
    assert [path.name for path in tmp_path.iterdir()] == ["c.jsonl"]
    done = split(corpus, 2, folder=folder)
    made = [done.survey, *(cut.path for cut in done.cuts)]
    assert sorted(folder.iterdir()) == sorted(path for path in made if path)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [((0,), "0 shards"), ((999,), "999 shards"), ((2, {"folder": Path(__file__)}), "cannot be made")],
)
def test_usage(arguments: Sequence[Any], message: str, tmp_path: Path) -> None:
    (tmp_path / "c.jsonl").write_bytes(JSONL)
    with pytest.raises(UsageError, match=message):
        split(tmp_path / "c.jsonl", arguments[0], **(arguments[1] if len(arguments) > 1 else {}))


def test_two_at_once_do_not_disturb_each_other(tmp_path: Path) -> None:
    corpus = tmp_path / "c.jsonl"
    corpus.write_bytes(JSONL)
    container = open_container(corpus)
    with sharding._Shards(container, 2, None, set()) as first:
        first.fill(lambda raw: shard_of(raw, 2))
        with pytest.raises(MidbError, match="being written"):
            split(corpus, 2)
        first.publish()
    assert len(list(tmp_path.glob("c.shard-*"))) == 2


def test_names_of_shards() -> None:
    assert parse_shard_name("c.shard-1-of-2.shard-3-of-4.boosted.jsonl") == (3, 4)
    assert parse_shard_name("c.shard-5-of-4.jsonl") is None
    assert parse_shard_name("c.shard-0-of-4.jsonl") is None
    assert parse_shard_name("shard-1-of-4.jsonl") is None
