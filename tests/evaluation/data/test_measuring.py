"""A whole measurement, and what is said with its figures."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from evaluated_runs import ask, make_records, make_run
from log_fixtures import execute

from midb.audit.reader import AuditReader
from midb.domain.errors import MidbError
from midb.evaluation.data.measuring import measure_data
from midb.evaluation.data.sides import SidesReader


def test_the_figures_are_those_of_the_texts(tmp_path: Path) -> None:
    log = make_run(tmp_path, make_records(30))
    told: list[int] = []
    with AuditReader(log) as reader:
        figures = measure_data(ask(reader, tmp_path, resamples=100), told.append)
        again = measure_data(ask(reader, tmp_path, resamples=100))
    assert figures == again, "the same seed draws the same"
    assert json.loads(json.dumps(figures)) == figures, "as JSON has it"
    (group,) = figures["groups"]
    numbering = next(row for row in group["kinds"] if row["kind"] == "broken-numbering")
    assert (numbering["before"]["value"], numbering["after"]["value"]) == (500, 0)
    assert numbering["difference"]["high"] < 0
    assert (figures["pairs"], figures["records"], told[-1]) == (30, 30, 30)
    assert figures["notes"] == [figures["notes"][0]], "there is nothing else to be said"


def test_what_limits_the_figures_is_said(tmp_path: Path) -> None:
    log = make_run(tmp_path, make_records(6))
    settings = {"kinds": ["broken-numbering", "sloppiness"], "typography": False, "limit": 6, "map": None}
    execute(log, f"UPDATE runs SET config = '{json.dumps(settings)}', versions = '{{\"midb-agent\": \"0.1.0\"}}'")
    with AuditReader(log) as reader:
        figures = measure_data(ask(reader, tmp_path, sourceless=True, resamples=100))
    said = " ".join(figures["notes"])
    assert "The run was made by version 0.1.0" in said
    assert "does not know are left out: sloppiness." in said
    assert "stopped after 6 records" in said
    assert "--source FILE" in said
    assert "Too few rows for an interval (20 are needed): de." in said
    assert figures["kinds_examined"] == ["broken-numbering"]


def test_a_run_without_a_pair_has_no_figures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = make_run(tmp_path, make_records(2))
    monkeypatch.setattr(SidesReader, "read", lambda self: iter(()))
    with AuditReader(log) as reader, pytest.raises(MidbError, match="no pair"):
        measure_data(ask(reader, tmp_path))
