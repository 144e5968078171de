"""An adapter's training on a lent device, on a CPU with a tiny base: prepared, run, and scored."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("peft")
pytest.importorskip("accelerate")

import train
from adapting import running
from adapting.preparing import find_pair, split_sections
from tiny_model import make_checkpoint

from midb.cli.main import main
from midb.domain.pairs import Field


def write_revisions(path: Path) -> None:
    rows = []
    for language in ("de", "tr"):
        for number in range(1, 13):
            texts = {"de": f"Es sind {number},5 Kilometer bis zur Stadt.", "tr": f"Şehre {number},5 kilometre var."}
            text = texts[language]
            rows.append(
                {
                    "id": f"{language}-{number}", "lang": language,
                    "instruction": {"de": f"Wie weit ist es bis {number}?", "tr": f"{number} ne kadar uzak?"}[language],
                    "output": text, "revised_output": f"{text} {text}",
                }
            )  # fmt: skip
    path.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory, one_thread: None) -> Path:
    """What a run leaves."""
    folder = tmp_path_factory.mktemp("train")
    write_revisions(folder / "a.jsonl")
    base = make_checkpoint(folder / "tiny")
    words = ["examples", str(folder / "a.jsonl"), "-o", str(folder / "learn"), "--prompts", "short", "--holdout", "0.4"]
    assert main(words) == 0
    prepared, made = folder / "prepared", folder / "out"
    assert train.main(["prepare", str(folder / "learn"), str(base), "-o", str(prepared), "--generated", "2"]) == 0
    parts = sorted(map(str, prepared.glob("load-*")))
    assert len(parts) == 2
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(running, "_PACED", 2)
        patch.setattr(running, "_WARM", 1)
        words = ["run", *parts, "--out", str(made), "--seconds", "0.2", "--batch-tokens", "1500", "--device", "cpu"]
        assert train.main([*words, "--work", str(folder / "work")]) == 0
    assert train.main(["score", str(made), str(prepared), str(base)]) == 0
    return made


def test_each_part_says_what_it_did(out: Path) -> None:
    rows: list[dict[str, Any]] = [json.loads(line) for line in (out / "rows.jsonl").read_text().splitlines()]
    assert not [row for row in rows if "error" in row]
    parts = {row["part"] for row in rows}
    assert parts == {"about", "loaded", "loss", "pace", "step", "trained", "adapter", "engine", "generated"}
    assert [row["when"] for row in rows if row["part"] == "loss"] == ["before", "after"]
    assert {row["side"]: row["replies"] for row in rows if row["part"] == "generated"} == {"base": 4, "tuned": 4}
    (about,) = (row for row in rows if row["part"] == "about")
    assert about["prompts"] == "short"


def test_both_sides_are_scored_on_the_same_requests(out: Path) -> None:
    scores = json.loads((out / "scores.json").read_bytes())
    of_all = {group["side"]: group for group in scores["groups"] if group["by"] == "all"}
    assert of_all["base"]["n"] == of_all["tuned"]["n"] == 4
    assert 0 <= of_all["tuned"]["to_target"] <= 1
    assert of_all["base"]["nothing_to_target"] == of_all["tuned"]["nothing_to_target"]
    assert {row["language"] for row in scores["replies"]} == {"de", "tr"}


def test_a_pair_is_found_in_its_prompt() -> None:
    prompt = (
        "x <|source:ab12|>\nq\n<|source-end:ab12|>\n<|instruction:ab12|>\nA\nB\n<|response:ab12|>\nC\n<|end:ab12|>\ny"
    )
    chat = {"messages": [{"content": prompt}, {"content": "<|same|>\n<|end:ab12|>"}], "name": "n"}
    nonce, laid_out = find_pair(chat)
    assert split_sections(laid_out, nonce) == {Field.INSTRUCTION: "A\nB", Field.RESPONSE: "C"}
    with pytest.raises(ValueError, match="no pair in the prompt of n"):
        find_pair({**chat, "messages": [{"content": "x"}, chat["messages"][1]]})
