"""Libraries and their versions come from pyproject.toml, by way of what is installed, and from nowhere else."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from midb import __version__
from midb.cli.about import examinations
from midb.runs.versions import DEVELOPMENT_EXTRAS, Library, known_libraries, versions_of_run

PYPROJECT = Path(__file__).resolve().parents[2] / "pyproject.toml"

Install = Callable[[str, str, list[str]], None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Install a distribution as far as its metadata goes: (name, version, what it requires)."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def run(name: str, version: str, requirements: list[str]) -> None:
        folder = tmp_path / f"{name.replace('-', '_')}-{version}.dist-info"
        folder.mkdir()
        lines = ["Metadata-Version: 2.4", f"Name: {name}", f"Version: {version}"]
        lines += [f"Requires-Dist: {requirement}" for requirement in requirements]
        (folder / "METADATA").write_text("\n".join(lines) + "\n", encoding="utf-8")

    return run


@pytest.fixture
def everything(install: Install) -> None:
    """midb-agent with one library of each sort; the optional ones but one are installed."""
    install(
        "midb-agent",
        "0.1.0",
        [
            "needed-library>=2",
            "pyarrow-like>=16; extra == 'parquet'",
            'torch-like[cpu]>=2.9; extra == "engine"',
            'triton.like>=3.5; platform_system == "Linux" and extra == "engine"',
            "flash_like>=2.7; extra == 'flash'",
            "midb-agent[engine]; extra == 'flash'",
            "checker-like; extra == 'test'",
            "pages-like; extra == 'docs'",
        ],
    )
    for name in ("needed-library", "pyarrow-like", "torch-like", "triton.like"):
        install(name, f"1.{len(name)}", [])


@pytest.mark.usefixtures("everything")
def test_the_installed_metadata_names_the_libraries() -> None:
    assert known_libraries() == (
        Library("needed-library"),
        Library("pyarrow-like", "parquet"),
        Library("torch-like", "engine"),
        Library("triton.like", "engine"),
        Library("flash_like", "flash"),
    )


@pytest.mark.usefixtures("everything")
@pytest.mark.parametrize("model", [None, "openai:m@http://localhost:8000/v1"])
def test_a_run_without_a_model_here_logs_no_engine(model: str | None) -> None:
    names = list(versions_of_run(model))
    assert names == ["midb-agent", "python", "needed-library", "pyarrow-like"]


@pytest.mark.usefixtures("everything")
def test_a_run_with_a_model_here_logs_what_computes_it() -> None:
    versions = versions_of_run("models/rewriter")
    assert versions["midb-agent"] == __version__
    assert versions["torch-like"] == "1.10"
    assert versions["triton.like"] == "1.11"
    assert "flash_like" not in versions


@pytest.mark.usefixtures("everything")
def test_the_doctor_examines_each_of_them() -> None:
    seen = {what: (good, told) for what, good, told in examinations()}
    assert seen["needed-library"] == (True, "1.14")
    assert seen["torch-like"] == (True, "1.10")
    assert seen["flash_like"] == (True, "not installed (optional, extra `flash`)")
    assert "checker-like" not in seen
    assert "pages-like" not in seen


def test_the_doctor_misses_what_is_needed(install: Install) -> None:
    install("midb-agent", "0.1.0", ["absent-library"])
    seen = {what: (good, told) for what, good, told in examinations()}
    assert seen["absent-library"] == (False, "missing: pip install . in the folder of the source")


def test_the_doctor_names_a_library_once_with_all_that_bring_it(install: Install) -> None:
    install("midb-agent", "0.1.0", ['hub-like>=1; extra == "engine"', 'hub-like>=1; extra == "hub"'])
    told = [(good, told) for what, good, told in examinations() if what == "hub-like"]
    assert told == [(True, "not installed (optional, extra `engine` or `hub`)")]


def test_sources_that_nobody_installed_are_no_crash(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("midb.runs.versions.DISTRIBUTION", "midb-agent-that-nobody-installed")
    assert known_libraries() == ()
    assert "python" in versions_of_run(None)
    assert [good for what, good, _ in examinations() if what == "midb-agent"] == [False]


def test_the_project_file_is_what_is_installed() -> None:
    """Each requirement of a user is known with the extra that brings it, and every extra is somebody's."""
    project = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["project"]
    extras: dict[str, list[str]] = project["optional-dependencies"]
    wanted = {Library(name_of(requirement)) for requirement in project["dependencies"]}
    for extra, requirements in extras.items():
        if extra not in DEVELOPMENT_EXTRAS:
            wanted |= {Library(name_of(r), extra) for r in requirements if name_of(r) != project["name"]}
    assert set(known_libraries()) == wanted
    assert {"torch", "transformers", "pyarrow"} <= {library.name for library in wanted}


def name_of(requirement: str) -> str:
    """The distribution that a requirement names."""
    found = re.match(r"[\w.-]+", requirement)
    assert found
    return found[0]
