"""A tiny base with a tokenizer, and examples for it: what trainings of adapters are tested with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from midb.training.tuning.encoded import EncodedExample
from midb.training.tuning.settings import TuningSettings

#: Returns a fresh model of the tiny base.
LoadModel = Callable[[], Any]

#: Small and quick: two or three examples a batch.
QUICK = TuningSettings(rank=4, alpha=8, lr=5e-3, batch_tokens=40, max_tokens=64)

#: Ids that the examples are made of: letters of the tiny vocabulary.
_FIRST, _COUNT = 10, 80


def make_examples(count: int, *, seed: int = 0, reply: int = 4) -> list[EncodedExample]:
    """Examples of 8 to 13 tokens, of which the last ``reply`` are learnt."""
    made = []
    for number in range(count):
        length = 8 + (number * 5 + seed) % 6
        ids = [_FIRST + (number * 7 + place * place * 3 + seed) % _COUNT for place in range(length)]
        languages = ("de", "tr")
        made.append(
            EncodedExample(
                ids=ids,
                start=length - reply,
                language=languages[number % 2],
                pass_="content",
                kind="revision" if number % 3 else "unchanged",
                name=f"#{number}",
                row=f"row {number}",
            )
        )
    return made


def read_weights(model: Any) -> dict[str, list[float]]:
    """All values of an adapter, by name."""
    return {name: p.detach().flatten().tolist() for name, p in model.named_parameters() if p.requires_grad}


def list_files(folder: Path) -> list[str]:
    """Names of all files in a folder and below it."""
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def holds_pickle(paths: Sequence[Path]) -> list[Path]:
    """Those files that are pickles, or archives of torch, which hold one."""
    return [
        path for path in paths if path.read_bytes()[:2] in (b"PK", b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")
    ]
