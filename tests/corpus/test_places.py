"""Where an output and what belongs to it lie; nothing that is read may be overwritten."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from midb.corpus.places import OutputPlaces, beside, default_database
from midb.domain.errors import UsageError


@pytest.fixture
def places(tmp_path: Path) -> OutputPlaces:
    (tmp_path / "logs").mkdir()
    return OutputPlaces(tmp_path / "out.jsonl", tmp_path / "logs" / "out.db")


#: Every file of an output.
ALL: dict[str, Callable[[OutputPlaces], Path]] = {
    "out.jsonl": lambda places: places.output,
    "logs/out.db": lambda places: places.db,
    "out.jsonl.partial": lambda places: places.partial,
    "out.jsonl.temporary": lambda places: places.temporary,
    "out.jsonl.rejected.jsonl": lambda places: places.rejected,
    "out.jsonl.rejected.jsonl.partial": lambda places: places.rejected_partial,
    "logs/out.db.partial": lambda places: places.db_partial,
}


@pytest.mark.parametrize("name", ALL)
def test_each_file_has_its_place(name: str, places: OutputPlaces, tmp_path: Path) -> None:
    assert ALL[name](places) == tmp_path / name


@pytest.mark.parametrize("name", ALL)
def test_no_place_may_be_that_of_an_input(name: str, places: OutputPlaces, tmp_path: Path) -> None:
    places.check([tmp_path / "corpus.jsonl"], "the corpus")
    (tmp_path / "link").symlink_to(tmp_path)
    for path in (tmp_path / name, tmp_path / "link" / name):
        with pytest.raises(UsageError, match=f"{name} would overwrite the corpus") as caught:
            places.check([tmp_path / "corpus.jsonl", path], "the corpus")
        assert "-o or --db" in caught.value.hint


def test_what_cannot_be_written_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is a folder"):
        OutputPlaces(tmp_path, tmp_path / "x.db").check([], "the corpus")
    with pytest.raises(UsageError, match=r"there is no folder .*nowhere"):
        OutputPlaces(tmp_path / "nowhere" / "x", tmp_path / "x.db").check([], "the corpus")
    with pytest.raises(UsageError, match=r"there is no folder .*nowhere"):
        OutputPlaces(tmp_path / "x", tmp_path / "nowhere" / "x.db").check([], "the corpus")
    with pytest.raises(UsageError, match="the same file"):
        OutputPlaces(tmp_path / "x", tmp_path / "." / "x").check([], "the corpus")


def test_the_log_names_files_from_where_it_lies(
    places: OutputPlaces, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert places.logged(places.output) == "../out.jsonl"
    monkeypatch.chdir(tmp_path)
    typed = OutputPlaces(Path("out.jsonl"), Path("logs/out.db"))
    assert typed.logged(typed.output) == "../out.jsonl", "whatever way it was typed"


def test_beside() -> None:
    assert beside(Path("a/b.jsonl"), ".partial") == Path("a/b.jsonl.partial")
    assert default_database(Path("a/b.jsonl.gz")) == Path("a/b.jsonl.gz.audit.db")
