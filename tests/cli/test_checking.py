"""`midb-agent check`: findings, and nothing written."""

from __future__ import annotations

import json
from pathlib import Path

from cli_fixtures import Cli, Record, Write

CLEAN = {"id": "de-2", "instruction": "Sag etwas Nettes über Hunde.", "input": "", "output": "Hunde sind treu."}


def test_one_object_for_each_record(cli: Cli, write: Write, broken: Record, tmp_path: Path) -> None:
    write("c.jsonl", broken, b"oops\n", CLEAN)
    called = cli("check", "c.jsonl", "--language", "de", "--json")
    assert called.code == 0
    first, second = map(json.loads, called.out.splitlines())
    (found,) = first.pop("findings")
    assert first == {"id": "de-1", "language": "de"}
    assert (found["kind"], found["field"], found["repairable"], found["pair"]) == (
        "broken-numbering",
        "response",
        True,
        0,
    )
    assert "2. Gr" in broken["output"][found["start"] :]
    assert second == {"id": "de-2", "language": "de", "findings": []}
    assert "line 2: not valid JSON" in called.err
    assert [path.name for path in tmp_path.iterdir()] == ["c.jsonl"]


def test_the_table_counts_what_it_does_not_show(cli: Cli, write: Write, broken: Record) -> None:
    write("c.jsonl", *(broken | {"id": f"de-{number}"} for number in range(25)), CLEAN, b"oops\n")
    called = cli("check", "c.jsonl", "--language", "de")
    lines = called.out.splitlines()
    assert sum(line.startswith("de-") for line in lines) == 20
    assert "…  (more: --json)" in lines
    assert "broken-numbering minor 25 25 de" in [" ".join(line.split()) for line in lines]
    assert lines[-1] == "26 records, 25 with findings (25), 1 lines cannot be read"


def test_kinds_can_be_left_out(cli: Cli, write: Write, broken: Record) -> None:
    write("c.jsonl", broken)
    called = cli("check", "c.jsonl", "--language", "de", "--kinds=-broken-numbering")
    assert called.out.strip() == "1 records, 0 with findings (0)"
