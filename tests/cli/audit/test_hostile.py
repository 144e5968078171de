"""A log full of hostile texts: nothing in it steers the terminal, whatever command shows it."""

from __future__ import annotations

import pytest
from log_fixtures import STEERING, AuditCommand

COMMANDS = [
    ["show", "#8"], ["show", "#8", "--full"], ["show", "#8", "--json"], ["find"], ["find", "--json"], ["diff"],
    ["summary"], ["summary", "--json"], ["export", "--format", "jsonl", "--what", "findings"],
    ["find", "--text", "drop table"], ["show", "\x1b[31mx"], ["find", "--kind", "\x1b[31m"],
]  # fmt: skip


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_nothing_in_a_log_steers_the_terminal(words: list[str], call: AuditCommand) -> None:
    called = call(*words, "--run", 1)
    shown = called.out + called.err
    assert shown
    assert not STEERING.search(shown)
    for line in shown.splitlines():
        assert line.count("\u2068") == line.count("\u2069")
        assert "\u2066" not in line


def test_markup_is_ordinary_text(call: AuditCommand) -> None:
    assert "[red]x[/red]" in call("show", "#8", "--run", 1).out
