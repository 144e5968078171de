"""The options that commands on a log share, each declared once: which log, which run, which records."""

from __future__ import annotations

import dataclasses
import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_type_hints

import typer

from midb.audit.file.key import KEY_VARIABLE
from midb.audit.questions.filters import Filters, check_filters
from midb.audit.questions.search import add_search
from midb.audit.reader import AuditReader
from midb.domain.errors import UsageError

Db = Annotated[Path | None, typer.Option("--db", metavar="DB", help="The audit log; default: the only one here.")]
Key = Annotated[
    Path | None,
    typer.Option(
        "--key",
        metavar="FILE",
        envvar=KEY_VARIABLE,
        show_envvar=False,
        help=f"The key that the log was sealed with; default: the file that {KEY_VARIABLE} names.",
    ),
]
RunNumber = Annotated[int | None, typer.Option("--run", metavar="N", help="A run of the log; default: the latest.")]
Json = Annotated[bool, typer.Option("--json", help="JSON on stdout, for scripts.")]


def find_log(db: Path | None) -> Path:
    """The log that is meant: the one named, else the only one in this folder."""
    if db is not None:
        return db
    found = sorted(Path().glob("*.audit.db"))
    if len(found) == 1:
        return found[0]
    have = f"Here are {', '.join(map(str, found[:4]))}." if found else "There is none here."
    raise UsageError("which audit log? Name it with --db.", hint=have)


@dataclass(frozen=True, kw_only=True)
class RecordOptions:
    """Which records of which log a command is about, as a user types it; `with_record_options` makes them options."""

    db: Db = None
    kind: Annotated[
        list[str] | None, typer.Option("--kind", metavar="KIND", help="Only this kind of defect; repeat for more.")
    ] = None
    pass_: Annotated[
        list[str] | None, typer.Option("--pass", metavar="PASS", help="Only what this pass decided; repeat for more.")
    ] = None
    language: Annotated[
        list[str] | None,
        typer.Option("--language", metavar="xx", help="Only records in this language; repeat for more."),
    ] = None
    outcome: Annotated[
        list[str] | None,
        typer.Option("--outcome", help="unchanged, improved, reverted (taken back) or undone (by `revert`)."),
    ] = None
    status: Annotated[list[str] | None, typer.Option("--status", help="Of findings: repaired, open or dismissed.")] = (
        None
    )
    text: Annotated[
        list[str] | None, typer.Option("--text", metavar="TEXT", help="Only records that hold this text.")
    ] = None
    run: RunNumber = None

    def filters(self, reader: AuditReader) -> Filters:
        """The same for the log that is open, checked; its connection can search texts afterwards."""
        add_search(reader.connection)
        words: dict[str, Any] = {
            name: given[0] if len(given) == 1 else tuple(given)
            for name in ("kind", "pass_", "language", "outcome", "status", "text")
            if (given := getattr(self, name))
        }
        if isinstance(words.get("text"), tuple):
            raise UsageError("--text is given twice.", hint="Ask for one text at a time.")
        return check_filters(reader, Filters(**words | {"run": reader.run(self.run).id}))


_Result = TypeVar("_Result")


def with_record_options(command: Callable[..., _Result]) -> Callable[..., _Result]:
    """A command that takes a RecordOptions, as one that takes the options it is made of."""
    hints = get_type_hints(RecordOptions, include_extras=True)
    fields = dataclasses.fields(RecordOptions)
    signature = inspect.signature(command, eval_str=True)
    parameters: list[inspect.Parameter] = []
    taker = ""
    for parameter in signature.parameters.values():
        if parameter.annotation is RecordOptions:
            taker = parameter.name
            parameters += [
                parameter.replace(name=field.name, default=field.default, annotation=hints[field.name])
                for field in fields
            ]
        else:
            parameters.append(parameter)

    @functools.wraps(command)
    def call(**given: Any) -> _Result:
        options = RecordOptions(**{field.name: given.pop(field.name) for field in fields})
        return command(**{taker: options}, **given)

    call.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    return call
