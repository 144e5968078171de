"""The growing files of an output: whole in the end, cut back where a run resumes, gone where they are of no use."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from midb.corpus.formats.base import Container
from midb.corpus.formats.text import JsonArray, JsonLines
from midb.corpus.output import GrowingFile
from midb.corpus.places import OutputPlaces
from midb.corpus.raw import RawRecord, Tail
from midb.corpus.writer import OutputFiles
from midb.domain.errors import UsageError
from midb.domain.results import RejectedLine


@pytest.fixture
def places(tmp_path: Path) -> OutputPlaces:
    return OutputPlaces(tmp_path / "out", tmp_path / "out.audit.db")


def corpus(folder: Path, container: type[JsonLines | JsonArray], *, compression: str = "") -> Container:
    """Three records, in lines or in an array."""
    lines = [b'{"n": 0}', b'{"n": 1}', b'{"n": 2}']
    data = b"".join(line + b"\n" for line in lines) if container is JsonLines else b"[" + b", ".join(lines) + b"]\n"
    path = folder / "corpus"
    path.write_bytes(gzip.compress(data) if compression else data)
    return container(path, compression)


def read(container: Container) -> tuple[list[RawRecord], Tail]:
    *records, tail = container.read()
    assert isinstance(tail, Tail)
    return [record for record in records if isinstance(record, RawRecord)], tail


def rejection(raw: RawRecord) -> RejectedLine:
    return RejectedLine(
        position=raw.position, line=raw.line, offset=raw.offset, length=raw.length, sha256=raw.sha256(),
        reason="odd", message="it is odd",
    )  # fmt: skip


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_records_are_kept_changed_or_dropped(places: OutputPlaces, tmp_path: Path) -> None:
    container = corpus(tmp_path, JsonLines)
    (first, second, third), tail = read(container)
    with OutputFiles(container, places, places.rejected) as files:
        files.keep(first, None)
        files.keep(second, b'{"n": "new"}')
        files.drop(third, rejection(third))
        files.end(tail)
        files.sync()
        assert (files.output_bytes, files.rejected_bytes) == (
            places.partial.stat().st_size, places.rejected.stat().st_size,
        )  # fmt: skip
        assert not places.output.exists()
        files.settle(files.make())
    assert places.output.read_bytes() == b'{"n": 0}\n{"n": "new"}\n'
    entry = json.loads(places.rejected.read_bytes())
    assert (entry["line"], entry["reason"], entry["raw"]) == (3, "odd", '{"n": 2}')
    assert names(tmp_path) == ["corpus", "out", "out.rejected.jsonl"]


@pytest.mark.parametrize("kept", range(4))
def test_an_array_is_whole_whichever_records_it_keeps(kept: int, places: OutputPlaces, tmp_path: Path) -> None:
    """What is first in the output need not be first in the corpus."""
    container = corpus(tmp_path, JsonArray)
    records, tail = read(container)
    with OutputFiles(container, places, None) as files:
        for raw in records:
            if raw.position < len(records) - kept:
                files.drop(raw, rejection(raw))
            else:
                files.keep(raw, None)
        files.end(tail)
        assert files.rejected_bytes == 0
        files.sync()
        files.settle(files.make())
    assert json.loads(places.output.read_bytes()) == [{"n": n} for n in range(3)][3 - kept :]
    assert names(tmp_path) == ["corpus", "out"], "rejected lines that nobody asked for are not written"


def test_what_is_behind_the_checkpoint_is_cut_off(places: OutputPlaces, tmp_path: Path) -> None:
    container = corpus(tmp_path, JsonLines)
    (first, second, third), tail = read(container)
    with OutputFiles(container, places, places.rejected) as files:
        files.keep(first, None)
        files.drop(second, rejection(second))
        files.sync()
        output_bytes, rejected_bytes = files.output_bytes, files.rejected_bytes
        files.keep(third, b"half of a rec")
        files.drop(third, rejection(third))
    again = OutputFiles(container, places, places.rejected, output_bytes=output_bytes, rejected_bytes=rejected_bytes)
    with again as files:
        assert (files.output_bytes, files.rejected_bytes) == (output_bytes, rejected_bytes)
        files.keep(third, None)
        files.end(tail)
        files.sync()
        files.settle(files.make())
    assert places.output.read_bytes() == b'{"n": 0}\n{"n": 2}\n'
    assert len(places.rejected.read_bytes().splitlines()) == 1


def test_a_compressed_output_is_made_beside_its_place(places: OutputPlaces, tmp_path: Path) -> None:
    container = corpus(tmp_path, JsonLines, compression=".gz")
    records, tail = read(container)
    with OutputFiles(container, places, places.rejected) as files:
        for raw in records:
            files.keep(raw, None)
        files.end(tail)
        files.sync()
        made = files.make()
        assert made == places.temporary
        assert not places.output.exists()
        files.settle(made)
    assert gzip.decompress(places.output.read_bytes()) == gzip.decompress(container.path.read_bytes())
    assert names(tmp_path) == ["corpus", "out"], "no partial file, and no empty file of rejected lines"


def test_everything_can_be_removed(places: OutputPlaces, tmp_path: Path) -> None:
    container = corpus(tmp_path, JsonLines, compression=".gz")
    (first, *_), _ = read(container)
    with OutputFiles(container, places, places.rejected_partial) as files:
        files.keep(first, None)
        files.drop(first, rejection(first))
        files.sync()
        files.make()
        files.remove()
    assert names(tmp_path) == ["corpus"]


def test_the_files_are_locked_while_they_are_open(places: OutputPlaces, tmp_path: Path) -> None:
    container = corpus(tmp_path, JsonLines)
    writing = r"out\.partial is being written by another run"
    with OutputFiles(container, places, places.rejected), pytest.raises(UsageError, match=writing):
        OutputFiles(container, places, None)
    blocking = GrowingFile(places.rejected, 0)
    with pytest.raises(UsageError, match=r"out\.rejected\.jsonl is being written by another run"):
        OutputFiles(container, places, places.rejected)
    OutputFiles(container, places, None).close()  # the output was let go of
    blocking.close()
    OutputFiles(container, places, places.rejected).close()
