"""Serving the review page until Ctrl-C, and a sentence where that cannot be done."""

from __future__ import annotations

import socket
import sys
import threading
import webbrowser
from collections.abc import Sequence

from midb.domain.errors import UsageError
from midb.review.choosing import Candidate
from midb.review.desk import Desk
from midb.review.originals import Originals
from midb.text.terminal import visible

#: The only address that is listened on.
LOCAL = "127.0.0.1"


def serve(
    desk: Desk,
    candidates: Sequence[Candidate],
    reviewer: str,
    *,
    port: int,
    open_browser: bool,
    originals: Originals | None = None,
) -> None:
    """Serve the page; returns after Ctrl-C. Raises UsageError where the port is taken or a library is missing."""
    try:
        import uvicorn

        from midb.review.server import ReviewSite
    except ImportError as error:
        raise UsageError(
            f"the review page needs {error.name}.",
            hint="pip install '.[review]' in the folder of midb-agent's source, or use review sheet.",
        ) from error
    listener = socket.socket()
    try:
        listener.bind((LOCAL, port))
        listener.listen()  # before the address is told: whoever is quick waits, and is not turned away
    except OSError as error:
        listener.close()
        raise UsageError(f"port {port} cannot be used: {error.strerror}.", hint="Leave --port out.") from error
    with listener:
        site = ReviewSite(desk, candidates, reviewer, host=f"{LOCAL}:{listener.getsockname()[1]}", originals=originals)
        config = uvicorn.Config(
            site.make_app(), log_level="error", access_log=False, server_header=False, lifespan="off"
        )
        said = [
            f"review     {len(candidates):,} edits and findings of run {desk.run.id}, by {visible(reviewer)}",
            f"page       {site.address}",
            f"audit log  {visible(str(desk.path))}",
            *([f"English    no originals: {visible(originals.missing)}"] if originals and originals.missing else []),
            "Ctrl-C ends it; the same command goes on.",
        ]
        print("\n".join(said), file=sys.stderr, flush=True)
        if open_browser:
            threading.Timer(0.5, webbrowser.open, [site.address]).start()
        server = uvicorn.Server(config)
        server.run(sockets=[listener])
