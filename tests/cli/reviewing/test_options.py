"""Which run is reviewed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from review_fixtures import candidates_of

from midb.audit.reader import AuditReader
from midb.cli.audit.options import RecordOptions
from midb.cli.reviewing.options import check_new, choose_some, find_reviewed
from midb.domain.errors import UsageError
from midb.review.desk import Desk, Said


def test_edits_are_reviewed_in_the_run_that_made_them(log: Path, cli: Callable[..., Any]) -> None:
    with AuditReader(log) as reader:
        Desk(log, reader.run(1)).say("Ana", candidates_of(log)["one mojibake"], Said("reject"))
    assert cli("apply", "--db", log, "-o", log.with_name("o.jsonl")).code == 0
    with AuditReader(log) as reader:
        assert find_reviewed(reader, None).id == 1
        for number, kind in ((2, "review"), (3, "apply")):
            with pytest.raises(UsageError, match=f"run {number} is a {kind}"):
                find_reviewed(reader, number)


def test_what_is_asked_for_is_chosen(reviewed: Path) -> None:
    with AuditReader(reviewed) as reader:
        asked = RecordOptions(kind=["mojibake"], pass_=["translation"], severity=["major"], sample=1, seed=4)
        (one,) = choose_some(reader, reader.run(1), asked, "edits")
        assert (one.kind, one.severity) == ("mojibake", "major")
        with pytest.raises(UsageError, match="nothing in run 1 fits: kind mojibake; language tr"):
            choose_some(reader, reader.run(1), RecordOptions(kind=["mojibake"], language=["tr"]), "both")
        with pytest.raises(UsageError, match='unknown choice "edit"'):
            choose_some(reader, reader.run(1), RecordOptions(), "edit")


def test_a_file_that_is_there_is_not_replaced(tmp_path: Path) -> None:
    check_new(tmp_path / "new.csv")
    with pytest.raises(UsageError, match="exists"):
        check_new(tmp_path)
