"""Tracing and telemetry of other libraries are off in our processes, whatever the environment asks for."""

from __future__ import annotations

import os

import pytest

from midb.runs.privacy import TELEMETRY_OFF, TRACING, refused_tracing, turn_off_telemetry


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """An environment of its own, in place of the process's."""
    variables = {"HOME": "somewhere"}
    monkeypatch.setattr(os, "environ", variables)
    return variables


def test_every_variable_that_asks_for_tracing_is_taken_out(environment: dict[str, str]) -> None:
    environment.update(dict.fromkeys(TRACING, "true"))
    turn_off_telemetry()
    assert not set(environment) & set(TRACING)
    assert refused_tracing() == list(TRACING)
    assert environment["HOME"] == "somewhere"


def test_telemetry_is_off_also_where_it_was_asked_for(environment: dict[str, str]) -> None:
    environment.update({"HF_HUB_DISABLE_TELEMETRY": "0", "DO_NOT_TRACK": "0"})
    turn_off_telemetry()
    assert {name: environment[name] for name in TELEMETRY_OFF} == TELEMETRY_OFF
    assert refused_tracing() == []


@pytest.mark.parametrize("value", ["false", "0", "", "False"])
def test_what_says_no_was_not_refused(environment: dict[str, str], value: str) -> None:
    environment["LANGSMITH_TRACING"] = value
    turn_off_telemetry()
    assert "LANGSMITH_TRACING" not in environment
    assert refused_tracing() == []


def test_a_process_that_we_start_still_knows_what_was_refused(environment: dict[str, str]) -> None:
    environment["LANGSMITH_TRACING"] = "true"
    turn_off_telemetry()
    turn_off_telemetry()  # as it does
    assert refused_tracing() == ["LANGSMITH_TRACING"]
