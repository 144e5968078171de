"""`transformers serve` with a small random checkpoint: a server that is not ours, and a model that writes garbage.

It is a process of its own. It is ready once it answers, and it is always ended.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

#: Seconds until it must answer: importing torch and transformers on a busy machine takes most of them.
READY = 180.0


@dataclass(frozen=True)
class TransformersServer:
    """Where it listens (up to and including /v1), the name of its model, which is the checkpoint's folder, its log."""

    url: str
    model: str
    log: Path

    @property
    def spec(self) -> str:
        """What ``--model`` takes."""
        return f"openai:{self.model}@{self.url}"

    def received(self) -> int:
        """How many requests for a completion it has begun to serve."""
        return self.log.read_bytes().count(b"[Request received]")


@contextmanager
def serve(checkpoint: Path, log: Path, *options: str) -> Iterator[TransformersServer]:
    """Run the server until the end of ``with``; what it prints goes to ``log``.

    :raises AssertionError: it ends, or does not answer within READY seconds; the message ends with what it printed.
    """
    port = _free_port()
    command = [
        str(Path(sys.executable).with_name("transformers")), "serve", str(checkpoint),
        "--host", "127.0.0.1", "--port", str(port), "--device", "cpu", *options,
    ]  # fmt: skip
    environment = os.environ | {
        "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false", "NO_PROXY": "127.0.0.1",
    }  # fmt: skip
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=log.parent,  # in the checkout, its folder kernels/ would stand in for the hub's package of that name
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
        try:
            url = f"http://127.0.0.1:{port}"
            _wait_until_ready(process, f"{url}/health", log)
            yield TransformersServer(f"{url}/v1", str(checkpoint), log)
        finally:
            _end(process)


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def _wait_until_ready(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    end = time.monotonic() + READY
    while time.monotonic() < end:
        ended = process.poll()
        assert ended is None, f"transformers serve ended with {ended}: {log.read_text(errors='replace')[-2000:]}"
        try:
            if httpx.get(url, timeout=5.0, trust_env=False).status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.2)
    raise AssertionError(f"transformers serve does not answer: {log.read_text(errors='replace')[-2000:]}")


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ask it to end, and after ten seconds make it. Its children are asked with it, except on Windows.

    Windows has no process groups that a signal reaches: there, children that outlive the server are left.
    """
    for gently in (True, False):
        try:
            if not hasattr(os, "killpg"):
                process.terminate() if gently else process.kill()
            else:
                os.killpg(process.pid, signal.SIGTERM if gently else signal.SIGKILL)
            process.wait(10)
        except ProcessLookupError:
            process.wait(10)
        except subprocess.TimeoutExpired:
            continue
        return
