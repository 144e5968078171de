"""Corpora that are compared: pairs of which one side is right, by a word that only a scripted judge knows."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from evaluated_runs import write_records
from scripted import ScriptedEngine
from scripted_judges import Taste, make_engine

from midb.agent.model.calls import Model
from midb.agent.model.settings import Budget, ModelSettings
from midb.domain.generations import Generation, GenerationKey
from midb.domain.pairs import InstructionPair
from midb.evaluation.pairwise.judging import JudgedPair, JudgedTwice, Opinion, judge_pairs
from midb.prompts import load_prompts

#: What a text holds that is right.
RIGHT = "nachweislich"


def is_right(text: str) -> bool:
    """Whether a scripted judge is to prefer it."""
    return RIGHT in text


@dataclass
class Kept:
    """A store of replies, as the log is."""

    found: dict[GenerationKey, Generation] = field(default_factory=dict)

    def find(self, key: GenerationKey) -> Generation | None:
        return self.found.get(key)

    def add(self, generations: Sequence[Generation]) -> list[Generation]:
        from dataclasses import replace

        kept = [replace(one, id=len(self.found) + number) for number, one in enumerate(generations, start=1)]
        self.found |= {one.key: replace(one, reused=True) for one in kept}
        return kept


def make_pair(number: int, before: str, after: str, language: str = "de") -> JudgedPair:
    """A pair whose response was changed."""
    task = f"Erkläre Punkt {number}."
    versions = (
        ("raw", InstructionPair(instruction=task, response=before)),
        ("boosted", InstructionPair(instruction=task, response=after)),
    )
    return JudgedPair(item=f"{language}-{number}", language=language, row=f"row {number}", versions=versions)


def make_judged(number: int, outcome: int | None, *, lengths: tuple[int, int] = (50, 50), flipped: bool = False,
                language: str = "de", row: str | None = None) -> JudgedTwice:  # fmt: skip
    """A pair with an outcome that nobody was asked for."""
    from dataclasses import replace

    pair = make_pair(number, "r" * lengths[0], "b" * lengths[1], language)
    pair = pair if row is None else replace(pair, row=row)
    side = {1: "boosted", -1: "raw", 0: "tie", None: ""}[outcome]
    said = (side, side) if not flipped else ("raw", "boosted")
    opinions = [
        Opinion(first=first, preferred=preferred, detail="", failure="" if preferred else "bad-schema")
        for first, preferred in zip(("raw", "boosted"), said, strict=True)
    ]
    return JudgedTwice(pair=pair, opinions=(opinions[0], opinions[1]))


def judge_with(
    taste: Taste | ScriptedEngine, pairs: Sequence[JudgedPair], *, kept: Kept | None = None, budget: str = ""
) -> list[JudgedTwice | None]:
    """What a scripted judge makes of pairs."""
    engine = taste if isinstance(taste, ScriptedEngine) else make_engine(taste)
    settings = ModelSettings(prompts=load_prompts(), budget=Budget.parse(budget) if budget else Budget())
    return asyncio.run(judge_pairs(Model(engine, kept or Kept(), settings), pairs))


def make_sides(count: int, *, better_every: int = 2, same_every: int = 0, languages: Sequence[str] = ("de",)) -> tuple[
    list[dict[str, Any]], list[dict[str, Any]]
]:  # fmt: skip
    """Records of both sides: each ``better_every``-th is right after, the others before; some are the same."""
    raw: list[dict[str, Any]] = []
    boosted: list[dict[str, Any]] = []
    for language in languages:
        for number in range(count):
            record = {"id": f"{language}-{number:03}", "instruction": f"Erkläre Punkt {number}.", "lang": language}
            texts = [
                f"Das ist {RIGHT} so, Punkt {number}.",
                f"Das ist wohl so oder auch anders, Punkt {number}, sagt man.",
            ]
            if number % better_every == 0:
                texts.reverse()
            if same_every and number % same_every == 0:
                texts[1] = texts[0]
            for side, text in zip((raw, boosted), texts, strict=True):
                side.append(record | {"output": text})
    return raw, boosted


def write_sides(folder: Path, raw: Sequence[dict[str, Any]], boosted: Sequence[dict[str, Any]]) -> tuple[Path, Path]:
    """Both corpora as files."""
    return write_records(folder / "raw.jsonl", raw), write_records(folder / "boosted.jsonl", boosted)
