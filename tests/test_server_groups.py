"""Tests that share a server share a process. Not every version of pytest lets xdist see to that."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SUPPORT = Path(__file__).resolve().parent / "support"

MODULE = """
import os
import pathlib

import pytest

@pytest.fixture(scope="session")
def transformers_server():
    return os.getpid()

@pytest.mark.parametrize("number", range(6))
def test_with_the_server(transformers_server, number):
    with pathlib.Path("pids").open("a") as file:
        file.write(f"{transformers_server}\\n")

@pytest.mark.parametrize("number", range(6))
def test_without(number):
    pass
"""


def test_one_process_has_the_server(tmp_path: Path) -> None:
    (tmp_path / "test_servers.py").write_text(MODULE)
    command = [sys.executable, "-m", "pytest", "-q", "-n", "2", "--dist", "loadgroup", "-p", "server_groups"]
    (tmp_path / "pytest.ini").write_text(f"[pytest]\npythonpath = {SUPPORT}\n")
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert "12 passed" in done.stdout, done.stdout + done.stderr
    pids = (tmp_path / "pids").read_text().split()
    assert len(pids) == 6
    assert len(set(pids)) == 1
