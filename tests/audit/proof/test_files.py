"""Corpus and output held against the log: as logged, changed, missing, or replaced by a later run."""

from __future__ import annotations

from pathlib import Path

import pytest
from boosted_folder import CORPUS, DB, OUTPUT, REJECTED, REVERTED, run_here
from small_runs import fails_at, run_over, write_lines

from midb.audit.proof.files import FileKind, FileProof, FileState, MovedFiles, compare_files
from midb.audit.reader import AuditReader
from midb.corpus.places import beside
from midb.corpus.writer import OutputFiles
from midb.domain.errors import MidbError, UsageError
from midb.runs.writer import CorpusWriter


def compared(folder: Path, moved: MovedFiles | None = None) -> list[FileProof]:
    with AuditReader(folder / DB) as reader:
        return compare_files(reader, moved or MovedFiles())


def states(folder: Path, moved: MovedFiles | None = None) -> dict[str, FileState]:
    """By the name of the file."""
    return {Path(proof.path).name: proof.state for proof in compared(folder, moved)}


AS_LOGGED = dict.fromkeys((CORPUS, OUTPUT, REVERTED, REJECTED), FileState.AS_LOGGED)


def test_everything_is_as_it_was_left(boosted_template: Path) -> None:
    found = compared(boosted_template)
    assert {Path(proof.path).name: proof.state for proof in found} == AS_LOGGED
    assert [(proof.kind, proof.runs) for proof in found] == [
        (FileKind.CORPUS, (1, 2)), (FileKind.OUTPUT, (1,)), (FileKind.OUTPUT, (2,)), (FileKind.REJECTED, (1,)),
    ]  # fmt: skip


@pytest.mark.parametrize("name", AS_LOGGED)
def test_a_changed_file_is_named_and_no_other(name: str, boosted_folder: Path) -> None:
    path = boosted_folder / name
    for data in (path.read_bytes() + b" ", path.read_bytes()[:-1], b"x" + path.read_bytes()[1:], b""):
        path.write_bytes(data)
        assert states(boosted_folder) == AS_LOGGED | {name: FileState.CHANGED}


@pytest.mark.parametrize("name", AS_LOGGED)
def test_a_missing_file_is_named_and_no_other(name: str, boosted_folder: Path) -> None:
    (boosted_folder / name).unlink()
    assert states(boosted_folder) == AS_LOGGED | {name: FileState.MISSING}
    (boosted_folder / name).mkdir()
    assert states(boosted_folder)[name] is FileState.MISSING


def test_a_folder_that_was_moved_as_a_whole_is_as_logged(boosted_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    moved = boosted_folder.rename(boosted_folder.with_name("elsewhere"))
    monkeypatch.chdir(moved.parent)
    assert states(moved) == AS_LOGGED


def test_a_file_that_was_moved_is_found_by_the_run_that_has_its_hash(boosted_folder: Path, tmp_path: Path) -> None:
    corpus, output = tmp_path / "kept.jsonl", tmp_path / "published.jsonl"
    (boosted_folder / CORPUS).rename(corpus)
    (boosted_folder / REVERTED).rename(output)
    assert states(boosted_folder)[REVERTED] is FileState.MISSING
    found = compared(boosted_folder, MovedFiles(corpus=corpus, output=output))
    assert {proof.state for proof in found} == {FileState.AS_LOGGED}
    assert [proof.runs for proof in found if proof.path == str(output)] == [(2,)]


def test_a_moved_file_that_was_changed_is_that_of_the_run_that_is_named(boosted_folder: Path, tmp_path: Path) -> None:
    output = tmp_path / "published.jsonl"
    output.write_bytes((boosted_folder / OUTPUT).read_bytes().replace(b"de-0", b"de-9"))
    for run, given in ((None, 2), (1, 1), (2, 2)):
        (changed,) = (
            proof
            for proof in compared(boosted_folder, MovedFiles(output=output, run=run))
            if proof.state is FileState.CHANGED
        )
        assert (changed.path, changed.runs) == (str(output), (given,))
        assert changed.difference is not None
        assert (changed.difference.record, changed.difference.line) == ("de-0", 1)


def test_a_named_file_must_be_there_and_its_run_finished(boosted_folder: Path) -> None:
    with pytest.raises(UsageError, match=r"there is no file .*none\.jsonl"):
        compared(boosted_folder, MovedFiles(corpus=boosted_folder / "none.jsonl"))
    with pytest.raises(UsageError, match="run 7, if there is one, is finished"):
        compared(boosted_folder, MovedFiles(output=boosted_folder / OUTPUT, run=7))


def test_what_a_later_run_replaced_is_no_change(boosted_folder: Path) -> None:
    lines = (boosted_folder / CORPUS).read_bytes()
    (boosted_folder / CORPUS).write_bytes(lines + lines.splitlines(keepends=True)[0].replace(b"de-0", b"de-9"))
    run_here(boosted_folder, fresh=True)
    found = {(proof.kind, proof.runs): proof.state for proof in compared(boosted_folder)}
    assert found == {
        (FileKind.CORPUS, (1, 2)): FileState.REPLACED,
        (FileKind.CORPUS, (3,)): FileState.AS_LOGGED,
        (FileKind.OUTPUT, (1,)): FileState.REPLACED,
        (FileKind.OUTPUT, (2,)): FileState.AS_LOGGED,
        (FileKind.OUTPUT, (3,)): FileState.AS_LOGGED,
        (FileKind.REJECTED, (3,)): FileState.AS_LOGGED,
    }
    (boosted_folder / OUTPUT).write_bytes(b"{}\n")
    assert states(boosted_folder)[OUTPUT] is FileState.CHANGED, "of the run that wrote there last"


def test_a_run_over_the_same_corpus_again_is_one_file_of_both(boosted_folder: Path) -> None:
    run_here(boosted_folder, fresh=True)
    runs = {(proof.kind, proof.runs) for proof in compared(boosted_folder)}
    assert {(FileKind.CORPUS, (1, 2, 3)), (FileKind.OUTPUT, (1, 3))} <= runs


def test_a_later_run_that_is_not_finished_takes_over_the_rejected_lines_alone(
    boosted_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It writes them where the run before it did; the output of that one stays until the end."""
    corpus = boosted_folder / CORPUS
    corpus.write_bytes(corpus.read_bytes() + b"another line that cannot be read\n")
    with monkeypatch.context() as patch:
        patch.setattr(CorpusWriter, "seal", fails_at(1, MidbError("killed"), CorpusWriter.seal))
        with pytest.raises(MidbError, match="killed"):
            run_here(boosted_folder, fresh=True)
    found = {(proof.kind, proof.runs): proof.state for proof in compared(boosted_folder)}
    assert found[FileKind.REJECTED, (3,)] is FileState.AS_LOGGED
    assert (FileKind.REJECTED, (1,)) not in found
    assert found[FileKind.OUTPUT, (1,)] is found[FileKind.PARTIAL, (3,)] is FileState.AS_LOGGED


def test_an_output_that_is_in_its_place_before_its_run_is_finished_is_no_change(
    boosted_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    corpus = boosted_folder / CORPUS
    corpus.write_bytes(corpus.read_bytes() + corpus.read_bytes().splitlines(keepends=True)[0])
    with monkeypatch.context() as patch:
        patch.setattr(OutputFiles, "settle", fails_at(1, MidbError("killed"), OutputFiles.settle, after=True))
        with pytest.raises(MidbError, match="killed"):
            run_here(boosted_folder, fresh=True)
    found = {(proof.kind, proof.runs): proof.state for proof in compared(boosted_folder)}
    assert found[FileKind.OUTPUT, (1,)] is FileState.REPLACED
    (boosted_folder / OUTPUT).write_bytes(b"{}")
    found = {(proof.kind, proof.runs): proof.state for proof in compared(boosted_folder)}
    assert found[FileKind.OUTPUT, (1,)] is FileState.CHANGED


def test_the_partial_output_of_an_interrupted_run_is_proved_up_to_its_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("midb.agent.run.batches.BATCH", 32)  # so that there are several
    lines = [{"id": f"de-{n}", "instruction": "Gruß!", "output": "Schön."} for n in range(80)]
    write_lines(tmp_path / CORPUS, b"oops", *lines)
    asked = iter([False, True])
    assert run_over(tmp_path / CORPUS, stopped=lambda: next(asked, True)).status == "interrupted"
    partial = beside(tmp_path / OUTPUT, ".partial")
    expected = dict.fromkeys((partial.name, REJECTED), FileState.AS_LOGGED)
    assert states(tmp_path) == expected
    data = partial.read_bytes()
    partial.write_bytes(data + b"written after the checkpoint")
    assert states(tmp_path) == expected
    for changed in (data[:-1], data.replace(b"de-3", b"de-4")):
        partial.write_bytes(changed)
        assert states(tmp_path) == expected | {partial.name: FileState.CHANGED}


def test_standard_input_and_files_of_an_older_log_are_not_there(old_log: Path) -> None:
    with AuditReader(old_log) as reader:
        found = compare_files(reader)
    assert {proof.state for proof in found} == {FileState.MISSING}
    assert FileKind.REJECTED not in {proof.kind for proof in found}, "it does not say what they hold"
