"""Proofs by the command line, with a tiny base and a corpus of which a run repairs each third pair."""

from __future__ import annotations

import json
from pathlib import Path

ROWS = 56
HELD_OUT = 22


def write_corpus(path: Path, rows: int = ROWS, *, faulty: bool = True) -> Path:
    """A German corpus, in which each third pair holds a letter in a wrong encoding, which a run repairs."""
    records = []
    for number in range(rows):
        rides = "fÃ¤hrt" if faulty and number % 3 == 0 else "fährt"
        records.append(
            {
                "id": f"de-{number}", "lang": "de",
                "instruction": f"Wie weit ist es bis zur Stadt mit dem Namen Ort {number}?",
                "output": f"Es sind {number + 2},5 Kilometer bis in die Stadt. Man {rides} dort mit dem Zug hin.",
            }
        )  # fmt: skip
    path.write_text("".join(json.dumps(one, ensure_ascii=False) + "\n" for one in records), encoding="utf-8")
    return path


def proof_words(folder: Path, base: Path, *words: object) -> list[str]:
    fixed = ["prove", folder / "c.jsonl", "--base", base, "-o", folder / "proof", "--holdout", "0.4", "--max-tokens",
             "6", "--lr", "1e-2", "--batch-tokens", "800", "--resamples", "100", "--device", "cpu"]  # fmt: skip
    return [str(word) for word in (*fixed, *words)]


def adapters(folder: Path) -> dict[str, float]:
    """When each student was finished."""
    found = (folder / "proof" / "students").glob("*/midb-adapter.json")
    return {path.parent.name: path.stat().st_mtime_ns for path in found}
