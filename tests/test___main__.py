"""The first lines of the command: what is off before anything is loaded, and Ctrl-C while it is."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

SUPPORT = Path(__file__).resolve().parent / "support"

#: Seconds that none of these commands takes, however busy the machine is.
LIMIT = 120


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """Several batches: one that is interrupted in its first does not get to its end."""
    path = tmp_path / "c.jsonl"
    line = '{"lang": "de", "instruction": "Sag etwas.", "output": "Etwas &amp; mehr."}\n'
    path.write_text(line * 100, encoding="utf-8")
    return path


def test_it_is_the_command(tmp_path: Path) -> None:
    called = subprocess.run(
        [sys.executable, "-m", "midb", "--version"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert called.stdout.startswith("midb-agent ")


@pytest.mark.parametrize(
    "module",
    [
        "midb.runs.privacy", "midb.cli.main", "typer", "pydantic", "midb.agent.run.session", "midb.dashboard",
        "midb.agent.graph", "langgraph.graph", "midb.detectors.content",
    ],
)  # fmt: skip
def test_ctrl_c_at_any_import_is_no_traceback(corpus: Path, module: str) -> None:
    paths = [str(SUPPORT / "watched"), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(paths), "MIDB_INTERRUPT_AT": module}
    command = [sys.executable, "-m", "midb", "run", "c.jsonl", "--workers", "0"]
    done = subprocess.run(
        command, cwd=corpus.parent, env=environment, capture_output=True, text=True, check=False, timeout=LIMIT
    )
    assert "Traceback" not in done.stderr
    assert done.returncode == 130, done.stderr
