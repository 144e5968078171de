"""What a run may spend, as a user writes it, and what is left of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from midb.agent.model.settings import Budget, Route
from midb.domain.errors import UsageError


@pytest.mark.parametrize(
    ("text", "seconds", "tokens"),
    [
        ("2h", 7200, None),
        ("90m", 5400, None),
        ("90min", 5400, None),
        ("30s", 30, None),
        ("0.5H", 1800, None),
        (" 1,000 s ", 1000, None),
        ("1e6tok", None, 1e6),
        ("250 tokens", None, 250),
    ],
)
def test_a_budget_is_time_or_tokens(text: str, seconds: float | None, tokens: float | None) -> None:
    budget = Budget.parse(text)
    assert (budget.written, budget.seconds, budget.tokens) == (text, seconds, tokens)


@pytest.mark.parametrize("text", ["", "2", "h", "-1h", "0s", "two hours", "1e30tok", "infh", "nans", "5 days"])
def test_what_is_no_budget_says_how_one_is_written(text: str) -> None:
    with pytest.raises(UsageError, match="is no budget") as caught:
        Budget.parse(text)
    assert "--budget 2h" in caught.value.hint


@given(st.floats(0, 20_000), st.integers(0, 10**7))
def test_what_is_left_falls_to_nought_and_not_below(seconds: float, tokens: int) -> None:
    time, paid, none = Budget.parse("2h"), Budget.parse("1e6tok"), Budget()
    assert time.left(seconds, tokens) == pytest.approx(max(0, 1 - seconds / 7200))
    assert paid.left(seconds, tokens) == pytest.approx(max(0, 1 - tokens / 1e6))
    assert none.left(seconds, tokens) is None


def test_what_is_left_is_said_for_people() -> None:
    assert Budget.parse("2h").describe_left(3725.9, 0) == "0:57:54"
    assert Budget.parse("2h").describe_left(9000, 0) == "0:00:00"
    assert Budget.parse("1e6tok").describe_left(0, 312_345) == "687,655 tokens"
    assert Budget().describe_left(5, 5) == ""


def test_what_one_model_spent_the_next_one_does_not_have() -> None:
    assert Budget.parse("100tok").after(5, 40).left(99, 15) == 0.75
    assert Budget.parse("2m").after(90, 9).seconds == 30
    for text in ("100tok", "5s"):
        assert Budget.parse(text).after(9, 200).left(0, 0) == 0, "nothing is left to begin with"
    assert Budget().after(9, 9).left(9, 9) is None


def test_the_words_of_the_option_are_fixed() -> None:
    assert [route.value for route in Route] == ["content", "findings", "all"]
