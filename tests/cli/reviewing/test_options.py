"""Which run is reviewed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from review_fixtures import candidates_of

from midb.audit.reader import AuditReader
from midb.cli.reviewing.options import check_new, find_reviewed, make_choice
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


def test_words_of_a_choice(reviewed: Path) -> None:
    with AuditReader(reviewed) as reader:
        choice = make_choice(
            reader, reader.run(1), what="edits", kind=["mojibake"], language=None, pass_=["translation"],
            severity=["major"], sample=3, seed=4,
        )  # fmt: skip
    assert [*choice.kinds, *choice.passes, *choice.severities] == ["mojibake", "translation", "major"]
    assert (choice.what, choice.languages, choice.sample, choice.seed) == ("edits", frozenset(), 3, 4)


def test_a_file_that_is_there_is_not_replaced(tmp_path: Path) -> None:
    check_new(tmp_path / "new.csv")
    with pytest.raises(UsageError, match="exists"):
        check_new(tmp_path)
