"""Runs over a few records, in this process, and their parts."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from midb.agent.engines.protocol import TextEngine
from midb.agent.run.runner import Runner
from midb.agent.run.session import RunEngine, Session, open_session
from midb.corpus.formats.containers import open_container
from midb.domain.events import Event, RunEnded
from midb.domain.generations import Generation, GenerationKey
from midb.runs.config import load_config

#: A response with a defect that is repaired, and what it becomes.
BROKEN, MENDED = "SchÃ¶n, dich zu sehen.", "Schön, dich zu sehen."


def write_lines(path: Path, *lines: bytes | Mapping[str, object]) -> Path:
    """A corpus of lines: bytes as they are, and objects as JSON."""
    encoded = (line if isinstance(line, bytes) else json.dumps(line, ensure_ascii=False).encode() for line in lines)
    path.write_bytes(b"".join(line + b"\n" for line in encoded))
    return path


def broken_records(count: int) -> Iterator[dict[str, object]]:
    """Records of which every second has something to repair."""
    for number in range(count):
        response = BROKEN if number % 2 else MENDED
        yield {"id": f"de-{number}", "instruction": f"Gruß Nummer {number}!", "output": response}


@contextmanager
def session_over(corpus: Path, engine: RunEngine | None = None, **settings: object) -> Iterator[Session]:
    """An opened run in German, in this process unless ``settings`` say otherwise."""
    config = load_config(None, {"corpus": corpus, "language": "de", "workers": 0, **settings})
    session = open_session(config, open_container(corpus), ["run", str(corpus)], engine)
    try:
        yield session
    finally:
        session.log.close()


class NothingKept:
    """A store of generations that keeps none: every question is asked."""

    def find(self, key: GenerationKey) -> Generation | None:
        return None

    def add(self, generations: Sequence[Generation]) -> list[Generation]:
        return list(generations)


@contextmanager
def engine_on_a_loop(engine: TextEngine, warn: Callable[[str], None] = lambda _: None) -> Iterator[RunEngine]:
    """An engine with the event loop of a run."""
    with asyncio.Runner() as loop:
        yield RunEngine(engine, loop, warn)


def run_over(
    corpus: Path,
    *,
    emit: Callable[[Event], None] = lambda _: None,
    stopped: Callable[[], bool] = bool,
    **settings: object,
) -> RunEnded:
    """A whole run without a model, or what is left of one; its last event."""
    with session_over(corpus, None, **settings) as session:
        return Runner(session, emit, stopped).run()


def lines_of(path: Path) -> list[dict[str, Any]]:
    """The records of a file of JSON Lines."""
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def names_in(folder: Path) -> list[str]:
    """What lies in a folder."""
    return sorted(path.name for path in folder.iterdir())


def fails_at(
    call: int, error: BaseException, function: Callable[..., Any], *, after: bool = False
) -> Callable[..., Any]:
    """The function, of which one call, counted from 1, raises instead of doing anything, or ``after`` it is done."""
    calls = itertools.count(1)

    def failing(*args: Any, **named: Any) -> Any:
        due = next(calls) == call
        if due and not after:
            raise error
        result = function(*args, **named)
        if due:
            raise error
        return result

    return failing


def run_here_over(folder: Path, corpus: str, **settings: Any) -> None:
    """Run a corpus of a folder as somebody would who is in it: its log can be moved along."""
    with contextlib.chdir(folder):
        assert run_over(Path(corpus), **settings).status == "finished"
