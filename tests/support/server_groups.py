"""Tests that share a server run in one process: it starts once, which takes long, and not once in each process."""

from __future__ import annotations

import pytest

#: The fixture by which a test says that it needs the server.
SERVER = "transformers_server"


@pytest.hookimpl(tryfirst=True)  # before xdist looks for groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the tests into a group of their own, for ``--dist loadgroup``."""
    for item in items:
        if SERVER in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.xdist_group(SERVER))
