"""Calls that work in a notebook too, where an event loop is running already."""

from __future__ import annotations

import asyncio
import functools
import threading
from collections.abc import Callable
from typing import ParamSpec, TypeVar

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")

#: What is known in a thread about who called: ``gave_up``, once the caller waits for nothing but its end.
_here = threading.local()


def is_given_up() -> bool:
    """Whether who called in an event loop was interrupted (Ctrl-C): what takes long asks, and ends."""
    return bool(getattr(_here, "gave_up", None) and _here.gave_up.is_set())


def outside_loop(function: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
    """Run a function in a thread of its own where the caller stands in an event loop, as in a notebook.

    The state machine needs a loop of its own, and a thread can have one only. Where the caller is interrupted, as by a
    notebook's button, the thread is waited for until it has seen that (``is_given_up``): left alone, it would go on
    asking a model. An interrupt more leaves it to itself.
    """

    @functools.wraps(function)
    def call(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Result:
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return function(*args, **kwargs)
        done: list[Result] = []
        failed: list[BaseException] = []
        gave_up, ended = threading.Event(), threading.Event()

        def run() -> None:
            _here.gave_up = gave_up
            try:
                done.append(function(*args, **kwargs))
            except BaseException as error:  # raised again below, where the caller is
                failed.append(error)
            finally:
                ended.set()

        thread = threading.Thread(target=run, name=f"midb.{function.__name__}")
        try:
            thread.start()
            ended.wait()  # Python 3.11 takes a thread for ended whose join was interrupted
        except BaseException:
            gave_up.set()
            if thread.is_alive():
                ended.wait()
            raise
        if failed:
            raise failed[0]
        return done[0]

    return call
