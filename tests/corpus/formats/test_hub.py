"""Data sets of the hub: addresses, what is fetched to where, and what is said where it cannot be had."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from midb.cli.main import main
from midb.corpus.formats import hub
from midb.corpus.formats.hub import HubAddress, fetch
from midb.domain.errors import UsageError

errors = pytest.importorskip("huggingface_hub.errors")

RECORD = b'{"instruction": "Gr\xc3\xbc\xc3\x9fe!", "output": "Sch\xc3\x83\xc2\xb6n, dich zu sehen."}\n'


class Hub:
    """In the place of the hub's client: it writes files, or raises."""

    def __init__(self, *files: str, error: Exception | None = None) -> None:
        self._files, self._error = files, error
        self.asked: list[dict[str, Any]] = []

    def __call__(self, name: str, **options: Any) -> str:
        self.asked.append({"name": name} | options)
        if self._error:
            raise self._error
        folder = Path(options["local_dir"])
        (folder / ".cache" / "huggingface").mkdir(parents=True, exist_ok=True)
        for file in self._files:
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
            (folder / file).write_bytes(RECORD)
        return str(folder)


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def address(text: str) -> HubAddress:
    found = HubAddress.parse(Path(text))
    assert found is not None
    return found


def refused(error: type[Exception]) -> Exception:
    response = httpx.Response(401, request=httpx.Request("GET", "https://hub.example"))
    return error("no", response=response)  # type: ignore[call-arg]


@pytest.mark.parametrize(
    "text", ["c.jsonl", "hf://models/a/b", "hf://datasets/a", "https://x/datasets/a/b", "datasets/a/b"]
)
def test_other_paths_are_no_addresses(text: str) -> None:
    assert HubAddress.parse(Path(text)) is None


def test_all_corpus_files_of_a_data_set_are_fetched() -> None:
    asked = Hub("data/train-00000.jsonl.gz", "data/test.parquet")
    assert fetch(address("hf://datasets/owner/name"), asked) == Path("name")
    (options,) = asked.asked
    assert (options["name"], options["repo_type"], options["revision"]) == ("owner/name", "dataset", None)
    assert {"*.jsonl", "*.jsonl.gz", "*.parquet", "*.csv.zst"} <= set(options["allow_patterns"])
    assert not any("py" in pattern or pattern == "*" for pattern in options["allow_patterns"])


def test_a_revision_and_a_path_within() -> None:
    asked = Hub("data/train.jsonl")
    assert fetch(address("hf://datasets/owner/name@v1/data/train.jsonl"), asked) == Path("name-v1/data/train.jsonl")
    assert asked.asked[0]["revision"] == "v1"
    assert asked.asked[0]["allow_patterns"][0] == "data/train.jsonl"
    with pytest.raises(UsageError, match="holds no other"):
        fetch(address("hf://datasets/owner/name@v1/other.jsonl"), asked)


def test_a_folder_of_somebody_else_is_left_alone() -> None:
    Path("name").mkdir()
    asked = Hub("a.jsonl")
    with pytest.raises(UsageError, match="was not fetched from the hub") as told:
        fetch(address("hf://datasets/owner/name"), asked)
    assert "midb-agent run name" in told.value.hint
    assert asked.asked == []


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (refused(errors.GatedRepoError), "is gated"),
        (refused(errors.RepositoryNotFoundError), "there is no data set owner/name"),
        (refused(errors.RevisionNotFoundError), "has no revision v2"),
        (errors.LocalEntryNotFoundError("no network"), "cannot be fetched: no network"),
        (OSError(28, "No space left on device"), "No space left"),
    ],
)
def test_what_cannot_be_had_is_one_sentence(error: Exception, said: str) -> None:
    with pytest.raises(UsageError, match=said) as told:
        fetch(address("hf://datasets/owner/name@v2"), Hub(error=error))
    assert told.value.hint


def test_without_a_network_what_is_there_is_taken() -> None:
    there = address("hf://datasets/owner/name")
    fetch(there, Hub("a.jsonl"))
    assert fetch(there, Hub(error=errors.OfflineModeIsEnabled("offline"))) == Path("name")
    with pytest.raises(UsageError, match="is gated"):
        fetch(there, Hub(error=refused(errors.GatedRepoError)))


def test_it_is_run_like_any_folder(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("huggingface_hub.snapshot_download", Hub("data/train.jsonl", "data/test.jsonl"))
    assert main(["run", "hf://datasets/owner/name", "--language", "de", "--quiet"]) == 0
    assert b"Sch\xc3\xb6n" in Path("name.boosted/data/train.jsonl").read_bytes()
    assert main(["audit", "verify"]) == 0
    assert main(["check", "hf://datasets/owner/name", "--language", "de"]) == 0
    assert "mojibake" in capsys.readouterr().out


def test_without_the_client_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "huggingface_hub", None)
    with pytest.raises(UsageError, match="leaves out") as told:
        hub.fetch(address("hf://datasets/owner/name"))
    assert ".[hub]" in told.value.hint
