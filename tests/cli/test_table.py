"""Commands that are loaded once they are called say of themselves what the table says of them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer
from cli_fixtures import Cli

from midb.cli.main import COMMANDS, app
from midb.cli.table import LateCommand

#: Of a user who asks a shell to complete.
ENVIRONMENT = dict(os.environ)

ROOT: Any = typer.main.get_command(app)


@pytest.mark.parametrize("name", COMMANDS)
def test_the_table_says_what_the_command_says(name: str) -> None:
    late = ROOT.commands[name]
    assert isinstance(late, LateCommand)
    real = late.load()
    assert not isinstance(real, LateCommand)
    assert real.name == name
    told = " ".join((real.help or "").split())
    assert told == late.help or told.startswith(f"{late.help} "), "its first sentence, word for word"
    assert ". " not in (late.help or "")


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_shows_its_own_help_under_its_whole_name(cli: Cli, name: str) -> None:
    shown = cli(name, "-h")
    assert shown.code == 0
    assert f" {name} [" in shown.out.splitlines()[0]
    assert ROOT.commands[name].help.split()[0] in shown.out


def test_a_name_that_is_no_command_is_answered_with_the_nearest(cli: Cli) -> None:
    called = cli("audti")
    assert called.code == 2
    assert "Did you mean 'audit'?" in called.err


@pytest.mark.parametrize("words", [["--help"], ["--version"], []])
def test_help_loads_nothing_of_what_commands_are_made_of(words: list[str], tmp_path: Path) -> None:
    code = (
        "import sys\nfrom midb.cli.main import main\n"
        f"main({words!r})\n"
        "print(sorted(n for n in sys.modules if n.startswith('midb.') or n in ('rich', 'babel')))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    loaded = done.stdout.splitlines()[-1]
    assert "'midb.cli.main'" in loaded
    assert [name for name in eval(loaded) if name not in LIGHT] == []


#: What `--help` needs of us.
LIGHT = (
    "midb.cli", "midb.cli.main", "midb.cli.table", "midb.domain", "midb.domain.errors", "midb.text",
    "midb.text.terminal",
)  # fmt: skip


@pytest.mark.parametrize(
    ("typed", "offered"),
    [("midb-agent ", "audit"), ("midb-agent audit ", "verify"), ("midb-agent run --fre", "--fresh")],
)
def test_a_shell_completes_commands_their_commands_and_their_options(tmp_path: Path, typed: str, offered: str) -> None:
    variables = {"_MIDB_AGENT_COMPLETE": "complete_bash", "COMP_WORDS": typed, "COMP_CWORD": str(typed.count(" "))}
    code = "import sys\nsys.argv = ['midb-agent']\nfrom midb.__main__ import main\nsys.exit(main())"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=ENVIRONMENT | variables, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert offered in done.stdout.split(), done.stderr
