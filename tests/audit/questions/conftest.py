"""A reader of the log that the tests of this folder ask."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from midb.audit.questions.search import add_search
from midb.audit.reader import AuditReader


@pytest.fixture
def reader(finished_log: Path) -> Iterator[AuditReader]:
    """The log of `write_log`, ready for searching."""
    with AuditReader(finished_log) as reader:
        add_search(reader.connection)
        yield reader
