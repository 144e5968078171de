"""A hub of data sets and models on this machine, for its real client: it lists and gives files, and fails when told."""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest

NAME = "owner/name"

#: An address where nobody listens.
NOBODY = "http://127.0.0.1:9"

#: What the hub says of what it does not give: the status, and its own word for it.
REFUSALS = {"gated": (403, "GatedRepo"), "missing": (401, "RepoNotFound"), "down": (500, "")}


@dataclass
class Hub:
    """What the hub holds, and how it fails.

    :param files: content by path, of NAME.
    :param kind: what NAME is: "datasets" or "models".
    :param refusal: one of REFUSALS, if any.
    :param cut: the path of a file whose download breaks off in its middle.
    :param asked: method and path of each request.
    """

    files: dict[str, bytes]
    kind: str = "datasets"
    refusal: str = ""
    cut: str = ""
    asked: list[str] = field(default_factory=list)

    @property
    def commit(self) -> str:
        """Of what it holds now."""
        return hashlib.sha1(repr(sorted(self.files.items())).encode()).hexdigest()

    @property
    def given(self) -> list[str]:
        """The files that were downloaded."""
        asked = (path.partition("/resolve/") for path in self.asked if path.startswith("GET "))
        return [name[len(self.commit) + 1 :] for _, resolved, name in asked if resolved]


@contextmanager
def serving(hub: Hub) -> Iterator[str]:
    """Serve a hub, and yield its address."""

    place = f"datasets/{NAME}" if hub.kind == "datasets" else NAME

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: object) -> None:
            pass

        def do_HEAD(self) -> None:
            self._answer()

        def do_GET(self) -> None:
            self._answer()

        def _answer(self) -> None:
            path = unquote(urlsplit(self.path).path)
            hub.asked.append(f"{self.command} {path}")
            if hub.refusal:
                status, code = REFUSALS[hub.refusal]
                self._send(status, b"{}", {"X-Error-Code": code, "X-Error-Message": hub.refusal})
            elif match := re.fullmatch(rf"/api/{hub.kind}/{NAME}(?:/revision/(.+))?", path):
                if match[1] in (None, "main", "v1", "refs/convert/parquet", hub.commit):
                    self._send_json({"id": NAME, "sha": hub.commit, "siblings": [], "tags": [], "private": False})
                else:
                    self._send(404, b"{}", {"X-Error-Code": "RevisionNotFound"})
            elif path == f"/api/{hub.kind}/{NAME}/tree/{hub.commit}":
                self._send_json(
                    [
                        {"type": "file", "path": name, "size": len(data), "oid": hashlib.sha1(data).hexdigest()}
                        for name, data in hub.files.items()
                    ]
                )
            elif match := re.fullmatch(rf"/{place}/resolve/{hub.commit}/(.+)", path):
                self._send_file(match[1], hub.files[match[1]])
            else:
                self._send(404, b"{}", {"X-Error-Code": "RepoNotFound"})

        def _send_file(self, name: str, data: bytes) -> None:
            about = {"ETag": f'"{hashlib.sha1(data).hexdigest()}"', "X-Repo-Commit": hub.commit}
            if name == hub.cut and self.command == "GET":
                self._send(200, data[: len(data) // 2], about, length=len(data))
                self.close_connection = True
            elif first := re.match(r"bytes=(\d+)-", self.headers.get("Range", "")):
                start = int(first[1])
                where = {"Content-Range": f"bytes {start}-{len(data) - 1}/{len(data)}"}
                self._send(206, data[start:], about | where)
            else:
                self._send(200, data, about)

        def _send_json(self, content: Any) -> None:
            self._send(200, json.dumps(content).encode(), {"Content-Type": "application/json"})

        def _send(self, status: int, body: bytes, headers: dict[str, str], length: int | None = None) -> None:
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body) if length is None else length)}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def point_client_to(address: str, patch: pytest.MonkeyPatch) -> None:
    """Let the hub's client of this process ask another address."""
    patch.setattr("huggingface_hub.constants.ENDPOINT", address)
    patch.setattr(
        "huggingface_hub.constants.HUGGINGFACE_CO_URL_TEMPLATE", address + "/{repo_id}/resolve/{revision}/{filename}"
    )
