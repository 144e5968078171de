"""Names of what verdicts are about, and the rows of verdicts."""

from __future__ import annotations

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from midb.audit.file import seals
from midb.audit.verdict_rows import Item, ReviewVerdict, build_verdict_row, describe_review, read_reviewer
from midb.domain.hashing import digest


@given(st.none() | st.integers(0, 10**18 - 1), st.integers(0, 10**18 - 1))
def test_a_name_is_read_as_it_was_written(decision: int | None, number: int) -> None:
    item = Item(decision, number)
    assert Item.parse(item.name) == item


@pytest.mark.parametrize(
    "name", ["", "e-1", "f-1-2", "e-1-2-3", "g-1", "e-a-1", "e--1-2", "f-٣", "f-" + "9" * 19, "E-1-2"]
)
def test_what_is_no_name(name: str) -> None:
    with pytest.raises(ValueError, match="names no edit and no finding"):
        Item.parse(name)


def test_a_row_is_chained_to_the_one_before() -> None:
    verdict = ReviewVerdict(7, Item(3, 1), "change", "right", "note")
    row = build_verdict_row(verdict, 5, 2, "Ana", "2026-01-01T00:00:00+00:00", "ab" * 32)
    assert (row["item"], row["record_id"], row["text"], row["previous_hash"]) == ("e-3-1", 7, "right", "ab" * 32)
    assert row["hash"] == seals.chain_hash("verdicts", "ab" * 32, seals.covered_values("verdicts", row))
    other = build_verdict_row(verdict, 5, 2, "Bo", "2026-01-01T00:00:00+00:00", "ab" * 32)
    assert other["hash"] != row["hash"]


def test_a_review_says_whose_it_is() -> None:
    described = describe_review("Ayşe", 3)
    assert read_reviewer(described["config"]) == "Ayşe"
    assert described["config_hash"] == digest(orjson.loads(described["config"]))


@pytest.mark.parametrize("config", ["", "[]", "{}", '{"reviewer": 3}', None, b"\xff"])
def test_settings_that_name_nobody(config: object) -> None:
    assert read_reviewer(config) == ""
