"""Which tests run in one process when there are several (``--dist loadgroup``): those of a file, and those of a group.

What a module makes once is then made once, and not in each process. Dealing out single tests, as xdist does by itself,
also takes long: it goes through all tests so far at each one, which makes a minute for 17,000 tests.
Groups and the rooms whose files take long come first, that no process waits for another at the end.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, SupportsIndex

import pytest

#: The fixture by which a test says that it needs the server. It starts in one process, as that takes long.
SERVER = "transformers_server"

#: Folders of tests that start programs, run models or kernels: there a file takes up to a minute.
LONG_ROOMS = ("kernels", "bench", "cli", "docs", "agent", "detectors", "training", "cluster")


def find_unit(nodeid: str) -> str:
    """What is dealt out together with this test: its group, which xdist writes behind the name, or its file."""
    if nodeid.rfind("@") > nodeid.rfind("]"):
        return nodeid.rpartition("@")[2]
    return nodeid.partition("::")[0]


def rank(item: pytest.Item) -> int:
    """When a test's unit is dealt out: those of a low rank first."""
    if item.get_closest_marker("xdist_group"):
        return 0 if item.get_closest_marker("slow") else 1
    folders = item.nodeid.partition("::")[0].split("/")[1:-1]
    return 2 if not folders or folders[0] in LONG_ROOMS else 3


class Collection(list[str]):
    """The names of all tests, in which the place of one is found at once."""

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__(names)
        self._places = {name: place for place, name in enumerate(names)}

    def index(self, name: str, start: SupportsIndex = 0, stop: SupportsIndex = 0) -> int:
        """The place of a test."""
        return self._places[name]


@pytest.hookimpl(tryfirst=True)  # before xdist looks for groups
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put the tests with the server into a group of their own, and early tests first where processes share them."""
    for item in items:
        if SERVER in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.xdist_group(SERVER))
    if hasattr(config, "workerinput"):
        items.sort(key=rank)


@pytest.hookimpl(optionalhook=True)  # pytest without xdist has no such hook
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Deal out groups and files in place of groups and tests."""
    if config.getvalue("dist") != "loadgroup":
        return None
    from xdist.scheduler import LoadGroupScheduling

    class UnitScheduling(LoadGroupScheduling):  # type: ignore[misc]  # xdist carries no types
        """Groups and files, in the order of the collection."""

        def _split_scope(self, nodeid: str) -> str:
            return find_unit(nodeid)

        def add_node_collection(self, node: Any, collection: Sequence[str]) -> None:
            """Keep the names that a process has collected so that places are found at once."""
            super().add_node_collection(node, collection)
            if node in self.registered_collections:
                self.registered_collections[node] = Collection(collection)

    # By itself xdist begins with the units of most tests, and those are the quick ones.
    config.option.loadscopereorder = False
    return UnitScheduling(config, log)
