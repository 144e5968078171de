"""Which tests share a process: those of a file, of a group, and those that need the same server."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

SUPPORT = Path(__file__).resolve().parent / "support"

CONFTEST = """
import os
import pathlib

import pytest

@pytest.fixture(scope="session")
def transformers_server():
    pass

@pytest.fixture(autouse=True)
def told(request):
    with pathlib.Path("told").open("a") as file:
        file.write(f"{os.getpid()} {request.path.stem} {request.node.originalname}\\n")
"""

TEST = """
@pytest.mark.parametrize("number", range({count}))
def test_{name}({fixture}number):
    pass
"""

#: What stands in the files, in the order of their names.
FILES = {
    "audit/test_quick": TEST.format(name="quick", fixture="", count=20),
    "cli/test_long": TEST.format(name="long", fixture="", count=20),
    "library/test_servers": TEST.format(name="server", fixture="transformers_server, ", count=2)
    + TEST.format(name="alone", fixture="", count=6),
    "text/test_more": TEST.format(name="more", fixture="transformers_server, ", count=2),
}


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> list[list[str]]:
    """Process, file and function of each test, in the order in which they ran."""
    folder = tmp_path_factory.mktemp("units")
    for name, content in FILES.items():
        path = folder / "tests" / f"{name}.py"
        path.parent.mkdir(parents=True)
        path.write_text("import pytest\n" + content)
    (folder / "tests" / "conftest.py").write_text(CONFTEST)
    (folder / "pytest.ini").write_text(f"[pytest]\npythonpath = {SUPPORT}\naddopts = --import-mode=importlib\n")
    command = [sys.executable, "-m", "pytest", "-q", "-n", "2", "--dist", "loadgroup"]
    command += ["-p", "xdist", "-p", "process_units"]
    environment = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert "50 passed" in done.stdout, done.stdout + done.stderr
    return [line.split() for line in (folder / "told").read_text().splitlines()]


def test_one_process_has_the_server(told: list[list[str]]) -> None:
    assert len({process for process, _, function in told if function in ("test_server", "test_more")}) == 1


@pytest.mark.parametrize("file", ["test_quick", "test_long"])
def test_a_file_s_tests_run_in_one_process(told: list[list[str]], file: str) -> None:
    assert len({process for process, name, _ in told if name == file}) == 1


def test_all_processes_work(told: list[list[str]]) -> None:
    assert len({process for process, _, _ in told}) == 2


def test_what_takes_long_comes_first(told: list[list[str]]) -> None:
    first = {process: function for process, _, function in reversed(told)}
    assert set(first.values()) == {"test_server", "test_long"}
