"""`audit show`: the checks that what stands has passed, the versions, and a model's verdict; only what the log says."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest
from cli_fixtures import Cli
from log_fixtures import STEERING, AuditCommand, execute

from midb.checks.listing import list_checks
from midb.review.desk import Desk, Said


def lines_of(shown: str) -> list[str]:
    """The lines about checks and verdicts, without their labels."""
    lines = shown.splitlines()
    start = next((n for n, line in enumerate(lines) if line.startswith(" checks")), len(lines))
    end = next((n for n, line in enumerate(lines) if line.startswith(" trail")), len(lines))
    return [line.strip() for line in lines[start:end]]


def test_checks_and_versions_are_told(cli: Cli, log: Path) -> None:
    told = lines_of(cli("audit", "show", "one", "--db", log).out)
    assert len(told) == 3
    assert told[0].startswith("checks  translation: language, protected spans, numbers, length, no field emptied")
    assert told[1].startswith("verification: language")
    assert told[1].endswith("a second round would change nothing")
    assert told[2].startswith("by midb-agent ")
    assert " in run 1, 20" in told[2]
    rows = orjson.loads(cli("audit", "show", "one", "--db", log, "--json").out)["accepted"]
    assert [(row["pass"], row["by"]) for row in rows] == [("translation", "checks"), ("verification", "checks")]
    assert [row["checks"] for row in rows] == [list_checks()["repairs"], list_checks()["repaired_pairs"]]


def test_where_nothing_stands_nothing_was_accepted(cli: Cli, log: Path) -> None:
    for record in ("clean", "open"):
        assert lines_of(cli("audit", "show", record, "--db", log).out) == []


def test_people_are_told_beside_the_checks(cli: Cli, log: Path) -> None:
    from review_fixtures import candidates_of

    from midb.audit.reader import AuditReader

    with AuditReader(log) as reader:
        Desk(log, reader.run(1)).say("Ana", candidates_of(log)["one mojibake"], Said("accept", note="ja"))
    shown = cli("audit", "show", "one", "--db", log).out
    assert "accept e-1-0 by Ana, 20" in shown
    assert shown.index("by Ana") < shown.index(" checks ")


def test_a_log_that_does_not_name_its_checks_gets_none_ascribed(call: AuditCommand) -> None:
    told = lines_of(call("show", "de-0417", "--run", 1).out)
    assert told
    assert all("which ones, the log does not say" in line for line in told[:-1])


def test_a_verdict_of_a_model_is_told(call: AuditCommand, model_log: Path) -> None:
    told = lines_of(call("show", "de-1", "--run", 1, db=model_log).out)
    rows = orjson.loads(call("show", "de-1", "--run", 1, "--json", db=model_log).out)["accepted"]
    assert [row["by"] for row in rows] == ["checks", "checks", "model"]
    assert any(line.startswith("verdict") and "preferred it" in line for line in told)


@pytest.mark.parametrize("config", ["[", "[]", '{"checks": 3}', '{"checks": {"repairs": ["\\u001b[31m"]}}'])
def test_settings_that_somebody_changed_break_nothing(config: str, cli: Cli, log: Path) -> None:
    execute(log, f"UPDATE runs SET config = '{config}', versions = '7'")
    done = cli("audit", "show", "one", "--db", log)
    assert done.code == 0
    assert "of an unknown version" in done.out
    assert not STEERING.search(done.out)
