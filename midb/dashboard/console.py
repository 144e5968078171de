"""The console that listeners print on. Knows nothing of runs."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TextIO, cast

from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text


class PatientStream(io.TextIOBase):
    """A stream to people that may go away (a closed terminal, a full disk): the run matters more than its display."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._gone = False

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return self._stream.encoding

    def isatty(self) -> bool:
        return self._stream.isatty()

    def fileno(self) -> int:
        return self._stream.fileno()

    def write(self, text: str, /) -> int:
        self._try(lambda: self._stream.write(text))
        return len(text)

    def flush(self) -> None:
        self._try(self._stream.flush)

    def _try(self, act: Callable[[], object]) -> None:
        if not self._gone:
            try:
                act()
            except OSError:
                self._gone = True


def open_terminal(stream: TextIO) -> Console:
    """A console on ``stream`` that prints what it is given: no markup, no emoji codes, no colours of its own choice."""
    return Console(file=cast(TextIO, PatientStream(stream)), markup=False, emoji=False, highlight=False)


def is_screen(console: Console) -> bool:
    """Whether a person looks at it. FORCE_COLOR makes ``console.is_terminal`` true for the log of a CI job as well."""
    return console.file.isatty()


def has_cursor(console: Console) -> bool:
    """Whether a screen can be drawn and redrawn there: a dumb terminal is not interactive, says rich."""
    return is_screen(console) and console.is_interactive


@dataclass(frozen=True)
class Fact:
    """A labelled line; one that goes on from the line above has an empty label. A command is never broken: a person
    copies it."""

    label: str
    text: Text
    command: bool = False


Part = RenderableType | Fact


def print_parts(console: Console, parts: Iterable[Part]) -> None:
    """Print one part below the other: fitted to a terminal, but never broken in a file, which people search by line."""
    for part in parts:
        if isinstance(part, Fact):
            _print_fact(console, part)
        elif isinstance(part, Text):
            console.print(part, soft_wrap=not is_screen(console))
        else:
            console.print(part)


def _print_fact(console: Console, fact: Fact) -> None:
    if fact.command or not is_screen(console):
        console.print(Text.assemble((f"{fact.label:<9}", "bold"), "  ", fact.text), soft_wrap=True)
        return
    body = Table.grid(padding=(0, 2, 0, 0))
    body.add_column(min_width=9, style="bold")
    body.add_column(overflow="fold")
    body.add_row(fact.label, fact.text)
    console.print(body)
