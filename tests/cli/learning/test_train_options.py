"""Options of a training in a TOML file: what is typed stands above it, and what is wrong is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from midb.cli.learning.train_options import read_options
from midb.domain.errors import UsageError


def test_what_is_typed_stands_above_the_file(tmp_path: Path) -> None:
    file = tmp_path / "train.toml"
    file.write_text('base = "models/small"\nlr = 1\nbatch-tokens = 99\nrecompute = true\n')
    options = read_options(file, {"batch_tokens": 7})
    assert (options.base, options.lr, options.batch_tokens, options.recompute) == ("models/small", 1, 7, True)
    assert read_options(None, {"rank": 3}).rank == 3


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("rank = ", "cannot be read as TOML"),
        ("ranks = 3", 'unknown setting "ranks"'),
        ('rank = "3"', '"rank", which takes int'),
        ("rank = true", '"rank", which takes int'),
        ("merge = 1", '"merge", which takes bool'),
        ("rank = 1.5", '"rank", which takes int'),
    ],
)
def test_a_bad_file_is_one_sentence(text: str, words: str, tmp_path: Path) -> None:
    file = tmp_path / "train.toml"
    file.write_text(text)
    with pytest.raises(UsageError) as caught:
        read_options(file, {})
    assert words in caught.value.message
    assert str(file) in caught.value.message
    with pytest.raises(UsageError, match="cannot be read"):
        read_options(tmp_path / "none.toml", {})
