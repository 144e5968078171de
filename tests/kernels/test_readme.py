"""The README's example of the engine runs as it stands."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from random_checkpoints import GetCheckpoint

README = Path(__file__).resolve().parents[2] / "README.md"


def test_the_example_runs(
    checkpoint: GetCheckpoint,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    (code,) = (
        found for found in re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL) if "kernels" in found
    )
    made = checkpoint("qwen3")
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "rewriter").symlink_to(made.folder)
    monkeypatch.chdir(tmp_path)
    exec(compile(code, "README.md", "exec"), {})
    shown = capsys.readouterr().out
    assert shown.startswith(f"0 {made.generate_greedily([5, 6, 7, 8] * 10 + [11, 12, 13, 14, 15], 16)} length ")
