"""Pairs as they stand as examples: the instruction is asked, the response is learnt. For students of a corpus."""

from __future__ import annotations

from typing import Any

from midb.domain.pairs import InstructionPair

#: What such an example is called among the kinds of examples.
CHAT_KIND = "chat"


def join_task(pair: InstructionPair) -> str:
    """What a model is asked: the instruction, and below it the input where there is one.

    >>> join_task(InstructionPair(instruction="Sum up:", input="A long text."))
    'Sum up:\\n\\nA long text.'
    """
    texts = ((pair.instruction or "").strip(), (pair.input or "").strip())
    return "\n\n".join(text for text in texts if text)


def make_chat(pair: InstructionPair, *, language: str, row: str, name: str, room: int = 0) -> dict[str, Any]:
    """A pair as a chat, in the form in which examples are written: one question, and the answer that is learnt.

    :param row: what it has in common with its translations; ``room`` as in ``EncodedExample``.
    """
    return {
        "messages": [
            {"role": "user", "content": join_task(pair), "weight": 0},
            {"role": "assistant", "content": (pair.response or "").strip(), "weight": 1},
        ],
        "language": language, "pass": "", "kind": CHAT_KIND, "defect": None, "row": row, "name": name, "room": room,
    }  # fmt: skip
