"""The steps of a proof after each other: what is done stays, whatever stops the next one."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from log_fixtures import rows_of
from proof_commands import HELD_OUT, adapters, proof_words, write_corpus
from replay_server import ReplayServer, refused
from tiny_model import make_checkpoint

from midb.audit.proof.verify import verify
from midb.cli.main import main

for _library in ("torch", "transformers", "peft", "accelerate"):
    pytest.importorskip(_library)
os.environ.setdefault("HF_HUB_OFFLINE", "1")


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_checkpoint(tmp_path_factory.mktemp("base") / "tiny", merges=100)


def test_a_judge_who_is_down_leaves_answers_and_a_command(
    base: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without a control, of a corpus that was boosted before; gone on with once the judge is there."""
    write_corpus(tmp_path / "c.jsonl")
    write_corpus(tmp_path / "b.jsonl", faulty=False)
    words = ("--boosted", tmp_path / "b.jsonl", "--no-control", "--max-steps", "1", "--judge")
    with ReplayServer(lambda messages, body: "", models=refused(401)) as gone:
        assert main(proof_words(tmp_path, base, *words, f"openai:judge@{gone.url}")) != 0
    said = capsys.readouterr().err
    assert "the same command goes on" in said
    log = tmp_path / "proof" / "proof.audit.db"
    assert rows_of(log, "SELECT count(*) FROM generations") == [(2 * HELD_OUT,)]
    assert rows_of(log, "SELECT kind, status FROM runs") == [("evaluation", "interrupted")]
    trained = adapters(tmp_path)
    assert set(trained) == {"raw-0", "boosted-0"}

    def refuse(messages: list[dict[str, str]], body: dict[str, object]) -> str:
        return "I will not compare these texts."

    with ReplayServer(refuse, models=[{"id": "judge"}]) as server:
        assert main(proof_words(tmp_path, base, *words, f"openai:judge@{server.url}")) == 0
    figures = json.loads((tmp_path / "proof" / "proof.json").read_bytes())
    (comparison,) = figures["comparisons"]
    group = comparison["judged"]["turns"][0]["groups"][-1]
    assert (group["judged"], sum(group["no_verdict"].values())) == (0, group["differing"])
    assert "there is no figure by which the students can be compared" in figures["conclusion"]["reasons"]
    assert figures["control"] is None
    assert verify(log).problems == []
    assert adapters(tmp_path) == trained
    capsys.readouterr()
    more = proof_words(tmp_path, base, *words[:-1], "--seeds", "2", "--dry-run", "--json")
    assert main(more) == 0
    forecast = json.loads(capsys.readouterr().out)
    assert (forecast["students"], forecast["trained"]) == (4, 2), "further seeds go on with what there is"
