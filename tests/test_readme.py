"""The README says what the program says: a newcomer who types it must not be surprised."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from midb.agent.graph import draw
from midb.detectors import kinds

README = (Path(__file__).resolve().parents[1] / "README.md").read_text(encoding="utf-8")


def test_it_shows_the_state_machine_as_it_is() -> None:
    assert draw().strip() in README


@pytest.mark.parametrize("kind", kinds())
def test_it_lists_every_kind_with_its_summary(kind: str) -> None:
    assert any(line.split()[:1] == [kind] and kinds()[kind].summary in line for line in README.splitlines())


def test_no_placeholder_was_left() -> None:
    assert not re.search(r"@[A-Z]{2,}", README.replace("@SUM", ""))
