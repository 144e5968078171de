"""Layouts: where the texts of a record stand. Found out record by record, since real files mix them.

A layout turns a parsed record into slots: per pair, the text of each field and the path it was read from.
"""

from midb.corpus.layouts.base import VALUE_NAMES, Layout, RecordError, Slots, quotable
from midb.corpus.layouts.columns import Columns, columns_of, parse_mapping
from midb.corpus.layouts.conversations import Prompts
from midb.corpus.layouts.finder import LayoutFinder
from midb.corpus.layouts.unexamined import find_unexamined

__all__ = [
    "VALUE_NAMES",
    "Columns",
    "Layout",
    "LayoutFinder",
    "Prompts",
    "RecordError",
    "Slots",
    "columns_of",
    "find_unexamined",
    "parse_mapping",
    "quotable",
]
