"""Errors a user may see: what the command line needs of each."""

from __future__ import annotations

import pytest

from midb.domain.errors import AuditError, CorpusError, MidbError, ReplayError, UsageError


@pytest.mark.parametrize(
    ("kind", "code"), [(MidbError, 1), (UsageError, 2), (CorpusError, 2), (AuditError, 1), (ReplayError, 1)]
)
def test_an_error_says_what_to_do_and_how_the_command_ends(kind: type[MidbError], code: int) -> None:
    error = kind("it broke.", hint="Try again.", retryable=True)
    assert isinstance(error, MidbError)
    assert (str(error), error.message, error.hint, error.retryable) == ("it broke.", "it broke.", "Try again.", True)
    assert error.exit_code == code
    assert (kind("it broke.").hint, kind("it broke.").retryable) == ("", False)
