"""Which libraries midb-agent needs or can use, and which versions of them are here.

pyproject.toml alone names them: what is read here is the metadata that an installation makes of it.
"""

from __future__ import annotations

import importlib.metadata
import re
import sys
from dataclasses import dataclass

from midb import __version__

DISTRIBUTION = "midb-agent"

#: Extras for work on midb-agent itself: no run uses what they install.
DEVELOPMENT_EXTRAS = frozenset({"dev", "docs", "test"})

#: Extras that only a model which runs in this process uses; a model on a server needs none.
MODEL_EXTRAS = frozenset({"engine", "flash"})

#: Extras of commands that write no run: what they bring shapes none.
OTHER_EXTRAS = frozenset({"hub", "lemmas", "measure", "ray", "review", "train"})

#: A requirement as the metadata writes it, such as ``triton>=3.5; platform_system == "Linux" and extra == "engine"``.
_REQUIREMENT = re.compile(r"(?P<name>[\w.-]+)(?:.*;.*\bextra\s*==\s*(?P<quote>['\"])(?P<extra>.+?)(?P=quote))?")


@dataclass(frozen=True)
class Library:
    """A distribution that is needed, or that can be used: then ``extra`` is what installs it."""

    name: str
    extra: str | None = None

    @property
    def version(self) -> str | None:
        """The version that is installed; None where there is none."""
        try:
            return importlib.metadata.version(self.name)
        except importlib.metadata.PackageNotFoundError:
            return None


def known_libraries() -> tuple[Library, ...]:
    """Every library that a run may use, in the order of pyproject.toml; none where midb-agent itself was not installed,
    such as where it is imported from a folder of sources."""
    try:
        required = importlib.metadata.requires(DISTRIBUTION) or []
    except importlib.metadata.PackageNotFoundError:
        return ()
    found = (_library(requirement) for requirement in required)
    return tuple(one for one in found if one.name != DISTRIBUTION and one.extra not in DEVELOPMENT_EXTRAS)


def _library(requirement: str) -> Library:
    match = _REQUIREMENT.match(requirement)
    assert match, f"the metadata of {DISTRIBUTION} has the requirement {requirement!r}"
    return Library(match["name"], match["extra"])


def versions_of_run(model: str | None) -> dict[str, str]:
    """The versions that shape what a run with this ``--model`` writes, by name: what its row in the log says.

    What only a model in this process uses is left out where there is none, or where it answers on a server.
    """
    here = model is not None and not model.startswith("openai:")
    known = (one for one in known_libraries() if one.extra not in OTHER_EXTRAS)
    used = (one for one in known if here or one.extra not in MODEL_EXTRAS)
    installed = {one.name: version for one in used if (version := one.version)}
    return {DISTRIBUTION: __version__, "python": sys.version.split()[0]} | installed
