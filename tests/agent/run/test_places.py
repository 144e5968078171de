"""Where a run reads and writes; somebody else's file is never replaced."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from log_fixtures import RUN, now
from small_runs import names_in, write_lines

from midb.agent.run.places import clean_up, default_output, find_places, refuse_foreign_output, stdin_copy
from midb.audit.log import AuditLog
from midb.corpus.formats.base import Container
from midb.corpus.formats.containers import open_container
from midb.corpus.formats.memory import RecordsInMemory
from midb.corpus.formats.text import JsonArray, JsonLines
from midb.corpus.places import OutputPlaces
from midb.domain.errors import MidbError, UsageError
from midb.domain.hashing import file_sha256
from midb.runs.config import RunConfig, load_config


@pytest.fixture
def container(tmp_path: Path) -> Container:
    return open_container(write_lines(tmp_path / "c.jsonl", {"instruction": "x"}))


@pytest.fixture
def places(tmp_path: Path) -> OutputPlaces:
    return OutputPlaces(tmp_path / "out.jsonl", tmp_path / "out.db")


def config(corpus: Path, **settings: object) -> RunConfig:
    return load_config(None, {"corpus": corpus, **settings})


@pytest.mark.parametrize(
    ("name", "container", "output"),
    [
        ("a/c.jsonl", JsonLines(Path("a/c.jsonl")), "a/c.boosted.jsonl"),
        ("c.jsonl.gz", JsonLines(Path("c.jsonl.gz"), ".gz"), "c.boosted.jsonl.gz"),
        ("C.JSONL.GZ", JsonLines(Path("C.JSONL.GZ"), ".gz"), "C.boosted.JSONL.GZ"),
        ("c.JSON.Zst", JsonArray(Path("c.JSON.Zst"), ".zst"), "c.boosted.JSON.Zst"),
        ("c", JsonLines(Path("c")), "c.boosted.jsonl"),
        ("c.v2.json", JsonArray(Path("c.v2.json")), "c.v2.boosted.json"),
        ("stdin", RecordsInMemory([]), "stdin.boosted.jsonl"),
    ],
)
def test_the_output_lies_beside_the_corpus(name: str, container: Container, output: str) -> None:
    assert default_output(Path(name), container) == Path(output)


def test_places_are_as_they_were_named_or_beside_the_output(container: Container, tmp_path: Path) -> None:
    found = find_places(config(container.path), container)
    assert found == OutputPlaces(tmp_path / "c.boosted.jsonl", tmp_path / "c.boosted.jsonl.audit.db")
    found = find_places(config(container.path, output=tmp_path / "o"), container)
    assert found == OutputPlaces(tmp_path / "o", tmp_path / "o.audit.db")
    found = find_places(config(container.path, output=tmp_path / "o", db=tmp_path / "d"), container)
    assert found == OutputPlaces(tmp_path / "o", tmp_path / "d")


def test_standard_input_has_a_name_of_its_own(container: Container, tmp_path: Path) -> None:
    assert find_places(config(Path("-")), container).output == Path("stdin.boosted.jsonl")


def test_what_is_read_is_not_written(container: Container, tmp_path: Path) -> None:
    source = write_lines(tmp_path / "en.jsonl", {"instruction": "x"})
    for settings in ({"output": container.path}, {"db": container.path}, {"output": source, "source": source}):
        with pytest.raises(UsageError, match="would overwrite the corpus or its source"):
            find_places(config(container.path, **settings), container)
    with pytest.raises(UsageError, match="cannot be standard output"):
        find_places(config(container.path, output=Path("-")), container)


def test_standard_input_is_a_file_while_it_is_read(tmp_path: Path) -> None:
    data = b"one\ntwo\n" * 300_000
    with stdin_copy(io.BytesIO(data), tmp_path) as copy:
        assert copy.parent == tmp_path
        assert copy.read_bytes() == data
        with stdin_copy(io.BytesIO(b"other"), tmp_path) as other:
            assert other != copy, "two runs do not share one"
        assert names_in(tmp_path) == [copy.name], "and neither takes away the other's"
    assert names_in(tmp_path) == []
    with pytest.raises(RuntimeError), stdin_copy(io.BytesIO(data), tmp_path):
        raise RuntimeError
    assert names_in(tmp_path) == []


def test_what_a_killed_run_left_of_its_standard_input_is_removed(tmp_path: Path) -> None:
    with stdin_copy(io.BytesIO(b"x"), tmp_path) as copy:
        stale, name = copy.with_name(f"{copy.name}-stale"), copy.name
        stale.touch()
        with stdin_copy(io.BytesIO(b"y"), tmp_path):
            assert not stale.exists()
            assert (tmp_path / name).exists()


def test_a_folder_that_cannot_be_written_is_said_in_a_sentence(tmp_path: Path) -> None:
    copying = stdin_copy(io.BytesIO(b"x"), tmp_path / "nowhere")
    with pytest.raises(MidbError, match="standard input cannot be written"), copying:
        pass


def test_only_an_output_that_a_run_of_this_log_wrote_may_be_replaced(places: OutputPlaces, tmp_path: Path) -> None:
    ours = OutputPlaces(tmp_path / RUN.output, places.db)
    refuse_foreign_output(ours, None)  # there is none
    for output in (ours.output, places.output):
        output.write_bytes(b"ours")
    with AuditLog(places.db, now=now) as log:
        run, _ = log.begin(RUN)
        log.set_status(run, "finished", output_sha256=file_sha256(ours.output), finished=True)
        refuse_foreign_output(ours, log)
        with pytest.raises(UsageError, match=r"out\.jsonl exists and is not what midb-agent wrote there"):
            refuse_foreign_output(places, log)  # the same bytes, but no run wrote them there
        with pytest.raises(UsageError, match="is not what midb-agent wrote there"):
            refuse_foreign_output(ours, None)
        ours.output.write_bytes(b"changed")
        with pytest.raises(UsageError, match="is not what midb-agent wrote there") as caught:
            refuse_foreign_output(ours, log)
    assert "move the file away" in caught.value.hint


def test_what_a_kill_at_the_very_end_left_is_removed(places: OutputPlaces) -> None:
    clean_up(places)
    for path in (places.output, places.partial, places.temporary, places.rejected):
        path.touch()
    clean_up(places)
    assert names_in(places.output.parent) == ["out.jsonl"]
    places.rejected.write_bytes(b"{}\n")
    clean_up(places)
    assert names_in(places.output.parent) == ["out.jsonl", "out.jsonl.rejected.jsonl"]
