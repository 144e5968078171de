"""A sentence for every way in which the hub does not give what it is asked for."""

from __future__ import annotations

from midb.domain.errors import MidbError, UsageError

#: How errors are called that come of a network that is missing: in the libraries that the hub's client has used so far.
_UNREACHABLE = frozenset(
    {
        "ConnectError", "ConnectTimeout", "ConnectionError", "LocalEntryNotFoundError", "OfflineModeIsEnabled",
        "ProxyError", "TimeoutError",
    }
)  # fmt: skip


def explain(error: Exception, name: str, *, missing: str, by_hand: str) -> MidbError | None:
    """What the user is told of an error of the hub's client; None for one that is no client's, but a fault of ours.

    The client's libraries have errors of their own, and change: whatever is no plain exception of Python is theirs.

    :param name: OWNER/NAME of what was to be fetched.
    :param missing: what is said where the hub does not know it.
    :param by_hand: how to bring it here without a network.
    """
    from huggingface_hub import errors

    if isinstance(error, errors.LocalEntryNotFoundError) and isinstance(error.__cause__, errors.HfHubHTTPError):
        error = error.__cause__  # the hub was reached: what it said tells more
    said = (str(error).strip().partition("\n")[0] or type(error).__name__).rstrip(".:")
    match error:
        case errors.GatedRepoError():
            return UsageError(
                f"{name} is gated: the hub gives it only to those who accepted its terms.",
                hint="Accept them on its page, then set HF_TOKEN or log in with `hf auth login`.",
            )
        case errors.RepositoryNotFoundError():
            return UsageError(missing, hint="Is it spelled as on its page? A private one needs HF_TOKEN.")
        case errors.RevisionNotFoundError():
            return UsageError(f"{name} has no such revision.", hint="Its page lists them.")
        case errors.HFValidationError():
            return UsageError(f"{name} is no name that the hub allows.", hint="Is it spelled as on its page?")
        case errors.HfHubHTTPError():
            return UsageError(f"the hub does not give {name}: {said}.", hint=f"Try again later, or: {by_hand}")
    if _UNREACHABLE & {cls.__name__ for cls in type(error).__mro__}:
        return UsageError(
            f"{name} is not on this machine, or not all of it, and the hub cannot be reached.",
            hint=f"Where there is a network: {by_hand}",
        )
    if isinstance(error, OSError) and type(error).__module__ == "builtins":
        return UsageError(
            f"{name} cannot be fetched: {said}.", hint="Is there room on the disk, and may be written to it?"
        )
    if type(error).__module__ == "builtins":
        return None
    return UsageError(f"fetching {name} broke off: {said}.", hint="The same command goes on where it stopped.")
