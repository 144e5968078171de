"""The beginning of a GGUF file: read as it was written, and one sentence for whatever else stands there."""

from __future__ import annotations

import os
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("gguf")

import gguf

from midb.kernels import CheckpointError
from midb.kernels.gguf.header import is_gguf, read_header


def write(path: Path) -> Path:
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_uint32("llama.block_count", 3)
    writer.add_float32("llama.rope.freq_base", 5e5)
    writer.add_string("general.name", "Größe ไทย")
    writer.add_array("tokenizer.ggml.tokens", ["a", "б", "ค"])
    writer.add_array("tokenizer.ggml.token_type", [1, 3, 1])
    writer.add_bool("tokenizer.ggml.add_bos_token", True)
    writer.add_tensor("one", np.arange(6, dtype=np.float32).reshape(2, 3))
    writer.add_tensor("two", np.zeros((1, 18), dtype=np.uint8), raw_dtype=gguf.GGMLQuantizationType.Q4_0)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def test_it_is_read_as_the_library_wrote_it(tmp_path: Path) -> None:
    path = write(tmp_path / "a.gguf")
    header = read_header(path)
    assert header.metadata["llama.block_count"] == 3
    assert header.metadata["llama.rope.freq_base"] == 5e5
    assert header.metadata["general.name"] == "Größe ไทย"
    assert header.metadata["tokenizer.ggml.tokens"] == ["a", "б", "ค"]
    assert header.metadata["tokenizer.ggml.token_type"] == [1, 3, 1]
    assert header.metadata["tokenizer.ggml.add_bos_token"] is True
    one = header.tensors["one"]
    assert one.shape == (2, 3)
    assert np.frombuffer(path.read_bytes()[one.start : one.start + one.size], np.float32).tolist() == [*range(6)]
    assert header.tensors["two"].shape == (1, 32)
    assert is_gguf(path)


def test_a_pipe_a_folder_and_another_file_are_none(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "text").write_text("GG")
    assert not any(map(is_gguf, (tmp_path, tmp_path / "pipe", tmp_path / "text", tmp_path / "none")))


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_a_damaged_file_is_one_sentence_or_read(data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Cut anywhere, or with any bytes in the place of others: never another error, never without end."""
    folder = tmp_path_factory.mktemp("damaged")
    whole = bytearray(write(folder / "a.gguf").read_bytes())
    place = data.draw(st.integers(0, len(whole) - 1))
    if data.draw(st.booleans()):
        del whole[place:]
    else:
        whole[place : place + 8] = data.draw(st.binary(min_size=8, max_size=8))
    path = folder / "b.gguf"
    path.write_bytes(whole)
    try:
        read_header(path)
    except CheckpointError as error:
        assert str(path) in str(error.args[0])


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "cannot be read"),
        (b"GGUF", "ends in the middle"),
        (b"nope" + bytes(40), "no GGUF file"),
        (b"GGUF" + struct.pack("<IQQ", 1, 0, 0), "version 1"),
        (b"GGUF" + struct.pack("<IQQ", 3, 1 << 60, 0), "no model has more"),
        (b"GGUF" + struct.pack("<IQQ", 3, 0, 1 << 40), "no model has more"),
        (b"GGUF" + struct.pack("<IQQQ", 3, 0, 1, 1 << 50), "no model has more"),
        (b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + struct.pack("<Q", 1) + b"a" + struct.pack("<I", 77), "unknown type"),
        (
            b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + struct.pack("<Q", 1) + b"a" + struct.pack("<IIQ", 9, 9, 1),
            "array of the unknown type",
        ),
        (
            b"GGUF" + struct.pack("<IQQ", 3, 1, 0) + struct.pack("<Q", 1) + b"t" + struct.pack("<IQIQ", 1, 9, 99, 0),
            "type 99",
        ),
        (
            b"GGUF" + struct.pack("<IQQ", 3, 1, 0) + struct.pack("<Q", 1) + b"t" + struct.pack("<IQIQ", 1, 9, 2, 0),
            "does not allow",
        ),
        (
            b"GGUF" + struct.pack("<IQQ", 3, 1, 0) + struct.pack("<Q", 1) + b"t" + struct.pack("<IQIQ", 1, 64, 0, 0),
            "cut short",
        ),
    ],
)
def test_what_is_wrong_is_said(content: bytes, words: str, tmp_path: Path) -> None:
    path = tmp_path / "a.gguf"
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match=words):
        read_header(path)
