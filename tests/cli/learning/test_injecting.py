"""`midb-agent inject`: a corpus with known defects, in the format and layout of the clean one."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

from clean_pairs import CLEAN
from cli_fixtures import Cli


def test_what_is_injected_is_repaired_by_a_run(cli: Cli, tmp_path: Path) -> None:
    corpus = tmp_path / "c.jsonl"
    corpus.write_bytes((CLEAN / "fr.jsonl").read_bytes())
    called = cli(
        "inject", corpus, "-o", tmp_path / "bad.jsonl", "--only", "decomposed-text,invisible-character", "--rate", "1"
    )
    assert called.code == 0, called.err
    assert "26 pairs read, 26 of them with a defect now" in called.err
    key = [json.loads(line) for line in (tmp_path / "bad.jsonl.key.jsonl").read_text(encoding="utf-8").splitlines()]
    assert {entry["expected"] for entry in key} == {"repaired"}
    assert cli("run", tmp_path / "bad.jsonl", "-o", tmp_path / "good.jsonl", "--quiet").code == 0
    assert (tmp_path / "good.jsonl").read_bytes() == corpus.read_bytes()


def test_conversations_and_compressed_files_work_as_in_a_run(cli: Cli, tmp_path: Path) -> None:
    turns = [
        {"role": "user", "content": "Wie hoch ist der alte Leuchtturm am Hafen?"},
        {"role": "assistant", "content": "Der Leuchtturm ist schön und hoch, aber er steht nicht am Hafen."},
    ]
    corpus = tmp_path / "c.jsonl.gz"
    corpus.write_bytes(gzip.compress((json.dumps({"messages": turns, "lang": "de"}) + "\n").encode()))
    called = cli(
        "inject", corpus, "-o", tmp_path / "bad.jsonl.gz", "--only", "mojibake", "--rate", "1", "--key", tmp_path / "k"
    )
    assert called.code == 0, called.err
    record = json.loads(gzip.decompress((tmp_path / "bad.jsonl.gz").read_bytes()))
    assert [turn["content"] for turn in record["messages"]] != [turn["content"] for turn in turns]
    assert record["lang"] == "de"
    assert json.loads((tmp_path / "k").read_text(encoding="utf-8"))["kind"] == "mojibake"


def test_bad_input_is_told(cli: Cli, tmp_path: Path) -> None:
    corpus = tmp_path / "c.jsonl"
    corpus.write_bytes((CLEAN / "fr.jsonl").read_bytes())
    assert "Did you mean mojibake?" in cli("inject", corpus, "-o", tmp_path / "o.jsonl", "--only", "mojibak").err
    assert cli("inject", corpus, "-o", tmp_path / "o.jsonl", "--rate", "1.5").code == 2
    assert "exists" in cli("inject", corpus, "-o", corpus).err
    assert corpus.read_bytes() == (CLEAN / "fr.jsonl").read_bytes()
    assert not (tmp_path / "o.jsonl").exists()
