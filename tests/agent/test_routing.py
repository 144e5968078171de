"""Where a pair goes next: which pass has something to do, and whom the model is asked about."""

from __future__ import annotations

import pytest
import scripted
from scripted_pairs import PAIR, Through

from midb.agent.model.settings import Route


@pytest.mark.parametrize(
    ("route", "asked"),
    [(Route.CONTENT, ["content"]), (Route.FINDINGS, []), (Route.ALL, ["content", "translation", "localization"])],
)
def test_whom_the_model_is_asked_about(through: Through, route: Route, asked: list[str]) -> None:
    through(PAIR, scripted.left_alone, route=route)
    assert [scripted.pass_of(request) for request in through.engine.requests] == asked
