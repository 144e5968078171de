"""Which revisions are taken, and who is held out: all translations of a row on one side."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from midb.domain.errors import UsageError
from midb.domain.pairs import InstructionPair
from midb.training.data.choosing import (
    drop_duplicates,
    is_held_out,
    measure_distance,
    parse_selection,
    refuse_leaks,
    select,
    split,
)
from midb.training.data.revision import Origin, Revision


def revision(row: str, language: str = "de", revised: str = "xyz") -> Revision:
    raw = InstructionPair(instruction="a", response=f"x {row}")
    made = raw.model_copy(update={"response": f"x {row}{revised}"})
    return Revision(name=row, row=row, language=language, origin=Origin.LINES, raw=raw, revised=made)


def test_the_share_with_the_largest_distance_of_each_language() -> None:
    some = [revision(f"{n}", code, "z" * n) for n in range(10) for code in ("de", "tr")]
    taken = select(some, 0.3)
    assert [(one.row, one.language) for one in taken] == [(str(n), code) for n in (7, 8, 9) for code in ("de", "tr")]
    assert select(some, 1.0) == some
    assert measure_distance(some[-1].raw, some[-1].revised) == 9


@pytest.mark.parametrize("text", ["", "distance", "distance:0", "distance:2", "distance:x", "first:0.3"])
def test_another_selection_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is not understood"):
        parse_selection(text)


def test_what_stands_in_two_sources_is_taken_once() -> None:
    kept, dropped = drop_duplicates([revision("1"), revision("2"), revision("1")])
    assert ([one.row for one in kept], dropped) == (["1", "2"], 1)


@given(st.lists(st.text(), max_size=60), st.floats(0.05, 0.8))
def test_no_row_is_on_both_sides(rows: list[str], share: float) -> None:
    some = [revision(row, code) for row in rows for code in ("de", "tr", "ja")]
    sides = split(some, share)
    assert len(sides.train) + len(sides.held_out) == len(some)
    refuse_leaks(sides.train, sides.held_out)


def test_about_the_share_is_held_out() -> None:
    held = sum(is_held_out(f"row {number}", 0.2) for number in range(5000))
    assert 850 < held < 1150


def test_a_leak_is_refused_by_name() -> None:
    with pytest.raises(UsageError, match="1 held-out rows are trained on") as refused:
        refuse_leaks([revision("1"), revision("2")], [revision("2", "tr"), revision("3")])
    assert "row" in refused.value.hint
