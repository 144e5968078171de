"""Opening a run: everything is checked before anything is begun, and a model is started only where it is needed."""

from __future__ import annotations

import json
import shlex
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from cli_fixtures import rows
from scripted import ScriptedEngine, left_alone
from small_runs import broken_records, engine_on_a_loop, names_in, run_over, session_over, write_lines

from midb.agent.engines.protocol import EngineDown
from midb.agent.model.settings import Route
from midb.agent.run.batches import BATCH
from midb.agent.run.resuming import EMBEDDED
from midb.agent.run.runner import Runner
from midb.agent.run.session import INLINE_RECORDS, LoggedGenerations, mode_of, resume_command, salt_of, worker_count
from midb.audit.log import AuditLog
from midb.corpus.output import DEFAULT_MODE
from midb.domain.decisions import Pass
from midb.domain.errors import CorpusError, UsageError
from midb.domain.generations import Generation, GenerationKey
from midb.domain.hashing import file_sha256
from midb.runs.config import load_config


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    return write_lines(tmp_path / "c.jsonl", *broken_records(4))


def test_the_log_says_what_is_run_with_what(corpus: Path) -> None:
    with session_over(corpus, kinds="-mojibake", limit=3) as session:
        run = session.attached.run
    assert (run.kind, run.status, run.engine, run.parent_run) == ("run", "running", EMBEDDED, None)
    assert (run.corpus, run.corpus_sha256, run.corpus_bytes) == (
        str(corpus), file_sha256(corpus), corpus.stat().st_size,
    )  # fmt: skip
    assert (run.output, run.rejected) == ("c.boosted.jsonl", "c.boosted.jsonl.rejected.jsonl")
    config = json.loads(run.config)
    assert (config["language"], config["limit"], config["model"]) == ("de", 3, None)
    assert "mojibake" not in config["kinds"]
    assert {"midb-agent", "python", "langgraph", "ftfy"} <= set(json.loads(run.versions))


def test_the_plan_is_what_a_user_sees_first(corpus: Path, tmp_path: Path) -> None:
    source = write_lines(tmp_path / "en.jsonl", *({"instruction": f"Greeting {n}"} for n in range(4)))
    with session_over(corpus, source=source, limit=3, passes="content") as session:
        plan = session.plan
    assert (plan.total, plan.format, plan.language) == (3, "JSON Lines", "de (as you say)")
    assert plan.layout == f"Alpaca, source in {source} (aligned by line)"
    assert (plan.passes, plan.engine, plan.model) == (("content", "verification"), "embedded default, no model", False)
    assert (plan.output, plan.database) == (str(session.places.output), str(session.places.db))
    assert (plan.workers, plan.resumed_at, plan.budget) == (0, 0, "")


@pytest.mark.parametrize("named", ["en", "en/*.jsonl", "*/part-*"])
def test_a_source_may_be_a_folder_or_a_pattern_and_is_known_again(named: str, corpus: Path, tmp_path: Path) -> None:
    (tmp_path / "en").mkdir()
    for part in range(2):
        greetings = ({"instruction": f"Greeting {2 * part + n}"} for n in range(2))
        write_lines(tmp_path / "en" / f"part-{part}.jsonl", *greetings)
    with session_over(corpus, source=tmp_path / named) as session:
        assert session.plan.layout.endswith("(aligned by line)")
        first = json.loads(session.attached.run.config)["source"]
    (tmp_path / "en" / "README.md").write_text("What nobody reads.")
    with session_over(corpus, source=tmp_path / named) as session:
        assert json.loads(session.attached.run.config)["source"] == first
    write_lines(tmp_path / "en" / "part-1.jsonl", {"instruction": "Another"}, {"instruction": "More"})
    with session_over(corpus, source=tmp_path / named, fresh=True) as session:
        assert json.loads(session.attached.run.config)["source"] != first


def test_sources_within_the_records_are_told(tmp_path: Path) -> None:
    records = ({"instruction": f"Frage {n}", "source": {"instruction": f"Question {n}"}} for n in range(3))
    with session_over(write_lines(tmp_path / "c.jsonl", *records)) as session:
        assert session.plan.layout.endswith(", English source in `source`")


def test_what_is_not_finished_is_resumed_and_what_it_warned_of_is_not_said_again(tmp_path: Path) -> None:
    corpus = write_lines(tmp_path / "c.jsonl", *({"lang": "qq", **record} for record in broken_records(2 * BATCH + 16)))
    with session_over(corpus, language="auto") as session:
        assert "qq" in session.new_warnings[0]
    stops = iter([False, True])
    assert run_over(corpus, language="auto", stopped=lambda: next(stops, True)).status == "interrupted"
    with session_over(corpus, language="auto") as session:
        assert session.attached.checkpoint.position == session.plan.resumed_at == 2 * BATCH
        assert session.new_warnings == ()
        assert session.corpus.found.warnings


def test_a_finished_run_is_attached_as_finished(corpus: Path) -> None:
    assert run_over(corpus).status == "finished"
    with session_over(corpus) as session:
        assert session.attached.finished
        assert session.model is None


@pytest.mark.parametrize(
    ("content", "settings", "error"),
    [(b"", {}, CorpusError), (b"[]", {}, CorpusError), (None, {"output": Path(".")}, UsageError)],
)
def test_what_cannot_be_run_leaves_nothing_behind(
    corpus: Path, content: bytes | None, settings: dict[str, Any], error: type[Exception], tmp_path: Path
) -> None:
    if content is not None:
        corpus.write_bytes(content)
    with pytest.raises(error), session_over(corpus, None, **settings):
        pass
    assert names_in(tmp_path) == ["c.jsonl"]


def test_an_output_without_a_log_is_somebody_else_s(corpus: Path, tmp_path: Path) -> None:
    (tmp_path / "c.boosted.jsonl").write_bytes(b"precious")
    with pytest.raises(UsageError, match="is not what midb-agent wrote there"), session_over(corpus):
        pass
    assert names_in(tmp_path) == ["c.boosted.jsonl", "c.jsonl"], "not even a log is begun"


@pytest.mark.parametrize("ending", [".partial", ".rejected.jsonl", ".temporary"])
def test_nor_is_what_lies_where_the_output_will_grow(corpus: Path, tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"c.boosted.jsonl{ending}"
    path.write_bytes(b"precious")
    with pytest.raises(UsageError, match="is not what midb-agent wrote there"), session_over(corpus):
        pass
    assert path.read_bytes() == b"precious"
    assert names_in(tmp_path) == sorted(["c.jsonl", path.name])


@pytest.mark.parametrize("mode", [0o600, 0o640])
def test_others_may_read_no_more_than_the_corpus(corpus: Path, tmp_path: Path, mode: int) -> None:
    corpus.chmod(mode)
    with session_over(corpus) as session:
        assert session.mode == mode
        assert session.places.db.stat().st_mode & 0o777 == mode
    assert mode_of(load_config(None, {"corpus": Path("-")}), session.corpus.container) == DEFAULT_MODE


def test_a_log_that_cannot_be_continued_is_let_go_of(corpus: Path, tmp_path: Path) -> None:
    run_over(corpus)
    with pytest.raises(UsageError, match="settings differ"), session_over(corpus, typography=True):
        pass
    assert names_in(tmp_path) == ["c.boosted.jsonl", "c.boosted.jsonl.audit.db", "c.jsonl"], "no lock is left"


# -- with a model ------------------------------------------------------------------------------------------------------


def test_a_model_is_started_with_the_settings_of_the_run(corpus: Path) -> None:
    engine = ScriptedEngine(left_alone)
    with (
        engine_on_a_loop(engine) as on_loop,
        session_over(corpus, on_loop, model="scripted", route="all", budget="1e6tok") as session,
    ):
        assert engine.started
        assert session.model is not None
        assert session.loop is on_loop.loop
        assert (session.model.settings.route, session.model.settings.budget.tokens) == (Route.ALL, 1e6)
        assert session.model.settings.salt == salt_of(session.corpus) == session.corpus.found.sha256[:12]
        assert (session.workers, session.plan.engine, session.plan.model) == (32, "scripted", True)
        assert session.plan.budget == "1e6tok"
        assert session.attached.run.engine == "scripted 1"
        assert "prompts" in json.loads(session.attached.run.config)


def test_a_model_is_not_started_to_say_that_all_is_done(corpus: Path) -> None:
    engine = ScriptedEngine(left_alone)
    with engine_on_a_loop(engine) as on_loop:
        with session_over(corpus, on_loop, model="scripted") as session:
            Runner(session, lambda _: None, bool).run()
        engine.started = False
        with session_over(corpus, on_loop, model="scripted") as session:
            assert session.attached.finished
        assert not engine.started


def test_an_engine_that_does_not_start_leaves_no_run(corpus: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(self: ScriptedEngine) -> None:
        raise EngineDown("nobody there.")

    monkeypatch.setattr(ScriptedEngine, "start", fail)
    engine = engine_on_a_loop(ScriptedEngine(left_alone))
    with engine as on_loop, pytest.raises(EngineDown), session_over(corpus, on_loop, model="scripted"):
        pass
    db = corpus.with_name("c.boosted.jsonl.audit.db")
    assert rows(db, "SELECT count(*) FROM runs") == [(0,)]
    AuditLog(db).close()  # it is not locked


def test_a_dry_run_is_a_run_of_its_own_kind_and_never_resumed(corpus: Path) -> None:
    with engine_on_a_loop(ScriptedEngine(left_alone)) as on_loop:
        for number in (1, 2):
            with session_over(corpus, on_loop, model="scripted", **{"dry-run": 2}) as session:
                assert (session.attached.run.id, session.attached.run.kind) == (number, "dry-run")


def test_replies_are_those_of_the_log(corpus: Path) -> None:
    key = GenerationKey("ab" * 32, "scripted 1", "{}")
    reply = Generation(key=key, pass_="content", messages=(("user", "x"),), completion="y", finish_reason="stop")
    with session_over(corpus) as session:
        store = LoggedGenerations(session.log, session.attached.run)
        assert store.find(key) is None
        (added,) = store.add([reply])
        assert added.id == 1
        found = store.find(key)
        assert found is not None
        assert (found.completion, found.reused) == ("y", True)
        db = session.log.path
    with closing(sqlite3.connect(db)) as connection, connection:
        assert connection.execute("SELECT run_id, completion FROM generations").fetchall() == [(1, "y")]


# -- the parts ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("left", "workers", "expected"),
    [(0, 4, 0), (INLINE_RECORDS - 1, 4, 0), (INLINE_RECORDS, 4, 4), (10**6, 0, 0)],
)
def test_few_records_need_no_worker_processes(left: int, workers: int, expected: int) -> None:
    assert worker_count(load_config(None, {"corpus": Path("c"), "workers": workers}), left) == expected


@pytest.mark.parametrize(("asked", "expected"), [(None, 32), (5, 5)])
def test_with_a_model_workers_are_records_under_way(asked: int | None, expected: int) -> None:
    config = load_config(None, {"corpus": Path("c"), "model": "scripted", "concurrency": asked})
    with engine_on_a_loop(ScriptedEngine(left_alone)) as engine:
        assert worker_count(config, 1, engine) == expected


def test_the_command_to_resume_can_be_typed() -> None:
    command = resume_command(["run", "my corpus.jsonl", "--fresh", "--kinds=+a,-b"])
    assert command == "midb-agent run 'my corpus.jsonl' --kinds=+a,-b"
    assert shlex.split(command)[2] == "my corpus.jsonl"


def test_the_run_of_a_moved_folder_names_its_files_from_the_log(tmp_path: Path) -> None:
    corpus = write_lines(tmp_path / "c.jsonl", *broken_records(1))
    (tmp_path / "logs").mkdir()
    with session_over(corpus, db=tmp_path / "logs" / "x.db") as session:
        assert session.attached.run.output == "../c.boosted.jsonl"


def test_every_pass_that_is_visited_is_told_in_its_order(corpus: Path) -> None:
    with session_over(corpus, passes="localization,content") as session:
        assert session.plan.passes == ("content", "localization", "verification")
        assert session.settings.passes == {Pass.CONTENT, Pass.LOCALIZATION, Pass.VERIFICATION}
