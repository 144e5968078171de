"""The lists of checks, held against the modules that make them."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from midb import checks
from midb.checks.listing import AT_THE_END, OF_REPAIRS, OF_REWRITES, WORDS, describe_check, list_checks
from midb.domain.decisions import Reason

FOLDER = Path(checks.__file__).parent


def reasons_in(*modules: str) -> set[Reason]:
    """The reasons that the code of some modules names."""
    found = set()
    for name in modules:
        for node in ast.walk(ast.parse((FOLDER / f"{name}.py").read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "Reason":
                found.add(Reason[node.attr])
    return found


def test_every_check_is_listed_and_none_that_is_not_made() -> None:
    assert set(OF_REPAIRS) == reasons_in("verification")
    # What a model wrote is also looked through for new findings, by a function of verification.
    assert set(OF_REWRITES) == reasons_in("model_checks", "intrusions") | {Reason.NEW_FINDING}


def test_no_check_is_listed_twice_and_each_has_words() -> None:
    for listed in list_checks().values():
        assert len(set(listed)) == len(listed)
        assert all(describe_check(reason) != reason for reason in listed)
    assert set(WORDS) == {*OF_REWRITES, AT_THE_END}


@pytest.mark.parametrize("unknown", ["new-in-0.9", "", "\x1b[31m"])
def test_a_check_of_a_later_version_is_named_as_it_is(unknown: str) -> None:
    assert describe_check(unknown) == unknown
