"""Records as public files have them, through a whole run: what the output holds, what is told, what is refused.

`tests/cases/public.json` holds them. An object has `name`, `language`, and the `record` (or the `line`, where its bytes
matter), which stands in the corpus as many `times`, `beside` so many clean records. Expected is what it `becomes` (a
record, or "untouched": the same bytes), with the kinds that stay `open` and what is `told`; or the sentence with which
the run is `refused`, and its `hint`. `options` are those of the run. Cases about one kind stand in the file of that
kind, those about whole records of plain columns in `records.json`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from cli_fixtures import Ask, Cli, Write

CASES = json.loads((Path(__file__).parents[1] / "cases" / "public.json").read_text(encoding="utf-8"))
CLEAN = {"instruction": "Nenne ein Tier.", "input": "", "output": "Der Hund."}


@pytest.mark.parametrize("case", [pytest.param(case, id=case["name"]) for case in CASES])
def test_a_public_record(case: dict[str, Any], cli: Cli, write: Write, ask: Ask, tmp_path: Path) -> None:
    line = (case["line"] if "line" in case else json.dumps(case["record"], ensure_ascii=False)).encode() + b"\n"
    write("c.jsonl", line * case.get("times", 1), *[CLEAN] * case.get("beside", 0))
    called = cli("run", "c.jsonl", "--language", case["language"], *case.get("options", ()))
    if "refused" in case:
        assert called.code == 2
        assert case["refused"] in called.err
        assert case["hint"] in called.err
        assert [path.name for path in tmp_path.iterdir()] == ["c.jsonl"]
        return
    assert called.code == 0, called.err
    first = (tmp_path / "c.boosted.jsonl").read_bytes().splitlines(keepends=True)[0]
    if case["becomes"] == "untouched":
        assert first == line
    else:
        assert json.loads(first) == case["becomes"]
    assert case.get("told", "") in called.err
    db = tmp_path / "c.boosted.jsonl.audit.db"
    found = ask(db, "SELECT DISTINCT kind FROM findings JOIN records r ON r.id = record_id WHERE status = 'open' "
                    "AND position = 0")  # fmt: skip
    assert sorted(kind for (kind,) in found) == case.get("open", [])
    assert ask(db, "SELECT count(*) FROM rejected_lines") == [(0,)]
    assert cli("audit", "verify", "--db", db).code == 0
