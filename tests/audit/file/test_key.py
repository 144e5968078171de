"""A key is read whole or refused in one sentence, and shows itself nowhere."""

from __future__ import annotations

import hashlib
import hmac
import pickle
from pathlib import Path

import pytest

from midb.audit.file.key import LONGEST, SHORTEST, SealKey, read_key
from midb.domain.errors import UsageError

SECRET = b"a secret that nobody should see!"


def test_a_line_end_behind_the_key_is_not_part_of_it(tmp_path: Path) -> None:
    macs = set()
    for end in (b"", b"\n", b"\r\n"):
        (tmp_path / "key").write_bytes(SECRET + end)
        macs.add(SealKey.read(tmp_path / "key").mac_of("ab"))
    assert macs == {SealKey(SECRET).mac_of("ab")}
    assert read_key(None) is None
    assert read_key(tmp_path / "key") is not None


def test_a_mac_is_hmac_sha256_of_the_head(tmp_path: Path) -> None:
    """Written out: it can be checked without this program."""
    expected = hmac.new(SECRET, b"midb-agent audit log head\nab12", hashlib.sha256).hexdigest()
    key = SealKey(SECRET)
    assert key.mac_of("ab12") == expected
    assert key.made(expected, "ab12")
    for mac, head in ((expected, "ab13"), (expected[:-1], "ab12"), ("", "ab12"), ("é", "ab12")):
        assert not key.made(mac, head)
    assert not SealKey(SECRET + b"x").made(expected, "ab12")


@pytest.mark.parametrize("data", [b"", b"short", b"\n" * 50, b"x" * (SHORTEST - 1) + b"\n", b"x" * (LONGEST + 1)])
def test_what_is_no_good_key_is_refused(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(data)
    with pytest.raises(UsageError) as caught:
        SealKey.read(tmp_path / "key")
    assert "openssl rand" in caught.value.hint
    assert (data.decode() in caught.value.message) == (data in (b"", b"short")), "short is our own word"


def test_a_key_that_is_not_there_or_never_ends_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="No such file"):
        SealKey.read(tmp_path / "none")
    with pytest.raises(UsageError, match="directory"):
        SealKey.read(tmp_path)
    if Path("/dev/zero").exists():
        with pytest.raises(UsageError, match="is longer than"):
            SealKey.read(Path("/dev/zero"))


def test_a_key_is_not_shown() -> None:
    key = SealKey(SECRET)
    for shown in (repr(key), str(key), f"{key}"):
        assert "secret" not in shown.replace("SealKey", "")
    assert not hasattr(key, "__dict__")
    with pytest.raises(TypeError):
        pickle.dumps(key, protocol=1)
