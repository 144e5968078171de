"""English originals in a file of their own: aligned by id where ids are shared, else line by line, else not at all."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

import pytest
from corpus_files import read

from midb.corpus.formats.base import Container
from midb.corpus.formats.containers import open_container
from midb.corpus.raw import RawRecord
from midb.corpus.sources import Sources, SourcesById, SourcesByLine, open_sources
from midb.domain.errors import CorpusError

#: A line as bytes, or the object that is written on it.
Line = bytes | Mapping[str, object]


class OpenSources(Protocol):
    """Opens the sources of a corpus, both given line by line; ``known``: records that the corpus is said to have."""

    def __call__(
        self, corpus: Sequence[Line], sources: Sequence[Line], known: int | None = None
    ) -> tuple[Sources, list[RawRecord]]: ...


@pytest.fixture
def opened(tmp_path: Path) -> OpenSources:
    """The sources, and the corpus's records."""

    def write(name: str, lines: Sequence[Line]) -> Path:
        path = tmp_path / name
        path.write_bytes(b"\n".join(x if isinstance(x, bytes) else json.dumps(x).encode() for x in lines))
        return path

    def run(
        corpus: Sequence[Line], sources: Sequence[Line], known: int | None = None
    ) -> tuple[Sources, list[RawRecord]]:
        container: Container = open_container(write("corpus.jsonl", corpus))
        records, _ = read(container)
        found = open_sources(write("sources.jsonl", sources), container, known or len(records))
        return found, records

    return run


def rows(*ids: str | int) -> list[Line]:
    return [{"id": key, "instruction": f"text of {key}"} for key in ids]


def told(sources: Sources, records: list[RawRecord]) -> list[str | None]:
    bodies = [sources.find(record) for record in records]
    return [json.loads(body).get("instruction") if body else None for body in bodies]


def test_shared_ids_align_whatever_the_order(opened: OpenSources) -> None:
    sources, records = opened(rows("a", "b", "c", 4), [{"x": 1}, *rows(4, "c", "extra", "a")])
    assert sources.described == "aligned by id"
    assert told(sources, records) == ["text of a", None, "text of c", "text of 4"]
    assert told(sources, records[::-1]) == ["text of 4", "text of c", None, "text of a"]


def test_an_id_that_occurs_twice_names_no_source(opened: OpenSources) -> None:
    sources, records = opened(rows("a", "b"), rows("a", "b", "a", "a"))
    assert told(sources, records) == [None, "text of b"]


def test_records_and_sources_without_id_or_sense_have_none(opened: OpenSources) -> None:
    corpus = [*rows("a"), {"instruction": "x"}, b"{broken", b"\xff", *rows("b")]
    sources, records = opened(corpus, [b"{broken", b"\xff", b"[]", {"instruction": "x"}, *rows("b")])
    assert told(sources, records) == [None, None, None, None, "text of b"]


def test_lines_align_where_no_ids_are_shared(opened: OpenSources) -> None:
    for corpus, other in (
        ([{"instruction": "x"}] * 3, [{"instruction": f"source {n}"} for n in range(3)]),
        (rows("de-1", "de-2", "de-3"), [{"id": f"en-{n}", "instruction": f"source {n}"} for n in range(3)]),
    ):
        sources, records = opened(corpus, other)
        assert sources.described == "aligned by line"
        assert told(sources, records) == ["source 0", "source 1", "source 2"]


def test_lines_stay_aligned_past_blank_lines_and_lines_that_cannot_be_read(opened: OpenSources) -> None:
    corpus: list[Line] = [b"", {"instruction": "x"}, b"{broken", b" \r", {"instruction": "x"}]
    sources, records = opened(corpus, [{"instruction": "s0"}, {"instruction": "s1"}, b"", {"instruction": "s2"}])
    assert told(sources, records) == ["s0", "s1", "s2"]


def test_lines_stay_aligned_where_some_records_are_never_asked_for(opened: OpenSources) -> None:
    """A record that is too long is not examined; a run resumes anywhere."""
    sources, records = opened([{"instruction": "x"}] * 6, [{"instruction": f"s{n}"} for n in range(6)])
    assert told(sources, [records[n] for n in (1, 2, 5)]) == ["s1", "s2", "s5"]


def test_lines_are_found_where_a_run_resumes(opened: OpenSources) -> None:
    sources, records = opened([{"instruction": "x"}] * 6, [{"instruction": f"s{n}"} for n in range(6)])
    assert told(sources, records[4:]) == ["s4", "s5"]
    assert told(sources, records[:1]) == [None], "asked out of order, nothing is better than a wrong one"


def test_files_that_cannot_be_aligned(opened: OpenSources) -> None:
    with pytest.raises(CorpusError, match="has 2 records and the corpus 3, and they share no ids") as caught:
        opened(rows("a", "b", "c"), rows("d", "e"))
    assert '"id"' in caught.value.hint


def test_a_limit_on_the_records_does_not_make_a_mismatch(opened: OpenSources) -> None:
    sources, records = opened([{"instruction": "x"}] * 5, [{"instruction": f"s{n}"} for n in range(5)], known=2)
    assert told(sources, records[:2]) == ["s0", "s1"]
    with pytest.raises(CorpusError, match="has 4 records and the corpus 5"):
        opened([{"instruction": "x"}] * 5, [{"instruction": "s"}] * 4, known=2)


def test_ids_are_looked_for_beyond_the_first_record(opened: OpenSources) -> None:
    sources, records = opened([{"instruction": "x"}] * 100 + rows("a"), rows("z", "a"))
    assert isinstance(sources, SourcesById)
    assert told(sources, records[-1:]) == ["text of a"]


def test_a_source_that_is_no_corpus(opened: OpenSources, tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="is empty"):
        opened(rows("a"), [b""])
    pa = pytest.importorskip("pyarrow")
    pq = pytest.importorskip("pyarrow.parquet")
    pq.write_table(pa.table({"instruction": ["x"]}), tmp_path / "sources.parquet")
    with pytest.raises(CorpusError, match="must be JSON Lines, a JSON array or a table"):
        open_sources(tmp_path / "sources.parquet", open_container(tmp_path / "corpus.jsonl"), 1)


def test_real_sources_align_by_number(corpora: list[Path], tmp_path: Path) -> None:
    """Two corpora of the same examples share no ids, and some languages lack a row."""
    first, second = ([record.body for record in read(open_container(path))[0]][:500] for path in corpora[:2])
    for name, bodies in (("corpus.jsonl", first), ("sources.jsonl", second)):
        (tmp_path / name).write_bytes(b"\n".join(bodies))
    sources = open_sources(tmp_path / "sources.jsonl", container := open_container(tmp_path / "corpus.jsonl"), 500)
    assert isinstance(sources, SourcesByLine)
    assert [sources.find(record) for record in read(container)[0]] == second


# -- folders -----------------------------------------------------------------------------------------------------------


def folder_of(path: Path, **files: Sequence[Mapping[str, object]]) -> Container:
    path.mkdir()
    for name, lines in files.items():
        (path / f"{name}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return open_container(path)


def found_in(sources: Sources, corpus: Container) -> list[object]:
    """The instruction of each record's original."""
    found = [sources.find(item) for item in corpus.read() if isinstance(item, RawRecord)]
    return [json.loads(body)["instruction"] if body else None for body in found]


def numbered(*numbers: int, ids: bool = False) -> list[dict[str, object]]:
    return [({"id": f"r{n}"} if ids else {}) | {"instruction": f"say {n}", "output": "x"} for n in numbers]


def test_a_folder_of_originals_is_aligned_by_id_whatever_its_files(tmp_path: Path) -> None:
    corpus = folder_of(tmp_path / "c", a=numbered(1, 2, ids=True), b=numbered(3, ids=True))
    folder_of(tmp_path / "s", z=numbered(1, ids=True), x=numbered(3, ids=True), y=[])
    assert found_in(open_sources(tmp_path / "s", corpus, 3), corpus) == ["say 1", None, "say 3"]


def test_folders_without_ids_are_aligned_file_by_file(tmp_path: Path) -> None:
    corpus = folder_of(tmp_path / "c", a=numbered(1, 2), b=numbered(3))
    folder_of(tmp_path / "s", a=numbered(1, 2), b=numbered(3))
    assert found_in(open_sources(tmp_path / "s", corpus, 3), corpus) == ["say 1", "say 2", "say 3"]
    folder_of(tmp_path / "other", a=numbered(1), b=numbered(2, 3))
    with pytest.raises(CorpusError, match=r"number 1, a.jsonl, has 1 records, and a.jsonl has 2"):
        open_sources(tmp_path / "other", corpus, 3)


def test_a_folder_without_ids_goes_with_one_file(tmp_path: Path) -> None:
    folder_of(tmp_path / "c", all=numbered(1, 2, 3))
    corpus = open_container(tmp_path / "c" / "all.jsonl")
    folder_of(tmp_path / "s", a=numbered(1), b=numbered(2, 3))
    assert found_in(open_sources(tmp_path / "s", corpus, 3), corpus) == ["say 1", "say 2", "say 3"]
