"""Stopping stops: by Ctrl-C or SIGTERM, at any moment, with or without workers, and without a traceback."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from cli_fixtures import Cli

EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "corpus.jsonl"
COMMAND = [sys.executable, "-m", "midb", "run", "c.jsonl", "--workers", "2", "--json"]

#: Far more than a drain takes, far less than it took when each lost record got a process of its own.
LIMIT = 120


def write_examples(folder: Path, copies: int) -> Path:
    """The example records, so many times over: six batches each."""
    lines = [json.loads(line) for line in EXAMPLES.read_text(encoding="utf-8").splitlines()]
    path = folder / "c.jsonl"
    with path.open("w", encoding="utf-8") as file:
        for copy in range(copies):
            for line in lines:
                file.write(json.dumps(line | {"id": f"{line['id']}-{copy}"}, ensure_ascii=False) + "\n")
    return path


def interrupted(corpus: Path, number: signal.Signals, event: str) -> tuple[int, list[str], str]:
    """Run until an event, then signal the whole group, as a terminal or a cluster does: (code, messages, stderr)."""
    process = subprocess.Popen(
        COMMAND, cwd=corpus.parent, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    assert process.stdout is not None
    messages: list[str] = []
    for line in process.stdout:
        told = json.loads(line)
        messages.append(told.get("message", ""))
        if told["event"] == event:
            os.killpg(process.pid, number)
            break
    out, err = process.communicate(timeout=LIMIT)
    messages += [json.loads(line).get("message", "") for line in out.splitlines()]
    return process.returncode, messages, err


# "plan" comes before the workers are started: they get the signal while they import. At the first "batch" eight more
# are out at most, which are finished: the corpus must be longer than that.
@pytest.mark.parametrize(
    ("number", "code", "event", "copies"),
    [
        (signal.SIGINT, 130, "plan", 1),
        (signal.SIGTERM, 143, "plan", 1),
        (signal.SIGTERM, 143, "batch", 3),
    ],
)
def test_a_signal_to_the_whole_group_drains(
    cli: Cli, tmp_path: Path, number: signal.Signals, code: int, event: str, copies: int
) -> None:
    corpus = write_examples(tmp_path, copies)
    returned, messages, err = interrupted(corpus, number, event)
    assert returned == code
    assert any(message.startswith("stopping") for message in messages)
    assert "Traceback" not in err
    assert not any("killed a worker" in message for message in messages), "nobody is blamed"
    assert cli("run", "c.jsonl", "--workers", "0").code == 0
    with closing(sqlite3.connect(corpus.parent / "c.boosted.jsonl.audit.db")) as log, log:
        assert log.execute("SELECT count(*), count(DISTINCT record_key) FROM records").fetchone() == (192 * copies,) * 2
        assert log.execute("SELECT status FROM runs").fetchall() == [("finished",)]
