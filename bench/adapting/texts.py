"""The clean pairs of this repository as files that `midb-agent examples` reads: nothing but our own texts is needed.

Each is a revision that changes nothing: of such pairs examples to be left alone are made, and others with a defect put
in. Pairs of one pattern differ in what is filled in alone, so that whole patterns are held out, not pairs.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

from detectors.pairs import clean_pairs
from detectors.patterns import pattern_pairs

from midb.domain.pairs import InstructionPair
from midb.locales import LANGUAGES

#: What is trained on, and what is held out.
FILES = ("train.jsonl", "held_out.jsonl")


def write_texts(folder: Path, languages: Sequence[str], holdout: float) -> dict[str, int]:
    """Write both files, and return how many pairs each holds.

    :param holdout: share of the patterns that are held out, in all languages alike.
    """
    folder.mkdir(parents=True, exist_ok=True)
    sides: tuple[list[str], list[str]] = ([], [])
    chosen = [language for language in LANGUAGES if language in languages]
    for name, clean in (*clean_pairs(chosen), *pattern_pairs(languages=chosen)):
        pattern = name.split("-")[1]
        drawn = int(hashlib.sha256(pattern.encode()).hexdigest()[:8], 16) / 2**32
        record = {
            "id": name, "lang": clean.language, **_columns(clean.pair), "revised_output": clean.pair.response,
            "source": _columns(clean.source) if clean.source else None,
        }  # fmt: skip
        sides[drawn < holdout].append(json.dumps(record, ensure_ascii=False) + "\n")
    for name, lines in zip(FILES, sides, strict=True):
        (folder / name).write_text("".join(lines), encoding="utf-8")
    return dict(zip(FILES, map(len, sides), strict=True))


def _columns(pair: InstructionPair) -> dict[str, str]:
    return {"instruction": pair.instruction or "", "input": pair.input or "", "output": pair.response or ""}
