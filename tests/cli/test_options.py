"""Options that several commands share: their help is that of the setting, and what was not typed is no setting."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import pytest

from midb.cli import checking, options, running
from midb.runs.config import RunConfig

SHARED = ("corpus", "output", "db", "language", "source", "map", "passes", "kinds", "typography", "prompts", "limit",
          "workers")  # fmt: skip


@pytest.mark.parametrize("name", SHARED)
def test_the_help_of_an_option_is_that_of_its_setting(name: str) -> None:
    _, option = get_args(getattr(options, name.capitalize()))
    assert option.help == options.help_of(name) == RunConfig.model_fields[name].description
    assert option.help


def test_what_was_not_typed_is_no_setting() -> None:
    told = options.given(language=None, limit=0, typography=False, source=Path("x"))
    assert told == {"limit": 0, "typography": False, "source": Path("x")}


@pytest.mark.parametrize("command", [running.run, checking.check])
def test_every_option_of_a_run_is_a_setting_of_it(command: object) -> None:
    """A setting that cannot be typed, or an option that sets nothing, would be one too many."""
    assert callable(command)
    known = {field.alias or name for name, field in RunConfig.model_fields.items()}
    typed = {name.replace("_", "-") if name.replace("_", "-") in known else name
             for name in inspect.signature(command).parameters}  # fmt: skip
    assert typed - known == ({"config"} if command is running.run else {"config", "fail_on"})
    if command is running.run:
        assert known <= typed


@dataclass(frozen=True, kw_only=True)
class Served:
    """A group of options."""

    places: int = 4
    name: str = "x"


def test_groups_of_options_come_as_objects_and_are_typed_one_by_one() -> None:
    @options.unfold
    def command(first: str, *, how: Served, json: bool = False) -> tuple[str, Served, bool]:
        return first, how, json

    assert list(inspect.signature(command).parameters) == ["first", "places", "name", "json"]
    assert command(first="a", places=2, name="y", json=True) == ("a", Served(places=2, name="y"), True)
