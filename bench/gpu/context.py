"""What all parts of a GPU run share: where rows go, how long a part may take, and the device."""

from __future__ import annotations

import contextlib
import gc
import json
import signal
import time
import traceback
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

#: Characters of a row that are printed; the file holds all of it.
_PRINTED = 170

#: Seconds after which a part that ignored the end of its time is told again.
_INSIST = 10.0


class TimeIsUp(BaseException):
    """The time of a part is over. No ``Exception``, so that no handler of a single measurement keeps it."""


class DeviceLost(BaseException):
    """A kernel broke the device for this process: nothing more can be computed in it."""


@dataclass
class GpuRun:
    """One run: its rows, its device, and the time that its parts have.

    :param smoke: run everything on a CPU with tiny shapes, to see that it runs at all.
    :param tried: what was begun, as "part/case": a process that takes over from a broken one goes on behind it.
    :param kept: what parts keep for each other, such as a model of 16 GB.
    """

    out: Path
    smoke: bool = False
    corpora: Path | None = None
    compile_peers: bool = False
    tried: list[str] = field(default_factory=list)
    kept: dict[str, Any] = field(default_factory=dict)
    _started: float = field(default_factory=time.monotonic)
    _deadline: float = 0.0

    @property
    def device(self) -> str:
        """Where everything is computed."""
        return "cpu" if self.smoke else "cuda"

    @property
    def dtype(self) -> str:
        """What models compute in."""
        return "float32" if self.smoke else "bfloat16"

    def say(self, part: str, **row: Any) -> None:
        """Write a row, at once, and print its beginning."""
        row = {"part": part, "t": round(time.monotonic() - self._started, 1), **row}
        with (self.out / "rows.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(row, ensure_ascii=False, default=str) + "\n")
        shown = " ".join(f"{key}={value}" for key, value in row.items() if key != "part").replace("\n", " | ")
        print(f"{part} {shown}"[:_PRINTED], flush=True)

    @contextlib.contextmanager
    def bounded(self, part: str, seconds: float) -> Iterator[None]:
        """Give a part so many seconds. Whatever breaks it off is told in a row, and the next part can go on."""
        self._deadline = time.monotonic() + seconds

        def stop(*_: object) -> None:
            raise TimeIsUp

        before = signal.signal(signal.SIGALRM, stop)
        started = time.monotonic()
        try:
            signal.setitimer(signal.ITIMER_REAL, seconds, _INSIST)
            yield
        except TimeIsUp:
            self._end_timer(before)
            self.say(part, stopped=f"its {seconds:g} s are over; the next part goes on")
        except DeviceLost:
            self._end_timer(before)
            self.say(part, stopped="the device is lost for this process")
        except Exception as error:
            self._end_timer(before)
            self.say_error(part, error)
        finally:
            self._end_timer(before)
            self.say(part, part_seconds=round(time.monotonic() - started, 1))

    def _end_timer(self, before: Any) -> None:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)

    def say_error(self, part: str, error: Exception, **row: Any) -> None:
        """Write a row about what failed: the error's own words, and where it came from."""
        where = [line.strip() for line in traceback.format_exception(error)[-4:]]
        self.say(part, **row, error=f"{type(error).__name__}: {error}"[:600], where="\n".join(where)[-1500:])

    @contextlib.contextmanager
    def telling(self, part: str, **row: Any) -> Iterator[None]:
        """Write a row about what fails inside, and go on; raises DeviceLost where nothing can go on."""
        try:
            yield
        except Exception as error:
            self.say_error(part, error, **row)
            if self.is_device_lost():
                raise DeviceLost from error

    def begin(self, part: str, case: str, seconds: float = 1.0) -> bool:
        """Whether a case is to be measured: nobody has begun it, and so many seconds are left. Says so where not."""
        if f"{part}/{case}" in self.tried:
            return False
        if self.seconds_left < seconds:
            self.say(part, left_out=case, seconds_left=round(self.seconds_left, 1))
            return False
        self.tried.append(f"{part}/{case}")
        self.free()
        return True

    @property
    def seconds_left(self) -> float:
        """Seconds until the end of the running part."""
        return self._deadline - time.monotonic()

    def free(self) -> None:
        """Give back what dropped engines and models held, whose parts know each other."""
        gc.collect()
        if not self.smoke:
            torch.cuda.empty_cache()

    def find_peak(self) -> float:
        """Find the most GiB that torch held since the last call; 0 on a CPU."""
        if self.smoke:
            return 0.0
        peak = torch.cuda.max_memory_allocated() / 2**30
        torch.cuda.reset_peak_memory_stats()
        return round(peak, 1)

    def is_device_lost(self) -> bool:
        """Whether a kernel broke the device for this process, as one does that reads where it may not."""
        if self.smoke:
            return False
        try:
            torch.cuda.synchronize()
        except RuntimeError:
            return True
        return False
