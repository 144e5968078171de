"""`midb-agent kinds`, `languages`, `graph`, `doctor`: what the tool can do, and whether this machine is fit for it."""

from __future__ import annotations

import platform
import shutil
import sqlite3
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import orjson
import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from midb import __version__
from midb.detectors import kinds
from midb.domain.portability import usable_cores
from midb.locales import LANGUAGES, load
from midb.locales.measured import measured
from midb.runs.privacy import refused_tracing
from midb.runs.versions import DISTRIBUTION, Library, known_libraries

Json = Annotated[bool, typer.Option("--json", help="One JSON object a line on stdout.")]


def list_kinds(
    language: Annotated[str | None, typer.Option("--language", help="Only what concerns one language.")] = None,
    db: Annotated[
        Path | None,
        typer.Option("--db", metavar="DB", help="How precise each kind was, by what people said in this log."),
    ] = None,
    json: Json = False,
) -> None:
    """List the kinds of defects: what is repaired, what is flagged, in which languages, and why not in the others.

    With --db: how many of the edits and findings that people reviewed in that log were right, by kind and language.
    """
    from midb.text.languages import require_language

    code = require_language(language) if language else None
    if db is not None:
        from midb.cli.reviewing.precision import show_reviewed

        show_reviewed(db, code, json=json)
        return
    if json:
        for kind in kinds().values():
            reasons = {other: kind.abstention(load(other)) for other in LANGUAGES}
            row = {
                "kind": kind.name, "family": kind.family.value, "severity": kind.severity.value,
                "repairs": kind.repairs, "needs_source": kind.needs_source, "typography": kind.convention,
                "summary": kind.summary, "abstains": {other: why for other, why in reasons.items() if why},
                "measured": {other: asdict(measured(kind.name, other)) for other in LANGUAGES},
            }  # fmt: skip
            typer.echo(orjson.dumps(row).decode())
        return
    console = Console(highlight=False)
    family = None
    for kind in kinds().values():
        if kind.family is not family:
            family = kind.family
            console.print(Text(f"\n{family.value}", style="bold"))
        marks = ["repairs" if kind.repairs else "flags"]
        marks += ["source"] if kind.needs_source else []
        marks += ["--typography"] if kind.convention else []
        console.print(
            Text(f"  {kind.name:21}{kind.severity.value:10}{', '.join(marks):22}{kind.summary}"), soft_wrap=True
        )
        for other in [code] if code else LANGUAGES:
            if reason := kind.abstention(load(other)):
                console.print(Text(f"  {'':21}not in {other}: {reason}"), soft_wrap=True)
            elif code and (told := measured(kind.name, code).describe()):
                console.print(Text(f"  {'':21}measured: {told}"), soft_wrap=True)
    console.print(
        Text(
            "\nrepairs: some findings carry a provable repair; flags: never; source: only with the English source; "
            "--typography: a convention of print, examined on request. A kind is examined in every language that is "
            "not named below it."
        )
    )


def list_languages(json: Json = False) -> None:
    """List the languages, their conventions, and the kinds that abstain in each."""
    table = Table(box=None, pad_edge=False)
    for title in ("code", "language", "", "script", "direction", "locale", "abstains from"):
        table.add_column(title, overflow="fold")
    for code in LANGUAGES:
        locale = load(code)
        abstained = [kind.name for kind in kinds().values() if kind.abstention(locale)]
        if json:
            row = {
                "code": code, "name": locale.name, "native_name": locale.native_name, "script": locale.script,
                "direction": locale.direction, "default_locale": locale.default_locale, "abstains": abstained,
            }  # fmt: skip
            typer.echo(orjson.dumps(row).decode())
        cells = (code, locale.name, locale.native_name, locale.script, locale.direction, locale.default_locale)
        table.add_row(*map(Text, (*cells, ", ".join(abstained) or "nothing")))
    if not json:
        Console().print(table)


def print_graph() -> None:
    """Print the state machine as mermaid text."""
    from midb.agent.graph import draw

    typer.echo(draw().rstrip())


def examinations() -> Iterator[tuple[str, bool, str]]:
    """What `doctor` looks at: (what, fit or not, what was seen)."""
    yield "python", sys.version_info >= (3, 11), platform.python_version()
    libraries = known_libraries()
    yield (
        DISTRIBUTION,
        bool(libraries),
        __version__ if libraries else "not installed: pip install . in the folder of its source",
    )
    named: dict[str, list[Library]] = {}
    for library in libraries:
        named.setdefault(library.name, []).append(library)
    for name, same in named.items():
        version, needed = same[0].version, any(one.extra is None for one in same)
        absent = (
            "missing: pip install . in the folder of the source"
            if needed
            else f"not installed (optional, extra {' or '.join(f'`{one.extra}`' for one in same)})"
        )
        yield name, bool(version or not needed), version or absent
    asked = refused_tracing()
    yield (
        "privacy",
        True,
        "tracing and telemetry of other libraries are off"
        + (f" ({' '.join(asked)} would have switched it on)" if asked else ""),
    )
    yield "SQLite", sqlite3.sqlite_version_info >= (3, 24), sqlite3.sqlite_version
    yield "processors", True, str(usable_cores())
    for name, said in _list_gpus():
        yield name, True, said
    yield "locales", all(load(code).code == code for code in LANGUAGES), f"{len(LANGUAGES)} languages"
    yield "kinds", bool(kinds()), str(len(kinds()))
    yield "identification", *_identification()
    yield "write-ahead log", *_write_ahead_log()
    free = shutil.disk_usage(Path.cwd()).free
    yield "disk here", free > 1 << 28, f"{free / 2**30:,.1f} GiB free"


def _list_gpus() -> Iterator[tuple[str, str]]:
    """Nothing without torch, which only a model here needs."""
    if find_spec("torch") is not None:
        try:
            from midb.kernels.devices import describe_gpus

            yield from describe_gpus()
        except Exception as error:  # a driver or a library that is not what torch was built for fails in its own way
            yield "GPU", f"not usable: {type(error).__name__}: {str(error).partition(chr(10))[0]}"


def _identification() -> tuple[bool, str]:
    from midb.text.languages import LanguageIdentifier

    code = LanguageIdentifier().identify("Dies ist ein kurzer deutscher Satz über das Wetter von gestern.")
    return code == "de", "a German sentence is identified" if code == "de" else f"took German for {code}"


def _write_ahead_log() -> tuple[bool, str]:
    """WAL needs shared memory, which some network file systems lack; better known before a long run."""
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        connection = sqlite3.connect(Path(folder) / "probe.db")
        mode = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
        connection.close()
    return mode == "wal", f"works in {Path.cwd()}" if mode == "wal" else "not on this file system: choose another --db"


def doctor() -> int:
    """Check that this machine has what a run needs. Exits with 1 where something is missing."""
    table = Table(box=None, pad_edge=False, show_header=False)
    fit = True
    for what, good, seen in examinations():
        fit = fit and good
        table.add_row(Text("ok" if good else "BAD", style="green" if good else "red"), Text(what), Text(seen))
    console = Console()
    console.print(table)
    console.print(Text("ready" if fit else "not ready: see the lines marked BAD"))
    return 0 if fit else 1
