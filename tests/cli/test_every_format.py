"""What holds of every format: nothing but what is edited changes, runs resume, logs prove, and edits are undone."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from cli_fixtures import Cli
from written_formats import BYTES, FORMATS, bytes_of, records_of, write_as

from midb.domain.errors import MidbError
from midb.runs.writer import CorpusWriter

COUNT = 16
BROKEN, FIXED = "sehr schÃ¶n", "sehr schön"
every = pytest.mark.parametrize("name", FORMATS)


def records() -> list[dict[str, str]]:
    """Two of three have something to repair; texts hold what formats have to escape."""
    return [
        {
            "id": f"de-{number}",
            "instruction": f'Nenne "{number}" Dinge;\nund\tsage, warum.' if number % 2 else f"Nenne {number} Dinge.",
            "input": "",
            "output": f'Es sind {number}; das ist {BROKEN}, "so".' if number % 3 else f"Es sind {number} Dinge.",
        }
        for number in range(COUNT)
    ]


def damaged(data: bytes) -> bytes:
    """The bytes of an output as they were before the repairs, written as they are or as escapes."""
    for spell in (str.encode, lambda text: json.dumps(text)[1:-1].encode()):
        data = data.replace(spell(FIXED), spell(BROKEN))
    return data


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("midb.agent.run.batches.BATCH", 3)


def run(cli: Cli, corpus: Path, *options: str) -> int:
    return cli("run", corpus.name, "--language", "de", "--workers", 0, "-o", "out", *options).code


@every
def test_a_run_is_resumed_proved_and_undone(
    name: str, cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, small_batches: None
) -> None:
    corpus = write_as(name, tmp_path, records())
    before, said = bytes_of(corpus), records_of(corpus)
    assert run(cli, corpus) == 0
    calm, changed = bytes_of(tmp_path / "out"), records_of(tmp_path / "out")
    edited = [number for number, record in enumerate(changed) if record != said[number]]
    assert len(changed) == len(said)
    assert edited
    assert [changed[number]["output"] for number in edited] == [
        said[number]["output"].replace(BROKEN, FIXED) for number in edited
    ]
    if name in BYTES:
        assert {file: damaged(data) for file, data in calm.items()} == before
    assert cli("audit", "verify").code == 0

    shutil.rmtree(tmp_path / "out") if (tmp_path / "out").is_dir() else (tmp_path / "out").unlink()
    (tmp_path / "out.audit.db").unlink()
    commits, commit = iter(range(100)), CorpusWriter.commit

    def dying(self: CorpusWriter, *events: object) -> object:
        if next(commits) in (2, 5, 6):
            raise MidbError("the plug is pulled.")
        return commit(self, *events)  # type: ignore[arg-type]

    monkeypatch.setattr(CorpusWriter, "commit", dying)
    codes = [run(cli, corpus) for _ in range(4)]
    assert codes == [1, 1, 1, 0]
    monkeypatch.setattr(CorpusWriter, "commit", commit)
    assert bytes_of(tmp_path / "out") == calm
    assert cli("audit", "verify").code == 0

    assert cli("revert", "--kind", "mojibake", "-o", "undone").code == 0
    assert records_of(tmp_path / "undone") == said
    if name in BYTES:
        assert bytes_of(tmp_path / "undone") == before
    assert cli("audit", "verify").code == 0
    assert bytes_of(corpus) == before, "a corpus is never written to"


@every
@pytest.mark.parametrize("what", ["corpus", "output"])
def test_a_file_that_was_changed_is_found(name: str, what: str, cli: Cli, tmp_path: Path) -> None:
    corpus = write_as(name, tmp_path, records())
    assert run(cli, corpus) == 0
    changed = records_of(corpus if what == "corpus" else tmp_path / "out")
    changed[7]["output"] = "Das hat niemand geschrieben."
    place = corpus if what == "corpus" else tmp_path / "out"
    shutil.rmtree(place) if place.is_dir() else place.unlink()
    (tmp_path / "again").mkdir()
    shutil.move(write_as(name, tmp_path / "again", changed), place)
    called = cli("audit", "verify")
    assert called.code == 1
    assert "CHANGED" in called.out
    assert "de-7" in called.out, "the record that differs is named"


@every
def test_rejected_records_and_a_limit(name: str, cli: Cli, tmp_path: Path, small_batches: None) -> None:
    corpus = write_as(name, tmp_path, records())
    assert run(cli, corpus, "--limit", "7") == 0
    assert [record["id"] for record in records_of(tmp_path / "out")] == [r["id"] for r in records_of(corpus)[:7]]
    assert run(cli, corpus) == 0, "a higher limit goes on"
    assert len(records_of(tmp_path / "out")) == len(records_of(corpus))
    assert cli("audit", "verify").code == 0


@pytest.mark.parametrize("name", ["c.csv", "excel.csv", "c.tsv", "c.csv.gz", "within.json", "columns.json"])
def test_shards_are_merged_to_what_a_single_run_leaves(name: str, cli: Cli, tmp_path: Path) -> None:
    corpus = write_as(name, tmp_path, records())
    assert run(cli, corpus) == 0
    assert cli("split", corpus.name, "--shards", 2).code == 0
    logs = []
    for shard in sorted(tmp_path.glob("*.shard-*-of-2.*")):
        assert cli("run", shard.name, "--language", "de", "--workers", 0, "-o", f"{shard.name}.out").code == 0
        logs.append(f"{shard.name}.out.audit.db")
    assert cli("merge", corpus.name, *logs, "-o", "merged").code == 0
    assert bytes_of(tmp_path / "merged") == bytes_of(tmp_path / "out")
    assert cli("audit", "verify", "--db", "merged.audit.db").code == 0


@pytest.mark.parametrize("name", ["excel.csv", "mixed"])
def test_check_reads_the_same(name: str, cli: Cli, tmp_path: Path) -> None:
    corpus = write_as(name, tmp_path, records())
    found = [json.loads(line) for line in cli("check", corpus.name, "--language", "de", "--json").out.splitlines()]
    assert [one["id"] for one in found] == [record["id"] for record in records_of(corpus)]
    assert sum(bool(one["findings"]) for one in found) == sum(BROKEN in r["output"] for r in records_of(corpus))


def test_a_pattern_is_boosted_into_a_folder_beside_and_ids_may_repeat(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    for number in range(2):
        write_as(f"part-{number}.csv", tmp_path / "data", records())
    (tmp_path / "data" / "other.jsonl").write_text("no corpus of this run")
    called = cli("run", "data/part-*.csv", "--language", "de", "--workers", 0)
    assert called.code == 0, called.err
    assert sorted(bytes_of(tmp_path / "data.boosted")) == ["part-0.csv", "part-1.csv"]
    assert cli("run", "data/part-*.csv", "--language", "de", "--workers", 0).err.count("nothing to do") == 1
    db = ("--db", "data.boosted.audit.db")
    assert cli("audit", "verify", *db).code == 0
    shown = cli("audit", "show", "de-7", *db).out
    assert "#7" in shown
    assert f"#{COUNT + 7}" in shown, "both records of one id"
    assert cli("revert", "--record", f"#{COUNT + 7}", "-o", "undone", *db).code == 0
    assert bytes_of(tmp_path / "undone")["part-1.csv"].count(FIXED.encode()) == (
        bytes_of(tmp_path / "data.boosted")["part-1.csv"].count(FIXED.encode()) - 1
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("-o", "folder/out"), "lies in the corpus"),
        (("-o", "taken"), "is a file"),
        (("-o", "there"), "is not what midb-agent wrote"),
    ],
)
def test_an_output_that_would_harm_somebody_is_refused(
    options: tuple[str, str], message: str, cli: Cli, tmp_path: Path
) -> None:
    write_as("folder", tmp_path, records())
    (tmp_path / "taken").write_text("somebody's")
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "file").write_text("somebody's")
    called = cli("run", "folder", "--language", "de", *options)
    assert called.code == 2
    assert message in called.err
    assert (tmp_path / "there" / "file").read_text() == "somebody's"


def test_a_folder_is_made_anew_in_the_place_of_the_old_one(cli: Cli, tmp_path: Path) -> None:
    corpus = write_as("folder", tmp_path, records())
    assert run(cli, corpus) == 0
    assert run(cli, corpus, "--fresh", "--kinds=-mojibake") == 0
    assert bytes_of(tmp_path / "out") == bytes_of(corpus)
    assert {path.name for path in tmp_path.iterdir()} == {"folder", "out", "out.audit.db"}
    assert cli("split", "folder", "--shards", 2).err.count("is cut already") == 1
