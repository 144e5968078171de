"""Runs that take verdicts on earlier ones: what is off, who is told, and that it is decided once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest
from cli_fixtures import rows
from review_fixtures import RECORDS, candidates_of
from small_runs import run_over, session_over, write_lines

from midb.agent.run.reviewed import read_reviews
from midb.agent.run.runner import Runner
from midb.audit.reader import AuditReader
from midb.domain.errors import UsageError
from midb.domain.events import RunPlanned
from midb.review.desk import Desk, Said
from midb.runs.config import load_config

Say = Callable[[str, str], None]


@pytest.fixture
def say(log: Path) -> Say:
    with AuditReader(log) as reader:
        desk = Desk(log, reader.run(1))

    def speak(name: str, verdict: str) -> None:
        desk.say("Ana", candidates_of(log)[name], Said(verdict))

    return speak


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    return write_lines(tmp_path / "next.jsonl", *RECORDS)


def given_by(log: Path) -> dict[str, Any]:
    """Settings by which one verdict is enough."""
    return {"reviewed": (log,), "min-verdicts": 1}


def output_of(corpus: Path) -> str:
    return corpus.with_name("next.boosted.jsonl").read_text(encoding="utf-8")


def test_a_kind_is_off_and_everybody_is_told(say: Say, log: Path, corpus: Path) -> None:
    say("one mojibake", "reject")
    say("open imperial-unit", "reject")
    ended = run_over(corpus, **given_by(log))
    assert "SchÃ¶n, dich" in output_of(corpus)
    assert "3,5 Meter" in output_of(corpus), "other kinds go on"
    assert not {"mojibake", "imperial-unit"} & {*ended.repaired, *ended.open}
    assert [note.partition(":")[0] for note in ended.switched_off] == ["imperial-unit in de", "mojibake in de"]
    db = corpus.with_name("next.boosted.jsonl.audit.db")
    assert (
        tuple(row[0] for row in rows(db, "SELECT message FROM run_events WHERE level = 'review'")) == ended.switched_off
    )
    settings = orjson.loads(rows(db, "SELECT config FROM runs")[0][0])["reviewed"]
    assert settings["off"] == ["imperial-unit de findings", "mojibake de repairable"]
    assert (settings["min_precision"], settings["min_verdicts"]) == (0.9, 1)


def test_few_verdicts_switch_nothing_off_unless_asked(say: Say, log: Path, corpus: Path) -> None:
    say("one mojibake", "reject")
    ended = run_over(corpus, reviewed=(log,))
    assert "Schön, dich" in output_of(corpus)
    assert "too few to tell, it stays on" in " ".join(ended.switched_off)


def test_what_was_decided_holds_when_the_run_goes_on(say: Say, log: Path, corpus: Path) -> None:
    say("one mojibake", "reject")
    given = given_by(log)
    first = run_over(corpus, limit=2, **given)
    say("one mojibake", "accept")
    say("open imperial-unit", "reject")
    second = run_over(corpus, **given)  # takes over what the first has done
    assert second.switched_off == first.switched_off
    assert "schÃ¶n" in output_of(corpus), "off in the second half as in the first"
    with session_over(corpus, **given) as session:
        assert session.attached.finished
    fresh = run_over(corpus, fresh=True, **given)
    assert [note.partition(":")[0] for note in fresh.switched_off] == ["imperial-unit in de"], "anew it is decided anew"


def test_an_interrupted_run_goes_on_as_it_began(
    say: Say, log: Path, corpus: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("midb.agent.run.batches.BATCH", 2)
    say("one mojibake", "reject")
    given = given_by(log)
    plans: list[RunPlanned] = []
    calls = iter([False, True, True, True])
    with session_over(corpus, **given) as session:
        plans.append(session.plan)
        assert Runner(session, lambda _: None, lambda: next(calls)).run().status == "interrupted"
    say("one mojibake", "accept")
    with session_over(corpus, **given) as session:
        plans.append(session.plan)
        assert session.attached.checkpoint.position
        assert Runner(session, lambda _: None, lambda: False).run().status == "finished"
    assert plans[0].switched_off == plans[1].switched_off
    assert "schÃ¶n" in output_of(corpus)


@pytest.mark.parametrize("other", [{}, {"min-precision": 0.5}, {"min-verdicts": 2}])
def test_another_bound_is_another_setting(other: dict[str, Any], say: Say, log: Path, corpus: Path) -> None:
    say("one mojibake", "reject")
    run_over(corpus, **given_by(log))
    given = {"reviewed": (log,), "min-verdicts": 1, **other} if other else {}
    with pytest.raises(UsageError, match=r"settings differ.*reviewed"), session_over(corpus, **given):
        pass


def test_no_review_is_no_setting(corpus: Path) -> None:
    config = load_config(None, {"corpus": corpus})
    assert read_reviews(config) is None
    assert "reviewed" not in config.shaping(None)
    with pytest.raises(UsageError, match="say what verdicts switch off"):
        load_config(None, {"corpus": corpus, "min-precision": 0.5})


def test_paths_in_a_file_are_relative_to_it(tmp_path: Path) -> None:
    file = tmp_path / "run.toml"
    for written in ('"x.db"', '["x.db"]'):
        file.write_text(f'corpus = "c.jsonl"\nreviewed = {written}\n')
        assert load_config(file, {}).reviewed == (tmp_path / "x.db",)
