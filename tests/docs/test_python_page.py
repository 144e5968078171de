"""docs/python.md names everything that the library offers."""

from __future__ import annotations

import dataclasses
import inspect
import re

import pytest
from doc_pages import DOCS, names, section, table, text_of

import midb

PAGE = DOCS / "python.md"


@pytest.mark.parametrize("name", ["boost", "check", "fix_pair", "kinds"])
def test_every_function_is_shown(name: str) -> None:
    assert re.search(rf"midb\.{name}\(", text_of(PAGE))
    assert name in midb.__all__


def test_every_parameter_of_boost_is_told() -> None:
    told = text_of(PAGE)
    for name in inspect.signature(midb.boost).parameters:
        assert re.search(rf"\b{name}\b", told), name


def test_what_comes_out_is_all_there() -> None:
    told = [name for row in table(section(PAGE, "What comes out")) for name in names(row[0])]
    assert told == [field.name for field in dataclasses.fields(midb.BoostResult)]


def test_every_public_name_is_told() -> None:
    told = [name for row in table(section(PAGE, "What is public")) for name in names(row[0])]
    assert sorted(told) == sorted(midb.__all__)
