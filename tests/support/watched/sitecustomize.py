"""Loaded by every Python process that has this folder on its path: writes down each connection that it opens.

The file is named by MIDB_WATCHED; a line is ``event address``. MIDB_INTERRUPT_AT names a module at whose first import
the process gets Ctrl-C.
"""

from __future__ import annotations

import os
import sys

_FILE = os.environ.get("MIDB_WATCHED")
_EVENTS = ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto")


def _watch(event: str, arguments: tuple[object, ...]) -> None:
    if event in _EVENTS and _FILE:
        where = arguments[1] if event in ("socket.connect", "socket.sendto") else arguments[0]
        with open(_FILE, "a", encoding="utf-8") as file:
            file.write(f"{event} {where}\n")


sys.addaudithook(_watch)

if _module := os.environ.get("MIDB_INTERRUPT_AT"):
    import interrupting

    interrupting.install(_module)
