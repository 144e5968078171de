"""Sends this process Ctrl-C when a module is first looked for; used by sitecustomize where MIDB_INTERRUPT_AT is set."""

from __future__ import annotations

import importlib.abc
import os
import signal
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType


class Interrupting(importlib.abc.MetaPathFinder):
    """Finds nothing."""

    def __init__(self, name: str) -> None:
        self._name = name

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        if name == self._name:
            self._name = ""
            os.kill(os.getpid(), signal.SIGINT)
        return None


def install(name: str) -> None:
    """Interrupt when the module ``name`` is looked for, in the first process only."""
    del os.environ["MIDB_INTERRUPT_AT"]
    # A process that was started in the background may have inherited that Ctrl-C is ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.meta_path.insert(0, Interrupting(name))
