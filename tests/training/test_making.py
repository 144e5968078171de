"""From files to examples: the options of a user, and what is said of how they were made."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from midb.domain.decisions import Pass
from midb.domain.errors import UsageError
from midb.training.making import MakingOptions, make_examples, parse_passes


def lines(count: int) -> str:
    rows = [
        {
            "id": f"de-{number}",
            "lang": "de",
            "instruction": f"Wie weit ist es bis zur Stadt mit der Nummer {number}, und wie kommt man hin?",
            "output": f"Es sind {number},5 Kilometer. Man fährt mit dem Zug.",
            "revised_output": f"Es sind {number},5 Kilometer. Man fährt mit dem Zug, der alle zwanzig Minuten kommt.",
        }
        for number in range(1, count + 1)
    ]
    return "\n".join(map(json.dumps, rows))


def test_passes() -> None:
    assert parse_passes("localization,content,content") == (Pass.LOCALIZATION, Pass.CONTENT)
    assert len(parse_passes(None)) == 3
    with pytest.raises(UsageError, match='no pass "style"'):
        parse_passes("style")


def test_prompts_are_those_that_were_asked_for(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(lines(12), encoding="utf-8")
    long, short = (
        make_examples(MakingOptions(data=[tmp_path / "a.jsonl"], mix="revision:1", prompts=prompts))
        for prompts in (None, "short")
    )
    assert (long.settings["prompt_style"], short.settings["prompt_style"]) == ("full", "short")
    assert long.settings["prompts"] != short.settings["prompts"]
    one, other = long.train.examples[0], short.train.examples[0]
    assert (one.completion, one.name) == (other.completion, other.name)
    assert len(other.messages[0].content) < len(one.messages[0].content) / 8
    assert short.settings["data"][0]["name"] == "a.jsonl"
    assert not {e.row for e in short.train.examples} & {e.row for e in short.held_out.examples}
