"""A folder with everything that a run and a revert leave: what the tests of proofs spoil in their own ways."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from small_runs import BROKEN, MENDED, run_here_over, write_lines

from midb.audit.log import AuditLog
from midb.audit.questions.filters import Filters
from midb.audit.reader import AuditReader
from midb.corpus.formats.containers import open_container
from midb.corpus.opened import open_corpus
from midb.corpus.places import OutputPlaces
from midb.runs.revert import FilteredEdits, Undoer, checked_parent

CORPUS, OUTPUT, REVERTED = "c.jsonl", "c.boosted.jsonl", "less.jsonl"
DB, REJECTED = f"{OUTPUT}.audit.db", f"{OUTPUT}.rejected.jsonl"

#: Ids of its records, in order; behind the third stands a line that cannot be read.
KEYS = [f"de-{number}" for number in range(6)]


def make_boosted(folder: Path) -> Path:
    """Six records, every second one repaired, and a line that cannot be read; then the repairs of one are undone."""
    lines: list[dict[str, object] | bytes] = [
        {"id": key, "instruction": f"Gruß {key}!", "output": BROKEN if number % 2 else MENDED, "more": number}
        for number, key in enumerate(KEYS)
    ]
    write_lines(folder / CORPUS, *lines[:3], b"oops", *lines[3:])
    run_here(folder)
    with AuditLog(folder / DB) as log, AuditReader(folder / DB) as reader:
        opened = open_corpus(open_container(folder / CORPUS), identify=False)
        undoer = Undoer(log, reader, checked_parent(reader, None), opened)
        chosen = FilteredEdits(reader, Filters(run=1, record="de-3"))
        undoer.revert(chosen, OutputPlaces(folder / REVERTED, folder / DB))
    return folder


def run_here(folder: Path, **settings: Any) -> None:
    """Run the corpus of a folder as somebody would who is in it: its log can be moved along."""
    run_here_over(folder, CORPUS, **settings)


@pytest.fixture(scope="session")
def boosted_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder; not to be changed."""
    return make_boosted(tmp_path_factory.mktemp("boosted"))


@pytest.fixture
def boosted_folder(boosted_template: Path, tmp_path: Path) -> Path:
    """A copy of the folder that may be changed."""
    return shutil.copytree(boosted_template, tmp_path / "boosted")
