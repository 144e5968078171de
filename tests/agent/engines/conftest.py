"""What the tests of engines share."""

from __future__ import annotations

import pytest
from chat_desk import Desk


@pytest.fixture
def desk() -> Desk:
    """What an engine for a server is given, and what it says."""
    return Desk()
