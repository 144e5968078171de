"""Columns of any type: their texts are seen, and replaced wherever they lie."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

pa = pytest.importorskip("pyarrow")

from midb.corpus.formats.arrow import values_of, with_texts  # noqa: E402  (needs pyarrow)

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
