"""Graph runs that no tracer sees.

LangChain's tracers are found through context variables and the environment: with LANGSMITH_TRACING set, which many
users have, every text of a corpus would go to a service. Our runs take place in a context of their own, in which
tracing is off, also where the program around them is traced.
"""

from __future__ import annotations

import asyncio
import contextvars
import functools
from collections.abc import Coroutine
from typing import Any, TypeVar

Result = TypeVar("Result")


@functools.cache
def _untraced() -> contextvars.Context:
    """An empty context in which tracing is switched off: no callback of anybody is in it."""
    from langsmith.run_helpers import tracing_context

    context = contextvars.Context()
    # Never left: the context is thrown away, not the setting.
    context.run(tracing_context(enabled=False, parent=False).__enter__)
    return context


def start_untraced(work: Coroutine[Any, Any, Result]) -> asyncio.Task[Result]:
    """Start something in a context without tracers."""
    return asyncio.create_task(work, context=_untraced().copy())


async def untraced(work: Coroutine[Any, Any, Result]) -> Result:
    """Await something in a context without tracers."""
    return await start_untraced(work)
