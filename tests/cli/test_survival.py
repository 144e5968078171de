"""A run that is killed or interrupted at any moment goes on where it was, and ends with the very same output."""

from __future__ import annotations

import os
import random
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from forging import forge

ROOT = Path(__file__).resolve().parents[2]
COPIES = 6
COMMAND = [sys.executable, "-m", "midb.cli.main", "run", "c.jsonl", "--workers", "2"]


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """The examples several times over, with their ids told apart, and some lines that cannot be read."""
    lines = (ROOT / "examples" / "corpus.jsonl").read_text(encoding="utf-8").splitlines()
    path = tmp_path / "c.jsonl"
    with path.open("w", encoding="utf-8") as file:
        for copy in range(COPIES):
            for number, line in enumerate(lines):
                file.write(line.replace('"id": "', f'"id": "{copy}-', 1) + "\n")
                if number % 50 == 7:
                    file.write('{"broken": \n')
    return path


def undisturbed(corpus: Path, folder: Path) -> tuple[bytes, bytes]:
    folder.mkdir()
    shutil.copy(corpus, folder)
    subprocess.run(COMMAND, cwd=folder, check=True, capture_output=True)
    return outputs(folder)


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


def check_complete(folder: Path, expected: tuple[bytes, bytes]) -> None:
    assert outputs(folder) == expected
    db = folder / "c.boosted.jsonl.audit.db"
    connection = sqlite3.connect(db)
    count, distinct = connection.execute("SELECT count(*), count(DISTINCT record_key) FROM records").fetchone()
    rejected = connection.execute("SELECT count(*) FROM rejected_lines").fetchone()[0]
    connection.close()
    assert count == distinct == 192 * COPIES
    assert rejected == 4 * COPIES
    verify = [sys.executable, "-m", "midb.cli.main", "audit", "verify", "--db", db.name]
    done = subprocess.run(verify, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_kill_9_at_many_moments(corpus: Path, tmp_path: Path) -> None:
    expected = undisturbed(corpus, tmp_path / "calm")
    chance = random.Random(20261123)
    kills = 0
    folder = corpus.parent
    while not (folder / "c.boosted.jsonl").exists():
        process = subprocess.Popen(COMMAND, cwd=folder, stderr=subprocess.DEVNULL, start_new_session=True)
        target = committed(folder) + chance.choice((0, 1, 40, 130, 260))
        if wait_until(process, folder, target):
            # Workers are left to themselves: they must end when their parent does.
            os.kill(process.pid, signal.SIGKILL)
            kills += 1
        process.wait()
    assert kills >= 3
    check_complete(folder, expected)


def test_ctrl_c_drains_and_names_the_command_to_resume(corpus: Path, tmp_path: Path) -> None:
    expected = undisturbed(corpus, tmp_path / "calm")
    folder = corpus.parent
    process = subprocess.Popen(COMMAND, cwd=folder, stderr=subprocess.PIPE, start_new_session=True)
    assert wait_until(process, folder, 100)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to the whole group
    _, told = process.communicate()
    assert process.returncode == 130
    assert b"midb-agent run c.jsonl --workers 2" in told
    assert not (folder / "c.boosted.jsonl").exists(), "half an output must not look like a whole one"
    before = committed(folder)
    assert 100 <= before < 192 * COPIES
    subprocess.run(COMMAND, cwd=folder, check=True, capture_output=True)
    check_complete(folder, expected)


def test_a_full_disk_loses_nothing(corpus: Path, tmp_path: Path) -> None:
    """A limit on the size of files stands for a full disk: the same writes fail at the same places."""
    expected = undisturbed(corpus, tmp_path / "calm")
    folder = corpus.parent

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))

    done = subprocess.run(COMMAND, cwd=folder, preexec_fn=limit, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "error: " in done.stderr
    assert "Traceback" not in done.stderr
    assert "run the same command again" in " ".join(done.stderr.split())
    subprocess.run(COMMAND, cwd=folder, check=True, capture_output=True)
    check_complete(folder, expected)


def turn_back(folder: Path, state: str) -> None:
    """Turn a finished folder back into one that was killed within its last step."""
    forge(
        folder / "c.boosted.jsonl.audit.db",
        "DELETE FROM heads WHERE id = (SELECT max(id) FROM heads)",
        "UPDATE runs SET status = 'finishing', finished_at = NULL",
    )
    if state == "before the rename":
        os.rename(folder / "c.boosted.jsonl", folder / "c.boosted.jsonl.partial")


def test_killed_while_the_output_is_put_into_place(corpus: Path, tmp_path: Path) -> None:
    """The very last step, taken apart: whatever stands on disk between two of its moves, a resume completes it."""
    expected = undisturbed(corpus, tmp_path / "calm")
    calm = tmp_path / "calm"
    for state in ("before the rename", "after the rename"):
        folder = tmp_path / state.replace(" ", "-")
        shutil.copytree(calm, folder)
        turn_back(folder, state)
        subprocess.run(COMMAND, cwd=folder, check=True, capture_output=True)
        check_complete(folder, expected)
