"""The key that a log may be sealed with: a secret in a file, and what is made of a head with it (HMAC-SHA256).

HMAC and no signature: it needs nothing that Python does not have, and who runs and who verifies are mostly the same
people. It also means that whoever can verify could seal as well; what that proves is told in docs/security.md.
"""

from __future__ import annotations

import hashlib
import hmac
from pathlib import Path

from midb.domain.errors import UsageError

#: The environment variable that names the file of the key where no option does.
KEY_VARIABLE = "MIDB_SEAL_KEY_FILE"

#: Bytes that a key must have at least, and may have at most.
SHORTEST, LONGEST = 32, 4096

_MAKE_ONE = "Make one with: openssl rand -hex 32 > seal.key"

#: Keeps what is made here apart from whatever else the same key may be used for.
_PURPOSE = b"midb-agent audit log head\n"


class SealKey:
    """A secret. It is shown nowhere: not in messages, not in the log, and not in this object's `repr`."""

    __slots__ = ("_secret",)

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    @classmethod
    def read(cls, path: Path) -> SealKey:
        """The key in a file: all of its bytes but the line end behind them.

        Raises UsageError, which names the file and never what is in it, where it cannot be read or is no good key.
        """
        try:
            with path.open("rb") as file:
                secret = file.read(LONGEST + 2).rstrip(b"\r\n")
        except OSError as error:
            raise UsageError(f"the key file {path} cannot be read: {error.strerror}.", hint=_MAKE_ONE) from error
        if len(secret) < SHORTEST:
            raise UsageError(f"the key in {path} is shorter than {SHORTEST} bytes.", hint=_MAKE_ONE)
        if len(secret) > LONGEST:
            raise UsageError(f"{path} is longer than {LONGEST:,} bytes, which is no key.", hint=_MAKE_ONE)
        return cls(secret)

    def mac_of(self, head: str) -> str:
        """The seal of a head with this key: HMAC-SHA256, hex."""
        return hmac.new(self._secret, _PURPOSE + head.encode(), hashlib.sha256).hexdigest()

    def made(self, mac: str, head: str) -> bool:
        """Whether ``mac`` is what this key makes of a head."""
        return hmac.compare_digest(mac.encode(), self.mac_of(head).encode())


def read_key(path: Path | None) -> SealKey | None:
    """The key in the file that an option names; ``None`` where it names none."""
    return None if path is None else SealKey.read(path)
