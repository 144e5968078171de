"""The shared folder: cut once, by whoever comes first, and for one corpus and one set of settings."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from scripted_fleet import config_of, make_corpus, planned
from small_runs import write_lines

from midb.cluster.work_folder import WorkFolder, WorkPlan, plan_work
from midb.corpus.formats.containers import open_container
from midb.domain.errors import MidbError, UsageError
from midb.runs.config import RunConfig


@pytest.fixture
def config(tmp_path: Path) -> RunConfig:
    return config_of(make_corpus(tmp_path))


def never() -> int:
    raise AssertionError("the corpus is cut already")


def test_it_is_cut_once_and_says_what_was_cut(config: RunConfig) -> None:
    folder, plan = planned(config)
    assert (plan.count, plan.records, plan.corpus) == (3, 300, "corpus.jsonl")
    assert [shard.number for shard in plan.shards] == [1, 2, 3]
    assert sorted(path.name for path in folder.shards.iterdir()) == [
        *(f"corpus.shard-{number}-of-3.jsonl" for number in (1, 2, 3)), "corpus.survey.json", "work.json",
    ]  # fmt: skip
    assert plan_work(folder, config, open_container(config.corpus), never) == plan
    assert WorkPlan.parse(plan.as_json()) == plan
    assert not list(folder.path.glob("*.partial"))


def test_shards_without_a_record_are_left_out(tmp_path: Path) -> None:
    corpus = make_corpus(tmp_path, 5)
    _, plan = planned(config_of(corpus, shards=40))
    assert (plan.count, plan.records) == (40, 5)
    assert 0 < len(plan.shards) <= 5


def test_originals_go_along_cut_or_whole(tmp_path: Path) -> None:
    corpus = make_corpus(tmp_path)
    records = [{"id": f"de-{n}", "instruction": f"Greeting {n}", "output": "Nice to see you."} for n in range(300)]
    by_id = write_lines(tmp_path / "en.jsonl", *records)
    _, plan = planned(config_of(corpus, source=by_id))
    assert {shard.source for shard in plan.shards} == {"en.jsonl"}
    by_line = write_lines(tmp_path / "lines.jsonl", *[{k: v for k, v in r.items() if k != "id"} for r in records])
    _, plan = planned(config_of(corpus, source=by_line, work=tmp_path / "other"))
    assert [shard.source for shard in plan.shards] == [f"lines.shard-{n}-of-3.jsonl" for n in (1, 2, 3)]


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"kinds": "-mojibake"}, r"the settings differ .* began with: kinds \(-mojibake\)"),
        ({"shards": 4}, "cut into 3 shards in .*, not into 4"),
        ({"language": "de"}, r"language \(auto before, de now\)"),
    ],
)
def test_it_belongs_to_one_set_of_settings(config: RunConfig, settings: dict[str, object], said: str) -> None:
    planned(config)
    with pytest.raises(UsageError, match=said):
        planned(config_of(config.corpus, **settings))


def test_what_shapes_nothing_may_change(config: RunConfig) -> None:
    planned(config)
    planned(config_of(config.corpus, workers=3, quiet=True, resource=["GPU=1"], output=config.corpus.parent / "x"))


def test_a_corpus_that_has_changed_is_refused_and_one_that_was_only_touched_is_not(config: RunConfig) -> None:
    folder, plan = planned(config)
    os.utime(config.corpus, ns=(1, 1))
    assert planned(config)[1] == plan
    content = config.corpus.read_bytes()
    config.corpus.write_bytes(content.replace(b"Nummer 7", b"Nummer 8"))
    with pytest.raises(UsageError, match=r"corpus.jsonl has changed since it was cut"):
        planned(config)
    other = shutil.copyfile(config.corpus, config.corpus.parent / "other.jsonl")
    with pytest.raises(UsageError, match=r"other.jsonl is not corpus.jsonl, whose shards are in"):
        plan_work(folder, config_of(other), open_container(other), never)


def test_while_one_machine_cuts_the_others_wait(config: RunConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    assert config.work
    folder = WorkFolder(config.work)
    folder.make()
    waited = 0
    monkeypatch.setattr("midb.cluster.work_folder._LOOK", 0)
    with folder.locked("cutting") as held:
        assert held
        with pytest.raises(UsageError, match=r"is being filled by another run \(.*, process \d+\)"):
            planned(config)

        class EnoughError(Exception):
            pass

        def wait() -> None:
            nonlocal waited
            waited += 1
            if waited == 3:
                raise EnoughError

        with pytest.raises(EnoughError):
            plan_work(folder, config, open_container(config.corpus), never, wait=wait)
    assert planned(config)[1].records == 300


def test_where_two_cut_at_once_the_first_one_counts(config: RunConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    assert config.work
    folder = WorkFolder(config.work)
    faster: list[WorkPlan] = []

    def shards() -> int:
        if not faster:  # a second machine, which no lock keeps away, is done before the first one
            faster.append(_cut_elsewhere(folder, config))
        return 3

    def no_locks(descriptor: int) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr("midb.cluster.work_folder.lock_file", no_locks)
    assert plan_work(folder, config, open_container(config.corpus), shards) == faster[0]
    assert not list(folder.path.glob("*.partial"))


def _cut_elsewhere(folder: WorkFolder, config: RunConfig) -> WorkPlan:
    return plan_work(folder, config, open_container(config.corpus), lambda: 3)


def test_what_a_killed_one_left_half_cut_is_removed(config: RunConfig) -> None:
    assert config.work
    left = config.work / "shards.0123.partial"
    left.mkdir(parents=True)
    (left / "corpus.shard-1-of-3.jsonl").write_bytes(b"half")
    planned(config)
    assert not left.exists()


def test_a_broken_plan_is_a_sentence(config: RunConfig) -> None:
    folder, _ = planned(config)
    (folder.shards / "work.json").write_text("{}")
    with pytest.raises(MidbError, match="is not whole"):
        planned(config)


def test_a_folder_that_cannot_be_made_is_a_sentence(config: RunConfig) -> None:
    with pytest.raises(MidbError, match="there is no folder"):
        planned(config.model_copy(update={"work": config.corpus / "work"}))
