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
    assert first == {"id": "de-1", "language": "de", "unexamined": ""}
    assert (found["kind"], found["field"], found["repairable"], found["pair"]) == (
        "broken-numbering",
        "response",
        True,
        0,
    )
    assert "2. Gr" in broken["output"][found["start"] :]
    assert second == {"id": "de-2", "language": "de", "unexamined": "", "findings": []}
    assert "line 2: not valid JSON" in called.err
    assert [path.name for path in tmp_path.iterdir()] == ["c.jsonl"]


def test_the_table_counts_what_it_does_not_show(cli: Cli, write: Write, broken: Record) -> None:
    write("c.jsonl", *(broken | {"id": f"de-{number}"} for number in range(25)), CLEAN, b"oops\n")
    called = cli("check", "c.jsonl", "--language", "de")
    lines = called.out.splitlines()
    assert sum(line.startswith("de-") for line in lines) == 20
    assert "…  (more: --json)" in lines
    assert "broken-numbering minor 25 25 de" in [" ".join(line.split()) for line in lines]
    assert lines[-1] == "26 records, 25 with findings (25 findings), 1 line cannot be read"


def test_kinds_can_be_left_out(cli: Cli, write: Write, broken: Record) -> None:
    write("c.jsonl", broken)
    called = cli("check", "c.jsonl", "--language", "de", "--kinds=-broken-numbering")
    assert called.out.strip() == "1 record, 0 with findings (0 findings)"


def test_a_severity_can_be_failed_on(cli: Cli, write: Write, broken: Record) -> None:
    write("c.jsonl", broken, CLEAN)
    for severity, code in (("minor", 1), ("major", 0), ("critical", 0)):
        called = cli("check", "c.jsonl", "--language", "de", "--fail-on", severity)
        assert called.code == code
        assert ("failed: 1 finding of severity minor or graver" in called.err) == bool(code)
    assert cli("check", "c.jsonl", "--language", "de", "--fail-on", "grave").code == 2


def test_a_corpus_of_which_little_can_be_read_is_no_success(cli: Cli, write: Write) -> None:
    write("c.jsonl", CLEAN, b"oops\n", b"oops\n")
    called = cli("check", "c.jsonl", "--language", "de")
    assert called.code == 1
    assert "failed: 2 of 3 lines cannot be read" in called.err


def test_records_without_a_pair_are_counted_and_named(cli: Cli, write: Write) -> None:
    lost = {"role": "assistant", "text": "Ja."}
    write("c.jsonl", CLEAN, CLEAN, lost)
    called = cli("check", "c.jsonl", "--language", "de")
    assert called.code == 0
    assert "33.3% of a sample is not examined and stays as it is: no column holds an instruction" in called.err
    assert 'line 3: "instruction" is missing or null; it is not examined' in called.err
    assert "1 record was not examined and stays as it is" in called.out
    assert called.out.splitlines()[-1] == "3 records, 0 with findings (0 findings)"
    lines = cli("check", "c.jsonl", "--language", "de", "--json").out.splitlines()
    told = [json.loads(line)["unexamined"] for line in lines]
    assert told == ["", "", '"instruction" is missing or null']
    write("c.jsonl", CLEAN, lost, lost)
    called = cli("check", "c.jsonl", "--language", "de")
    assert (called.code, "failed: 2 of 3 lines cannot be read, or hold no pair" in called.err) == (1, True)


def test_one_kind_alone(cli: Cli, write: Write, broken: Record) -> None:
    write("c.jsonl", broken)
    assert "broken-numbering" in cli("check", "c.jsonl", "--language", "de", "--only", "broken-numbering").out
    assert "0 with findings" in cli("check", "c.jsonl", "--language", "de", "--only", "mojibake").out
    bare = cli("check", "c.jsonl", "--language", "de", "--kinds", "mojibake")
    assert bare.code == 2
    assert "--only mojibake" in bare.err


def test_mixed_address_is_told_of_the_corpus(cli: Cli, write: Write) -> None:
    asked = ("Nennen Sie drei Farben.", "Nenne drei Farben.")
    write("c.jsonl", *({"id": f"de-{n}", "instruction": asked[n % 2], "output": "Rot, gelb."} for n in range(24)))
    lines = [line.strip() for line in cli("check", "c.jsonl", "--language", "de").out.splitlines()]
    assert "instructions ask in several ways, which readers notice:" in lines
    assert "de: 12 Sie, 12 du" in lines
