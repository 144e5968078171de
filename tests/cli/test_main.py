"""How errors reach the user: one sentence, a hint, an exit code, and nothing that steers the terminal."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from typing import IO

import pytest
from cli_fixtures import Cli

from midb import __version__
from midb.cli import main
from midb.domain.errors import AuditError, UsageError


def test_the_version(cli: Cli) -> None:
    assert cli("--version").out == f"midb-agent {__version__}\n"


def test_help_names_every_command(cli: Cli) -> None:
    shown = cli("--help").out
    for name in main.COMMANDS:
        assert f" {name} " in shown


@pytest.mark.parametrize("group", [(), ("audit",), ("prompts",)])
def test_a_group_alone_shows_its_help_and_so_does_the_short_option(cli: Cli, group: tuple[str, ...]) -> None:
    alone, short, long = cli(*group), cli(*group, "-h"), cli(*group, "--help")
    assert (short.code, long.code, short.out) == (0, 0, long.out)
    shown = alone.out + alone.err
    assert "Commands:" in shown
    assert "error:" not in shown
    assert "⏎" not in shown


def test_a_shell_can_learn_to_complete(cli: Cli) -> None:
    assert "--install-completion" in cli("--help").out


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (
            UsageError("no\x1b[31m such thing.", hint="try\x07 another"),
            2,
            "error: no␛[31m such thing.\n       try␇ another\n",
        ),
        (AuditError("the log lies."), 1, "error: the log lies.\n"),
        (KeyboardInterrupt(), 130, "error: interrupted.\n"),
    ],
)
def test_an_error_is_a_sentence(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, error: BaseException, code: int, said: str
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(main, "app", fail)
    called = cli("doctor")
    assert called.code == code
    assert called.err.startswith(said)
    assert "\x1b" not in called.err
    assert "\x07" not in called.err
    assert "Traceback" not in called.err


#: One of each way to write: rich, typer, plain prints, many lines and few, on stdout and on stderr.
CHATTY = [
    ["kinds", "--json"], ["kinds"], ["languages"], ["languages", "--json"], ["graph"], ["--help"], ["run", "--help"],
    ["--version"], ["prompts", "list"], ["prompts", "show", "content", "--language", "de"],
]  # fmt: skip


def start(words: list[str], folder: Path, out: int | IO[bytes], err: int | IO[bytes]) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-m", "midb", *words], cwd=folder, stdout=out, stderr=err)


@pytest.mark.parametrize("words", CHATTY, ids=" ".join)
def test_a_reader_who_has_seen_enough_is_no_error(tmp_path: Path, words: list[str]) -> None:
    """As in `midb-agent languages | head -1`."""
    process = start(words, tmp_path, subprocess.PIPE, subprocess.PIPE)
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    told = process.stderr.read()
    process.stderr.close()
    assert process.wait() == 128 + signal.SIGPIPE
    assert told == b""


@pytest.mark.parametrize("words", [["check", "none.jsonl"], ["audit"], ["nonsense"]], ids=" ".join)
def test_an_error_that_nobody_reads_keeps_its_code(tmp_path: Path, words: list[str]) -> None:
    process = start(words, tmp_path, subprocess.DEVNULL, subprocess.PIPE)
    assert process.stderr is not None
    process.stderr.close()
    assert process.wait() == 2


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux has a disk that is always full")
@pytest.mark.parametrize("words", [["kinds", "--json"], ["languages"], ["--help"]], ids=" ".join)
def test_a_full_disk_is_a_sentence(tmp_path: Path, words: list[str]) -> None:
    with open("/dev/full", "wb") as full:
        process = start(words, tmp_path, full, subprocess.PIPE)
        _, told = process.communicate()
    assert process.returncode == 1
    assert told.decode().startswith("error: what is said cannot be written: No space left on device.")
    assert b"Traceback" not in told
