"""Corpora and recipes of a proof: made once, also where it was stopped in between."""

from __future__ import annotations

from pathlib import Path

import pytest
from proof_commands import write_corpus
from proofs import align_rows
from proofs import teach as teach_pairs
from tiny_model import make_checkpoint

from midb.cli.proving.making import (
    CorpusWords,
    MadeCorpora,
    align_corpora,
    choose_recipe,
    describe_training,
    find_students,
    teach,
    write_lessons,
)
from midb.domain.errors import UsageError
from midb.evaluation.proving.folder import ProofFolder


@pytest.fixture
def words(tmp_path: Path) -> CorpusWords:
    return CorpusWords(path=write_corpus(tmp_path / "c.jsonl", 12), language=None, map=None, source=None)


def test_all_corpora_are_made_once(words: CorpusWords, tmp_path: Path) -> None:
    folder = ProofFolder(tmp_path / "p")
    folder.path.mkdir()
    first = align_corpora(words, None, folder, control=True, seed=1)
    assert first.sides == ["raw", "boosted", "control"]
    assert (first.described["boosted"]["made"], first.described["control"]["made"]) == ("here", "random")
    assert first.described["boosted"]["pairs_changed"] == first.described["control"]["pairs_changed"] == 4
    assert first.described["boosted"]["edits"] == first.described["control"]["edits"]
    made = {path.name: path.stat().st_mtime_ns for path in folder.path.glob("*.jsonl")}
    assert set(made) == {"boosted-c.jsonl", "control-c.jsonl", "control.key.jsonl"}
    again = align_corpora(words, None, folder, control=True, seed=1)
    assert again.described == first.described
    assert {path.name: path.stat().st_mtime_ns for path in folder.path.glob("*.jsonl")} == made


def test_a_control_that_was_stopped_between_its_files_is_made_anew(words: CorpusWords, tmp_path: Path) -> None:
    folder = ProofFolder(tmp_path)
    whole = align_corpora(words, None, folder, control=True, seed=1)
    folder.corpus("control", words.path).unlink()
    assert folder.control_key.exists()
    assert align_corpora(words, None, folder, control=True, seed=1).described == whole.described


def test_without_a_control(words: CorpusWords, tmp_path: Path) -> None:
    folder = ProofFolder(tmp_path)
    given = write_corpus(tmp_path / "b.jsonl", 12, faulty=False)
    made = align_corpora(words, given, folder, control=False, seed=1)
    assert made.sides == ["raw", "boosted"]
    assert made.described["boosted"]["made"] == "given"
    assert not folder.control_key.exists()
    with pytest.raises(UsageError, match="there is nothing to prove"):
        align_corpora(words, words.path, folder, control=False, seed=1)


def test_a_recipe_is_what_a_training_takes(tmp_path: Path) -> None:
    file = tmp_path / "r.toml"
    file.write_text("rank = 4\nlr = 0.1\npreset = 'midb-paper'\n")
    settings, told = choose_recipe(file, {"lr": 0.2, "epochs": None})
    assert (settings.rank, settings.lr, settings.alpha, settings.warmup) == (4, 0.2, 32, 0.1)
    assert told == {"rank": 4, "lr": 0.2, "preset": "midb-paper"}
    assert choose_recipe(None, {})[1] == {}
    for strange in ("seed = 3", "base = 'x'", "measure = 3"):
        file.write_text(strange)
        with pytest.raises(UsageError, match="which is no part of a recipe"):
            choose_recipe(file, {})


def test_examples_that_are_not_those_of_the_corpora_are_refused(tmp_path: Path) -> None:
    """What was learnt must be what the page says: also where another version chose otherwise."""
    folder, lessons = ProofFolder(tmp_path), teach_pairs()
    described = {side: {"name": "c.jsonl"} for side in ("raw", "boosted")}
    corpora = MadeCorpora(boosted=align_rows(4), control=None, described=described, sha256="")
    write_lessons(lessons, corpora, folder, 0)
    write_lessons(lessons, corpora, folder, 0)
    with pytest.raises(UsageError, match="raw holds other examples than are made of these corpora"):
        write_lessons(teach_pairs(116), corpora, folder, 0)


def test_a_student_whose_time_was_over_learns_the_rest_later(tmp_path: Path, one_thread: None) -> None:
    """And one that has learnt everything learns nothing again."""
    for library in ("torch", "transformers", "peft", "accelerate"):
        pytest.importorskip(library)
    base, folder, lessons = make_checkpoint(tmp_path / "tiny", merges=0), ProofFolder(tmp_path), teach_pairs()
    corpora = MadeCorpora(
        boosted=align_rows(4),
        control=None,
        described={side: {"name": "c.jsonl"} for side in ("raw", "boosted")},
        sha256="",
    )
    write_lessons(lessons, corpora, folder, 0)

    def learn(seconds: float) -> bool:
        return teach(folder, "raw", 3, str(base), {"batch_tokens": 2000, "rank": 2}, "cpu", seconds)

    assert not learn(1e-6)
    assert folder.find_student("raw", 3) is None
    assert learn(0)
    student = find_students(folder, ["raw"], [3])["raw", 3]
    trained = describe_training(folder, "raw", 3, student)
    assert trained["steps"] > 1
    assert trained["sha256"] == student.sha256
    before = (folder.student("raw", 3) / "midb-adapter.json").stat().st_mtime_ns
    assert learn(0)
    assert (folder.student("raw", 3) / "midb-adapter.json").stat().st_mtime_ns == before
