"""The list of benchmarks, and what each of their rows says about where it was measured."""

from __future__ import annotations

import platform
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import registry
from registry import GATES, Row, benchmark, describe_circumstances


def test_every_row_says_on_what_it_was_measured() -> None:
    pytest.importorskip("torch")
    about = describe_circumstances()
    assert " cores of " in about["device"]
    assert about["python"] == sys.version.split()[0]
    assert isinstance(about["torch"], str)
    assert about["at"].endswith("+00:00")


def test_without_a_list_of_processors_python_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "Path", lambda *_: Path("/nowhere/cpuinfo"))
    monkeypatch.setattr(platform, "processor", lambda: "a fruit")
    assert describe_circumstances()["device"].endswith(" cores of a fruit")


def test_a_benchmark_is_known_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "BENCHMARKS", {})

    @benchmark("engine-odd", "nothing at all", needs="gpu")
    def measure(corpora: Path) -> Iterator[Row]:
        yield {"corpora": corpora}

    known = registry.BENCHMARKS["engine-odd"]
    assert (known.what, known.needs, known.gate) == ("nothing at all", "gpu", GATES["engine"])
    assert list(known.run(Path("x"))) == [{"corpora": Path("x")}]


def test_every_gate_is_a_folder_of_tests() -> None:
    for folders in GATES.values():
        for folder in folders:
            assert list((registry.ROOT / folder).rglob("test_*.py")), folder
