"""`midb-agent prove`: from a corpus to a page; made once, gone on with, and refused in one sentence."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cli_fixtures import Cli
from log_fixtures import rows_of
from proof_commands import HELD_OUT, ROWS, adapters, proof_words, write_corpus
from replay_server import ReplayServer
from scripted import request_of
from scripted_judges import judge_by, prefers_any
from tiny_model import make_checkpoint

from midb.audit.proof.verify import verify
from midb.cli.main import main

for _library in ("torch", "transformers", "peft", "accelerate"):
    pytest.importorskip(_library)
os.environ.setdefault("HF_HUB_OFFLINE", "1")


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_checkpoint(tmp_path_factory.mktemp("base") / "tiny", merges=100)


@pytest.fixture(scope="module")
def server() -> Iterator[ReplayServer]:
    """A judge who prefers by lot."""

    def answer(messages: list[dict[str, str]], body: dict[str, object]) -> str:
        return judge_by(prefers_any)(request_of(messages, body))

    with ReplayServer(answer, models=[{"id": "judge"}]) as served:
        yield served


def test_from_a_corpus_to_a_page(
    base: Path, server: ReplayServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Counted, stopped by its budget, gone on with, judged, and shown again: nothing is made, asked or judged twice."""
    write_corpus(tmp_path / "c.jsonl")
    log = tmp_path / "proof" / "proof.audit.db"
    assert main(proof_words(tmp_path, base, "--dry-run", "--json")) == 0
    forecast = json.loads(capsys.readouterr().out)
    assert (forecast["students"], forecast["train"], forecast["held_out"]) == (3, ROWS - HELD_OUT, HELD_OUT)
    assert (forecast["answers"], forecast["verdicts_at_most"], forecast["trained"]) == (3 * HELD_OUT, 0, 0)
    assert not (tmp_path / "proof" / "students").exists()

    assert main(proof_words(tmp_path, base, "--budget", "1tok")) == 0
    said = capsys.readouterr()
    assert "the budget is used up; the same command goes on" in said.err
    assert said.out == ""
    trained = adapters(tmp_path)
    assert set(trained) == {"raw-0", "boosted-0", "control-0"}
    assert rows_of(log, "SELECT count(*) FROM generations") == [(HELD_OUT,)], "one student answered"
    manifest = json.loads((tmp_path / "proof" / "students" / "raw-0" / "midb-adapter.json").read_bytes())
    assert manifest["steps"]["done"] == forecast["steps_each"]
    assert manifest["prompts"] == "chat"

    judge = ("--judge", f"openai:judge@{server.url}")
    assert main(proof_words(tmp_path, base, *judge)) == 0
    said = capsys.readouterr()
    assert said.out.startswith("It proves the plumbing, not the claim.")
    figures = json.loads((tmp_path / "proof" / "proof.json").read_bytes())
    assert [one["steps"] for one in figures["students"]] == [forecast["steps_each"]] * 3, "the same steps for all"
    assert figures["boosted"]["edits"] == figures["control"]["edits"]
    assert figures["boosted"]["pairs_changed"] == figures["control"]["pairs_changed"] == 19
    assert [one["candidate"] for one in figures["comparisons"]] == ["boosted", "control", "boosted"]
    assert figures["judge"]["warnings"] == [
        "it was not measured (midb-agent evaluate judge): nothing is known of how often it is right"
    ]
    for ending in (".html", ".md"):
        page = (tmp_path / "proof" / f"proof{ending}").read_text(encoding="utf-8")
        assert "It proves the plumbing, not the claim." in page
        assert figures["base"]["sha256"] in page
    table = (tmp_path / "proof" / "proof.md").read_text(encoding="utf-8")
    group = figures["comparisons"][0]["judged"]["turns"][0]["groups"][-1]
    assert group["same"] + group["differing"] == HELD_OUT
    assert f"| boosted against raw | 1 | de | {HELD_OUT} | {group['same']} | {group['judged']} |" in table
    assert rows_of(log, "SELECT evaluates FROM evaluations") == [("proof",)]
    judged = sum(one["judged"]["judged"] for one in figures["comparisons"])
    assert rows_of(log, "SELECT count(*) FROM judgements") == [(2 * judged,)]
    items = rows_of(log, "SELECT DISTINCT substr(item, 1, instr(item, ':') - 1), first FROM judgements ORDER BY 1, 2")
    assert items == [
        ("boosted against control", "boosted"), ("boosted against control", "control"),
        ("boosted against raw", "boosted"), ("boosted against raw", "raw"),
        ("control against raw", "control"), ("control against raw", "raw"),
    ]  # fmt: skip
    assert verify(log).problems == []
    assert adapters(tmp_path) == trained
    asked = len(server.requests)
    assert asked > 0
    answered = rows_of(log, "SELECT count(*) FROM generations")

    assert main(proof_words(tmp_path, base, *judge, "--json")) == 0
    said = capsys.readouterr()
    assert "proved before, as logged in run" in said.err
    assert json.loads(said.out) == figures
    assert main(proof_words(tmp_path, base)) == 0  # without the judge: another proof, of the same students
    without = json.loads((tmp_path / "proof" / "proof.json").read_bytes())
    assert without["judge"] is None
    assert [one["judged"] for one in without["comparisons"]] == [None] * 3
    assert len(server.requests) == asked
    assert rows_of(log, "SELECT count(*) FROM generations") == answered
    assert adapters(tmp_path) == trained

    capsys.readouterr()
    assert main(proof_words(tmp_path, base, "--sample", "55")) == 2
    assert "was begun otherwise: --sample was 0 and is 55" in capsys.readouterr().err
    student = tmp_path / "proof" / "students" / "raw-0"
    code = main(["run", str(tmp_path / "c.jsonl"), "-o", str(tmp_path / "x.jsonl"), "--model", str(base),
                 "--adapter", str(student)])  # fmt: skip
    assert code == 2
    assert "learnt to answer instructions, and not to revise pairs" in capsys.readouterr().err


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    return write_corpus(tmp_path / "c.jsonl")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ([], "no base is named"),
        (["--base", "openai:x@http://h/v1"], "is on a server, and students are trained here"),
        (["--base", "nowhere"], "there is no folder nowhere"),
        (["--base", "c.jsonl"], "c.jsonl is a file"),
        (["--base", "BASE", "--boosted", "gone.jsonl"], "gone.jsonl"),
        (["--base", "BASE", "--budget", "much"], '"much" is no budget'),
        (["--base", "BASE", "--lr", "0"], "--lr is 0.0"),
        (["--base", "BASE", "--recipe", "r.toml"], 'r.toml has the setting "mix", which is no part of a recipe'),
        (["--base", "BASE", "--recipe", "gone.toml"], "gone.toml cannot be read as TOML"),
        (["--base", "BASE", "--questions", "gone.json"], "there is no gone.json"),
        (["--base", "BASE", "--holdout", "0.1"], "the corpus is too small: 56 rows can be used"),
        (["--base", "BASE", "--boosted", "same.jsonl"], "there is nothing to prove"),
        (["--base", "BASE", "--boosted", "other.jsonl"], "ids (de-0, de-1, de-2, de-3, de-4, ...) stand in the raw"),
        (["--base", "BASE", "-o", "full"], "full holds something else (thesis.tex)"),
    ],
)
def test_what_cannot_be_meant_is_one_sentence(
    words: list[str], sentence: str, cli: Cli, base: Path, corpus: Path, tmp_path: Path
) -> None:
    (tmp_path / "r.toml").write_text("mix = 'revision:1'\n")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.tex").write_text("mine")
    (tmp_path / "same.jsonl").write_bytes(corpus.read_bytes())
    lines = corpus.read_text(encoding="utf-8").splitlines()
    (tmp_path / "other.jsonl").write_text("\n".join(lines[30:]) + "\n", encoding="utf-8")
    called = cli("prove", "c.jsonl", *(str(base) if word == "BASE" else word for word in words))
    assert called.code in (1, 2), called
    assert sentence in called.err, called.err
    assert "Traceback" not in called.err


def test_standard_input_is_no_corpus_of_a_proof(cli: Cli, base: Path) -> None:
    assert "reads its corpus several times" in cli("prove", "-", "--base", base).err


def test_what_is_not_installed_is_said_before_anything_is_made(
    cli: Cli, base: Path, corpus: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    import importlib.util

    find: Any = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "peft" else find(name))
    called = cli("prove", "c.jsonl", "--base", base)
    assert called.code == 2
    assert "training needs peft, which the base install leaves out" in called.err
    assert not (tmp_path / "proof").exists()
