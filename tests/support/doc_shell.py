"""Runs the commands that pages tell a reader to type, in a folder of its own."""

from __future__ import annotations

import glob
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from cli_fixtures import Cli

#: Seconds after which a command that hangs has failed.
PATIENCE = 300

#: What makes a line one for a shell; anything else is called in this process, which saves a start of Python each.
_SHELL = re.compile(r"[|<>$;&`]")

#: Programs that pages use and a machine may lack.
_OPTIONAL = ("sqlite3", "jq", "sha256sum")


@dataclass(frozen=True)
class Ran:
    """A command and what came of it; both streams together are what a reader sees."""

    command: str
    code: int
    out: str
    err: str

    @property
    def seen(self) -> str:
        """What stands on the reader's terminal, progress first."""
        return self.err + self.out


@dataclass
class Shell:
    """A reader's terminal: ``cli`` calls midb-agent in this process, all else goes to bash."""

    folder: Path
    cli: Cli
    history: list[Ran] = field(default_factory=list)

    def run(self, command: str) -> Ran:
        """Run one line; a comment behind it is for people."""
        words = shlex.split(command, comments=True)
        if words[0] == "midb-agent" and not _SHELL.search(command):
            quoted = set(re.findall(r"'([^']*)'", command))  # which a shell leaves as it is
            named = [
                path for word in words[1:] for path in ([word] if word in quoted else sorted(glob.glob(word)) or [word])
            ]
            called = self.cli(*named)
            ran = Ran(command, called.code, called.out, called.err)
        else:
            missing = [name for name in _OPTIONAL if re.search(rf"\b{name}\b", command) and not shutil.which(name)]
            if missing:
                pytest.skip(f"{missing[0]} is not here")
            path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
            done = subprocess.run(
                ["bash", "-c", command], cwd=self.folder, env={**os.environ, "PATH": path}, capture_output=True,
                text=True, check=False, timeout=PATIENCE,
            )  # fmt: skip
            ran = Ran(command, done.returncode, done.stdout, done.stderr)
        self.history.append(ran)
        return ran


def commands(code: str) -> Iterator[str]:
    """The commands of a ``sh`` block, one a line."""
    for line in code.splitlines():
        if line.strip() and not line.startswith("#"):
            yield line


def conversation(code: str) -> Iterator[tuple[str, str]]:
    """The commands of a ``console`` block, each with what the page shows of its output."""
    for part in re.split(r"^\$ ", code, flags=re.MULTILINE)[1:]:
        command, _, shown = part.partition("\n")
        yield command, shown


def shows(shown: str, seen: str) -> str | None:
    """The first line of a page's output that a command did not print in this order; ``...`` stands for any lines, and
    within a line for anything."""
    lines = iter(line.rstrip() for line in seen.splitlines())
    for line in shown.splitlines():
        if line.strip() in ("", "..."):
            continue
        wanted = re.compile(".+".join(map(re.escape, line.rstrip().split("..."))))
        if not any(wanted.fullmatch(found) for found in lines):
            return line
    return None
