"""When steps are taken in halves, by the times that an H200 took: the roofline of its rows, and a slow host."""

from __future__ import annotations

import pytest

from midb.kernels.engine.cost import make_roofline
from midb.kernels.engine.overlap import StepOverlap

#: Milliseconds of steps as an H200 took them: sequences, rows, of the host, of the device.
NEW_TEXT = (256, 256, 8.0, 9.2)
EDITS = (256, 1880, 14.0, 51.0)
FEW = (8, 8, 0.4, 5.2)
SOME = (128, 128, 5.5, 6.5)
FAST_HOST = (256, 256, 1.0, 9.2)


def learn(sequences: int, rows: int, host: float, device: float, times: int = 5) -> StepOverlap:
    overlap = StepOverlap(make_roofline(160.0))
    for _ in range(times):
        overlap.observe(sequences, float(rows), host, device)
    return overlap


@pytest.mark.parametrize(
    ("step", "halved"), [(NEW_TEXT, True), (EDITS, True), (FEW, False), (SOME, False), (FAST_HOST, False)]
)
def test_halves_pay_where_the_host_takes_longer_than_they_cost(
    step: tuple[int, int, float, float], halved: bool
) -> None:
    assert learn(*step).pays(step[0]) is halved


def test_as_sequences_end_the_rest_goes_together() -> None:
    overlap = learn(*EDITS)
    assert [overlap.pays(count) for count in (256, 64, 8, 2, 1, 0)] == [True, True, False, False, False, False]


def test_one_long_step_is_not_believed() -> None:
    """The first step compiles kernels for seconds."""
    overlap = learn(256, 256, 9000.0, 9.2, times=1)
    for _ in range(3):
        overlap.observe(256, 256.0, 1.0, 9.2)
    overlap.observe(256, 256.0, 9000.0, 9.2)
    assert not overlap.pays(256)
    for _ in range(100):  # but one that stays slow is
        overlap.observe(256, 256.0, 8.0, 9.2)
    assert overlap.pays(256)


def test_without_a_device_that_computes_by_itself_or_without_a_measurement_nothing_is_halved() -> None:
    never = StepOverlap(None)
    never.observe(256, 1880.0, 14.0, 51.0)
    assert not never.pays(256)
    unknown = StepOverlap(make_roofline(160.0))
    assert not unknown.pays(256)
    unknown.observe(256, 1880.0, 14.0, None)  # the host was later than the device
    assert not unknown.pays(256)
