"""The file of figures that the package ships.

The file says for each kind and language what was measured; the package reads it to switch a kind off where it errs,
and docs/generate.py to show it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from registry import ROOT

FIGURES = ROOT / "midb" / "locales" / "measured.json"


def store(name: str, counts: dict[str, dict[str, list[int]]], path: Path = FIGURES) -> None:
    """Put one measurement into the file: ``counts`` has numbers by kind and language; the others stay as they are."""
    figures: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    figures[name] = {kind: dict(sorted(counts[kind].items())) for kind in sorted(counts)}
    blocks = []
    for measured in sorted(figures):
        rows = ",\n".join(f"  {json.dumps(kind)}: {json.dumps(by)}" for kind, by in figures[measured].items())
        blocks.append(f"{json.dumps(measured)}: {{\n{rows}\n }}" if rows else f"{json.dumps(measured)}: {{}}")
    path.write_text("{\n " + ",\n ".join(blocks) + "\n}\n", encoding="utf-8")
