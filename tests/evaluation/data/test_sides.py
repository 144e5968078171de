"""Both sides of a run are read as the run left them, or not at all."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from boosted_folder import CORPUS, DB, OUTPUT, REVERTED

from midb.audit.reader import AuditReader
from midb.corpus.formats.containers import open_container
from midb.corpus.opened import open_corpus
from midb.domain.errors import UsageError
from midb.evaluation.data.sides import PairSides, SidesReader


def read(folder: Path, output: str = OUTPUT, run: int | None = None) -> list[PairSides]:
    corpus, made = (open_corpus(open_container(folder / name), identify=False) for name in (CORPUS, output))
    with AuditReader(folder / DB) as reader:
        return list(SidesReader(reader, reader.run(run), corpus, made).read())


def test_what_could_not_be_read_has_no_pair_and_shifts_none(boosted_folder: Path) -> None:
    pairs = read(boosted_folder)
    assert [pair.key for pair in pairs] == [f"de-{number}" for number in range(6)]
    assert [pair.before != pair.after for pair in pairs] == [False, True] * 3
    assert {pair.row for pair in pairs} == {f"number {number}" for number in range(6)}


def test_a_revert_is_measured_from_the_corpus_on(boosted_folder: Path) -> None:
    changed = [pair.key for pair in read(boosted_folder, REVERTED, 2) if pair.before != pair.after]
    assert changed == ["de-1", "de-5"]


def change_text(lines: list[str]) -> list[str]:
    record = json.loads(lines[2])
    return [*lines[:2], json.dumps(record | {"output": "Anders."}), *lines[3:]]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (change_text, "record de-2: the output has other texts there"),
        (lambda lines: lines[:-1], "record de-5: it ends before this record"),
        (lambda lines: [*lines, lines[0]], "the output goes on behind the last record"),
        (lambda lines: [lines[1], lines[0], *lines[2:]], "record de-0: the output has other texts there"),
        (lambda lines: [*lines[:1], "oops", *lines[2:]], "record de-1: the output cannot be read there"),
    ],
)
def test_a_file_that_is_not_the_runs_is_named(
    boosted_folder: Path, change: Callable[[list[str]], list[str]], said: str
) -> None:
    path = boosted_folder / OUTPUT
    lines = path.read_text(encoding="utf-8").splitlines()
    path.write_text("\n".join(change(lines)) + "\n", encoding="utf-8")
    with pytest.raises(UsageError, match=said):
        read(boosted_folder)


def test_a_corpus_that_was_cut_is_named(boosted_folder: Path) -> None:
    path = boosted_folder / CORPUS
    lines = path.read_text(encoding="utf-8").splitlines()
    path.write_text("\n".join(lines[:-1]) + "\n", encoding="utf-8")
    with pytest.raises(UsageError, match="the corpus ends before this record"):
        read(boosted_folder)
