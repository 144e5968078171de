"""`midb-agent measure`: from examples and a model to a table, a file of figures and sentences."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cli_fixtures import Cli
from learned import answer_well, write_set
from replay_server import ReplayServers
from scripted import request_of

from midb.agent.engines.protocol import TextRequest

LISTED = [{"id": "replay"}, {"id": "style"}]


@pytest.fixture
def spec(replay_server: ReplayServers) -> str:
    """A server whose adapter is a good booster, and whose model only says hello."""

    def answer(messages: list[dict[str, str]], body: dict[str, object]) -> str:
        request: TextRequest = request_of(messages, body)
        return answer_well(request) if body["model"] == "style" else "Guten Tag, wie kann ich dir heute helfen?"

    return replay_server(answer, models=LISTED).spec


def test_a_table_a_file_and_what_they_say(cli: Cli, spec: str, tmp_path: Path) -> None:
    write_set(tmp_path / "set")
    command = ("measure", "set", "--model", spec, "--adapter", "style", "--resamples", "100")
    called = cli(*command)
    assert called.code == 0, called.err
    assert "12 examples of 4 rows: 4 revision, 4 unchanged, 4 defect" in called.out
    assert "well-formed replies, %" in called.out
    assert "mojibake" in called.out
    assert "On revisions, the replies are as close to the revision as doing nothing is" in called.out
    assert "The loss is left out: a server does not tell how likely a given reply is." in called.out
    written = json.loads((tmp_path / "metrics.json").read_text(encoding="utf-8"))
    figures = written["groups"][0]["figures"]
    assert (figures["repaired"]["before"]["value"], figures["repaired"]["after"]["value"]) == (0.0, 100.0)
    assert "loss" not in figures
    assert written["adapters"]["content"].endswith(" + adapter style")
    assert len((tmp_path / "metrics.json.replies.jsonl").read_text(encoding="utf-8").splitlines()) == 24
    before = (tmp_path / "metrics.json").read_bytes()
    assert cli(*command).code == 0, "figures of ours are written anew"
    assert (tmp_path / "metrics.json").read_bytes() == before


def test_some_languages_and_passes(cli: Cli, spec: str, tmp_path: Path) -> None:
    write_set(tmp_path / "set")
    called = cli("measure", "set", "--model", spec, "--limit", "3", "-o", "few.json", "--languages", "de")
    assert called.code == 0, called.err
    assert "3 examples of 1 row:" in called.out
    assert json.loads((tmp_path / "few.json").read_text(encoding="utf-8"))["adapters"] == {}
    for words in (("--languages", "tr"), ("--passes", "translation")):
        none = cli("measure", "set", "--model", spec, *words)
        assert none.code == 2
        assert "has no example of these languages and passes" in none.err


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("set",), "no model is named"),
        (("nowhere", "--model", "SPEC"), "cannot be read"),
        (("set", "--model", "SPEC", "--adapter", "nobody"), "has no adapter nobody"),
        (("set", "--model", "SPEC", "-o", "notes.json"), "holds no figures"),
        (("set", "--model", "SPEC", "-o", "other.json"), "holds something else than replies"),
        (("set", "--model", "SPEC", "--adapter", "translation=style"), "no example of a pass that the adapter answers"),
        (("set", "--adapter", "style"), "--adapter is for runs with a model"),
    ],
)
def test_what_cannot_be_meant_is_one_sentence(
    cli: Cli, spec: str, tmp_path: Path, words: tuple[str, ...], sentence: str
) -> None:
    write_set(tmp_path / "set")
    (tmp_path / "notes.json").write_text('{"mine": 1}')
    (tmp_path / "other.json.replies.jsonl").write_text("mine\n")
    called = cli("measure", *(spec if word == "SPEC" else word for word in words))
    assert called.code in (1, 2)
    assert sentence in called.err
    assert "Traceback" not in called.err
    assert not (tmp_path / "metrics.json").exists()
    assert (tmp_path / "notes.json").read_text() == '{"mine": 1}'


def test_a_model_of_ours_with_its_adapter(cli: Cli, tiny_checkpoint: Path, tmp_path: Path) -> None:
    """With the loss, which only weights on this machine tell, and drafts that are counted."""
    pytest.importorskip("torch")
    pytest.importorskip("peft", reason="an extra: pip install '.[train]'")
    from tiny_adapters import make_adapter

    write_set(tmp_path / "set", rows=1)
    make_adapter(tmp_path / "style", tiny_checkpoint, task_type="CAUSAL_LM")
    called = cli("measure", "set", "--model", tiny_checkpoint, "--adapter", "content=style", "--device", "cpu")
    assert called.code == 0, called.err
    figures = json.loads((tmp_path / "metrics.json").read_text(encoding="utf-8"))["groups"][0]["figures"]
    assert figures["loss"]["before"]["value"] > 5, "random weights are surprised by everything"
    assert figures["loss"]["difference"]["value"] != 0
    assert figures["tokens_per_step"]["after"]["value"] >= 1
    without = cli("measure", "set", "--model", tiny_checkpoint, "--device", "cpu", "--no-loss", "-o", "m.json")
    assert "The loss is left out: it was not asked for." in without.out
