"""English originals of what is under review: read from the corpus, by the record's place."""

from __future__ import annotations

from pathlib import Path

from small_runs import write_lines

from midb.corpus.formats.containers import open_container
from midb.corpus.opened import open_corpus
from midb.domain.pairs import InstructionPair
from midb.review.originals import Originals

TURNS = {
    "id": "chat",
    "messages": [
        {"role": "user", "content": "Hallo"}, {"role": "assistant", "content": "Ja"},
        {"role": "user", "content": "Und?"}, {"role": "assistant", "content": "Nein"},
    ],
}  # fmt: skip


def read(corpus: Path, positions: list[int], source: Path | None = None) -> Originals:
    opened = open_corpus(open_container(corpus), source=source, identify=False)
    return Originals.read(opened, positions)


def test_those_that_are_wanted_and_no_others(tmp_path: Path) -> None:
    lines = [
        {"id": f"r{n}", "instruction": f"Frage {n}", "output": "a", "source": {"instruction": f"Q{n}", "output": "b"}}
        for n in range(5)
    ]
    del lines[3]["source"]
    found = read(write_lines(tmp_path / "c.jsonl", *lines[:2], b"oops", *lines[2:]), [1, 2, 3, 4])
    assert found.missing == ""
    assert found.find(1, 0) == InstructionPair(instruction="Q1", response="b")
    assert found.find(3, 0) == InstructionPair(instruction="Q2", response="b"), "the rejected line has a place, too"
    assert [found.find(*place) for place in ((0, 0), (2, 0), (4, 0), (5, 0), (1, 1))] == [None] * 5
    assert found.find_first() == 1


def test_from_a_file_beside_the_corpus(tmp_path: Path) -> None:
    corpus = write_lines(tmp_path / "c.jsonl", *({"instruction": f"Frage {n}", "output": "a"} for n in range(4)))
    source = write_lines(tmp_path / "en.jsonl", *({"instruction": f"Q{n}", "output": "b"} for n in range(4)))
    found = read(corpus, [3, 1], source)
    assert [found.find(n, 0) and found.find(n, 0).instruction for n in range(4)] == [None, "Q1", None, "Q3"]  # type: ignore[union-attr]


def test_where_there_are_none_it_is_said(tmp_path: Path) -> None:
    found = read(write_lines(tmp_path / "c.jsonl", TURNS), [0])
    assert found.missing == "the corpus has none for these records"
    assert found.find(0, 1) is None
    assert Originals("why").missing == "why"
