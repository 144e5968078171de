"""The hashes that everything is known by."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from midb.domain.hashing import digest, file_sha256, hash_beginning, listed

PARTS = st.lists(st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(), max_size=4)


def test_a_digest_is_of_the_json_of_its_parts() -> None:
    assert digest("a", 1, None) == hashlib.sha256(b'["a",1,null]').hexdigest()
    assert digest() == hashlib.sha256(b"[]").hexdigest()
    assert digest({"b": 1, "a": 2}) != digest({"a": 2, "b": 1}), "the order of names counts"


@given(PARTS, PARTS)
def test_other_parts_have_another_digest(one: list[object], other: list[object]) -> None:
    same = [(type(part), part) for part in one] == [(type(part), part) for part in other]
    assert (digest(*one) == digest(*other)) is same


def test_a_file_is_hashed_by_its_bytes(tmp_path: Path) -> None:
    content = bytes(range(256)) * 5000
    (tmp_path / "a").write_bytes(content)
    assert file_sha256(tmp_path / "a") == hashlib.sha256(content).hexdigest()
    (tmp_path / "empty").touch()
    assert file_sha256(tmp_path / "empty") == hashlib.sha256(b"").hexdigest()


@given(st.binary(max_size=60), st.integers(-1, 80), st.binary(max_size=9))
def test_a_beginning_is_hashed_and_can_be_gone_on_with(content: bytes, length: int, more: bytes) -> None:
    file = io.BytesIO(content)
    file.seek(3)
    made = hash_beginning(file, length)
    begun = content[: max(length, 0)]
    assert made.hexdigest() == hashlib.sha256(begun).hexdigest()
    made.update(more)
    assert made.hexdigest() == hashlib.sha256(begun + more).hexdigest()


def test_a_beginning_longer_than_what_is_read_at_once_is_hashed_whole() -> None:
    content = bytes(range(256)) * 10_000
    for length in (1 << 20, (1 << 20) + 1, len(content)):
        assert hash_beginning(io.BytesIO(content), length).digest() == hashlib.sha256(content[:length]).digest()


def test_a_folder_is_known_by_its_files_and_their_names(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    for name in ("b", "deep/a", ".hidden"):
        (tmp_path / name).write_text(name)
    listed_files = b"".join(listed(name, file_sha256(tmp_path / name)) for name in ("b", "deep/a"))
    assert listed("b", "0f") == b"0f  b\n", "as sha256sum lists it"
    assert file_sha256(tmp_path) == hashlib.sha256(listed_files).hexdigest()
    (tmp_path / "b").rename(tmp_path / "c")
    assert file_sha256(tmp_path) != hashlib.sha256(listed_files).hexdigest()
