"""The same records in every format that a run reads, as people's tools write them; and what a file of each says."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from midb.corpus.formats.containers import open_container
from midb.corpus.raw import RawRecord
from midb.corpus.records import load_object

#: Formats by the name of the corpus. Of those in BYTES nothing but what is edited may change.
BYTES = ("c.jsonl", "c.json", "within.json", "c.csv", "columns.json", "pandas.json", "excel.csv", "c.tsv", "folder")
FORMATS = (*BYTES, "columns.json.gz", "c.csv.gz", "c.parquet", "c.arrow", "c.feather", "saved", "mixed")

Records = Sequence[dict[str, Any]]


def write_as(name: str, folder: Path, records: Records) -> Path:
    """Write the records, whose values are texts, as the format that ``name`` stands for; returns where they lie."""
    path = folder / name
    if name in ("folder", "mixed"):
        _write_folder(path, records, mixed=name == "mixed")
    elif name.endswith(".gz"):
        inner = write_as(name.removesuffix(".gz"), folder, records)
        path.write_bytes(gzip.compress(inner.read_bytes(), mtime=0))
        inner.unlink()
    elif name.endswith((".arrow", ".feather")):
        import pyarrow

        table = pyarrow.Table.from_pylist(list(records))
        make = pyarrow.ipc.new_stream if name.endswith(".arrow") else pyarrow.ipc.new_file
        with make(str(path), table.schema) as writer:
            writer.write_table(table, max_chunksize=10)
    elif name == "saved":
        import datasets

        datasets.disable_progress_bars()
        datasets.Dataset.from_list(list(records)).save_to_disk(path, num_shards=2)
    elif name.endswith(".parquet"):
        import pyarrow
        from pyarrow import parquet

        parquet.write_table(pyarrow.Table.from_pylist(list(records)), path, row_group_size=10)
    elif name.endswith(".jsonl"):
        path.write_bytes(b"".join(json.dumps(record).encode() + b"\n" for record in records))
    elif name in ("columns.json", "pandas.json"):
        columns = {column: [record[column] for record in records] for column in records[0]}
        numbered = {column: dict(enumerate(values)) for column, values in columns.items()}
        path.write_text(json.dumps(numbered if name == "pandas.json" else columns), encoding="utf-8")
    elif name == "within.json":
        whole = {"version": [1, 2], "data": list(records), "licence": "CC"}
        path.write_text(json.dumps(whole, indent=1) + "\n", encoding="utf-8")
    elif name.endswith(".json"):
        path.write_text(json.dumps(list(records), ensure_ascii=False, indent=2), encoding="utf-8")
    else:
        path.write_bytes(_table(name, records))
    return path


def _table(name: str, records: Records) -> bytes:
    excel = name.startswith("excel")
    text = io.StringIO(newline="")
    writer = csv.DictWriter(
        text,
        list(records[0]),
        delimiter=";" if excel else "\t" if name.endswith(".tsv") else ",",
        lineterminator="\r\n" if excel else "\n",
        quoting=csv.QUOTE_ALL if excel else csv.QUOTE_MINIMAL,
    )
    writer.writeheader()
    writer.writerows(records)
    return text.getvalue().encode("utf-8-sig" if excel else "utf-8")


def _write_folder(path: Path, records: Records, *, mixed: bool) -> None:
    """Shards of uneven sizes, one of them empty, one in a folder of its own."""
    (path / "deep").mkdir(parents=True)
    third = len(records) // 3
    names = (
        ("a.json", "b.csv", "deep/c.jsonl.gz", "deep/d.jsonl") if mixed else ("a.csv", "b.jsonl", "deep/c.json", "d")
    )
    for number, name in enumerate(names[:3]):
        write_as(Path(name).name, (path / name).parent, records[number * third : (number + 1) * third or None])
    write_as("d.jsonl", path / "deep", records[3 * third :] or records[:1])
    (path / "empty.jsonl").write_bytes(b"")
    (path / "README.md").write_text("What this is.", encoding="utf-8")


def records_of(path: Path) -> list[dict[str, Any]]:
    """What a corpus says, record by record."""
    return [load_object(item) for item in open_container(path).read() if isinstance(item, RawRecord)]


def bytes_of(path: Path) -> dict[str, bytes]:
    """The bytes of a corpus; of a folder of each of its files."""
    if path.is_file():
        return {"": path.read_bytes()}
    return {
        file.relative_to(path).as_posix(): file.read_bytes()
        for file in sorted(path.rglob("*"))
        if file.is_file() and file.suffix != ".md"
    }
