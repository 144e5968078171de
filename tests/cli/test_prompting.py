"""`midb-agent prompts`: what it shows is what a model is sent."""

from __future__ import annotations

from pathlib import Path

import pytest
import scripted
from cli_fixtures import Cli, Write
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


def test_kinds_and_languages_are_chosen_as_for_a_run(cli: Cli, write: Write) -> None:
    """The text is shown as it is after its provable repairs: those of the kinds that are chosen."""
    write("c.jsonl", {"id": "de-1", "instruction": "Sag guten Tag!", "output": 'Er sagte "Tag", und SchÃ¶n war es.'})
    show = ("prompts", "show", "content", "c.jsonl", "--record", "de-1", "--language", "de")
    shown = cli(*show).out + cli("prompts", "show", "localization", *show[3:]).out
    assert "Schön war es" in shown
    only = cli("prompts", "show", "localization", *show[3:], "--only", "broken-numbering")
    assert (only.code, "SchÃ¶n war es" in only.out) == (0, True)
    printed = cli("prompts", "show", "verification", *show[3:], "--typography")
    assert (printed.code, "„Tag“" in printed.out) == (0, True)
    both = cli(*show, "--only", "mojibake", "--kinds=-mojibake")
    assert (both.code, "--only and --kinds contradict" in both.err) == (2, True)


def test_a_language_is_trusted_where_that_is_said(cli: Cli, write: Write) -> None:
    dutch = "Het brood wordt gebakken van meel, water en zout, en daarna moet het nog een uur in de oven staan."
    write("c.jsonl", {"id": "1", "instruction": "Hoe wordt het brood gebakken dat wij eten?", "output": dutch})
    show = ("prompts", "show", "content", "c.jsonl", "--record", "1", "--language", "de")
    assert cli(*show).code == 2
    trusted = cli(*show, "--trust-language")
    assert (trusted.code, dutch in trusted.out) == (0, True)


def test_a_record_without_a_pair_has_no_prompt(cli: Cli, write: Write) -> None:
    write("c.jsonl", {"id": "1", "instruction": "Nenne ein Tier.", "output": "Der Hund."}, {"id": "2", "output": "x"})
    called = cli("prompts", "show", "content", "c.jsonl", "--record", "2", "--language", "de")
    assert (called.code, 'the record "2" is not examined: "instruction" is missing' in called.err) == (2, True)
