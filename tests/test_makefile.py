"""`make` installs anew where something changed, and only there, and never mixes the two ways of installing."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="make is not here")

#: When everything was installed, in seconds; files are older or younger.
INSTALLED = 1_700_000_000


class Checkout:
    """The Makefile beside a few sources, and an environment of which only make's own marks are there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        shutil.copy(ROOT / "Makefile", folder)
        for name in ("pyproject.toml", "constraints.txt", "README.md", "midb/a.py", "agent/b.py", "kernels/c.py",
                     "prompts/d.md", "midb/locales/de.toml", "training/e.py"):  # fmt: skip
            self.write(name, INSTALLED - 100)
        (folder / "venv" / "bin").mkdir(parents=True)
        (folder / "venv" / "bin" / "python").touch()

    def write(self, name: str, at: float) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        os.utime(path, (at, at))

    def installed(self, *marks: str) -> None:
        """Say that everything was installed."""
        names = sorted(
            str(path.relative_to(self.folder))
            for path in self.folder.rglob("*")
            if path.is_file() and path.name != "Makefile" and "venv" not in path.parts
        )
        (self.folder / "venv" / ".names").write_text(" ".join(names) + "\n")
        for mark in (".names", ".backend", *marks):
            self.write(f"venv/{mark}", INSTALLED)

    def would(self, *goals: str) -> str:
        """What make would do."""
        # Within `make test` this make would be a part of that one, with its flags and its way of speaking.
        alone = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")}
        done = subprocess.run(
            ["make", "--dry-run", "VENV=venv", *goals],
            cwd=self.folder,
            env=alone,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path)


def test_nothing_is_installed_where_nothing_changed(checkout: Checkout) -> None:
    checkout.installed(".installed", ".extra-test")
    told = checkout.would("test", "ARGS=tests/corpus -x")
    assert " install " not in told
    assert "pytest" in told
    assert told.rstrip().endswith("tests/corpus -x")


@pytest.mark.parametrize(
    "name", ["midb/a.py", "agent/b.py", "kernels/c.py", "prompts/d.md", "midb/locales/de.toml", "pyproject.toml"]
)
def test_a_changed_file_installs_anew(checkout: Checkout, name: str) -> None:
    checkout.installed(".installed", ".extra-test")
    checkout.write(name, INSTALLED + 100)
    told = checkout.would("test")
    assert " install " in told
    assert "--editable" not in told
    assert ("'.[test]'" in told) == (name == "pyproject.toml"), "what is needed is looked at only where it may differ"


def test_a_new_a_renamed_and_a_deleted_file_install_anew(checkout: Checkout) -> None:
    checkout.installed(".installed", ".extra-test")
    old = checkout.folder / "midb" / "a.py"
    renamed = old.rename(old.with_name("z.py"))  # and is as old as it was
    assert " install " in checkout.would("test")
    renamed.rename(old)
    assert " install " not in checkout.would("test")
    checkout.write("midb/new.py", INSTALLED - 100)
    assert " install " in checkout.would("test")
    (checkout.folder / "midb" / "new.py").unlink()
    old.unlink()
    assert " install " in checkout.would("demo")


def test_what_was_built_before_is_not_installed_again(checkout: Checkout) -> None:
    checkout.installed(".extra-test")
    told = checkout.would("test").splitlines()
    assert told.index("rm -rf build/lib") < next(n for n, line in enumerate(told) if line.endswith("constraints.txt ."))


def test_in_place_a_changed_file_needs_nothing_and_a_new_one_a_link(checkout: Checkout) -> None:
    checkout.installed(".in-place", ".extra-test")
    checkout.write("midb/a.py", INSTALLED + 100)
    assert " install " not in checkout.would("test")
    checkout.write("midb/new.py", INSTALLED + 100)
    told = checkout.would("test")
    assert "editable_mode=strict --editable '.[dev]'" in told


@pytest.mark.parametrize("goal", ["test", "demo", "coverage", "lint"])
def test_the_two_ways_are_not_mixed(checkout: Checkout, goal: str) -> None:
    """Both marks are there where `make dev` came second: the package is in place, and stays so."""
    checkout.installed(".installed", ".in-place", ".extra-test")
    for name in ("midb/a.py", "pyproject.toml"):
        checkout.write(name, INSTALLED + 100)
    for line in checkout.would(goal).splitlines():
        if " install " in line:
            assert "--editable" in line
    first = checkout.would("dev", goal)
    assert "constraints.txt .\n" not in first


def test_dev_installs_in_place_what_was_installed_as_for_users(checkout: Checkout) -> None:
    checkout.installed(".installed", ".extra-test")
    assert "editable_mode=strict --editable '.[dev]'" in checkout.would("dev")


def test_every_file_that_is_installed_is_watched() -> None:
    """The Makefile's list of sources, as its own `find` sees it."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    command = next(line for line in makefile.splitlines() if line.startswith("SOURCES")).partition("$(shell ")[2]
    found = subprocess.run(command.rpartition(")")[0], shell=True, cwd=ROOT, capture_output=True, text=True, check=True)
    listed = set(found.stdout.split())
    for folder in ("midb", "agent", "evaluation", "kernels", "prompts", "training"):
        wanted = {p for p in (ROOT / folder).rglob("*") if p.is_file() and p.suffix != ".pyc"}
        assert wanted
        assert {str(path.relative_to(ROOT)) for path in wanted} <= listed
