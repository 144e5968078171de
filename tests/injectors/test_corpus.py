"""A corpus with known defects: what is written, what the key says, and what is left alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from clean_pairs import CLEAN

from midb.corpus.formats.containers import open_container
from midb.corpus.opened import open_corpus
from midb.detectors import KindSelection, kinds, select_only
from midb.domain.errors import UsageError
from midb.injectors import injectors
from midb.injectors.corpus import Spoiled, Spoiler, spoil


def spoiled(
    corpus: Path, *, rate: float = 1.0, seed: int = 7, selection: KindSelection | None = None, limit: int | None = None
) -> tuple[Spoiled, list[str], list[dict[str, Any]]]:
    """What was done, the lines of the output, and the key."""
    output, key = corpus.parent / "out.jsonl", corpus.parent / "key.jsonl"
    opened = open_corpus(open_container(corpus), limit=limit)
    done = spoil(opened, output, key, Spoiler(selection or KindSelection.parse(typography=True), rate, seed))
    lines, answers = (
        output.read_text(encoding="utf-8").split("\n")[:-1],
        key.read_text(encoding="utf-8").split("\n")[:-1],
    )
    output.unlink()
    key.unlink()
    assert {path.name for path in corpus.parent.iterdir()} == {corpus.name}
    return done, lines, [json.loads(line) for line in answers]


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    path = tmp_path / "c.jsonl"
    path.write_bytes(b"".join((CLEAN / f"{language}.jsonl").read_bytes() for language in ("de", "ja", "ar")))
    return path


def test_the_key_tells_every_defect_and_leads_back(corpus: Path) -> None:
    before = corpus.read_text(encoding="utf-8").splitlines()
    done, lines, key = spoiled(corpus)
    assert done.pairs == len(lines) == len(before)
    assert done.defects.total() == len(key) > 60
    told = {entry["id"]: entry for entry in key}
    for clean, line in zip(before, lines, strict=True):
        record, original = json.loads(line), json.loads(clean)
        entry = told.get(record["id"])
        if entry is None:
            assert line == clean
            continue
        assert entry["kind"] in injectors()
        text = record[entry["field"]]
        for place in sorted(entry["places"], key=lambda place: -place["start"]):
            assert text[place["start"] : place["end"]] == place["after"]
            text = text[: place["start"]] + place["before"] + text[place["end"] :]
        record[entry["field"]] = text
        assert record == original


def test_many_kinds_come_before_one_comes_often(corpus: Path) -> None:
    done, _, _ = spoiled(corpus)
    assert len(done.defects) > 25
    assert max(done.defects.values()) <= 5


def test_the_rate_and_the_seed_decide(corpus: Path) -> None:
    assert spoiled(corpus, rate=0.0)[2] == []
    few = spoiled(corpus, rate=0.3)[2]
    assert 10 < len(few) < 40
    assert spoiled(corpus, rate=0.3)[2] == few
    assert spoiled(corpus, rate=0.3, seed=8)[2] != few


def test_only_the_kinds_that_are_wanted_where_they_are_looked_for(corpus: Path) -> None:
    _, _, key = spoiled(corpus, selection=select_only(["quotation-marks", "mojibake"], typography=True))
    assert {entry["kind"] for entry in key} == {"quotation-marks", "mojibake"}
    assert "ar" not in {entry["language"] for entry in key if entry["kind"] == "quotation-marks"}
    assert kinds()["quotation-marks"].convention


def test_what_cannot_be_read_stays_where_it_was(tmp_path: Path) -> None:
    corpus = tmp_path / "c.jsonl"
    good = (CLEAN / "de.jsonl").read_text(encoding="utf-8").splitlines()
    corpus.write_text(
        "\n".join([good[0], '{"instruction": ', '{"id": 5, "title": "x"}', *good[1:]]) + "\n", encoding="utf-8"
    )
    done, lines, _ = spoiled(corpus)
    assert lines[1:3] == ['{"instruction": ', '{"id": 5, "title": "x"}']
    assert done.left == 2


def test_a_limit_cuts_the_output(corpus: Path) -> None:
    assert len(spoiled(corpus, limit=4)[1]) == 4


@pytest.mark.parametrize("taken", ["out.jsonl", "key.jsonl"])
def test_nothing_is_replaced(corpus: Path, taken: str) -> None:
    (corpus.parent / taken).write_text("mine")
    with pytest.raises(UsageError, match="exists"):
        spoiled(corpus)
    assert (corpus.parent / taken).read_text() == "mine"
    assert {path.name for path in corpus.parent.iterdir()} == {corpus.name, taken}


def test_no_folder_and_one_file_for_both(corpus: Path) -> None:
    opened = open_corpus(open_container(corpus))
    spoiler = Spoiler(KindSelection.parse(), 1.0, 1)
    with pytest.raises(UsageError, match="there is no folder"):
        spoil(opened, corpus.parent / "no" / "out.jsonl", corpus.parent / "key.jsonl", spoiler)
    with pytest.raises(UsageError, match="the same file"):
        spoil(opened, corpus.parent / "out.jsonl", corpus.parent / "out.jsonl", spoiler)
