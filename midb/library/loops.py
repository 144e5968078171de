"""Calls that work in a notebook too, where an event loop is running already."""

from __future__ import annotations

import asyncio
import functools
import threading
from collections.abc import Callable
from typing import ParamSpec, TypeVar

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


def outside_loop(function: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
    """Run a function in a thread of its own where the caller stands in an event loop, as in a notebook.

    The state machine needs a loop of its own, and a thread can have one only.
    """

    @functools.wraps(function)
    def call(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Result:
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return function(*args, **kwargs)
        done: list[Result] = []
        failed: list[BaseException] = []

        def run() -> None:
            try:
                done.append(function(*args, **kwargs))
            except BaseException as error:  # raised again below, where the caller is
                failed.append(error)

        thread = threading.Thread(target=run, name=f"midb.{function.__name__}")
        thread.start()
        thread.join()
        if failed:
            raise failed[0]
        return done[0]

    return call
