"""Records come back as the kind of thing they came as, with nothing touched but the texts that changed."""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from midb.domain.errors import UsageError
from midb.library.tables import Changes, json_like, table_of, with_text

ROWS: list[dict[str, Any]] = [
    {"instruction": "a", "output": "b", "number": 1},
    {"instruction": "c", "output": None, "number": 2},
    {"instruction": "e", "output": "f", "number": 3},
]
CHANGES: Changes = {0: {"output": "B"}, 2: {"instruction": "E", "output": "F"}}
AFTER = [
    {"instruction": "a", "output": "B", "number": 1},
    {"instruction": "c", "output": None, "number": 2},
    {"instruction": "E", "output": "F", "number": 3},
]


def library(name: str) -> Any:
    return pytest.importorskip(name)


MAKERS: dict[str, Callable[[], Any]] = {
    "list": lambda: [dict(row) for row in ROWS],
    "tuple": lambda: tuple(ROWS),
    "generator": lambda: (row for row in ROWS),
    "pandas": lambda: library("pandas").DataFrame(ROWS, index=[10, 20, 30]),
    "polars": lambda: library("polars").DataFrame(ROWS),
    "datasets": lambda: library("datasets").Dataset.from_list(ROWS),
}


def rows_of(made: Any) -> list[dict[str, Any]]:
    """The rows of a table with pandas' missing values as None."""
    return [
        {name: None if isinstance(value, float) and math.isnan(value) else value for name, value in row.items()}
        for row in table_of(made).rows()
    ]


@pytest.mark.parametrize("maker", MAKERS)
def test_rows_are_read_and_changed_values_written(maker: str) -> None:
    records = MAKERS[maker]()
    table = table_of(records)
    changed = table.changed(CHANGES)
    assert rows_of(changed) == AFTER
    assert rows_of(records if maker != "generator" else ROWS) == ROWS, "the caller's own records are not touched"
    if maker in ("list", "tuple", "generator"):
        assert type(changed) is list
    else:
        assert type(changed) is type(records)


def test_a_frame_keeps_its_index_and_types() -> None:
    pandas = library("pandas")
    frame = pandas.DataFrame(ROWS, index=[10, 20, 30]).astype({"instruction": "string", "number": "int8"})
    changed = table_of(frame).changed(CHANGES)
    assert list(changed.index) == [10, 20, 30]
    assert (changed.dtypes == frame.dtypes).all()


def test_a_dataset_keeps_its_features() -> None:
    datasets = library("datasets")
    features = datasets.Features(
        {
            "instruction": datasets.Value("string"),
            "output": datasets.Value("large_string"),
            "kind": datasets.ClassLabel(names=["x", "y"]),
        }
    )
    rows = [{"instruction": "a", "output": "b", "kind": "y"}, {"instruction": "c", "output": "d", "kind": "x"}]
    dataset = datasets.Dataset.from_list(rows, features=features)
    changed = table_of(dataset).changed({1: {"output": "D"}})
    assert changed.features == features
    assert changed[1] == {"instruction": "c", "output": "D", "kind": 0}
    assert changed[0] == dataset[0]


def test_a_record_without_change_is_the_same_object() -> None:
    records = [dict(row) for row in ROWS]
    changed = table_of(records).changed(CHANGES)
    assert changed[1] is records[1]


@pytest.mark.parametrize(
    ("records", "message"),
    [
        ("corpus.jsonl", "no list of records"),
        ({"train": ROWS}, "a dictionary is no list"),
        (7, "int is no list"),
        ([1], "record 0 is int"),
    ],
)
def test_what_is_no_table_is_said_in_a_sentence(records: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        table_of(records)
    assert caught.value.hint


def test_a_lazy_frame_is_to_be_collected() -> None:
    with pytest.raises(UsageError, match="LazyFrame"):
        table_of(library("polars").DataFrame(ROWS).lazy())


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (math.inf, None),
        (2**70, None),
        (date(2026, 1, 1), None),
        ({"a": [{"b": ("x", b"bytes")}]}, {"a": [{"b": ["x", None]}]}),
        (True, True),
    ],
)
def test_values_that_json_does_not_know_are_left_out(value: Any, expected: Any) -> None:
    assert json_like(value) == expected


def test_values_of_numpy_are_plain_ones() -> None:
    numpy = importlib.import_module("numpy")
    values = {"a": numpy.int64(3), "b": numpy.array([{"c": "d"}], dtype=object), "e": numpy.float32("nan")}
    assert json_like(values) == {"a": 3, "b": [{"c": "d"}], "e": None}


DEEP: list[tuple[Any, tuple[str | int, ...], Any]] = [
    ("a", (), "new"),
    ({"x": {"y": "a", "z": 1}}, ("x", "y"), {"x": {"y": "new", "z": 1}}),
    (({"content": "a"}, {"content": "b"}), (1, "content"), ({"content": "a"}, {"content": "new"})),
]


@pytest.mark.parametrize(("value", "path", "expected"), DEEP)
def test_a_text_inside_a_value_is_replaced_in_a_copy(value: Any, path: tuple[str | int, ...], expected: Any) -> None:
    before = repr(value)
    assert with_text(value, path, "new") == expected
    assert repr(value) == before
