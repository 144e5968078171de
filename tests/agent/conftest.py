"""What the tests of the passes share: a pair taken through the whole graph by a scripted model."""

from __future__ import annotations

import pytest
from scripted_pairs import Store, Through

from midb.agent.graph import Graph, build_graph
from midb.text.languages import LanguageIdentifier


@pytest.fixture
def store() -> Store:
    """Generations that are kept in memory."""
    return Store()


@pytest.fixture(scope="session")
def graph() -> Graph:
    """The state machine, compiled once."""
    return build_graph()


@pytest.fixture
def through(graph: Graph, store: Store, identifier: LanguageIdentifier) -> Through:
    """See `Through`."""
    return Through(graph, store, identifier)
