"""The settings of a call are those of a run, and are checked like them."""

from __future__ import annotations

from typing import Any

import pytest

from midb.domain.decisions import Pass
from midb.domain.errors import UsageError
from midb.library.settings import checked_settings


def test_what_a_caller_says_is_what_a_run_is_told() -> None:
    settings = checked_settings(
        "de",
        kinds=["-mojibake"],
        typography=True,
        mapping={"instruction": "q", "response": "a"},
        passes=["content"],
        workers=2,
        fresh=True,
    )
    assert (settings.language_code(), settings.map, settings.workers) == ("de", "instruction=q,response=a", 2)
    assert "mojibake" not in settings.selection.names
    assert "quotation-marks" in settings.selection.names
    assert settings.selected_passes == {Pass.CONTENT, Pass.VERIFICATION}
    assert settings.fresh


def test_without_a_word_all_passes_are_visited_and_no_column_is_named() -> None:
    settings = checked_settings("auto", kinds=(), typography=False)
    assert settings.selected_passes == {Pass.CONTENT, Pass.TRANSLATION, Pass.LOCALIZATION, Pass.VERIFICATION}
    assert (settings.language_code(), settings.map, settings.workers) == (None, None, 0)


def test_no_passes_are_not_all_passes() -> None:
    assert checked_settings("de", kinds=(), typography=False, passes=[]).selected_passes == {Pass.VERIFICATION}


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"language": "xx"}, "xx"),
        ({"kinds": ["mojibak"]}, "unknown kind"),
        ({"passes": ["contents"]}, "unknown pass"),
        ({"workers": -1}, "workers"),
        ({"mapping": {"question": "q"}}, "--map"),
        ({"budget": "2h"}, "--budget is for runs with a model"),
    ],
)
def test_what_a_run_would_not_take_is_refused(wrong: dict[str, Any], told: str) -> None:
    usual: dict[str, Any] = {"language": "de", "kinds": (), "typography": False}
    with pytest.raises(UsageError) as caught:
        checked_settings(**(usual | wrong))
    assert told in caught.value.message
