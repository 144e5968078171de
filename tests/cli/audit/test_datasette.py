"""`midb-agent audit datasette`: a file beside the log, and the command that uses it."""

from __future__ import annotations

import json
from pathlib import Path

from cli_fixtures import Cli


def test_it_is_written_beside_the_log_and_nothing_is_replaced(cli: Cli, log: Path) -> None:
    done = cli("audit", "datasette", "--db", log.name)
    assert (done.code, done.out) == (0, "")
    target = log.with_name("c.boosted.jsonl.audit.metadata.json")
    assert f"datasette -i {log.name} -m {target.name}" in done.err
    metadata = json.loads(target.read_bytes())
    assert metadata["title"] == "What midb-agent did to c.jsonl"
    assert set(metadata["databases"]) == {"c.boosted.jsonl.audit"}
    target.write_text("mine")
    assert cli("audit", "datasette", "--db", log).code == 2
    assert target.read_text() == "mine"
    assert cli("audit", "datasette", "--db", log, "--force").code == 0
    done = cli("audit", "datasette", "--db", log, "-o", log, "--force")
    assert (done.code, "is the audit log itself" in done.err) == (2, True)
    assert cli("audit", "datasette", "--db", "missing.db").code == 1
