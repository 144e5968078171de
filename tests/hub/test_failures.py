"""What the hub's client raises, told in a sentence: by what it is, and not by the library that it comes from."""

from __future__ import annotations

import pytest

from midb.hub.failures import explain

errors = pytest.importorskip("huggingface_hub.errors")

#: An error of a library that the client may use one day.
ReadError = type("ReadError", (Exception,), {"__module__": "httpx9"})
ConnectError = type("ConnectError", (ReadError,), {"__module__": "httpx9"})


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ReadError("peer closed connection"), "fetching o/n broke off: peer closed connection."),
        (ReadError(), "fetching o/n broke off: ReadError."),
        (ConnectError("no route"), "the hub cannot be reached"),
        (errors.LocalEntryNotFoundError("offline"), "the hub cannot be reached"),
        (errors.OfflineModeIsEnabled("offline"), "the hub cannot be reached"),
        (ConnectionResetError(104, "Connection reset by peer"), "the hub cannot be reached"),
        (TimeoutError("timed out"), "the hub cannot be reached"),
        (errors.HFValidationError("repo id"), "no name that the hub allows"),
        (OSError(28, "No space left on device"), "cannot be fetched: [Errno 28] No space left on device."),
        (PermissionError(13, "Permission denied"), "cannot be fetched: [Errno 13] Permission denied."),
    ],
)
def test_every_error_of_the_client_is_one_sentence(error: Exception, said: str) -> None:
    told = explain(error, "o/n", missing="there is none", by_hand="bring it")
    assert told is not None
    assert said in told.message
    assert told.hint


@pytest.mark.parametrize("error", [ZeroDivisionError(), TypeError("unexpected keyword"), KeyError("sha")])
def test_a_fault_of_ours_is_not_hidden(error: Exception) -> None:
    assert explain(error, "o/n", missing="there is none", by_hand="bring it") is None
