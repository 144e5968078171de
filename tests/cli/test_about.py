"""`midb-agent kinds`, `languages`, `graph`, `doctor`: what the tool says about itself and about the machine."""

from __future__ import annotations

import json

import pytest
from cli_fixtures import Cli

from midb.cli import about
from midb.detectors import kinds
from midb.locales import LANGUAGES, load


def test_kinds_of_one_language(cli: Cli) -> None:
    reasons = {code: [why for kind in kinds().values() if (why := kind.abstention(load(code)))] for code in LANGUAGES}
    assert any(reasons.values())
    everywhere = cli("kinds").out
    for code, expected in reasons.items():
        shown = cli("kinds", "--language", code).out
        assert [
            line.partition(f"not in {code}: ")[2] for line in shown.splitlines() if f"not in {code}: " in line
        ] == expected
        assert not any(f"not in {other}: " in shown for other in LANGUAGES if other != code)
        assert everywhere.count(f"not in {code}: ") == len(expected)
        assert all(name in shown for name in kinds())
    assert cli("kinds", "--language", "tlh").code == 2


def test_kinds_for_programs(cli: Cli) -> None:
    rows = [json.loads(line) for line in cli("kinds", "--json").out.splitlines()]
    assert [row["kind"] for row in rows] == [kind.name for kind in kinds().values()]
    for row in rows:
        kind = kinds()[row["kind"]]
        assert set(row["abstains"]) == {code for code in LANGUAGES if kind.abstention(load(code))}
        assert (row["repairs"], row["needs_source"]) == (kind.repairs, kind.needs_source)


def test_languages_for_people_and_for_programs(cli: Cli) -> None:
    table = cli("languages").out.splitlines()
    rows = [json.loads(line) for line in cli("languages", "--json").out.splitlines()]
    assert {row["code"] for row in rows} == set(LANGUAGES)
    for row in rows:
        assert row["direction"] == load(row["code"]).direction
        assert any(line.split()[:2] == [row["code"], row["name"]] for line in table)


def test_the_doctor_says_what_is_missing(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    called = cli("doctor")
    assert called.code == 0
    assert called.out.splitlines()[-1] == "ready"
    monkeypatch.setattr(about, "usable_cores", lambda: 3)
    monkeypatch.setattr(about, "_identification", lambda: (False, "took German for nl"))
    called = cli("doctor")
    assert called.code == 1
    bad = [line.split() for line in called.out.splitlines() if line.startswith("BAD")]
    assert bad == [["BAD", "identification", "took", "German", "for", "nl"]]
    assert ["ok", "processors", "3"] in [line.split() for line in called.out.splitlines()]
    assert called.out.splitlines()[-1] == "not ready: see the lines marked BAD"


def test_a_gpu_that_cannot_be_used_is_no_crash(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """A driver that is older than torch, or a library of CUDA that is missing, is seen when torch first looks."""
    torch = pytest.importorskip("torch")

    def fail() -> bool:
        raise RuntimeError("The NVIDIA driver on your system is too old\nand more")

    monkeypatch.setattr(torch.cuda, "is_available", fail)
    told = cli("doctor")
    assert told.code == 0
    assert "not usable: RuntimeError: The NVIDIA driver on your system is too old" in " ".join(told.out.split())
    assert "and more" not in told.out
