"""Over real pairs in every language at hand: no fault, no emptied response, and a second run changes nothing."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from midb.agent.graph import build_graph
from midb.agent.state import PairContext
from midb.agent.waves import Waves
from midb.detectors import KindSelection
from midb.domain.decisions import Outcome, PairResult, Pass
from midb.domain.pairs import InstructionPair
from midb.locales import load
from midb.text.languages import LanguageIdentifier


def examined(
    texts: Sequence[tuple[str, InstructionPair, InstructionPair | None]], *, typography: bool
) -> list[PairResult]:
    """Take pairs through the state machine: what came of each."""
    graph, identifier, selection = build_graph(), LanguageIdentifier(), KindSelection.parse(typography=typography)

    async def go() -> list[PairResult]:
        return [
            await Waves(graph).run_pair(pair, PairContext(load(code), source, selection, frozenset(Pass), identifier))
            for code, pair, source in texts
        ]

    return asyncio.run(go())


@pytest.mark.parametrize("typography", [False, True])
def test_real_pairs_are_never_emptied_and_settle(corpora: list[Path], typography: bool) -> None:
    """Over real pairs in every language at hand: no fault, no emptied response, and a second run changes nothing."""
    pairs = []
    for path in corpora:
        for line in path.read_text(encoding="utf-8").splitlines()[::40]:
            record = json.loads(line)
            names = ("instruction", "input", "output")
            pair, source = (
                InstructionPair(instruction=one[names[0]], input=one[names[1]], response=one[names[2]])
                for one in (record, record["source"])
            )
            pairs.append((path.stem, pair, source))
    results = examined(pairs, typography=typography)
    assert any(result.outcome is Outcome.IMPROVED for result in results)
    for result in results:
        assert bool((result.original.response or "").strip()) == bool((result.final.response or "").strip())
    again = examined([(code, result.final, source) for (code, _, source), result in zip(pairs, results, strict=True)],
                     typography=typography)  # fmt: skip
    for result in again:
        assert result.final == result.original, [d.detail for d in result.decisions]
