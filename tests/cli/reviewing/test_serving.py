"""The page is served on this machine alone, and a kill loses no verdict."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")

from review_fixtures import candidates_of

from midb.audit.proof.verify import verify
from midb.audit.reader import AuditReader
from midb.audit.verdicts import find_standing
from midb.cli.reviewing.serving import serve
from midb.domain.errors import UsageError
from midb.review.desk import Desk


@pytest.fixture
def page(log: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A server of the page in a process of its own, and its address."""
    command = [sys.executable, "-m", "midb", "review", "--db", str(log), "--reviewer", "Ana", "--no-open"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=log.parent) as process:
        assert process.stderr is not None
        address = ""
        while not address:
            line = process.stderr.readline()
            assert line, "it ended before it said its address"
            address = (re.findall(r"http://127\.0\.0\.1:\d+/\?token=\S+", line) or [""])[0]
        yield process, address
        process.kill()


def test_verdicts_outlive_a_kill(page: tuple[subprocess.Popen[str], str], log: Path) -> None:
    process, address = page
    origin = address.partition("/?")[0]
    one = candidates_of(log)["one mojibake"]
    with httpx.Client(trust_env=False, base_url=origin, timeout=60) as client:
        assert client.get(address).status_code == 303
        said = client.post("/say", data={"item": one.item.name, "verdict": "reject"}, headers={"origin": origin})
        assert said.status_code == 303
    process.send_signal(signal.SIGKILL if os.name != "nt" else signal.SIGTERM)
    process.wait()
    with AuditReader(log) as reader:
        assert set(find_standing(reader, 1)) == {one.item.name}
    assert verify(log).problems == []


def test_nobody_else_on_the_network_reaches_it(page: tuple[subprocess.Popen[str], str]) -> None:
    _, address = page
    port = int(re.findall(r":(\d+)/", address)[0])
    others = [info[4][0] for info in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)]
    for other in {str(one) for one in others} - {"127.0.0.1"}:
        with socket.socket() as probe:
            probe.settimeout(5)
            assert probe.connect_ex((other, port)) != 0, other


def test_a_port_that_is_taken_is_told(log: Path) -> None:
    with socket.socket() as taken, AuditReader(log) as reader:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(UsageError, match="cannot be used"):
            serve(Desk(log, reader.run(1)), [], "Ana", port=taken.getsockname()[1], open_browser=False)
