"""The examples in docstrings hold."""

from __future__ import annotations

import doctest
import importlib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def modules_with_examples() -> list[str]:
    """The modules of the project that show an example, by the names they are installed under."""
    found = []
    for folder, package in (
        ("midb", "midb"),
        ("agent", "midb.agent"),
        ("kernels", "midb.kernels"),
        ("evaluation", "midb.evaluation"),
        ("training", "midb.training"),
        ("prompts", "midb.prompts"),
    ):
        for path in sorted((ROOT / folder).rglob("*.py")):
            examples = [line for line in path.read_text(encoding="utf-8").splitlines() if ">>> " in line]
            if any("+SKIP" not in line for line in examples):
                parts = path.relative_to(ROOT / folder).with_suffix("").parts
                found.append(".".join((package, *(part for part in parts if part != "__init__"))))
    return found


@pytest.mark.parametrize("name", modules_with_examples())
def test_the_examples_of_a_module_hold(name: str) -> None:
    failed, tried = doctest.testmod(importlib.import_module(name))
    assert tried
    assert not failed


def test_there_are_examples() -> None:
    assert len(modules_with_examples()) > 30
