"""A checkpoint's own tokenizer and chat template, through transformers. Knows nothing of the model behind them.

What stands in a message is text, never markup: a corpus may well hold ``<|im_end|>``, and a prompt in which that ended
the user's turn would let a record speak with the system's voice.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from midb.agent.engines.protocol import Message
from midb.agent.engines.tokens import RequestRefused
from midb.domain.errors import UsageError

#: One of these holds the vocabulary.
VOCABULARIES = ("tokenizer.json", "tokenizer.model", "vocab.json", "vocab.txt", "tekken.json")

#: Noncharacters of Unicode (U+FDD0 to U+FDEF): whatever text they do not stand in can be cut and joined at them.
_NONCHARACTERS = [chr(code) for code in range(0xFDD0, 0xFDF0)]

#: Stands for a message while the template is explored.
_SAMPLE = "Qx7"


class ChatTokenizer:
    """Chats to prompt ids, expected replies to reference ids, ids to text.

    :param folder: the checkpoint's files; none is fetched and no code among them is run.
    :raises UsageError: with one sentence, for a tokenizer that is missing, damaged, or has no usable chat template.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self._tokenizer = _load(folder, name)
        try:
            template = self._tokenizer.get_chat_template()
        except ValueError:
            template = None
        if not template:
            raise UsageError(
                f"{name} has no chat template: it is a base model, which continues texts but takes no instructions.",
                hint="Use its instruction-tuned sibling (often named -Instruct, -Chat or -it).",
            )
        # A template that knows about thinking aloud is told not to: the reply is the text.
        self._options = {"enable_thinking": False} if "enable_thinking" in template else {}
        self._controls = self._control_pattern(template)
        self._merge_system = False
        try:
            self._merge_system = self._needs_merging()
            whole = self._render([Message("user", _SAMPLE)], generate=True)
            with_reply = self._render([Message("user", _SAMPLE), Message("assistant", _SAMPLE)], generate=False)
        except Exception as error:  # a template may raise anything
            raise UsageError(
                f"the chat template of {name} does not render a chat: {_first_line(error)}.",
                hint="Is it the template of a chat model?",
            ) from error
        self._opening = whole.rpartition(_SAMPLE)[2]
        self._opening_ids = self._encode(self._opening)
        self._closing = self._closing_ids(with_reply.rpartition(_SAMPLE)[2])

    def encode_chat(self, messages: Sequence[Message]) -> list[int]:
        """The prompt of a chat, up to where the reply begins; raises RequestRefused."""
        mark = self._mark("".join(message.content for message in messages))
        try:
            rendered = self._render([Message(m.role, self._cut(m.content, mark)) for m in messages], generate=True)
        except Exception as error:  # a template may raise anything, such as for roles that do not alternate
            raise RequestRefused(f"the chat template refuses the messages: {_first_line(error)}.") from error
        return self._encode(rendered, mark)

    def encode_reference(self, text: str) -> list[int]:
        """A reply as it would stand in the output, with the token that closes it.

        How a text is cut into tokens depends on what stands before it, so it is tokenised behind the beginning of the
        reply; alone where the two would grow together.
        """
        mark = self._mark(text)
        text = self._cut(text, mark)
        whole = self._encode(self._opening + text, mark)
        before = len(self._opening_ids)
        found = whole[before:] if whole[:before] == self._opening_ids else self._encode(text, mark)
        return found + self._closing[:1]

    def decode(self, token_ids: Sequence[int]) -> str:
        """Exactly the text of some ids, without special tokens."""
        text: str = self._tokenizer.decode(
            list(token_ids), skip_special_tokens=True, clean_up_tokenization_spaces=False
        )
        return text

    def stop_ids(self, stop: Sequence[str]) -> list[int]:
        """The ids that close a reply, and those of the stop strings that are one token."""
        found = list(self._closing)
        for string in stop:
            ids = self._encode(string) if string else []
            if len(ids) == 1 and self._tokenizer.decode(ids, clean_up_tokenization_spaces=False) == string:
                found += ids
        return found

    def _render(self, messages: Sequence[Message], *, generate: bool) -> str:
        if self._merge_system and len(messages) > 1 and messages[0].role == "system":
            first = Message(messages[1].role, f"{messages[0].content}\n\n{messages[1].content}")
            messages = [first, *messages[2:]]
        rendered: str = self._tokenizer.apply_chat_template(
            [{"role": message.role, "content": message.content} for message in messages],
            tokenize=False,
            add_generation_prompt=generate,
            **self._options,
        )
        return rendered

    def _needs_merging(self) -> bool:
        """Some templates refuse a system message, others drop it: then it stands before the first user message."""
        try:
            rendered = self._render([Message("system", f"{_SAMPLE}0"), Message("user", _SAMPLE)], generate=True)
        except Exception:  # what it is, if it is something else, the next rendering tells
            return True
        return f"{_SAMPLE}0" not in rendered

    def _encode(self, text: str, mark: str = "") -> list[int]:
        try:
            text.encode()
        except UnicodeEncodeError:
            raise RequestRefused("a text holds half a surrogate pair, which no tokenizer takes.") from None
        ids: list[int] = []
        for part in text.split(mark) if mark else [text]:
            ids += self._tokenizer(part, add_special_tokens=False, verbose=False)["input_ids"]
        return ids

    def _mark(self, text: str) -> str:
        """A character that the text does not hold, if it holds markup; else nothing, as there is nothing to cut."""
        if self._controls is None or not self._controls.search(text):
            return ""
        for mark in _NONCHARACTERS:
            if mark not in text:
                return mark
        raise RequestRefused("a text holds control tokens and every noncharacter of Unicode.")

    def _cut(self, text: str, mark: str) -> str:
        """Cut within each control token: tokenised in two parts it is text like any other."""
        if not mark or self._controls is None:
            return text
        place, parts = 0, []
        while found := self._controls.search(text, place):
            parts.append(text[place : found.start() + 1])
            place = found.start() + 1
        return mark.join([*parts, text[place:]])

    def _control_pattern(self, template: str) -> re.Pattern[str] | None:
        """Tokens that structure a chat: special ones, and those that the template uses; never blank space."""
        added = self._tokenizer.added_tokens_decoder.values()
        named = {token.content for token in added if token.special or token.content in template}
        named = {text for text in named if len(text) > 1 and text.strip()}
        ordered = sorted(named, key=len, reverse=True)
        return re.compile("|".join(map(re.escape, ordered))) if ordered else None

    def _closing_ids(self, tail: str) -> list[int]:
        """What ends a reply: the token that the template puts behind one, if it does, and the tokenizer's own."""
        found = []
        if self._controls is not None and (match := self._controls.match(tail.lstrip())):
            found = self._encode(match.group())[:1]
        eos = self._tokenizer.eos_token_id
        return list(dict.fromkeys([*found, *([] if eos is None else [eos])]))


def _load(folder: Path, name: str) -> Any:
    import transformers

    if not any((folder / file).is_file() for file in VOCABULARIES):
        raise UsageError(
            f"{name} holds no tokenizer ({', '.join(VOCABULARIES[:3])}, ...).", hint="Is the download complete?"
        )
    try:
        return transformers.AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except Exception as error:  # its parsers raise whatever they like
        raise UsageError(
            f"the tokenizer of {name} cannot be loaded: {_first_line(error)}.",
            hint="Is the download complete, and does it work without code of its own?",
        ) from error


def _first_line(error: BaseException) -> str:
    return (str(error).strip().partition("\n")[0] or type(error).__name__).rstrip(".:")
