"""`midb-agent run --shard I/N`, and `--on ray` with machines that a test makes up."""

from __future__ import annotations

import contextlib
import csv
import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from cli_fixtures import Cli, rows
from same_runs import check_same
from scripted_fleet import Act, ScriptedFleet, config_of, failing, lost_after, make_corpus, planned
from small_runs import broken_records, write_lines

from midb.cluster import ray_fleet, shard_runner
from midb.cluster.shard_runner import ShardResult, ShardTask, run_shard


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    return make_corpus(tmp_path)


class Clusters:
    """What is joined instead of a real cluster, and how often."""

    def __init__(self) -> None:
        self.script: Mapping[tuple[int, int], Act] = {}
        self.joined: list[ScriptedFleet] = []

    @contextlib.contextmanager
    def connect(self, *_: object) -> Iterator[ScriptedFleet]:
        self.joined.append(ScriptedFleet(self.script))
        yield self.joined[-1]


@pytest.fixture
def clusters(monkeypatch: pytest.MonkeyPatch) -> Clusters:
    made = Clusters()
    monkeypatch.setattr(ray_fleet, "connect", made.connect)
    return made


RUN = ("--on", "ray", "--work", "work", "--scratch", "scratch", "--shards", "3", "-o", "out.jsonl")


def test_what_many_machines_leave_is_what_one_leaves(
    cli: Cli, corpus: Path, clusters: Clusters, tmp_path: Path
) -> None:
    clusters.script = {(1, 1): lost_after(2), (3, 1): failing("for once.")}
    shown = cli("run", corpus, *RUN)
    assert shown.code == 0
    assert "3 shards on Ray, 1 CPU each; in work" in shown.err
    assert "ledger balances: 300 read" in shown.err
    assert "rejected lines: invalid-json 1\n" in shown.err
    assert "shard 1 is begun again where it was: its process was killed" in shown.err
    cli("run", corpus, "-o", "single.jsonl", "--workers", "0")
    check_same(tmp_path / "single.jsonl", tmp_path / "out.jsonl")


def test_a_shard_that_fails_is_named_and_the_same_command_runs_only_that_one(
    cli: Cli, corpus: Path, clusters: Clusters, tmp_path: Path
) -> None:
    clusters.script = {(2, 1): failing("no room."), (2, 2): failing("no room.")}
    shown = cli("run", corpus, *RUN)
    assert shown.code == 1
    assert "error: 1 of 3 shards failed: shard 2 on h: no room." in shown.err
    assert "The other 2 are finished and kept in work" in shown.err
    assert not (tmp_path / "out.jsonl").exists()
    clusters.script = {}
    shown = cli("run", corpus, *RUN)
    assert shown.code == 0
    assert [number for number, _, _ in clusters.joined[-1].started] == [2]
    assert "records are done already" in shown.err
    # A third time nothing is left: no cluster is joined.
    assert cli("run", corpus, *RUN).code == 0
    assert len(clusters.joined) == 2


def test_it_tells_programs_what_becomes_of_each_shard(cli: Cli, corpus: Path, clusters: Clusters) -> None:
    shown = cli("run", corpus, *RUN, "--json")
    events = [json.loads(line) for line in shown.out.splitlines()]
    assert events[0]["event"] == "plan"
    assert events[0]["cluster"].startswith("3 shards on Ray")
    shards = [event["shards"] for event in events if event["event"] == "shards"]
    assert {shard["state"] for shard in shards[-1]} == {"done"}
    assert sum(shard["total"] for shard in shards[-1]) == 300
    assert sum(event["records"] for event in events if event["event"] == "batch") == 299
    assert (events[-1]["event"], events[-1]["read"], events[-1]["balanced"]) == ("end", 300, True)


def test_what_is_not_examined_is_named_before_anything_is_run(cli: Cli, clusters: Clusters, tmp_path: Path) -> None:
    notes = [{**record, "notes": "Noch ein langer Text, den niemand ansieht."} for record in broken_records(60)]
    corpus = write_lines(tmp_path / "noted.jsonl", *notes)
    shown = cli("run", corpus, *RUN)
    assert shown.code == 0
    said = shown.err.splitlines()
    (first, *_) = [number for number, line in enumerate(said) if "notes is not examined" in line]
    (ended,) = [number for number, line in enumerate(said) if line.startswith("finished in")]
    assert first < ended
    assert not said[first].startswith("warning: shard")
    cli("run", corpus, "-o", "single.jsonl", "--workers", "0")
    warnings = [rows(tmp_path / f"{name}.jsonl.audit.db", "SELECT message FROM run_events WHERE level = 'warning'")
                for name in ("single", "out")]  # fmt: skip
    assert warnings[0] == warnings[1] != []


def test_what_reviews_switched_off_is_said_at_the_beginning_and_at_the_end(
    cli: Cli, corpus: Path, clusters: Clusters, tmp_path: Path
) -> None:
    log, kind = reviewed_log(cli, corpus, tmp_path)
    reviewed = ("--reviewed", log, "--min-verdicts", "2")
    shown = [json.loads(line) for line in cli("run", corpus, *RUN, *reviewed, "--json").out.splitlines()]
    off = [event["switched_off"] for event in shown if event["event"] in ("plan", "end")]
    assert off[0] == off[1]
    assert off[0][0].startswith(kind)


def test_what_people_say_while_shards_are_run_counts_for_none_of_them(
    cli: Cli, corpus: Path, clusters: Clusters, tmp_path: Path
) -> None:
    log, kind = reviewed_log(cli, corpus, tmp_path)
    reviewed = ("--reviewed", log, "--min-verdicts", "2")
    cli("run", corpus, "-o", "single.jsonl", "--workers", "0", *reviewed)

    def say_otherwise(task: ShardTask) -> ShardResult:
        say(cli, log, kind, "accept", tmp_path)
        return run_shard(task)

    clusters.script = {(2, 1): say_otherwise}
    assert cli("run", corpus, *RUN, *reviewed).code == 0
    check_same(tmp_path / "single.jsonl", tmp_path / "out.jsonl")
    shown = cli("run", corpus, "--work", "work", "--shard", "1/3", *reviewed[:3], "3")
    assert (shown.code, "the settings differ from those that work began with: reviewed" in shown.err) == (2, True)


def reviewed_log(cli: Cli, corpus: Path, folder: Path) -> tuple[Path, str]:
    """The log of a run of which all findings of a kind were rejected, and that kind."""
    cli("run", corpus, "-o", "before.jsonl", "--workers", "0")
    log = folder / "before.jsonl.audit.db"
    ((kind, _),) = rows(log, "SELECT kind, count(*) AS n FROM findings GROUP BY kind ORDER BY n DESC LIMIT 1")
    say(cli, log, kind, "reject", folder)
    return log, kind


def say(cli: Cli, log: Path, kind: str, verdict: str, folder: Path) -> None:
    """Give all findings of a kind one verdict."""
    cli("review", "sheet", "--db", log, "--kind", kind, "-o", f"{verdict}.csv")
    with open(folder / f"{verdict}.csv", encoding="utf-8-sig", newline="") as file:
        said = [row | {"verdict": verdict} for row in csv.DictReader(file)]
    with open(folder / f"{verdict}.csv", "w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(said[0]))
        writer.writeheader()
        writer.writerows(said)
    assert cli("review", "apply", f"{verdict}.csv", "--reviewer", "Ana", "--db", log).code == 0


def test_a_place_that_is_taken_is_found_out_before_anything_is_run(
    cli: Cli, corpus: Path, clusters: Clusters, tmp_path: Path
) -> None:
    (tmp_path / "out.jsonl").write_text("mine")
    shown = cli("run", corpus, *RUN)
    assert (shown.code, "out.jsonl exists" in shown.err) == (2, True)
    assert not clusters.joined
    assert not (tmp_path / "work" / "shards").exists()
    planned(config_of(corpus))
    shown = cli("run", corpus, *RUN)
    assert (shown.code, "out.jsonl exists" in shown.err) == (2, True)
    assert not clusters.joined


def test_a_corpus_that_cannot_be_cut_is_refused_before_anything_is_made(
    cli: Cli, corpus: Path, clusters: Clusters, tmp_path: Path
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    corpus.rename(folder / corpus.name)
    for how in (RUN, ("--work", "work", "--shard", "1/3")):
        shown = cli("run", folder, *how)
        assert (shown.code, "it is cut already" in shown.err) == (2, True)
    assert not clusters.joined
    assert not (tmp_path / "work").exists()


def test_one_that_is_stopped_says_how_to_go_on_and_names_no_log_that_is_not_there(
    cli: Cli, corpus: Path, clusters: Clusters, tmp_path: Path
) -> None:
    def stop(task: ShardTask) -> ShardResult:
        (tmp_path / "work" / "stop").touch()
        return run_shard(task)

    clusters.script = {(1, 1): stop}
    shown = cli("run", corpus, *RUN)
    assert shown.code == 130
    assert "interrupted after" in shown.err
    assert f"next       midb-agent run {corpus}" in shown.err
    assert "audit summary" not in shown.err
    assert cli("run", corpus, *RUN).code == 0


def test_two_commands_do_not_share_a_folder(cli: Cli, corpus: Path, clusters: Clusters, tmp_path: Path) -> None:
    from midb.cluster.work_folder import WorkFolder

    folder = WorkFolder(tmp_path / "work")
    folder.make()
    with folder.locked("driver"):
        shown = cli("run", corpus, *RUN)
    assert shown.code == 2
    assert "another run is at work in work" in shown.err


def test_jobs_of_a_batch_system_run_a_shard_each(cli: Cli, corpus: Path, tmp_path: Path) -> None:
    job = ("--work", "work", "--scratch", "scratch", "--workers", "0")
    for number in (2, 1):
        shown = cli("run", corpus, "--shard", f"{number}/3", *job)
        assert shown.code == 0
    assert "shard 1 of 3 is in work/done/1; 1 shard to go." in shown.err
    assert "nothing to do" in cli("run", corpus, "--shard", "2/3", *job).err
    shown = cli("run", corpus, "--shard", "3/3", *job)
    assert "midb-agent merge" in shown.err
    logs = sorted((tmp_path / "work" / "done").glob("*/*.audit.db"))
    assert cli("merge", corpus, *logs, "-o", "out.jsonl").code == 0
    cli("run", corpus, "-o", "single.jsonl", "--workers", "0")
    check_same(tmp_path / "single.jsonl", tmp_path / "out.jsonl")


def test_a_shard_to_which_no_record_falls_is_nothing_to_do(cli: Cli, tmp_path: Path) -> None:
    corpus = make_corpus(tmp_path, 3)
    said = [cli("run", corpus, "--shard", f"{number}/9", "--work", "work") for number in range(1, 10)]
    assert {shown.code for shown in said} == {0}
    assert sum("no record falls to shard" in shown.err for shown in said) >= 6


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--on", "ray"), "Add --work FOLDER."),
        (("--on", "slurm", "--work", "w"), '"slurm" is no cluster.'),
        (("--on", "ray://host", "--work", "w"), '"ray://host" is no cluster.'),
        (("--on", "rayon", "--work", "w"), '"rayon" is no cluster.'),
        (("--on", "ray", "--work", "w", "--shards", "257"), "less than or equal to 256"),
        (("--on", "ray", "--work", "w", "--resource", "CPU=0"), "takes nothing of a machine"),
        (("--shard", "5/4", "--work", "w"), '"5/4" is no shard.'),
        (("--shard", "1/4", "--on", "ray", "--work", "w"), "contradict each other"),
        (("--work", "w"), "--work is for runs on many machines."),
        (("--on", "ray", "--work", "w", "--limit", "3"), "--limit is not for runs on many machines."),
        (("--on", "ray", "--work", "w", "--resource", "GPU"), '"GPU" is no amount of a resource.'),
        (("--on", "ray", "--work", "w", "--dry-run", "3", "--model", "m"), "--dry-run is not for runs on"),
    ],
)
def test_what_cannot_be_is_a_sentence(cli: Cli, corpus: Path, words: tuple[str, ...], said: str) -> None:
    shown = cli("run", corpus, *words)
    assert (shown.code, said in shown.err) == (2, True), shown.err


def test_standard_input_cannot_be_given_to_many_machines(cli: Cli) -> None:
    assert "cannot come from standard input" in cli("run", "-", "--on", "ray", "--work", "w").err


@pytest.mark.parametrize("source", [{}, {"id": True}], ids=["by line", "by id"])
def test_a_source_that_has_changed_since_the_first_shard_is_refused_and_named_to_the_merge(
    cli: Cli, corpus: Path, tmp_path: Path, source: dict[str, bool]
) -> None:
    lines = [({"id": f"de-{n}"} if source else {}) | {"instruction": f"Name {n} things."} for n in range(300)]
    english = write_lines(tmp_path / "en.jsonl", *lines)
    before = english.read_bytes()
    job = ("--work", "work", "--scratch", "scratch", "--workers", "0", "--source", english)
    assert cli("run", corpus, "--shard", "1/2", *job).code == 0
    english.write_bytes(before.replace(b"Name 7 ", b"Name 8 "))
    shown = cli("run", corpus, "--shard", "2/2", *job)
    assert (shown.code, "en.jsonl has changed since the corpus was cut" in shown.err) == (2, True)
    english.write_bytes(before)
    shown = cli("run", corpus, "--shard", "2/2", *job)
    assert shown.code == 0
    said = shown.err.splitlines()[-1].split()
    assert said[-3:] == ["OUT", "--source", str(english)]
    logs = sorted((tmp_path / "work" / "done").glob("*/*.audit.db"))
    assert cli("merge", corpus, *logs, *said[-4:-2][:1], "out.jsonl", *said[-2:]).code == 0
    cli("run", corpus, "-o", "single.jsonl", "--workers", "0", "--source", english)
    check_same(tmp_path / "single.jsonl", tmp_path / "out.jsonl")


def test_what_the_corpus_is_held_against_stands_on_the_first_screen(
    cli: Cli, corpus: Path, clusters: Clusters, tmp_path: Path
) -> None:
    english = write_lines(tmp_path / "en.jsonl", *({"instruction": f"Name {n} things."} for n in range(300)))
    said = cli("run", corpus, *RUN, "--source", english).err
    alone = cli("run", corpus, "-o", "single.jsonl", "--workers", "0", "--source", english).err
    (line,) = [line for line in alone.splitlines() if line.startswith("corpus ")]
    assert f"source in {english}" in line
    assert line in said.splitlines()


def test_a_job_that_the_file_stop_has_ended_says_so(
    cli: Cli, corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shard_runner, "EVERY", 0.0)
    job = ("run", corpus, "--shard", "1/2", "--work", "work", "--scratch", "scratch", "--workers", "0")
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "stop").touch()
    shown = cli(*job)
    assert (shown.code, "work/stop asks all runs of the folder to stop: remove it" in shown.err) == (130, True)
    (tmp_path / "work" / "stop").unlink()
    assert cli(*job).code == 0


@pytest.mark.parametrize(("work", "said"), [("corpus.jsonl", "corpus.jsonl is no folder."),
                                            ("no/such/work", "there is no folder")])  # fmt: skip
def test_a_work_folder_that_cannot_be_one_is_said(cli: Cli, corpus: Path, work: str, said: str) -> None:
    for where in (("--on", "ray"), ("--shard", "1/2")):
        shown = cli("run", corpus, *where, "--work", work)
        assert (shown.code, said in shown.err) == (2, True)
        assert "--work is a folder that all machines share" in shown.err
