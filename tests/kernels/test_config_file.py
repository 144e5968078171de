"""Files of a checkpoint that hold anything: one sentence each."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from midb.kernels import CheckpointError
from midb.kernels.config_file import ConfigReader, read_json


def test_an_object_is_read_as_it_stands(tmp_path: Path) -> None:
    value = {"a": [1, None, "ß"], "b": {"c": 1.5}}
    (tmp_path / "config.json").write_text(json.dumps(value, ensure_ascii=False), encoding="utf-8")
    assert read_json(tmp_path / "config.json") == value


@pytest.mark.parametrize(
    ("content", "part"),
    [
        (b"[1]", "no JSON object"), (b"\xff\xfe{}", "is not JSON"), (b'{"a": NaN}', "NaN is no number"),
        (b"[" * 100_000, "nested too deeply"), (b"", "is not JSON"),
    ],
)  # fmt: skip
def test_what_is_no_object(content: bytes, part: str, tmp_path: Path) -> None:
    path = tmp_path / "index.json"
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match=part) as caught:
        read_json(path)
    assert str(path) in str(caught.value)


def test_a_folder_and_nothing(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="a folder, a pipe or a device"):
        read_json(tmp_path)
    with pytest.raises(CheckpointError, match="does not exist"):
        read_json(tmp_path / "none.json")


@pytest.mark.parametrize("value", [0, -1, 1.0, "8", True, None, [8]])
def test_what_is_no_count(value: Any) -> None:
    with pytest.raises(CheckpointError, match=r"n is .*, not a number above 0"):
        ConfigReader({"n": value}, Path("x")).read_count("n")


def test_counts_have_bounds_and_defaults() -> None:
    reader = ConfigReader({"n": 8}, Path("x"))
    assert (reader.read_count("n", most=8), reader.read_count("m", 3)) == (8, 3)
    with pytest.raises(CheckpointError, match="no model has more than 7"):
        reader.read_count("n", most=7)


@pytest.mark.parametrize("value", [0, -0.5, "8", True, None, 1e300])
def test_what_is_no_number(value: Any) -> None:
    with pytest.raises(CheckpointError, match="not a sound number above 0"):
        ConfigReader({"n": value}, Path("x")).read_number("n")


def test_a_long_value_is_cut_in_the_message() -> None:
    with pytest.raises(CheckpointError) as caught:
        ConfigReader({"n": "x" * 10_000}, Path("x")).read_count("n")
    assert len(str(caught.value)) < 100
