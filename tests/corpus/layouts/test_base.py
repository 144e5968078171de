"""What layouts share: texts under keys, and messages that may quote a record."""

from __future__ import annotations

import pytest

from midb.corpus.layouts import RecordError, quotable
from midb.corpus.layouts.base import text_at


@pytest.mark.parametrize("value", [None, float("nan")])
def test_null_and_nan_are_no_text(value: object) -> None:
    assert text_at({"input": value}, "input") is None
    assert text_at({}, "input") is None


@pytest.mark.parametrize(
    ("value", "named"), [(4, "a number"), (True, "true or false"), ([], "a list"), ({}, "an object")]
)
def test_other_values_are_named(value: object, named: str) -> None:
    with pytest.raises(RecordError, match=f'"output" holds {named}, not text'):
        text_at({"output": value}, "output")


def test_quoted_texts_are_short_and_whole() -> None:
    assert quotable("a" * 9, 5) == "aaaaa..."
    assert quotable("\ud800", 5) == "\\ud800"
