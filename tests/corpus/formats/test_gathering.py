"""Which files are a corpus together."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
import zstandard
from corpus_files import Rewrite

from midb.corpus.formats.containers import corpus_exists, corpus_sha256, open_container
from midb.corpus.formats.folder import Folder
from midb.corpus.formats.gathering import is_pattern
from midb.domain.errors import CorpusError
from midb.domain.hashing import file_sha256

LINE = '{"prompt": "Was?"}\n'


def names(path: Path) -> list[str]:
    found = open_container(path)
    assert isinstance(found, Folder)
    return [member.name for member in found.members]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "data"
    for name in ("train-1.jsonl", "train-0.jsonl", "deep/test.json", ".hidden.jsonl", "_SUCCESS.json", ".git/c.jsonl"):
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_text(LINE)
    (path / "README.md").write_text("What this is.")
    (path / "dataset_info.json").write_text("{\n}")
    return path


def test_a_folder_gives_its_corpora_in_the_order_of_their_names(folder: Path) -> None:
    assert names(folder) == ["deep/test.json", "train-0.jsonl", "train-1.jsonl"]


def test_what_runs_left_is_no_corpus(folder: Path) -> None:
    for name in ("train-0.boosted.jsonl", "train-0.boosted.jsonl.rejected.jsonl", "half.jsonl", "half.jsonl.partial"):
        (folder / name).write_text(LINE)
    (folder / "train-0.boosted.jsonl.audit.db").touch()
    assert names(folder) == ["deep/test.json", "train-0.jsonl", "train-1.jsonl"]


def test_an_output_that_is_a_folder_is_no_corpus_of_the_folder_that_it_lies_in(folder: Path) -> None:
    (folder / "deep.boosted").mkdir()
    (folder / "deep.boosted" / "test.json").write_text(LINE)
    (folder / "deep.boosted.audit.db").touch()
    assert names(folder) == ["deep/test.json", "train-0.jsonl", "train-1.jsonl"]
    assert names(folder / "*" / "test.json") == ["test.json"]
    for named in ("deep.boosted", "deep.boosted/*.json"):
        assert open_container(folder / named).path == folder / "deep.boosted", "who names it means it"


def test_links_are_followed_and_none_leads_round(folder: Path) -> None:
    other = folder.parent / "other"
    other.mkdir()
    (other / "more.jsonl").write_text(LINE)
    (folder / "linked").symlink_to(other)
    (folder / "train-2.jsonl").symlink_to(other / "more.jsonl")
    (other / "round").symlink_to(folder)
    assert names(folder) == ["deep/test.json", "linked/more.jsonl", "train-0.jsonl", "train-1.jsonl", "train-2.jsonl"]


@pytest.mark.parametrize("pattern", ["", "*.jsonl"])
def test_a_link_that_leads_nowhere_is_named(pattern: str, folder: Path) -> None:
    (folder / "lost.jsonl").symlink_to("gone")
    (folder / "lost.txt").symlink_to("gone")
    with pytest.raises(CorpusError, match=r"lost\.jsonl is a link that leads nowhere"):
        open_container(folder / pattern)
    (folder / "lost.jsonl").unlink()
    assert len(names(folder / pattern)) >= 2


@pytest.mark.parametrize(
    "data",
    [b"", b"\n\n", gzip.compress(b"", mtime=0), gzip.compress(b" \n", mtime=0), zstandard.compress(b"")],
    ids=["no byte", "blank", "gzip", "gzip of blanks", "zstd"],
)
def test_an_empty_file_among_others_comes_back_as_it_is(data: bytes, folder: Path, rewrite: Rewrite) -> None:
    (folder / "train-2.jsonl").write_bytes(data)
    (folder / "deep" / "a.csv").write_bytes(data)
    made = rewrite(open_container(folder))
    assert {(made / name).read_bytes() for name in ("train-2.jsonl", "deep/a.csv")} == {data}
    assert (made / "train-1.jsonl").read_text() == LINE


def test_a_pattern_names_files_of_one_folder_or_of_several(folder: Path) -> None:
    assert names(folder / "train-*.jsonl") == ["train-0.jsonl", "train-1.jsonl"]
    assert names(folder.parent / "**" / "t*.json*") == ["deep/test.json", "train-0.jsonl", "train-1.jsonl"]
    found = open_container(folder / "train-*.jsonl")
    assert (found.path, found.given) == (folder, folder / "train-*.jsonl")


def test_a_file_whose_name_looks_like_a_pattern_is_a_file(tmp_path: Path) -> None:
    path = tmp_path / "a[1].jsonl"
    path.write_text(LINE)
    assert not is_pattern(path)
    assert open_container(path).path == path


def test_what_a_run_knows_it_by_is_what_it_reads(folder: Path) -> None:
    pattern = folder / "train-*.jsonl"
    before = corpus_sha256(pattern)
    (folder / "deep" / "test.json").write_text("changed")
    (folder / "README.md").write_text("changed")
    assert corpus_sha256(pattern) == before
    (folder / "train-1.jsonl").write_text(LINE * 2)
    assert corpus_sha256(pattern) != before
    assert corpus_sha256(folder / "train-0.jsonl") == file_sha256(folder / "train-0.jsonl")
    assert corpus_exists(pattern)
    assert corpus_exists(folder)
    assert not corpus_exists(folder / "*.csv")


@pytest.mark.parametrize(
    ("name", "message", "hint"),
    [
        ("empty", "holds no corpus", "It is empty"),
        ("notes", "holds no corpus", "README.md"),
        ("*.csv", "no file fits", "quote"),
    ],
)
def test_nothing_to_read_is_said(name: str, message: str, hint: str, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "README.md").write_text("What this is.")
    with pytest.raises(CorpusError, match=message) as raised:
        open_container(tmp_path / name)
    assert hint in str(raised.value.hint)


def test_a_file_that_is_no_corpus_after_all_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(LINE)
    (tmp_path / "b.json").write_text('{\n  "about": 1\n}\n')
    with pytest.raises(CorpusError, match=r"b\.json"):
        open_container(tmp_path)


def test_splits_that_datasets_saved_are_loaded_by_it_again(tmp_path: Path, rewrite: Rewrite) -> None:
    datasets = pytest.importorskip("datasets")
    datasets.disable_progress_bars()
    rows = {"train": [{"prompt": "Was?"}, {"prompt": "Wo?"}], "test": [{"prompt": "Wer?"}]}
    splits = datasets.DatasetDict({name: datasets.Dataset.from_list(held) for name, held in rows.items()})
    splits.save_to_disk(tmp_path / "saved")
    (tmp_path / "saved" / "train" / "cache-1.arrow").write_bytes(b"something computed")
    container = open_container(tmp_path / "saved")
    assert names(tmp_path / "saved") == ["test/data-00000-of-00001.arrow", "train/data-00000-of-00001.arrow"]
    made = datasets.load_from_disk(rewrite(container, {1: b'{"prompt":"Was denn?"}'}))
    assert {name: made[name].to_list() for name in made} == rows | {
        "train": [{"prompt": "Was denn?"}, {"prompt": "Wo?"}]
    }
    assert made["train"]._fingerprint != splits["train"]._fingerprint, "what was computed from the other is not its own"
    cut = datasets.load_from_disk(rewrite(container, {}, 1) / "test")
    assert cut.to_list() == rows["test"]
