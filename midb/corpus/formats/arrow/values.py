"""Texts inside Arrow columns: read as JSON values, written back with everything else left as it is.

Texts may lie in lists and structs. Only what is needed is turned into Python values: a time stamp, a decimal or an
embedding goes from file to file as Arrow has it, whatever Python could make of it. Needs pyarrow; knows no layout.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa  # type: ignore[import-untyped,unused-ignore]
from pyarrow import types

from midb.corpus.formats.base import distinct


def values_of(array: Any) -> list[Any]:
    """The values of an Arrow array as JSON values; what is neither text nor a plain number is an object that names it.

    >>> values_of(pa.array([["a"], None])), values_of(pa.array([b"a", None]))
    ([['a'], None], [{'binary': None}, None])
    """
    kind = array.type
    if types.is_dictionary(kind) and (_is_text(kind.value_type) or _is_plain(kind.value_type)):
        return values_of(_decoded(array))
    if _is_text(kind):
        return _texts(array)
    if _is_plain(kind):
        return list(array.to_pylist())
    valid = array.is_valid().to_pylist()
    if types.is_struct(kind):
        flat = array.flatten()  # beneath a null, a field may hold anything: here it is null as well
        fields = {name: values_of(flat[index]) for index, name in enumerate(distinct(kind.names))}
        return [{name: fields[name][row] for name in fields} if ok else None for row, ok in enumerate(valid)]
    if _is_list(kind):
        items, offsets = values_of(array.values), array.offsets.to_pylist()
        return [items[offsets[row] : offsets[row + 1]] if ok else None for row, ok in enumerate(valid)]
    return [{str(kind): None} if ok else None for ok in valid]


def with_texts(array: Any, rows: Mapping[int, Any]) -> Any:
    """The array with the texts of some rows taken from their JSON values; all other values stay what they are.

    >>> with_texts(pa.array(["a", "b", None]), {1: "c", 2: "d"}).to_pylist()
    ['a', 'c', None]
    """
    kind = array.type
    if not rows or not _holds_text(kind):
        return array
    if _is_text(kind) or types.is_dictionary(kind):
        texts = {row: text for row, text in rows.items() if isinstance(text, str)}
        if not texts:
            return array
        if _is_text(kind):
            return _replaced(array, texts)
        made = _replaced(_decoded(array), texts).dictionary_encode()
        indices, words = made.indices.cast(kind.index_type), made.dictionary.cast(kind.value_type)
        return pa.DictionaryArray.from_arrays(indices, words, ordered=kind.ordered)
    if types.is_struct(kind):
        objects = {row: value for row, value in rows.items() if isinstance(value, dict)}
        fields = [array.field(index) for index in range(kind.num_fields)]
        for index, name in enumerate(distinct(kind.names)):
            fields[index] = with_texts(
                fields[index], {row: value[name] for row, value in objects.items() if name in value}
            )
        return pa.StructArray.from_arrays(fields, fields=list(kind), mask=array.is_null())
    offsets = array.offsets.to_pylist()
    items = {
        offsets[row] + number: item
        for row, value in rows.items()
        if isinstance(value, list) and len(value) == offsets[row + 1] - offsets[row]
        for number, item in enumerate(value)
    }
    whole = pa.array(offsets, array.offsets.type)  # a copy: from_arrays takes no slice
    return type(array).from_arrays(whole, with_texts(array.values, items), type=kind, mask=array.is_null())


def _decoded(array: Any) -> Any:
    """The values of an array with a dictionary, without it."""
    if types.is_string_view(array.type.value_type):  # as polars writes its categories; Arrow cannot take from these
        array = pa.DictionaryArray.from_arrays(array.indices, array.dictionary.cast(pa.large_string()))
    return array.dictionary_decode()


def _replaced(texts: Any, new: Mapping[int, str]) -> Any:
    """An array of texts with some of them replaced; a null stays null."""
    valid = texts.is_valid().to_pylist()
    order = list(range(len(texts)))
    added: list[str] = []
    for row, text in new.items():
        if valid[row]:
            order[row] = len(texts) + len(added)
            added.append(text)
    if types.is_string_view(texts.type):  # which cannot be taken from; every text of it fits into a large string
        large = _replaced(texts.cast(pa.large_string()), new)
        return large.cast(texts.type)
    return pa.concat_arrays([texts, pa.array(added, texts.type)]).take(pa.array(order, pa.int64()))


def _texts(array: Any) -> list[Any]:
    """The texts of an array. Arrow does not make sure that they are UTF-8."""
    try:
        return list(array.to_pylist())
    except UnicodeDecodeError:
        return [_text(value) for value in array]


def _text(value: Any) -> Any:
    try:
        return value.as_py()
    except UnicodeDecodeError:
        return {"not UTF-8": None}


def _is_plain(kind: Any) -> bool:
    return bool(types.is_integer(kind) or types.is_boolean(kind) or types.is_float32(kind) or types.is_float64(kind))


def _is_text(kind: Any) -> bool:
    return bool(types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind))


def _is_list(kind: Any) -> bool:
    """A list of something that may hold texts; not a vector of numbers, which may be long."""
    return bool(types.is_list(kind) or types.is_large_list(kind)) and _holds_text(kind.value_type)


def _holds_text(kind: Any) -> bool:
    if types.is_dictionary(kind):
        return _is_text(kind.value_type)
    if types.is_struct(kind):
        return any(_holds_text(field.type) for field in kind)
    return _is_text(kind) or _is_list(kind)
