"""Data sets of the hub: addresses, what is fetched to where, and what is said where it cannot be had.

The hub's own client asks a hub of this machine (hub_server): what it makes of one that breaks off is the point.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hub_server import NOBODY, Hub, point_client_to, serving

from midb.cli.main import main
from midb.domain.errors import UsageError
from midb.domain.events import Event, Waiting, Warned
from midb.hub.corpora import HubAddress, fetch

pytest.importorskip("huggingface_hub")

RECORD = b'{"instruction": "Gr\xc3\xbc\xc3\x9fe!", "output": "Sch\xc3\x83\xc2\xb6n, dich zu sehen."}\n'
WHOLE = "hf://datasets/owner/name"


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / ".hub"))


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    held = Hub(
        {
            "README.md": b"# A data set\n",
            "load.py": b"raise SystemExit\n",
            "data/test.jsonl": RECORD,
            "data/train.jsonl": RECORD * 3,
            "other/[1].jsonl": RECORD * 2,
        }
    )
    # Its client tries again and again what breaks off.
    monkeypatch.setattr("huggingface_hub.file_download.time.sleep", lambda seconds: None)
    with serving(held) as url:
        point_client_to(url, monkeypatch)
        yield held


def address(text: str) -> HubAddress:
    found = HubAddress.parse(Path(text))
    assert found is not None
    return found


def fetched(folder: Path) -> dict[str, bytes]:
    """What a folder holds that is not hidden."""
    files = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    return {file.as_posix(): (folder / file).read_bytes() for file in files if not file.as_posix().startswith(".")}


@pytest.mark.parametrize(
    "text", ["c.jsonl", "hf://models/a/b", "hf://datasets/a", "https://x/datasets/a/b", "datasets/a/b"]
)
def test_other_paths_are_no_addresses(text: str) -> None:
    assert HubAddress.parse(Path(text)) is None


@pytest.mark.parametrize("written", ["refs/convert/parquet", "refs%2Fconvert%2Fparquet"])
def test_a_revision_of_the_hub_s_own_is_no_path_within(written: str) -> None:
    found = address(f"{WHOLE}@{written}/default/train")
    assert (found.revision, found.inside) == ("refs/convert/parquet", "default/train")
    assert found.folder == Path("name-refs-convert-parquet")


def test_all_corpus_files_of_a_data_set_are_fetched_and_nothing_else(hub: Hub) -> None:
    assert fetch(address(WHOLE)) == Path("name")
    assert fetched(Path("name")) == {name: data for name, data in hub.files.items() if name.endswith(".jsonl")}


def test_what_is_there_is_taken_without_asking(hub: Hub) -> None:
    told = list[Event]()
    fetch(address(WHOLE), told.append)
    asked = len(hub.asked)
    assert fetch(address(WHOLE), told.append) == Path("name")
    assert len(hub.asked) == asked
    fetching, taken = told
    assert isinstance(fetching, Waiting)
    assert isinstance(taken, Warned)
    assert hub.commit[:12] in taken.message
    shutil.rmtree("name")
    fetch(address(WHOLE))
    assert len(hub.asked) > asked


def test_a_revision_and_a_path_within(hub: Hub) -> None:
    assert fetch(address(f"{WHOLE}@v1/data/train.jsonl")) == Path("name-v1/data/train.jsonl")
    assert fetch(address(f"{WHOLE}@v1/other")) == Path("name-v1/other")
    assert sorted(fetched(Path("name-v1"))) == ["data/train.jsonl", "other/[1].jsonl"]
    with pytest.raises(UsageError, match=r"holds no other\.jsonl"):
        fetch(address(f"{WHOLE}@v1/other.jsonl"))
    fetch(address(f"{WHOLE}@v1"))  # a part of it is not all
    assert len(fetched(Path("name-v1"))) == 3


def test_a_path_within_may_be_a_pattern_and_its_brackets_are_none(hub: Hub) -> None:
    fetch(address(f"{WHOLE}/other/[1].jsonl"))
    assert [*fetched(Path("name"))] == ["other/[1].jsonl"]
    assert main(["run", f"{WHOLE}/data/*.jsonl", "-o", "better", "--language", "de", "--quiet"]) == 0
    assert sorted(fetched(Path("better"))) == ["test.jsonl", "train.jsonl"]
    with pytest.raises(UsageError, match="holds no"):
        fetch(address(f"{WHOLE}/data/*.csv"))


def test_a_part_is_never_taken_for_the_whole(
    hub: Hub, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    hub.cut = "data/train.jsonl"
    assert main(["run", WHOLE, "--language", "de"]) == 2
    assert "broke off" in capsys.readouterr().err
    assert not Path("name.boosted").exists()
    assert "data/test.jsonl" in fetched(Path("name"))
    with monkeypatch.context() as patch:
        point_client_to(NOBODY, patch)
        with pytest.raises(UsageError, match="not all of it, and the hub cannot be reached"):
            fetch(address(WHOLE))
    hub.cut = ""
    fetch(address(WHOLE))
    assert len(fetched(Path("name"))) == 3
    with monkeypatch.context() as patch:
        point_client_to(NOBODY, patch)
        assert fetch(address(WHOLE)) == Path("name")
        Path("name/data/train.jsonl").unlink()
        with pytest.raises(UsageError, match="not all of it"):
            fetch(address(WHOLE))


def test_a_client_that_gives_less_than_the_hub_lists_is_not_believed(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    def give_less(*_: object, local_dir: Path, **__: object) -> str:
        (local_dir / "data").mkdir(parents=True)
        (local_dir / "data" / "test.jsonl").write_bytes(RECORD)
        return str(local_dir)

    monkeypatch.setattr("huggingface_hub.HfApi.snapshot_download", give_less)
    with pytest.raises(UsageError, match="was not fetched whole"):
        fetch(address(WHOLE))


def test_two_data_sets_of_one_name_are_not_mixed(hub: Hub) -> None:
    fetch(address(WHOLE))
    with pytest.raises(UsageError, match="name holds owner/name") as told:
        fetch(address("hf://datasets/another/name"))
    assert "another folder" in told.value.hint


def test_two_states_of_a_data_set_are_not_mixed(hub: Hub) -> None:
    fetch(address(f"{WHOLE}/data"))
    hub.files["data/more.jsonl"] = RECORD
    with pytest.raises(UsageError, match="has changed on the hub"):
        fetch(address(WHOLE))
    assert fetch(address(f"{WHOLE}/data")) == Path("name/data")  # as it was fetched
    shutil.rmtree("name")
    fetch(address(WHOLE))
    assert "data/more.jsonl" in fetched(Path("name"))


def test_what_somebody_changed_is_not_fetched_over(hub: Hub) -> None:
    fetch(address(WHOLE))
    Path("name/data/train.jsonl").write_bytes(RECORD)
    with pytest.raises(UsageError, match=r"train\.jsonl is not as it was fetched") as told:
        fetch(address(WHOLE))
    assert "midb-agent run name" in told.value.hint
    assert Path("name/data/train.jsonl").read_bytes() == RECORD


def test_a_folder_of_somebody_else_is_left_alone(hub: Hub) -> None:
    Path("name").mkdir()
    with pytest.raises(UsageError, match="was not fetched from the hub") as told:
        fetch(address(WHOLE))
    assert "midb-agent run name" in told.value.hint
    assert hub.asked == []


@pytest.mark.parametrize("note", ["", "{}", '{"data_set": 1, "more": 2}', "[]"])
def test_a_note_that_cannot_be_read_is_none(hub: Hub, note: str) -> None:
    fetch(address(WHOLE))
    Path("name/.cache/midb-agent.json").write_text(note)
    given = len(hub.given)
    assert fetch(address(WHOLE)) == Path("name")
    assert len(hub.given) == given  # the client sees that they are there


@pytest.mark.parametrize(
    ("refusal", "said"),
    [("gated", "is gated"), ("missing", "there is no data set owner/name"), ("down", "does not give owner/name: ")],
)
def test_what_the_hub_refuses_is_one_sentence(hub: Hub, refusal: str, said: str) -> None:
    hub.refusal = refusal
    with pytest.raises(UsageError, match=said) as told:
        fetch(address(WHOLE))
    assert told.value.hint
    assert not Path("name").exists()


def test_a_revision_that_there_is_not(hub: Hub) -> None:
    with pytest.raises(UsageError, match="has no such revision"):
        fetch(address(f"{WHOLE}@v2"))


def test_without_a_network_it_says_what_to_do(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    point_client_to(NOBODY, monkeypatch)
    with pytest.raises(UsageError, match="not on this machine") as told:
        fetch(address(WHOLE))
    assert "hf download owner/name --repo-type dataset --local-dir name" in told.value.hint


def test_it_is_run_like_any_folder(hub: Hub, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", WHOLE, "--language", "de", "--quiet"]) == 0
    assert b"Sch\xc3\xb6n" in Path("name.boosted/data/train.jsonl").read_bytes()
    assert main(["audit", "verify"]) == 0
    assert main(["check", WHOLE, "--language", "de"]) == 0
    printed = capsys.readouterr()
    assert "mojibake" in printed.out
    assert "as it was fetched" in printed.err


def test_without_the_client_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(UsageError, match="leaves out") as told:
        fetch(address(WHOLE))
    assert ".[hub]" in told.value.hint
