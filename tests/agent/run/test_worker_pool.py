"""Worker processes: results come in order, and where one dies no record is lost, few processes are started, and nobody
is blamed who did not do it."""

from __future__ import annotations

import contextlib
import importlib
import json
import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from midb.agent.forking import FORKS, Nursery
from midb.agent.run import worker_pool
from midb.agent.run.batches import BATCH, Result, batches_of
from midb.agent.run.examine import ExaminerSettings, explain_left_alone
from midb.agent.run.worker_pool import NoWorkersError, WorkerPool, examine_corpus
from midb.corpus.formats.containers import open_container
from midb.corpus.opened import OpenedCorpus, open_corpus
from midb.detectors import KindSelection
from midb.domain.results import RecordResult
from midb.runs.config import load_config

SUPPORT = Path(__file__).resolve().parents[2] / "support"
RECORDS = 3 * BATCH + 5


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """The worker processes that are started."""
    made: list[object] = []
    init = worker_pool._Worker.__init__

    def counted(self: worker_pool._Worker, nursery: Nursery, settings: ExaminerSettings) -> None:
        made.append(self)
        init(self, nursery, settings)

    monkeypatch.setattr(worker_pool._Worker, "__init__", counted)
    monkeypatch.syspath_prepend(SUPPORT)  # worker processes inherit the path
    return made


@pytest.fixture
def corpus(tmp_path: Path) -> Callable[[int], OpenedCorpus]:
    """A corpus in which one record, by its number, is deadly."""

    def make(deadly: int, records: int = RECORDS) -> OpenedCorpus:
        path = tmp_path / "c.jsonl"
        lines = [{"instruction": "kill" if n == deadly else f"frage {n}", "output": "a"} for n in range(records)]
        path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
        return open_corpus(open_container(path), language="de")

    return make


def examine(
    corpus: OpenedCorpus, stopped: Callable[[], bool] = lambda: False, workers: int = 2
) -> tuple[list[Result], list[int]]:
    """The results of all records, and the lines that were blamed."""
    settings = ExaminerSettings(rules=corpus.rules, selection=KindSelection(frozenset()))
    blamed: list[int] = []
    with WorkerPool(settings, workers, on_crash=lambda raw: blamed.append(raw.line)) as pool:
        done = list(pool.examine(batches_of(corpus), stopped))
    return [result for batch, results in done for _, result in batch.answers(results)], blamed


def test_a_corpus_that_ends_with_a_batch_comes_to_its_end(
    corpus: Callable[..., OpenedCorpus], started: list[object]
) -> None:
    """Its last batch holds nothing to examine."""
    results, blamed = examine(corpus(-1, records=2 * BATCH))
    assert len(results) == 2 * BATCH
    assert blamed == []


@pytest.mark.parametrize("workers", [0, 2])
def test_results_come_in_the_order_of_the_corpus(
    workers: int, corpus: Callable[[int], OpenedCorpus], started: list[object]
) -> None:
    opened = corpus(-1)
    settings = ExaminerSettings(rules=opened.rules, selection=KindSelection(frozenset()))
    done = list(examine_corpus(opened, settings, workers))
    assert [result.position for _, result in done] == [raw.position for raw, _ in done] == list(range(RECORDS))
    assert len(started) == workers


@pytest.mark.parametrize("batches", [1, 2])
def test_without_workers_it_stops_between_two_batches(batches: int, corpus: Callable[[int], OpenedCorpus]) -> None:
    opened = corpus(-1)
    settings = ExaminerSettings(rules=opened.rules, selection=KindSelection(frozenset()))
    asked: list[int] = []

    def stopped() -> bool:
        asked.append(1)
        return len(asked) == batches

    with WorkerPool(settings, 0) as pool:
        done = list(pool.examine(batches_of(opened), stopped))
    assert [len(results) for _, results in done] == [BATCH] * batches


@pytest.mark.parametrize("workers", [1, 2])
def test_batches_that_fit_no_pipe_come_through(
    workers: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, started: list[object]
) -> None:
    """Nobody sends to who is sending: what goes to a worker and what comes from it are both too long to be kept."""
    monkeypatch.setattr("midb.agent.run.batches.BATCH", 2)
    path = tmp_path / "c.jsonl"
    long = "Das ist ein langer Satz. " * 20_000
    lines = [{"instruction": f"frage {n}", "output": long if n % 4 < 3 else "kurz"} for n in range(13)]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    results, blamed = examine(open_corpus(open_container(path), language="de"), workers=workers)
    assert [result.position for result in results] == list(range(13))
    assert blamed == []
    assert len(started) == workers


@pytest.mark.skipif(not FORKS, reason="the system does not say what it keeps")
def test_what_a_worker_is_sent_beside_its_work_fits_into_its_pipe() -> None:
    ours, theirs = multiprocessing.Pipe()
    room = worker_pool.find_room(ours)
    assert room > 50_000  # most batches of short texts
    os.set_blocking(ours.fileno(), False)  # it fails where it would have to wait
    ours.send_bytes(b"x" * room)
    assert len(theirs.recv_bytes()) == room


def test_workers_load_early_only_where_they_are_surely_of_use(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[object] = []

    @contextlib.contextmanager
    def opened() -> Iterator[None]:
        made.append("nursery")
        yield

    monkeypatch.setattr(worker_pool, "open_nursery", opened)
    large, small = tmp_path / "large.jsonl", tmp_path / "small.jsonl"
    large.write_bytes(b"x" * worker_pool.LONG)
    small.write_bytes(b"x" * (worker_pool.LONG - 1))

    def expected(corpus: Path, **settings: object) -> bool:
        made.clear()
        with worker_pool.expect_workers(load_config(None, {"corpus": corpus, "workers": 2, **settings})):
            return bool(made)

    assert expected(large)
    assert expected(large, limit=worker_pool.MANY)
    for settings in ({"workers": 0}, {"model": "m"}, {"limit": worker_pool.MANY - 1}):
        assert not expected(large, **settings), settings
    assert not any(map(expected, (small, tmp_path, tmp_path / "none.jsonl", Path("-"))))


def test_a_record_that_kills_its_worker_stays_as_it_is(
    corpus: Callable[[int], OpenedCorpus], started: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_pool, "worker_main", importlib.import_module("deadly").deadly_worker)
    results, blamed = examine(corpus(5))
    assert [result.position for result in results] == list(range(RECORDS))
    assert blamed == [6]
    # Two to begin with, one in place of the dead; one for the records before, two for the deadly one, one after it.
    assert len(started) <= 6


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="the system has no such timers")
def test_a_record_that_gets_its_worker_stuck_stays_as_it_is(
    corpus: Callable[..., OpenedCorpus], started: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The system ends the worker; in the next one the record is alone, so that it is surely the one to blame."""
    monkeypatch.setattr(worker_pool, "worker_main", importlib.import_module("deadly").stuck_worker)
    results, blamed = examine(corpus(1, records=3), workers=1)
    assert [result.position for result in results] == [0, 1, 2]
    assert blamed == []
    told = [explain_left_alone(result) for result in results if isinstance(result, RecordResult)]
    line = "line 2: examining it took more than 60 s of processor time; the record stays as it is"
    assert [sentence for sentence in told if sentence] == [line]
    assert results[1].language == "de"  # type: ignore[union-attr]
    # The first, one for the record before and this one, one for the record behind it; one for the end of the corpus.
    assert len(started) <= 4


@pytest.fixture
def deaths_to_come(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[int], Path]:
    """Let so many workers die; what is left of the folder's files are deaths that did not come."""

    def make(deaths: int) -> Path:
        folder = tmp_path / "deaths"
        folder.mkdir()
        for number in range(deaths):
            (folder / str(number)).touch()
        monkeypatch.setenv("MIDB_DEATHS", str(folder))
        return folder

    return make


@pytest.mark.parametrize("deaths", [1, 3])
def test_workers_killed_from_outside_blame_nobody(
    deaths: int,
    corpus: Callable[[int], OpenedCorpus],
    started: list[object],
    deaths_to_come: Callable[[int], Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Both of the first workers, and then the one that examines what the first had."""
    folder = deaths_to_come(deaths)
    monkeypatch.setattr(worker_pool, "worker_main", importlib.import_module("deadly").killed_worker)
    results, blamed = examine(corpus(-1))
    assert not list(folder.iterdir())
    assert [result.position for result in results] == list(range(RECORDS))
    assert blamed == []
    assert len(started) <= 2 + 3 * deaths


@pytest.mark.parametrize(
    ("code", "ended", "tries"),
    [(1, "ended with code 1", 2), (-9, "was killed by SIGKILL", worker_pool.FALSE_STARTS + 1)],
)
def test_workers_that_cannot_begin_end_a_run_and_blame_nobody(
    code: int,
    ended: str,
    tries: int,
    corpus: Callable[[int], OpenedCorpus],
    started: list[object],
    deaths_to_come: Callable[[int], Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Else all records would be left as they are, one after the other, for killing workers that never saw them."""
    deaths_to_come(1_000)
    monkeypatch.setenv("MIDB_EXIT", str(code))
    monkeypatch.setattr(worker_pool, "worker_main", importlib.import_module("deadly").worker_without_a_start)
    with pytest.raises(NoWorkersError, match=rf"end before they have begun \({ended}\)\.") as failed:
        examine(corpus(-1))
    assert "__main__" in failed.value.hint
    assert len(started) <= tries


def test_workers_that_are_killed_at_first_are_started_again(
    corpus: Callable[[int], OpenedCorpus],
    started: list[object],
    deaths_to_come: Callable[[int], Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder = deaths_to_come(worker_pool.FALSE_STARTS - 1)
    monkeypatch.setenv("MIDB_EXIT", "-9")
    monkeypatch.setattr(worker_pool, "worker_main", importlib.import_module("deadly").worker_without_a_start)
    results, blamed = examine(corpus(-1))
    assert not list(folder.iterdir())
    assert [result.position for result in results] == list(range(RECORDS))
    assert blamed == []
    assert len(started) <= worker_pool.FALSE_STARTS + 1


def test_once_stopping_what_a_dead_worker_had_is_left_for_the_next_run(
    corpus: Callable[[int], OpenedCorpus], started: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_pool, "worker_main", importlib.import_module("deadly").deadly_worker)
    results, blamed = examine(corpus(5), stopped=lambda: len(started) >= 2)
    assert results == []
    assert blamed == []
    assert len(started) <= 3
