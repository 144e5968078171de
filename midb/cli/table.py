"""Commands by name. What one is made of is loaded once it is called: `--help` needs a name and a sentence of each.

Knows no command: `midb.cli.main` lists them.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

#: How every group and command of ours writes its help: as it stands, and a fault of ours shows Python's own traceback.
PLAIN: dict[str, Any] = {"pretty_exceptions_enable": False, "rich_markup_mode": None}


class LateCommand(TyperCommand):
    """A command, or a group of them, that stands for ``home``: ``module:name`` of a function or of a ``Typer``.

    ``summary`` is the first sentence of its help.
    """

    def __init__(self, name: str, home: str, summary: str) -> None:
        super().__init__(name, help=summary, rich_markup_mode=None)
        self.home = home

    def load(self) -> Any:
        """The command itself; importing its module may take a while."""
        module, _, name = self.home.partition(":")
        found = getattr(importlib.import_module(module), name)
        if not isinstance(found, typer.Typer):
            alone = typer.Typer(add_completion=False, **PLAIN)
            alone.command(self.name)(found)
            return typer.main.get_command(alone)
        command = typer.main.get_group(found)
        command.name = self.name
        return command

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:
        """Every way into a command goes through its context: from here on it is the real one."""
        return self.load().make_context(info_name, args, parent, **extra)


def table_of(listed: Mapping[str, tuple[str, str]]) -> type[TyperGroup]:
    """A sort of group with these commands, in this order: name, then home and summary as LateCommand has them."""

    class CommandTable(TyperGroup):
        """A group that knows its commands by name."""

        def __init__(self, **attributes: Any) -> None:
            super().__init__(**attributes)
            for name, (home, summary) in listed.items():
                self.add_command(LateCommand(name, home, summary), name)

    return CommandTable
