"""The example of docs/engine.md runs, and its tokens are those of transformers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from doc_pages import DOCS, blocks

PROMPT = [5, 6, 7, 8] * 10 + [11, 12, 13, 14, 15]


def greedy(checkpoint: Path, prompt: list[int], count: int) -> list[int]:
    """What transformers generates."""
    import torch
    from transformers import AutoModelForCausalLM

    model: Any = AutoModelForCausalLM.from_pretrained(checkpoint)
    ids = torch.tensor([prompt])
    with torch.no_grad():
        out = model.float().generate(
            ids, attention_mask=torch.ones_like(ids), max_new_tokens=count, do_sample=False, pad_token_id=0
        )
    found: list[int] = out[0, len(prompt) :].tolist()
    return found


def test_the_example_generates_what_transformers_does(
    tiny_checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (block,) = blocks(DOCS / "engine.md", "python")
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "rewriter").symlink_to(tiny_checkpoint)
    monkeypatch.chdir(tmp_path)
    exec(compile(block.code, str(block), "exec"), {})
    tokens = greedy(tiny_checkpoint, PROMPT, 16)
    reason = "length" if len(tokens) == 16 else "stop"
    assert capsys.readouterr().out.startswith(f"0 {tokens} {reason} ")
