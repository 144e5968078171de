"""Judgements and figures as rows of one chain."""

from __future__ import annotations

import orjson

from midb.audit.evaluating.rows import LoggedJudgement, build_figures_row, build_judgement_row
from midb.audit.file import seals


def test_figures_are_the_link_behind_the_last_judgement() -> None:
    said = LoggedJudgement("de-1", "de", "raw", "boosted", "B is right.", 4)
    row = build_judgement_row(said, 9, 2, "ab" * 32)
    assert (row["item"], row["first"], row["generation_id"], row["previous_hash"]) == ("de-1", "raw", 4, "ab" * 32)
    assert row["hash"] == seals.chain_hash("judgements", "ab" * 32, seals.covered_values("judgements", row))
    figures = build_figures_row("pairwise", {"pairs": 1}, 1, 2, "2026-01-01T00:00:00+00:00", row["hash"])
    assert (figures["previous_hash"], orjson.loads(figures["figures"])) == (row["hash"], {"pairs": 1})
    assert figures["hash"] == seals.chain_hash("evaluations", row["hash"], seals.covered_values("evaluations", figures))
