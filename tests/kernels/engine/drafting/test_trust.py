"""Trust in the drafts of a pass: it falls at once, and comes back with time."""

from __future__ import annotations

import pytest

from midb.kernels.engine.drafting.trust import Trust


def test_trust_falls_at_once_where_drafts_fail_and_comes_back_with_time() -> None:
    trust = Trust()
    assert trust.factor == 1
    trust.learn(40.0, 0)
    assert trust.factor < 0.2
    for _ in range(300):
        trust.fade()
    assert trust.factor > 0.9
    for _ in range(1000):
        trust.learn(10.0, 10)
    assert trust.factor == pytest.approx(1)
    trust.learn(60.0, 0)  # other texts: a long good record does not count for ever
    assert trust.factor < 0.6


def test_drafts_that_bring_more_than_expected_are_not_believed_beyond_what_they_state() -> None:
    trust = Trust()
    trust.learn(2.0, 20)
    assert trust.factor == 1.0


def test_as_much_as_expected_is_full_trust() -> None:
    trust = Trust()
    for _ in range(50):
        trust.learn(3.0, 3)
        trust.fade()
    assert trust.factor == pytest.approx(1.0)


def test_trust_tends_to_what_share_of_the_expected_comes() -> None:
    trust = Trust()
    for _ in range(100):
        trust.learn(40.0, 10)
    assert trust.factor == pytest.approx((48 * 0.25 + 8) / (48 + 8))


def test_what_failed_and_what_came_fade_alike() -> None:
    trust = Trust()
    trust.learn(40.0, 10)
    for _ in range(35):
        trust.fade()
    left = 0.98**35
    assert trust.factor == pytest.approx((10 * left + 8) / (40 * left + 8))
