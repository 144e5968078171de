"""What runs untraced sees no tracer of the program around it, and is otherwise what it is."""

from __future__ import annotations

import asyncio
import contextvars

import pytest

from midb.agent.untraced import untraced

LISTENER: contextvars.ContextVar[str] = contextvars.ContextVar("LISTENER", default="nobody")


def test_the_caller_s_context_is_not_seen_and_not_touched() -> None:
    async def work() -> str:
        seen = LISTENER.get()
        LISTENER.set("work")
        return seen

    async def program() -> tuple[str, str, str]:
        LISTENER.set("program")
        return await untraced(work()), await untraced(work()), LISTENER.get()

    assert asyncio.run(program()) == ("nobody", "nobody", "program")


def test_tracing_is_off_also_where_the_program_is_traced() -> None:
    from langsmith.run_helpers import get_tracing_context, tracing_context

    async def work() -> object:
        return get_tracing_context()["enabled"]

    async def program() -> tuple[object, object]:
        with tracing_context(enabled=True):
            return await work(), await untraced(work())

    assert asyncio.run(program()) == (True, False)


@pytest.mark.parametrize("error", [ValueError("no"), asyncio.CancelledError()])
def test_errors_reach_the_caller(error: BaseException) -> None:
    async def fails() -> None:
        raise error

    with pytest.raises(type(error)):
        asyncio.run(untraced(fails()))
