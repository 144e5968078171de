"""A proof on a terminal: the sentence first."""

from __future__ import annotations

from io import StringIO

from proofs import make_figures
from rich.console import Console

from midb.cli.proving.tables import show


def test_what_it_says_stands_before_its_tables() -> None:
    shown = StringIO()
    show(Console(file=shown, width=200), make_figures(parameters=1000))
    lines = shown.getvalue().splitlines()
    assert lines[0] == "It proves the plumbing, not the claim."
    assert lines[1].startswith("- the base has 1,000 parameters")
    assert any(line.startswith("boosted against control") for line in lines)
    assert "c|<b>" not in lines[0]
