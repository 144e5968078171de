"""Where figures go: a file of ours is written anew, another's never."""

from __future__ import annotations

from pathlib import Path

import pytest

from midb.cli.evaluating.output import check_output, say_forecast, show_figure, write_figures
from midb.domain.errors import UsageError


def test_figures_are_replaced_by_figures_alone(tmp_path: Path) -> None:
    check_output(None)
    path = tmp_path / "f.json"
    check_output(path)
    write_figures({"midb_agent": "1", "evaluates": "data"}, path)
    check_output(path)
    for other in ("[]", "no json", '{"evaluates": "data"}'):
        path.write_text(other)
        with pytest.raises(UsageError, match="holds no figures"):
            check_output(path)


def test_a_figure_and_its_bounds() -> None:
    assert show_figure(None) == "–"
    assert show_figure({"value": 0.25, "low": None, "high": None, "rows": 3}, 2, scale=100, signed=True) == "+25.00"


def test_a_forecast_is_told_with_its_bounds(capsys: pytest.CaptureFixture[str]) -> None:
    spans = {name: [1, 2, 3] for name in ("prompt_tokens", "completion_tokens", "seconds")}
    found = {"pairs": 1200, "sampled": 4, "calls_per_pair": 2.25, **spans}
    say_forecast(found, Path("a\x1b.db"), json=False)
    said = capsys.readouterr().out
    assert "forecast for 1,200 pairs, each in both orders, from 4" in said
    assert "tokens out  2   (1 to 3)" in said
    assert "calls       2.25 a pair" in said
    assert "\x1b" not in said
    say_forecast(found, Path("a.db"), json=True)
    assert '"pairs":1200' in capsys.readouterr().out
