"""The pages that are made from the code are what the code says, and leave nothing out."""

from __future__ import annotations

import doctest
import importlib.util
from collections.abc import Callable
from typing import Any

import pytest
import typer
from doc_pages import DOCS, section, table, text_of

from midb.cli.main import app
from midb.cli.table import LateCommand
from midb.detectors import kinds
from midb.runs.config import RunConfig

spec = importlib.util.spec_from_file_location("generate", DOCS / "generate.py")
assert spec
assert spec.loader
generate: Any = importlib.util.module_from_spec(spec)
spec.loader.exec_module(generate)

PAGES: dict[str, Callable[[], str]] = generate.PAGES


@pytest.mark.parametrize("name", PAGES)
def test_the_page_is_up_to_date(name: str) -> None:
    assert text_of(DOCS / name) == PAGES[name](), f"docs/{name} is not what the code says: python docs/generate.py"


def test_the_examples_of_the_script_are_right() -> None:
    failed, tried = doctest.testmod(generate)
    assert tried >= 4
    assert not failed


def every_command() -> list[tuple[str, Any]]:
    """Paths and commands, found without the script that makes the page."""
    found: list[tuple[str, Any]] = []
    waiting = [("midb-agent", typer.main.get_command(app))]
    while waiting:
        path, command = waiting.pop()
        found.append((path, command))
        waiting += [
            (f"{path} {name}", below.load() if isinstance(below, LateCommand) else below)
            for name, below in getattr(command, "commands", {}).items()
        ]
    return found


@pytest.mark.parametrize(
    ("path", "command"), every_command(), ids=lambda value: value if isinstance(value, str) else ""
)
def test_every_command_and_option_has_its_help(path: str, command: Any) -> None:
    told = section(DOCS / "commands.md", path)
    for parameter in command.params:
        assert parameter.help, f"{path}: {parameter.name} has no help"
        name = parameter.metavar if parameter.param_type_name == "argument" else parameter.opts[-1]
        rows = [row for row in table(told) if name in row[0].replace("`", "").replace(",", " ").split()]
        assert rows, f"docs/commands.md: {path} does not tell of {name}"
    assert len(every_command()) > 15


def test_every_setting_is_there() -> None:
    listed = {row[0].strip("`") for row in table(section(DOCS / "commands.md", "Settings in a file"))}
    assert listed == {field.alias or name for name, field in RunConfig.model_fields.items()}


@pytest.mark.parametrize("kind", kinds())
def test_every_kind_has_its_section(kind: str) -> None:
    told = " ".join(section(DOCS / "kinds.md", kind).split())
    summary = kinds()[kind].summary
    assert summary[1:] in told
    assert f"tests/cases/{kind}.json" in told
