"""An error of one pair is a value; what no pair can be examined for is raised."""

from __future__ import annotations

import asyncio

import pytest

from midb.agent.engines.protocol import EngineDown
from midb.agent.failures import contain
from midb.domain.errors import AuditError


async def work(error: BaseException | None = None) -> str:
    if error:
        raise error
    return "done"


def test_a_result_is_a_result() -> None:
    assert asyncio.run(contain(work())) == "done"


def test_an_error_is_a_value() -> None:
    error = KeyError("boom")
    assert asyncio.run(contain(work(error))) is error


@pytest.mark.parametrize("error", [EngineDown("x"), AuditError("x"), KeyboardInterrupt(), asyncio.CancelledError()])
def test_what_concerns_all_is_raised(error: BaseException) -> None:
    with pytest.raises(type(error)):
        asyncio.run(contain(work(error)))
