"""The errors a user may see: one sentence, a hint, an exit code; never a traceback."""


class MidbError(Exception):
    """An error with a message for people.

    ``message`` is one sentence that names file, line or record; ``hint`` says what to do next; ``retryable`` tells a
    caller whether trying again can help; ``exit_code`` is what the command line returns (1 failed, 2 usage).
    """

    exit_code = 1

    def __init__(self, message: str, *, hint: str = "", retryable: bool = False) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.retryable = retryable


class UsageError(MidbError):
    """What was asked for cannot be done as it was asked."""

    exit_code = 2


class CorpusError(MidbError):
    """The corpus as a whole cannot be read."""

    exit_code = 2


class AuditError(MidbError):
    """The audit log cannot be used, or does not agree with itself."""


class ReplayError(MidbError):
    """An edit does not fit the text it is applied to."""
