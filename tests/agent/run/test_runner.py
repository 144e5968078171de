"""A run: whatever bytes come in, the ledger balances and every record is there; what it says, and how it ends."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from cli_fixtures import rows
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from log_fixtures import NUMBER, Story, pair, record
from model_runs import improving, write_corpus
from scripted import ScriptedEngine
from small_runs import (
    BROKEN,
    MENDED,
    broken_records,
    engine_on_a_loop,
    lines_of,
    names_in,
    run_over,
    session_over,
    write_lines,
)

from midb.agent.engines.protocol import EngineDown
from midb.agent.run import batches
from midb.agent.run.batches import BATCH
from midb.agent.run.runner import ASKED, CONTEXT, SHOWN_EDITS, Runner, StrictError, batch_done
from midb.agent.run.session import open_session
from midb.agent.run.worker_pool import WorkerPool
from midb.corpus.formats.containers import open_container
from midb.corpus.raw import RawRecord
from midb.domain.decisions import Action, Outcome, Pass
from midb.domain.errors import CorpusError
from midb.domain.events import BatchDone, Event, LineRejected, ModelUsed, RunEnded, Tally, Waiting, Warned
from midb.runs.config import load_config

TEXT = st.text(max_size=60)
MARKS = st.sampled_from(
    [
        "1. a\n2. b\n2. c\n4. d",
        "<noinput>",
        "cafÃ© Ã  la",
        "17 + 25 = 43",
        "```py\nx",
        "a" * 200,
        "\u200b",
        "3.5 m",
        "12%",
    ]
)
RECORD = st.fixed_dictionaries(
    {"instruction": TEXT | MARKS, "output": TEXT | MARKS | st.none()},
    optional={
        "input": TEXT | MARKS,
        "id": TEXT | st.integers(),
        "lang": st.sampled_from(["de", "ja", "ar", "tr", "??"]),
    },
)
LINE = RECORD.map(lambda record: json.dumps(record).encode()) | st.binary(max_size=40)
FIRST = b'{"instruction": "Nenne ein Tier.", "input": "", "output": "Der Hund ist ein Tier."}'


def run(corpus: Path) -> tuple[RunEnded, Tally]:
    config = load_config(None, {"corpus": corpus, "workers": 0, "fresh": True})
    session = open_session(config, open_container(corpus), ["run", str(corpus)])
    tally = Tally()
    try:
        return Runner(
            session, lambda event: tally.add(event) if isinstance(event, BatchDone) else None, bool
        ).run(), tally
    finally:
        session.log.close()


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(LINE, max_size=12))
@example([b"", b" ", b"\r", b"{}", b"[]", b"null", b'{"instruction": "x"}'])
def test_any_bytes(tmp_path: Path, lines: list[bytes]) -> None:
    corpus = tmp_path / "c.jsonl"
    corpus.write_bytes(b"\n".join([FIRST, *lines]))
    for path in tmp_path.glob("c.boosted*"):
        path.unlink()
    ended, tally = run(corpus)
    assert ended.balanced
    assert ended.read == sum(ended.outcomes.values()) + ended.rejected
    assert (tally.records, tally.rejected) == (ended.read - ended.rejected, ended.rejected)
    assert dict(tally.outcomes) == dict(ended.outcomes)
    written = [line for line in (tmp_path / "c.boosted.jsonl").read_bytes().split(b"\n") if line.strip()]
    assert len(written) == tally.records
    for line in written:
        json.loads(line)
    rejected = tmp_path / "c.boosted.jsonl.rejected.jsonl"
    assert (len(rejected.read_bytes().splitlines()) if rejected.exists() else 0) == ended.rejected


@settings(max_examples=150, deadline=None)
@given(st.binary(min_size=1, max_size=200))
def test_any_file_is_a_corpus_or_a_clear_error(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    folder = tmp_path_factory.mktemp("any")
    corpus = folder / "c.jsonl"
    corpus.write_bytes(data)
    try:
        ended, _ = run(corpus)
    except CorpusError as error:
        assert error.message.endswith("."), error.message
        assert [path.name for path in folder.iterdir()] == ["c.jsonl"]
    else:
        assert ended.balanced


# -- what a run says ---------------------------------------------------------------------------------------------------


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Batches of two."""
    monkeypatch.setattr(batches, "BATCH", 2)


def test_every_batch_and_every_rejected_line_is_said_in_order(tmp_path: Path, small: None) -> None:
    events: list[Event] = []
    corpus = write_lines(tmp_path / "c.jsonl", *broken_records(2), b"oops", *broken_records(4))
    ended = run_over(corpus, emit=events.append)
    assert [type(event) for event in events] == [
        Waiting, BatchDone, LineRejected, BatchDone, BatchDone, BatchDone, Warned,
    ]  # fmt: skip
    rejected = events[2]
    assert isinstance(rejected, LineRejected)
    assert (rejected.line, rejected.reason) == (3, "invalid-json")
    assert [event.records for event in events if isinstance(event, BatchDone)] == [2, 1, 2, 1]
    assert (ended.status, ended.read, ended.rejected, ended.balanced) == ("finished", 7, 1, True)
    assert ended.outcomes == {("de", Outcome.UNCHANGED): 3, ("de", Outcome.IMPROVED): 3}
    assert (ended.repaired, ended.open) == ({"mojibake": 3}, {})
    assert ended.output == str(tmp_path / "c.boosted.jsonl")
    assert ended.rejected_path == str(tmp_path / "c.boosted.jsonl.rejected.jsonl")


def test_it_takes_as_long_as_its_clock_says(tmp_path: Path) -> None:
    ticks = iter([10.0, 14.5])
    with session_over(write_lines(tmp_path / "c.jsonl", *broken_records(1))) as session:
        assert Runner(session, lambda _: None, bool, lambda: next(ticks)).run().seconds == 4.5


def test_a_warning_is_said_and_logged_once(tmp_path: Path, small: None) -> None:
    said: list[Event] = []
    corpus = write_lines(tmp_path / "c.jsonl", *broken_records(3))
    with session_over(corpus) as session:
        runner = Runner(session, said.append, bool)
        runner.warn("it is late")
        runner.run()
    assert [event.message for event in said if isinstance(event, Warned)] == ["it is late"]
    logged = rows(tmp_path / "c.boosted.jsonl.audit.db", "SELECT level, message FROM run_events")
    assert logged == [("warning", "it is late")]


def test_what_the_survey_warns_of_is_logged_by_the_run_that_begins(tmp_path: Path, small: None) -> None:
    corpus = write_lines(tmp_path / "c.jsonl", *({"lang": "qq", **line} for line in broken_records(4)))
    db = tmp_path / "c.boosted.jsonl.audit.db"
    run_over(corpus, language="auto", stopped=lambda: True)
    (warned,) = rows(db, "SELECT message FROM run_events")
    assert "qq" in warned[0]
    run_over(corpus, language="auto")
    assert rows(db, "SELECT message FROM run_events") == [warned]


@pytest.mark.parametrize(("copies", "told"), [(2, "1 id stands for more than one record"), (1, "")])
def test_ids_that_stand_twice_are_said_at_the_end(copies: int, told: str, tmp_path: Path) -> None:
    corpus = write_lines(tmp_path / "c.jsonl", *[line for line in broken_records(1) for _ in range(copies)])
    run_over(corpus)
    logged = [message for (message,) in rows(tmp_path / "c.boosted.jsonl.audit.db", "SELECT message FROM run_events")]
    assert [message[: len(told)] for message in logged] == ([told] if told else [])


def test_a_model_is_asked_about_few_records_at_once_however_many_its_server_takes(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "c.jsonl", *broken_records(BATCH))
    with session_over(path) as session:
        for places, expected in ((1000, ASKED), (3, 3)):
            model: Any = SimpleNamespace(engine=SimpleNamespace(places=places))
            first = next(Runner(replace(session, model=model), lambda event: None, bool)._left())
            assert len(first.records) == expected < BATCH
        assert len(next(Runner(session, lambda event: None, bool)._left()).records) == BATCH


def test_a_record_that_killed_its_worker_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blame: list[Callable[[RawRecord], None]] = []
    init = WorkerPool.__init__

    def listening(self: WorkerPool, *args: Any, on_crash: Callable[[RawRecord], None], **more: Any) -> None:
        blame.append(on_crash)
        init(self, *args, on_crash=on_crash, **more)

    monkeypatch.setattr(WorkerPool, "__init__", listening)
    events: list[Event] = []
    with session_over(write_lines(tmp_path / "c.jsonl", *broken_records(1))) as session:
        runner = Runner(session, events.append, bool)
        runner.run()
        blame[0](RawRecord.alone(b"x", 4))
    warned = events[-1]
    assert isinstance(warned, Warned)
    assert warned.message.startswith("line 5: examining this record killed a worker process")


# -- how a run ends ----------------------------------------------------------------------------------------------------


def test_stopped_between_two_batches_it_can_be_resumed(tmp_path: Path, small: None) -> None:
    corpus = write_lines(tmp_path / "c.jsonl", *broken_records(5))
    output, db = tmp_path / "c.boosted.jsonl", tmp_path / "c.boosted.jsonl.audit.db"
    answers = iter([False, True])
    ended = run_over(corpus, stopped=lambda: next(answers))
    assert (ended.status, ended.read, ended.output) == ("interrupted", 4, str(output) + ".partial")
    assert ended.resume_command == f"midb-agent run {corpus}"
    assert not output.exists()
    assert rows(db, "SELECT status FROM runs") == [("interrupted",)]
    ended = run_over(corpus)
    assert (ended.status, ended.read) == ("finished", 5)
    assert [line["output"] for line in lines_of(output)] == [MENDED] * 5
    assert names_in(tmp_path) == ["c.boosted.jsonl", "c.boosted.jsonl.audit.db", "c.jsonl"]


def test_strict_ends_at_the_first_line_that_cannot_be_read(tmp_path: Path, small: None) -> None:
    corpus = write_lines(tmp_path / "c.jsonl", *broken_records(3), b"oops", *broken_records(2))
    with pytest.raises(StrictError, match="line 4: not valid JSON") as caught:
        run_over(corpus, strict=True)
    assert "leave --strict out" in caught.value.hint
    db = tmp_path / "c.boosted.jsonl.audit.db"
    assert rows(db, "SELECT status FROM runs") == [("interrupted",)]
    assert rows(db, "SELECT count(*) FROM records") == [(2,)], "the batches before it are kept"
    assert run_over(corpus).read == 6


def test_a_limit_ends_the_output_as_its_format_ends(tmp_path: Path) -> None:
    corpus = tmp_path / "c.json"
    corpus.write_text(json.dumps(list(broken_records(4))))
    assert run_over(corpus, limit=2).read == 2
    assert len(json.loads((tmp_path / "c.boosted.json").read_bytes())) == 2


# -- with a model ------------------------------------------------------------------------------------------------------


def test_a_model_rewrites_and_what_it_did_is_said(tmp_path: Path, small: None) -> None:
    corpus = write_corpus(tmp_path, 5)
    events: list[Event] = []
    with (
        engine_on_a_loop(ScriptedEngine(improving())) as engine,
        session_over(corpus, engine, model="scripted", concurrency=2) as session,
    ):
        ended = Runner(session, events.append, bool).run()
    assert [line["output"].endswith("vielmehr") for line in lines_of(tmp_path / "c.boosted.jsonl")] == [True] * 5
    assert ended.usage.calls == 15
    used = [event for event in events if isinstance(event, ModelUsed)]
    assert used[-1].usage == ended.usage


def test_with_a_server_of_few_places_records_are_written_as_they_are_done(tmp_path: Path) -> None:
    events: list[Event] = []
    with (
        engine_on_a_loop(ScriptedEngine(improving(), concurrency=2)) as engine,
        session_over(write_corpus(tmp_path, 5), engine, model="scripted") as session,
    ):
        Runner(session, events.append, bool).run()
    assert [event.records for event in events if isinstance(event, BatchDone)] == [2, 2, 1]


def test_a_budget_that_is_used_up_ends_it_and_is_said(tmp_path: Path, small: None) -> None:
    corpus = write_corpus(tmp_path, 9)
    said: list[Event] = []
    with (
        engine_on_a_loop(ScriptedEngine(improving())) as engine,
        session_over(corpus, engine, model="scripted", concurrency=2, budget="1tok") as session,
    ):
        ended = Runner(session, said.append, bool).run()
    assert ended.status == "interrupted"
    assert 0 < ended.read < 9
    logged = rows(tmp_path / "c.boosted.jsonl.audit.db", "SELECT message FROM run_events")
    assert [event.message for event in said if isinstance(event, Warned)] == [message for (message,) in logged]
    assert "the budget of 1tok is used up" in logged[0][0]


def test_an_engine_that_is_down_leaves_what_was_done(tmp_path: Path, small: None) -> None:
    corpus = write_corpus(tmp_path, 6)
    improve = improving()
    engine = ScriptedEngine(lambda request: EngineDown("gone.") if "in Satz 4," in str(request) else improve(request))
    with engine_on_a_loop(engine) as on_loop:
        with (
            pytest.raises(EngineDown),
            session_over(corpus, on_loop, model="scripted", concurrency=1) as session,
        ):
            Runner(session, lambda _: None, bool).run()
        assert rows(tmp_path / "c.boosted.jsonl.audit.db", "SELECT count(*) FROM records") == [(4,)]
        engine.answer = improve
        asked = len(engine.requests)
        with session_over(corpus, on_loop, model="scripted", concurrency=1) as session:
            assert Runner(session, lambda _: None, bool).run().status == "finished"
        assert len(engine.requests) - asked == 6, "a rewrite and two verdicts each for two records"


def test_a_resumed_run_is_told_what_its_batches_told_before(tmp_path: Path, small: None) -> None:
    """With it the figures on the screen are totals: what is told in both parts adds up to what is told in one go."""
    corpus = write_lines(tmp_path / "c.jsonl", *broken_records(3), b"oops", *broken_records(4))
    answers = iter([False, False, True, True, True])
    first: list[Event] = []
    assert run_over(corpus, emit=first.append, stopped=lambda: next(answers)).status == "interrupted"
    told = Tally()
    for event in first:
        if isinstance(event, BatchDone):
            told.add(event)
    with session_over(corpus) as session:
        behind = session.plan.behind
        assert behind is not None
        counted = Tally()
        counted.add(behind.counts)
        assert counted == told
        assert told.records + told.rejected == session.plan.resumed_at == 6
        assert behind.reasons == {"invalid-json": 1}
    ended = run_over(corpus)
    assert ended.status == "finished"
    with session_over(corpus) as session:
        assert session.plan.behind is None, "nothing is left to go on with"


# -- what the dashboard is told of a batch -----------------------------------------------------------------------------


def test_a_batch_is_counted() -> None:
    repaired = Story(pair("x 2.5 y")).rewrite(Pass.LOCALIZATION, "decimal-separator", ("2.5", "2,5")).verified()
    refused = Story(pair("20")).rewrite(Pass.CONTENT, "false-equation", ("20", "18"), violations=[NUMBER])
    clean = Story(pair("Ja.")).skipped()
    done = batch_done([record(0, "a", "de", repaired, clean), record(1, "b", "fr", refused)], 2)
    assert (done.records, done.rejected, done.pairs) == (2, 2, 3)
    assert done.outcomes == {("de", Outcome.IMPROVED): 1, ("fr", Outcome.REVERTED): 1}
    assert done.decisions == {
        (Pass.LOCALIZATION, Action.APPLIED): 1, (Pass.VERIFICATION, Action.APPLIED): 1,
        (Pass.CONTENT, Action.REJECTED): 1,
    }  # fmt: skip
    assert (done.repaired, done.open) == ({"decimal-separator": 1}, {"false-equation": 1})


def test_a_few_edits_are_shown_each_with_what_stands_around_it() -> None:
    text = "a" * 99 + "2.5" + "b" * 99
    stories = [Story(pair(text)).rewrite(Pass.LOCALIZATION, "decimal-separator", ("2.5", "2,5")) for _ in range(9)]
    done = batch_done([record(n, f"r{n}", "de", story) for n, story in enumerate(stories)], 0)
    assert [edit.record for edit in done.edits] == [f"r{n}" for n in range(SHOWN_EDITS)]
    edit = done.edits[0]
    assert (edit.before, edit.after, edit.left, edit.right) == ("2.5", "2,5", "a" * CONTEXT, "b" * CONTEXT)
    assert (edit.language, edit.pass_, edit.kind, edit.field) == ("de", "localization", "decimal-separator", "response")


def test_what_was_taken_back_is_not_shown() -> None:
    refused = Story(pair(BROKEN)).rewrite(Pass.CONTENT, "x", (BROKEN, MENDED), violations=[NUMBER])
    assert batch_done([record(0, "a", "de", refused)], 0).edits == ()
