"""A worker process that one record kills, as a segmentation fault in a library would."""

from __future__ import annotations

import os
import signal
from typing import Any

from midb.agent.run.examine import Examiner


def deadly_worker(pipe: Any, settings: Any) -> None:
    """A worker that one record kills as a segmentation fault would."""
    examiner = Examiner(settings)
    while True:
        try:
            batch = pipe.recv()
        except EOFError:
            return
        if any(b'"kill"' in raw.body for raw, _ in batch):
            os.kill(os.getpid(), signal.SIGKILL)
        pipe.send(examiner.examine_batch(batch))
