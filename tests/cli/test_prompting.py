"""`midb-agent prompts`: what it shows is what a model is sent."""

from __future__ import annotations

from pathlib import Path

import pytest
import scripted
from cli_fixtures import Cli
from model_runs import EXAMPLES, Serve, improving, write_corpus


@pytest.mark.parametrize("pass_", ["content", "translation", "localization", "verification"])
def test_prompts_show_prints_what_is_sent(cli: Cli, served: Serve, tmp_path: Path, pass_: str) -> None:
    write_corpus(tmp_path, 0, [line for line in EXAMPLES if '"de-0' in line])
    server = served(improving("2"))
    assert cli("run", "c.jsonl", "--model", server.spec, "--route", "all").code == 0
    shown = cli("prompts", "show", pass_, "c.jsonl", "--record", "de-002")
    assert shown.code == 0, shown.err
    system = next(
        request.body["messages"][0]["content"]
        for request in server.requests
        if scripted.pass_of(scripted.request_of(request.body["messages"], request.body)) == pass_
    )
    assert system in shown.out
    if pass_ != "verification":
        users = [request.body["messages"][1]["content"] for request in server.requests]
        assert any(user in shown.out for user in users)


def test_the_prompts_are_listed(cli: Cli) -> None:
    listed = cli("prompts", "list")
    assert listed.code == 0
    assert "content.system" in listed.out


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("judging",), "no pass"),
        (("content",), "Add --language"),
        (("content", "--record", "x"), "a record needs its corpus"),
        (("content", "c.jsonl", "--record", "x"), 'no record "x"'),
    ],
)
def test_what_cannot_be_shown_is_said(cli: Cli, tmp_path: Path, words: tuple[str, ...], sentence: str) -> None:
    write_corpus(tmp_path, 1)
    called = cli("prompts", "show", *words)
    assert called.code == 2
    assert sentence in called.err
    assert "Traceback" not in called.err
