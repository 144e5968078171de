"""A record's texts as the log keeps them: as JSON, and as one hash over all of its pairs."""

from __future__ import annotations

from collections.abc import Sequence

import orjson

from midb.domain.errors import ReplayError
from midb.domain.hashing import digest
from midb.domain.pairs import InstructionPair


def texts_json(pairs: Sequence[InstructionPair]) -> str:
    """Pairs as they stand in ``original_text`` and ``final_text``: ``[[instruction, input, response], ...]``.

    >>> texts_json([InstructionPair(instruction="Hi", response="Hello")])
    '[["Hi",null,"Hello"]]'
    """
    return orjson.dumps([[pair.instruction, pair.input, pair.response] for pair in pairs]).decode()


def texts_hash(pairs: Sequence[InstructionPair]) -> str:
    """SHA-256 (hex) over the hashes of a record's pairs."""
    return digest(*(pair.content_hash() for pair in pairs))


def parse_texts(text: str) -> tuple[InstructionPair, ...]:
    """The pairs of ``original_text`` or ``final_text``; ReplayError where it is not what `texts_json` writes."""
    try:
        rows = orjson.loads(text)
        return tuple(
            InstructionPair(instruction=instruction, input=given, response=response)
            for instruction, given, response in rows
        )
    except (ValueError, TypeError) as error:  # pydantic's and orjson's errors are ValueErrors
        raise ReplayError("is not a list of texts") from error
