"""How the figures of BLEnD look on a terminal."""

from __future__ import annotations

import io
from typing import Any

from rich.console import Console

from midb.cli.evaluating.models.blend_tables import name_country, show


def make_scores(value: float) -> dict[str, Any]:
    return {
        name: {"value": value, "low": value - 0.1, "high": value + 0.1, "rows": 30}
        for name in ("exact", "soft", "weighted")
    }


def draw(figures: dict[str, Any]) -> list[str]:
    file = io.StringIO()
    show(Console(file=file, width=160), figures)
    return file.getvalue().splitlines()


def test_each_model_and_the_difference_have_a_table() -> None:
    group = {
        "country": "South_Korea", "language": "ko", "questions": 1234, "scored": 1230, "baseline": make_scores(0.25),
        "candidate": make_scores(0.5), "difference": make_scores(0.25),
    }  # fmt: skip
    figures = {
        "candidate": "new", "baseline": "old\x1b", "groups": [group, group | {"country": None, "language": "own"}],
        "words": {"ko": "kiwipiepy 1"}, "notes": ["Mind this."],
    }  # fmt: skip
    lines = draw(figures)
    rows = [line.split() for line in lines if line.startswith("South Korea")]
    assert len(rows) == 3
    assert rows[0][3:6] == ["1,234", "1,230", "25.0"]
    assert rows[2][5] == "+25.0"
    assert "new less old" in " ".join(lines)
    assert lines[-2:] == ["Mind this.", "Words by ko: kiwipiepy 1."]
    assert "\x1b" not in "".join(lines)
    alone = draw({name: value for name, value in figures.items() if name != "baseline"})
    assert sum(line.startswith("South Korea") for line in alone) == 1


def test_all_countries_have_a_name_too() -> None:
    assert [name_country({"country": name}) for name in ("West_Java", None)] == ["West Java", "all"]
