"""Bounds for a chat template, which is a program that came with a checkpoint: what it may take to render one chat.

transformers runs templates in Jinja's sandbox: they reach no file and no attribute that matters, but may loop without
end or build a text of any size. Processor time is bounded by the clock of the record that is examined, or by one of its
own while a checkpoint is tried out; memory by what the system lends the process (Linux; elsewhere it is not bounded).
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

from midb.agent.record_clock import RecordClock, RecordOutOfTimeError

#: Seconds of processor time in which a template is tried out; real ones take a thousandth.
TRIAL_SECONDS = 10.0

#: Bytes beyond those the process has, and characters of a rendered chat: far more than any model can read.
MEMORY = 2 << 30
LONGEST = 32 << 20


class TemplateOutOfBoundsError(ValueError):
    """A template takes too much time or memory, or makes too long a text; the message says which."""


def render_bounded(render: Callable[[], str]) -> str:
    """What ``render`` makes of a chat; TemplateOutOfBoundsError for what no chat template needs."""
    try:
        with _limit_memory():
            text = render()
    except (MemoryError, OverflowError) as error:
        raise TemplateOutOfBoundsError(f"it takes more than {MEMORY >> 30} GiB of memory") from error
    if len(text) > LONGEST:
        raise TemplateOutOfBoundsError(f"it makes a text of more than {LONGEST >> 20} MiB")
    return text


def try_out(render: Callable[[], str]) -> str:
    """The same, within the time that a trial may take."""
    try:
        return RecordClock(TRIAL_SECONDS).run(lambda: render_bounded(render))
    except RecordOutOfTimeError:
        raise TemplateOutOfBoundsError(f"it takes more than {TRIAL_SECONDS:g} s") from None


@contextlib.contextmanager
def _limit_memory() -> Iterator[None]:
    """Let the process have ``MEMORY`` more than it has, for as long as the block lasts."""
    held = _measure_data()
    if held is None:
        yield
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    limit = held + MEMORY
    if soft != resource.RLIM_INFINITY:
        limit = min(limit, soft)
    resource.setrlimit(resource.RLIMIT_DATA, (limit, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


def _measure_data() -> int | None:
    """Bytes that count against RLIMIT_DATA; ``None`` where the system does not tell, or sets no such limit."""
    try:
        with open("/proc/self/status", encoding="ascii") as file:
            return next((int(line.split()[1]) << 10 for line in file if line.startswith("VmData:")), None)
    except OSError:
        return None
