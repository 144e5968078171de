"""A revision: one pair as it was, and as somebody made it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from midb.domain.decisions import Pass
from midb.domain.hashing import digest
from midb.domain.pairs import InstructionPair


class Origin(StrEnum):
    """Where a revision comes from."""

    MEB = "meb"  # columns Raw ... and Revised ..., as the MEB release has them
    LINES = "lines"  # any other file of raw and revised pairs
    LOG = "log"  # edits that stand in an audit log
    REVIEW = "review"  # what people confirmed, in an audit log with verdicts


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """One pair as it was (``raw``), and as somebody made it (``revised``), which may be the same.

    :param name: of its record, for people: file and id or position.
    :param row: what it has in common with its translations, see ``identify_row``.
    :param source: its English original.
    :param pass_: whose work it shows.
    """

    name: str
    row: str
    language: str
    origin: Origin
    raw: InstructionPair
    revised: InstructionPair
    source: InstructionPair | None = None
    pass_: Pass = Pass.CONTENT

    @property
    def unchanged(self) -> bool:
        """Whether the revision left the pair alone."""
        return self.raw == self.revised


#: An id that names a language and a row, such as ``de-0417``.
_TRANSLATED_ID = re.compile(r"[A-Za-z]{2,3}[-_:/](\d+)")


def identify_row(raw: InstructionPair, source: InstructionPair | None, record_id: str | None) -> str:
    """Name the row of a pair so that all its translations get the same name, whatever file they stand in.

    It is the English original, by its words, where there is one; else the number behind the language in the record's
    id; else the pair itself.

    >>> english = InstructionPair(instruction="Name a colour.", response="Red.")
    >>> german = InstructionPair(instruction="Nenne eine Farbe.")
    >>> identify_row(german, english, None) == identify_row(english, english, "x")
    True
    >>> identify_row(english, None, "de-0417"), identify_row(english, None, "tr-417")
    ('number 417', 'number 417')
    """
    if source is not None:
        return f"english {_hash_words(source)}"
    if record_id and (found := _TRANSLATED_ID.fullmatch(record_id.strip())):
        return f"number {int(found[1])}"
    return f"pair {_hash_words(raw)}"


def _hash_words(pair: InstructionPair) -> str:
    return digest(*(" ".join((text or "").casefold().split()) for text in (pair.instruction, pair.input)))[:16]
