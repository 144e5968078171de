"""The worked examples of CONTRIBUTING.md, carried out as they are written in a copy of the repository."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from doc_pages import ROOT, blocks, section, text_of
from doc_shell import commands

PAGE = ROOT / "CONTRIBUTING.md"

#: Packages of the repository, and what they are called where they are installed.
PACKAGES = {
    "midb": ".", "agent": "agent", "evaluation": "evaluation", "kernels": "kernels", "prompts": "prompts",
    "training": "training",
}  # fmt: skip

#: Seconds after which a step that hangs has failed.
PATIENCE = 600

EXAMPLES = ["A new detector", "A new kernel", "A new prompt version", "A new corpus layout"]


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The repository as a newcomer has it, with the environment that imports it from there."""
    root = tmp_path / "copy"
    skipped = shutil.ignore_patterns("__pycache__", "*.egg-info")
    for name in (*PACKAGES, "tests", "bench", "docs", "examples"):
        shutil.copytree(ROOT / name, root / name, ignore=skipped)
    for name in ("README.md", "pyproject.toml", "Makefile"):
        shutil.copy(ROOT / name, root / name)
    installed = tmp_path / "installed" / "midb"
    installed.mkdir(parents=True)
    for entry in (root / "midb").iterdir():
        (installed / entry.name).symlink_to(entry)
    for name, place in PACKAGES.items():
        if place != ".":
            (installed / place).symlink_to(root / name)
    return root


def carry_out(title: str, root: Path) -> list[str]:
    """Write and change the files of an example; returns the commands that it ends with."""
    told = section(PAGE, title)
    waiting: list[str] = []
    files = re.findall(r"`([\w./-]+)` \(new\)", told)
    for block in blocks(PAGE, "python", "json", "diff", "sh"):
        if block.code not in told or block.reason:
            continue
        if block.language == "diff":
            apply(block.code, root)
        elif block.language == "sh":
            waiting += commands(block.code)
        else:
            path = root / files.pop(0)
            assert not path.exists()
            path.write_text(block.code, encoding="utf-8")
    assert not files, f"{title}: {files} has no block"
    return waiting


def apply(patch: str, root: Path) -> None:
    """Apply a diff without line numbers: what a hunk shows must stand in the file once."""
    for part in re.split(r"^--- a/.*\n", patch, flags=re.MULTILINE)[1:]:
        header, *hunks = re.split(r"^@@\n", part, flags=re.MULTILINE)
        path = root / header.removeprefix("+++ b/").strip()
        text = path.read_text(encoding="utf-8")
        for hunk in hunks:
            lines = [line or " " for line in hunk.splitlines()]
            before = "".join(f"{line[1:]}\n" for line in lines if line[0] != "+")
            after = "".join(f"{line[1:]}\n" for line in lines if line[0] != "-")
            assert text.count(before) == 1, f"{path.name} does not hold once:\n{before}"
            text = text.replace(before, after)
        path.write_text(text, encoding="utf-8")


@pytest.mark.parametrize("title", EXAMPLES)
def test_example(title: str, copy: Path) -> None:
    environment = {
        # What belongs to this run of pytest is none of theirs.
        **{name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "COV"))},
        "PYTHONPATH": str(copy.parent / "installed"),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }
    steps = carry_out(title, copy)
    assert steps
    for step in steps:
        step = step.replace("pytest ", "pytest -q -n 0 -p no:cacheprovider ")
        done = subprocess.run(
            ["bash", "-c", step], cwd=copy, env=environment, capture_output=True, text=True, check=False,
            timeout=PATIENCE,
        )  # fmt: skip
        assert done.returncode == 0, f"{step}\n{done.stdout[-3000:]}{done.stderr[-3000:]}"
    if title == "A new detector":
        assert "### english-label" in (copy / "docs" / "kinds.md").read_text(encoding="utf-8")


def test_every_example_is_tried() -> None:
    told = re.findall(r"^## (A new .+)$", text_of(PAGE), re.MULTILINE)
    assert told == EXAMPLES
