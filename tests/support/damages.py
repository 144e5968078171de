"""Ways to damage or change the files of a checkpoint."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

#: Does something to the files of a folder.
Damage = Callable[[Path], object]

#: A chat template that thinks aloud unless it is told not to.
THINKS = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n"
    "{% if enable_thinking is defined and enable_thinking is false %}(no thoughts)\n{% endif %}{% endif %}"
)


def cut_weights(folder: Path) -> None:
    """As after a download that broke off."""
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-1000])


def cut_header(folder: Path) -> None:
    """As after one that broke off early."""
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:20])


def pickle_weights(folder: Path) -> None:
    """Leave weights that look like pickled ones."""
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")


def change(name: str, **keys: Any) -> Damage:
    """Change keys of a JSON file."""

    def apply(folder: Path) -> None:
        path = folder / name
        path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | keys), encoding="utf-8")

    return apply


def remove(name: str) -> Damage:
    """Take a file away."""
    return lambda folder: (folder / name).unlink()


def put(name: str, text: str) -> Damage:
    """Write a file."""
    return lambda folder: (folder / name).write_text(text, encoding="utf-8")


def flip(name: str, place: int) -> Damage:
    """Change a bit."""

    def apply(folder: Path) -> None:
        data = bytearray((folder / name).read_bytes())
        data[place] ^= 1
        (folder / name).write_bytes(data)

    return apply


def flip_header(folder: Path) -> None:
    """Change one letter of a tensor's name."""
    data = (folder / "model.safetensors").read_bytes()
    place = data.index(b"embed_tokens")
    (folder / "model.safetensors").write_bytes(data[:place] + b"E" + data[place + 1 :])
