"""The commands of `midb-agent evaluate`."""

from __future__ import annotations

from cli_fixtures import Cli

from midb.cli.evaluating.commands import COMMANDS


def test_each_command_says_what_it_does(cli: Cli) -> None:
    assert all(name in cli("evaluate", "--help").out for name in COMMANDS)
    for name, (_, summary) in COMMANDS.items():
        called = cli("evaluate", name, "--help")
        assert called.code == 0
        assert " ".join(summary.split()[:4]) in " ".join(called.out.split()), "the summary is its first sentence"
