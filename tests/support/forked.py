"""What processes of a nursery do in tests; a module of its own, as they find it by its name."""

from __future__ import annotations

import os
import signal
import sys
import threading
from multiprocessing.connection import Connection

from midb.agent.forking import Nursery

#: What the nursery has loaded: processes that it forks have it too.
LOADED: list[str] = []

#: A variable of the environment that is looked at.
VARIABLE = "MIDB_TEST_OF_A_NURSERY"


def load() -> None:
    """Load something."""
    LOADED.append("loaded")


def load_with_a_thread() -> None:
    """Load something, and leave a thread behind."""
    load()
    threading.Thread(target=threading.Event().wait, daemon=True).start()


def load_in_vain() -> None:
    """Fail."""
    raise ValueError("nothing can be loaded")


def answer(pipe: Connection, *words: str) -> None:
    """Answer what comes with what is known here, until the pipe is closed."""
    while True:
        try:
            asked = pipe.recv()
        except EOFError:
            return
        if asked == "fail":
            raise RuntimeError("as was asked for")
        if asked == "interrupt":
            os.kill(os.getpid(), signal.SIGINT)
            os.kill(os.getpid(), signal.SIGTERM)
        handles = [os.path.realpath(f"/proc/self/fd/{number}") for number in os.listdir("/proc/self/fd")]
        pipe.send(
            {
                "loaded": LOADED,
                "words": words,
                "pid": os.getpid(),
                "parent": os.getppid(),
                "variable": os.environ.get(VARIABLE),
                "folder": os.getcwd(),
                "path": sys.path,
                "handles": handles,
            }
        )


def main() -> None:
    """A program with processes that wait for something to do; says when they do, and waits to be killed."""
    nursery = Nursery(load)
    started = [nursery.start(answer) for _ in range(2)]
    for _, pipe in started:
        pipe.send("ready?")
        pipe.recv()
    print("ready", flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
