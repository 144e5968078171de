"""What goes wrong with one pair stays with that pair: its error is a value, and the batch goes on."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TypeVar

from midb.agent.engines.protocol import EngineDown
from midb.domain.errors import AuditError

Result = TypeVar("Result")

#: Errors that keep every pair from being examined: nobody is served, or nothing can be logged.
FATAL = (EngineDown, AuditError)


async def contain(work: Awaitable[Result]) -> Result | Exception:
    """What comes of work on one pair, or the error that ended it. Raises what no pair can be examined for."""
    try:
        return await work
    except FATAL:
        raise
    except Exception as error:  # a fault of ours must never cost the user another pair, nor go unsaid
        return error
