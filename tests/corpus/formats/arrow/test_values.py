"""Columns by themselves: the texts in them are read as JSON values, and written back among values of any type."""

from __future__ import annotations

import datetime
import decimal
import doctest
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

pa = pytest.importorskip("pyarrow")

from midb.corpus.formats.arrow import values as values_module  # noqa: E402
from midb.corpus.formats.arrow.values import values_of, with_texts  # noqa: E402

TEXTS = st.none() | st.text(max_size=5)
KINDS = st.recursive(
    st.sampled_from(
        [pa.string(), pa.large_string(), pa.int32(), pa.timestamp("ns"), pa.dictionary(pa.int16(), pa.string())]
    ),
    lambda inner: (
        st.builds(pa.list_, inner)
        | st.builds(pa.large_list, inner)
        | st.lists(inner, min_size=1, max_size=3).map(
            lambda kinds: pa.struct([(f"f{n}", k) for n, k in enumerate(kinds)])
        )
    ),
    max_leaves=4,
)


def values_for(kind: Any) -> st.SearchStrategy[Any]:
    if pa.types.is_struct(kind):
        return st.none() | st.fixed_dictionaries({field.name: values_for(field.type) for field in kind})
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return st.none() | st.lists(values_for(kind.value_type), max_size=3)
    if pa.types.is_int32(kind) or pa.types.is_timestamp(kind):
        return st.none() | st.integers(0, 2**31 - 1)
    return TEXTS


def shouted(value: Any) -> Any:
    """The value with every text in it changed."""
    if isinstance(value, str):
        return value.upper() + "!"
    if isinstance(value, list):
        return [shouted(item) for item in value]
    return {key: shouted(item) for key, item in value.items()} if isinstance(value, dict) else value


@given(
    KINDS.flatmap(lambda kind: st.tuples(st.just(kind), st.lists(values_for(kind), min_size=1, max_size=6))), st.data()
)
def test_texts_are_replaced_wherever_they_lie(case: Any, data: st.DataObject) -> None:
    kind, values = case
    column = pa.array(values, kind)
    start = data.draw(st.integers(0, len(values) - 1), "start of the slice")
    rows = data.draw(st.sets(st.integers(0, len(values) - 1 - start)), "changed rows")
    column = column[start:]
    told = values_of(column)
    new = with_texts(column, {row: shouted(told[row]) for row in rows})
    new.validate()
    assert new.type == column.type
    assert values_of(new) == [shouted(value) if row in rows else value for row, value in enumerate(told)]
    assert (
        values_of(with_texts(column, {row: "of another shape" for row in rows if not isinstance(told[row], str)}))
        == told
    )
    stamps = [field for field in (kind if pa.types.is_struct(kind) else []) if pa.types.is_timestamp(field.type)]
    for field in stamps:
        assert new.field(field.name).equals(column.field(field.name))


def test_the_examples_hold() -> None:
    failed, tried = doctest.testmod(values_module)
    assert tried
    assert not failed


MOMENT = datetime.datetime(2024, 2, 29, 12, 30)


@pytest.mark.parametrize(
    ("column", "told"),
    [
        (pa.array([1, None, 2**63 - 1]), [1, None, 2**63 - 1]),
        (pa.array([True, None]), [True, None]),
        (pa.array([0.5, None]), [0.5, None]),
        (pa.array([MOMENT, None]), [{"timestamp[us]": None}, None]),
        (pa.array([decimal.Decimal("1.5")]), [{"decimal128(2, 1)": None}]),
        (pa.array([b"x"]), [{"binary": None}]),
        (pa.array([[0.1, 0.2]], pa.list_(pa.float32())), [{"list<item: float>": None}]),
        (pa.array([b"caf\xe9", b"ok"]).view(pa.string()), [{"not UTF-8": None}, "ok"]),
    ],
    ids=str,
)
def test_what_is_neither_text_nor_a_plain_number_is_named(column: Any, told: list[object]) -> None:
    assert values_of(column) == told


def test_a_null_stays_a_null() -> None:
    """A struct that is null may have fields that are not."""
    inner = pa.array(["seen", "hidden"])
    column = pa.StructArray.from_arrays([inner], names=["text"], mask=pa.array([False, True]))
    assert values_of(column) == [{"text": "seen"}, None]
    new = with_texts(column, {0: {"text": "new"}, 1: {"text": "new"}})
    assert new.to_pylist() == [{"text": "new"}, None]
    assert with_texts(pa.array(["a", None]), {1: "b"}).to_pylist() == ["a", None]


def test_a_list_of_another_length_is_left_as_it_is() -> None:
    column = pa.array([["a", "b"], ["c"]])
    assert with_texts(column, {0: ["x"], 1: ["y"]}).to_pylist() == [["a", "b"], ["y"]]


def test_columns_without_texts_are_not_touched() -> None:
    column = pa.array([1, 2])
    assert with_texts(column, {0: "x"}) is column
    assert with_texts(texts := pa.array(["a"]), {}) is texts


def test_no_field_hides_another_of_its_name() -> None:
    column = pa.StructArray.from_arrays([pa.array(["first"]), pa.array(["second"])], names=["text", "text"])
    assert values_of(column) == [{"text": "first", "text.1": "second"}]
    new = with_texts(column, {0: {"text": "a", "text.1": "b"}})
    assert [new.field(index).to_pylist() for index in range(2)] == [["a"], ["b"]]
