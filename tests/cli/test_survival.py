"""A run that is killed or interrupted at any moment goes on where it was, and ends with the very same output.

What is to be killed runs in processes of its own; what goes on undisturbed runs in this one, which does the same. The
long version of this, at random and over all formats, is ``make soak``.
"""

from __future__ import annotations

import os
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from cli_fixtures import Cli
from forging import forge

from midb.audit.proof.verify import verify

EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "corpus.jsonl"
COPIES = 2
RECORDS, REJECTED = 192 * COPIES, 4 * COPIES
COMMAND = [sys.executable, "-m", "midb.cli.main", "run", "c.jsonl", "--workers", "2"]

#: Every test here is held against one undisturbed run: they share a process, so that there is one.
pytestmark = pytest.mark.xdist_group("survival")


@pytest.fixture(scope="module")
def calm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an undisturbed run over the examples, twice, with ids told apart, and lines that cannot be read."""
    folder = tmp_path_factory.mktemp("calm")
    lines = EXAMPLES.read_text(encoding="utf-8").splitlines()
    with (folder / "c.jsonl").open("w", encoding="utf-8") as file:
        for copy in range(COPIES):
            for number, line in enumerate(lines):
                file.write(line.replace('"id": "', f'"id": "{copy}-', 1) + "\n")
                if number % 50 == 7:
                    file.write('{"broken": \n')
    subprocess.run(COMMAND, cwd=folder, check=True, capture_output=True)
    return folder


@pytest.fixture
def folder(calm: Path, tmp_path: Path) -> Path:
    """A folder with the corpus, which is also the current one of ``cli``."""
    shutil.copy(calm / "c.jsonl", tmp_path)
    return tmp_path


def outputs(folder: Path) -> tuple[bytes, bytes]:
    return (folder / "c.boosted.jsonl").read_bytes(), (folder / "c.boosted.jsonl.rejected.jsonl").read_bytes()


def committed(folder: Path) -> int:
    """Records in the log, told by a reader while the run goes on."""
    try:
        connection = sqlite3.connect(f"file:{folder}/c.boosted.jsonl.audit.db?mode=ro", uri=True, timeout=5)
        try:
            return int(connection.execute("SELECT count(*) FROM records").fetchone()[0])
        finally:
            connection.close()
    except sqlite3.Error:
        return 0


def wait_until(process: subprocess.Popen[bytes], folder: Path, records: int) -> bool:
    """Until so many records are in the log (True), or the run has ended before (False)."""
    while process.poll() is None:
        if committed(folder) >= records:
            return True
    return False


def go_on(cli: Cli) -> None:
    """Give the same command again, in this process."""
    called = cli("run", "c.jsonl", "--workers", "0")
    assert called.code == 0, called.err


def check_complete(folder: Path, calm: Path) -> None:
    assert outputs(folder) == outputs(calm)
    db = folder / "c.boosted.jsonl.audit.db"
    connection = sqlite3.connect(db)
    count, distinct = connection.execute("SELECT count(*), count(DISTINCT record_key) FROM records").fetchone()
    rejected = connection.execute("SELECT count(*) FROM rejected_lines").fetchone()[0]
    connection.close()
    assert (count, distinct, rejected) == (RECORDS, RECORDS, REJECTED)
    verdict = verify(db)
    assert verdict.intact, verdict.problems


def test_kill_9_at_many_moments(folder: Path, calm: Path, cli: Cli) -> None:
    """Before the first record, with it, within a batch and between two, each time further on."""
    kills = 0
    for further in (0, 1, 40, 130):
        process = subprocess.Popen(
            COMMAND, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True
        )
        if wait_until(process, folder, committed(folder) + further):
            # All others are left to themselves: they must end when their parent does.
            os.kill(process.pid, signal.SIGKILL)
            kills += 1
        process.communicate(timeout=60)  # every process has this output, which ends with the last of them
    assert kills >= 3
    go_on(cli)
    check_complete(folder, calm)


def test_ctrl_c_drains_and_names_the_command_to_resume(folder: Path, calm: Path, cli: Cli) -> None:
    process = subprocess.Popen(COMMAND, cwd=folder, stderr=subprocess.PIPE, start_new_session=True)
    assert wait_until(process, folder, 1)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to the whole group
    _, told = process.communicate()
    assert process.returncode == 130
    assert b"midb-agent run c.jsonl --workers 2" in told
    assert not (folder / "c.boosted.jsonl").exists(), "half an output must not look like a whole one"
    assert 1 <= committed(folder) < RECORDS
    go_on(cli)
    check_complete(folder, calm)


def test_a_full_disk_loses_nothing(folder: Path, calm: Path, cli: Cli) -> None:
    """A limit on the size of files stands for a full disk: the same writes fail at the same places."""

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (120_000, 120_000))

    done = subprocess.run(COMMAND, cwd=folder, preexec_fn=limit, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "error: " in done.stderr
    assert "Traceback" not in done.stderr
    assert "run the same command again" in " ".join(done.stderr.split())
    go_on(cli)
    check_complete(folder, calm)


def turn_back(folder: Path, state: str) -> None:
    """Turn a finished folder back into one that was killed within its last step."""
    forge(
        folder / "c.boosted.jsonl.audit.db",
        "DELETE FROM heads WHERE id = (SELECT max(id) FROM heads)",
        "UPDATE runs SET status = 'finishing', finished_at = NULL",
    )
    if state == "before the rename":
        os.rename(folder / "c.boosted.jsonl", folder / "c.boosted.jsonl.partial")


@pytest.mark.parametrize("state", ["before the rename", "after the rename"])
def test_killed_while_the_output_is_put_into_place(tmp_path: Path, calm: Path, cli: Cli, state: str) -> None:
    """The very last step, taken apart: whatever stands on disk between two of its moves, a resume completes it."""
    shutil.copytree(calm, tmp_path, dirs_exist_ok=True)
    turn_back(tmp_path, state)
    go_on(cli)
    check_complete(tmp_path, calm)
