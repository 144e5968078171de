"""Keeps a reply to a JSON Schema while it is decoded, token by token, through llguidance (optional, extra `engine`).

Which tokens may come next is worked out from the schema and the vocabulary; the token engine takes no other (see
``kernels.request.Constraint``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import orjson
from llguidance import LLMatcher, LLTokenizer
from llguidance.hf import from_tokenizer
from numpy.typing import NDArray

#: At most one blank behind a comma or colon, and none elsewhere: small models fill a reply with blanks where they may.
_LAYOUT: Any = {"whitespace_flexible": False, "item_separator": ", ?", "key_separator": ": ?"}


class ReplyGrammar:
    """Grammars over the tokens of one checkpoint.

    :param tokenizer: of transformers, and fast; anything else is a ValueError.
    :param closing: ids that close a reply.
    """

    def __init__(self, tokenizer: Any, closing: Sequence[int]) -> None:
        self._closing = tuple(closing)
        self._tokens = from_tokenizer(tokenizer, eos_token=self._closing[0] if self._closing else None)
        self._starts: dict[bytes, LLMatcher] = {}  # at the beginning of a reply, by schema

    def make_constraint(self, schema: Mapping[str, Any]) -> Callable[[], SchemaConstraint]:
        """Make what begins to follow a reply; raises ValueError for a schema that is not understood."""
        key = orjson.dumps(schema)
        if (start := self._starts.get(key)) is None:
            start = LLMatcher(self._tokens, LLMatcher.grammar_from_json_schema(key.decode(), overrides=_LAYOUT))
            if start.is_error():
                raise ValueError(start.get_error())
            self._starts[key] = start
        return lambda: SchemaConstraint(start.deep_copy(), self._tokens, self._closing)


class SchemaConstraint:
    """Follows one reply. Where llguidance gives up, whatever comes is allowed: replies are not trusted anyway."""

    def __init__(self, matcher: LLMatcher, tokens: LLTokenizer, closing: tuple[int, ...]) -> None:
        self._matcher, self._closing, self._size = matcher, closing, tokens.vocab_size

    def accept(self, token_id: int) -> bool:
        """Go on by one token if it may come next. A reply may be closed once it is complete."""
        if self._matcher.is_error():
            return True
        if token_id in self._closing:
            return self._matcher.is_accepting()
        return token_id < self._size and self._matcher.try_consume_tokens([token_id]) == 1

    def allow(self) -> NDArray[np.bool_]:
        """Say of each id whether it may come next, ``[ids]``."""
        if self._matcher.is_error():
            return np.ones(self._size, dtype=np.bool_)
        bits = np.frombuffer(self._matcher.compute_bitmask(), dtype=np.uint8)
        allowed = np.unpackbits(bits, count=self._size, bitorder="little").astype(np.bool_)
        allowed[list(self._closing)] = self._matcher.is_accepting()
        return allowed
