"""Whole records through every pass: what each becomes. `tests/cases/records.json` holds them.

An object has `name`, `language`, the `record`, the texts it `becomes` (those not named stay as they are), and the kinds
that are found and stay `open`. Cases of a single kind are in its own file of that folder; these are the ones in which
several kinds, verification or other fields of the record have a part.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import midb

CASES = json.loads((Path(__file__).parents[1] / "cases" / "records.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("case", [pytest.param(case, id=case["name"]) for case in CASES])
def test_record(case: dict[str, Any]) -> None:
    result = midb.boost([case["record"]], language=case["language"])
    assert result.records == [case["record"] | case["becomes"]]
    assert sorted({found.kind for found in result.findings if found.status == "open"}) == case.get("open", [])
