"""No text leaves the machine: not to tracing services, whatever the environment says; to no address but the model's."""

from __future__ import annotations

import http.server
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import midb

SECRET = "TOPSECRETTEXT"
SUPPORT = Path(__file__).resolve().parents[1] / "support"
COMMAND = [sys.executable, "-m", "midb", "run", "c.jsonl", "--quiet"]


class Sink:
    """A tracing service on loopback that keeps everything it is sent."""

    def __init__(self, port: int) -> None:
        self.received: list[bytes] = []
        self.url = f"http://127.0.0.1:{port}"

    @property
    def variables(self) -> dict[str, str]:
        """What users of LangSmith have in their environment."""
        return {
            "LANGSMITH_TRACING": "true",
            "LANGCHAIN_TRACING_V2": "true",
            "LANGSMITH_ENDPOINT": self.url,
            "LANGSMITH_API_KEY": "key",
        }


@pytest.fixture
def sink() -> Iterator[Sink]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: Any) -> None:
            pass

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            if self.headers.get("transfer-encoding") == "chunked":
                while size := int(self.rfile.readline(), 16):
                    body += self.rfile.read(size)
                    self.rfile.readline()
            found.received.append(self.path.encode() + b" " + body)
            reply = json.dumps({"batch_ingest_config": {"use_multipart_endpoint": False}}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(reply)))
            self.end_headers()
            self.wfile.write(reply)

        do_GET = do_POST = do_PATCH = answer

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found = Sink(server.server_port)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield found
    server.shutdown()
    server.server_close()
    thread.join()


def write_records(folder: Path, count: int) -> Path:
    """A corpus of so many records, each with something to repair."""
    path = folder / "c.jsonl"
    record = {"lang": "it", "instruction": "Segreto", "output": f"{SECRET} &amp;amp; altro."}
    path.write_text("".join(json.dumps(record | {"id": str(n)}) + "\n" for n in range(count)), encoding="utf-8")
    return path


def test_a_traced_program_traces_itself_and_nothing_of_a_boost(sink: Sink, monkeypatch: pytest.MonkeyPatch) -> None:
    """The library within somebody's traced program: what they trace arrives, so this would see a text of ours."""
    from langchain_core.runnables import RunnableLambda
    from langsmith import Client
    from langsmith.run_helpers import tracing_context

    for name, value in sink.variables.items():
        monkeypatch.setenv(name, value)
    client = Client(api_url=sink.url, api_key="key", auto_batch_tracing=False)

    def step(text: str) -> str:
        records = [{"id": str(n), "instruction": "Segreto", "output": f"{SECRET} &amp;amp; {n}"} for n in range(3)]
        assert midb.boost(records, language="it").ledger["improved"] == 3
        assert midb.fix_pair(instruction="Segreto", response=f"{SECRET} &amp;amp; altro", language="it").edits
        return text

    with tracing_context(enabled=True, client=client):
        RunnableLambda(step).invoke("CANARY")
    client.flush()
    received = b"".join(sink.received)
    assert b"CANARY" in received
    assert SECRET.encode() not in received


def watched(folder: Path, *arguments: str, variables: Mapping[str, str] | None = None) -> list[str]:
    """The connections that a run and its workers opened."""
    log = folder / "connections.txt"
    paths = [str(SUPPORT / "watched"), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = os.environ | (variables or {}) | {"PYTHONPATH": os.pathsep.join(paths), "MIDB_WATCHED": str(log)}
    subprocess.run([*COMMAND, *arguments], cwd=folder, env=environment, capture_output=True, check=True)
    return log.read_text(encoding="utf-8").splitlines() if log.exists() else []


#: Enough records for worker processes.
MANY = 450


@pytest.mark.parametrize(("workers", "records"), [("0", 3), ("2", MANY)])
def test_langsmith_gets_nothing(sink: Sink, tmp_path: Path, workers: str, records: int) -> None:
    """No connection is opened to it, nor to anybody else."""
    write_records(tmp_path, records)
    assert watched(tmp_path, "--workers", workers, variables=sink.variables) == []
    assert b"&amp;" not in (tmp_path / "c.boosted.jsonl").read_bytes()
    assert sink.received == []


def test_the_old_tracer_s_variables_send_nothing_and_stop_no_run(tmp_path: Path) -> None:
    """By LANGCHAIN_TRACING alone LangChain sends every text to a service; older versions refuse to work at all."""
    write_records(tmp_path, 3)
    variables = {"LANGCHAIN_TRACING": "true", "LANGCHAIN_HANDLER": "langchain"}
    assert watched(tmp_path, "--workers", "0", variables=variables) == []
    assert b"&amp;" not in (tmp_path / "c.boosted.jsonl").read_bytes()


def test_the_embedded_default_opens_no_connection(tmp_path: Path) -> None:
    write_records(tmp_path, 3)
    assert watched(tmp_path) == []


def test_the_watch_sees_connections(tmp_path: Path, sink: Sink) -> None:
    log = tmp_path / "connections.txt"
    code = f"import urllib.request; urllib.request.urlopen('{sink.url}')"
    environment = os.environ | {"PYTHONPATH": str(SUPPORT / "watched"), "MIDB_WATCHED": str(log)}
    subprocess.run([sys.executable, "-c", code], env=environment, check=True)
    assert "socket.connect" in log.read_text(encoding="utf-8")


def test_with_a_server_only_its_address_is_connected_to(
    replay_server: Callable[..., Any], scripted: ModuleType, tmp_path: Path
) -> None:
    (tmp_path / "c.jsonl").write_text(
        '{"lang": "it", "instruction": "Segreto", "output": "Va bene."}\n', encoding="utf-8"
    )
    server = replay_server(lambda messages, body: str(scripted.left_alone(scripted.request_of(messages, body))))
    found = watched(tmp_path, "--model", f"openai:{server.model}@{server.url}")
    assert found
    assert {line for line in found if line.startswith("socket.connect")} == {
        f"socket.connect ('127.0.0.1', {server.port})"
    }
    assert all("127.0.0.1" in line for line in found)


def test_doctor_says_what_would_have_traced(tmp_path: Path) -> None:
    environment = os.environ | {"LANGSMITH_TRACING": "true", "LANGCHAIN_TRACING_V2": "false"}
    shown = subprocess.run(
        [sys.executable, "-m", "midb", "doctor"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    line = next(line for line in shown.stdout.splitlines() if "privacy" in line)
    assert "are off (LANGSMITH_TRACING would" in " ".join(shown.stdout.split())
    assert line.lstrip().startswith("ok")
