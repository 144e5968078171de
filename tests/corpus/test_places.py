"""Where an output and what belongs to it lie; nothing that is read may be overwritten."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from midb.corpus.places import OutputPlaces, access_of, beside, default_database, text_of
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


GROWING = ["partial", "rejected", "temporary"]


@pytest.mark.parametrize("name", GROWING)
def test_what_lies_where_something_will_grow_is_somebody_else_s(name: str, places: OutputPlaces) -> None:
    """Unless the log knows of a run that wrote here. An empty file costs nobody anything, a link leads elsewhere."""
    path: Path = getattr(places, name)
    places.refuse_others(ours=False)
    path.touch()
    places.refuse_others(ours=False)
    path.write_bytes(b"precious")
    places.refuse_others(ours=True)
    with pytest.raises(UsageError, match=f"{path.name} exists and is not what midb-agent wrote there"):
        places.refuse_others(ours=False)
    path.unlink()
    path.symlink_to(places.output)
    for ours in (False, True):
        with pytest.raises(UsageError, match="is not what midb-agent wrote there"):
            places.refuse_others(ours=ours)


def test_names_that_are_no_utf_8_are_shown_escaped(tmp_path: Path) -> None:
    odd = tmp_path / os.fsdecode(b"\xffkl\xc3\xa4r.jsonl")
    assert text_of(odd) == f"{tmp_path}/\\xffklär.jsonl"
    assert OutputPlaces(odd, tmp_path / "x.db").logged(odd) == "\\xffklär.jsonl"


@pytest.mark.parametrize(("mode", "access"), [(0o644, 0o644), (0o600, 0o600), (0o755, 0o644)])
def test_others_get_no_more_access_than_to_the_corpus(mode: int, access: int, tmp_path: Path) -> None:
    (tmp_path / "c").touch()
    (tmp_path / "c").chmod(mode)
    assert access_of(tmp_path / "c") == access


def test_the_output_of_a_folder_is_a_folder_outside_of_it(tmp_path: Path) -> None:
    corpus = tmp_path / "data"
    (corpus / "deep").mkdir(parents=True)
    (tmp_path / "file").touch()
    (tmp_path / "there").mkdir()

    def check(name: str, db: str = "log.db") -> None:
        OutputPlaces(tmp_path / name, tmp_path / db).check([corpus], "the corpus", folder=corpus)

    check("out")
    check("there")
    for name in ("data/out", "data/deep/out", "."):
        with pytest.raises(UsageError, match="lies in the corpus"):
            check(name)
    with pytest.raises(UsageError, match="lies in the corpus"):
        check("out", "data/log.db")
    with pytest.raises(UsageError, match="is a file"):
        check("file")
    with pytest.raises(UsageError, match="would overwrite the corpus"):
        check("data")
