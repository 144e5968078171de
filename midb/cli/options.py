"""Options that several commands share. Their help comes from RunConfig, which owns every setting."""

from __future__ import annotations

import dataclasses
import functools
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_type_hints

import typer

from midb.audit.file.key import KEY_VARIABLE
from midb.runs.config import RunConfig


def help_of(name: str) -> str:
    """The help of a setting, as RunConfig states it."""
    return RunConfig.model_fields[name].description or ""


Corpus = Annotated[Path, typer.Argument(metavar="CORPUS", help=help_of("corpus"))]
Output = Annotated[Path | None, typer.Option("-o", "--output", metavar="OUT", help=help_of("output"))]
Db = Annotated[Path | None, typer.Option("--db", metavar="DB", help=help_of("db"))]
Language = Annotated[str | None, typer.Option("--language", metavar="xx|auto", help=help_of("language"))]
TrustLanguage = Annotated[bool | None, typer.Option("--trust-language", help=help_of("trust_language"))]
Source = Annotated[Path | None, typer.Option("--source", metavar="FILE", help=help_of("source"))]
Map = Annotated[str | None, typer.Option("--map", metavar="FIELD=COL,...", help=help_of("map"))]
Passes = Annotated[str | None, typer.Option("--passes", metavar="PASS,...", help=help_of("passes"))]
Kinds = Annotated[str | None, typer.Option("--kinds", metavar="+KIND,-KIND,...", help=help_of("kinds"))]
Only = Annotated[str | None, typer.Option("--only", metavar="KIND,...", help=help_of("only"))]
Typography = Annotated[bool | None, typer.Option("--typography", help=help_of("typography"))]
Reviewed = Annotated[
    list[Path] | None, typer.Option("--reviewed", metavar="LOG.db", help=help_of("reviewed") + " Repeatable.")
]
MinPrecision = Annotated[float | None, typer.Option("--min-precision", metavar="SHARE", help=help_of("min_precision"))]
MinVerdicts = Annotated[int | None, typer.Option("--min-verdicts", metavar="N", help=help_of("min_verdicts"))]
Prompts = Annotated[Path | None, typer.Option("--prompts", metavar="FOLDER", help=help_of("prompts"))]
Model = Annotated[str | None, typer.Option("--model", metavar="MODEL", help=help_of("model"))]
Adapter = Annotated[
    list[str] | None, typer.Option("--adapter", metavar="[PASS=]LORA", help=help_of("adapter") + " Repeatable.")
]
Limit = Annotated[int | None, typer.Option("--limit", metavar="N", help=help_of("limit"))]
SealKey = Annotated[
    Path | None,
    typer.Option("--seal-key", metavar="FILE", envvar=KEY_VARIABLE, show_envvar=False, help=help_of("seal_key")),
]
Workers = Annotated[int | None, typer.Option("--workers", metavar="N", help=help_of("workers"))]
RecordSeconds = Annotated[float | None, typer.Option("--record-seconds", metavar="S", help=help_of("record_seconds"))]
Config = Annotated[
    Path | None, typer.Option("--config", metavar="FILE", help="A TOML file with any of these settings.")
]


def given(**settings: Any) -> dict[str, Any]:
    """The settings a user typed: those that are not None, nor a list of nothing."""
    return {name: value for name, value in settings.items() if value is not None and value != []}


_Result = TypeVar("_Result")


def unfold(command: Callable[..., _Result]) -> Callable[..., _Result]:
    """A command that takes groups of options, as one that takes the options they are made of.

    A group is a parameter whose type is a dataclass: each field of it, with its default, becomes an option, in the
    group's place.
    """
    signature = inspect.signature(command, eval_str=True)
    parameters: list[inspect.Parameter] = []
    groups: dict[str, type[Any]] = {}
    for parameter in signature.parameters.values():
        group = parameter.annotation
        if not (isinstance(group, type) and dataclasses.is_dataclass(group)):
            parameters.append(parameter)
            continue
        groups[parameter.name] = group
        hints = get_type_hints(group, include_extras=True)
        parameters += [
            parameter.replace(name=field.name, default=field.default, annotation=hints[field.name])
            for field in dataclasses.fields(group)
        ]

    @functools.wraps(command)
    def call(**given: Any) -> _Result:
        made = {
            name: group(**{field.name: given.pop(field.name) for field in dataclasses.fields(group)})
            for name, group in groups.items()
        }
        return command(**made, **given)

    call.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    return call
