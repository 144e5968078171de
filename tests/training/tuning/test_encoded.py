"""Files of encoded examples: plain and compressed, they hold what was written."""

from __future__ import annotations

from pathlib import Path

import pytest
from tuning_parts import make_examples

from midb.training.tuning.encoded import read_encoded, write_encoded


@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz", "a.jsonl.xz"])
def test_it_reads_what_was_written(name: str, tmp_path: Path) -> None:
    examples = make_examples(5)
    write_encoded(tmp_path / name, examples)
    assert read_encoded(tmp_path / name) == examples
    assert (tmp_path / name).read_bytes()[:1] == {"jsonl": b"{", "gz": b"\x1f", "xz": b"\xfd"}[name.rpartition(".")[2]]


def test_the_reply_is_what_stands_behind_the_start() -> None:
    (example,) = make_examples(1, reply=3)
    assert example.reply == 3 == len(example.ids[example.start :])
