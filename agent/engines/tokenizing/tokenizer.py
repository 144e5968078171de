"""A checkpoint's own tokenizer and chat template, through transformers. Knows nothing of the model behind them.

What stands in a message is text, never markup. A corpus may well hold ``<|im_end|>``; if that ended the user's turn in
a prompt, a record could speak as if it were the system.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jinja2

from midb.agent.engines.protocol import Message
from midb.agent.engines.tokenizing.gguf_vocabulary import make_tokenizer
from midb.agent.engines.tokenizing.template_bounds import TemplateOutOfBoundsError, render_bounded, try_out
from midb.agent.engines.tokens import EndFinder, ReplyConstraint, RequestRefused
from midb.agent.record_clock import RecordOutOfTimeError
from midb.domain.errors import UsageError

if TYPE_CHECKING:
    from midb.agent.engines.tokenizing.grammar import ReplyGrammar

#: One of these holds the vocabulary.
VOCABULARIES = ("tokenizer.json", "tokenizer.model", "vocab.json", "vocab.txt", "tekken.json")

#: Noncharacters of Unicode (U+FDD0 to U+FDEF). One that a text does not hold can mark where the text is to be cut.
_NONCHARACTERS = [chr(code) for code in range(0xFDD0, 0xFDF0)]

#: Beginnings of prompts whose ids are kept: some for each pass, language and adapter.
_MOST_HEADS = 256

#: A message by which the template is tried out.
_SAMPLE = "Qx7"


class ChatTokenizer:
    """Chats to prompt ids, expected replies to reference ids, ids to text.

    :param folder: the checkpoint's files; none is fetched and no code among them is run.
    :param metadata: of a GGUF file in the place of a folder, by the names that it has there.
    :raises UsageError: with one sentence, for a tokenizer that is missing, damaged, or has no usable chat template.
    """

    def __init__(self, folder: Path, name: str, metadata: Mapping[str, Any] | None = None) -> None:
        self._tokenizer = make_tokenizer(metadata, name) if metadata is not None else _load_tokenizer(folder, name)
        try:
            template = self._tokenizer.get_chat_template()
        except ValueError:
            template = None
        if not template:
            raise UsageError(
                f"{name} has no chat template: it is a base model, which continues texts but takes no instructions.",
                hint="Use its instruction-tuned sibling (often named -Instruct, -Chat or -it).",
            )
        # A template that can make the model think aloud is told not to, for the reply must be the text.
        self._options = {"enable_thinking": False} if "enable_thinking" in template else {}
        self._controls = self._find_controls(template)
        self._pieces: list[str] | None = None  # the text of each id by itself
        self._heads: dict[str, list[int] | None] = {}  # ids of how prompts begin; None: not to be cut off
        self._merge_system = False
        try:
            self._merge_system = self._needs_merging()
            whole = try_out(lambda: self._render([Message("user", _SAMPLE)], generate=True))
            reply = [Message("user", _SAMPLE), Message("assistant", _SAMPLE)]
            with_reply = try_out(lambda: self._render(reply, generate=False))
        except Exception as error:  # a template may raise anything
            raise UsageError(
                f"the chat template of {name} does not render a chat: {first_line(error)}.",
                hint="Is it the template of a chat model?",
            ) from error
        self._opening = whole.rpartition(_SAMPLE)[2]
        self._opening_ids = self._encode(self._opening)
        self._closing = self._find_closing_ids(with_reply.rpartition(_SAMPLE)[2])

    def encode_chat(self, messages: Sequence[Message]) -> list[int]:
        """Encode the prompt of a chat, up to where the reply begins; raises RequestRefused."""
        mark = self._choose_mark("".join(message.content for message in messages))
        try:
            cut = [Message(message.role, self._cut_controls(message.content, mark)) for message in messages]
            rendered = render_bounded(lambda: self._render(cut, generate=True))
        except RecordOutOfTimeError:
            raise
        except Exception as error:  # a template may raise anything, such as for roles that do not alternate
            raise RequestRefused(f"the chat template refuses the messages: {first_line(error)}.") from error
        system = messages[0].content if messages and messages[0].role == "system" else ""
        return self._encode(rendered, mark) if mark else self._encode_prompt(rendered, system)

    def encode_reference(self, text: str) -> list[int]:
        """Encode a reply as it would stand in the output, with the token that closes it.

        How a text is cut into tokens depends on what stands before it, so it is tokenised together with what opens a
        reply. If a token would then hold parts of both, it is tokenised alone.
        """
        mark = self._choose_mark(text)
        text = self._cut_controls(text, mark)
        whole = self._encode(self._opening + text, mark)
        before = len(self._opening_ids)
        found = whole[before:] if whole[:before] == self._opening_ids else self._encode(text, mark)
        return found + self._closing[:1]

    def decode(self, token_ids: Sequence[int]) -> str:
        """Decode ids to exactly their text, without special tokens."""
        text: str = self._tokenizer.decode(
            list(token_ids), skip_special_tokens=True, clean_up_tokenization_spaces=False
        )
        return text

    def write(self, folder: Path) -> None:
        """Write the tokenizer and its chat template into a checkpoint's folder; raises OSError."""
        self._tokenizer.save_pretrained(folder)

    def find_stop_ids(self, stop: Sequence[str]) -> list[int]:
        """Find the ids that close a reply, and those of the stop strings that are one token."""
        found = list(self._closing)
        for string in stop:
            ids = self._encode(string) if string else []
            if len(ids) == 1 and self._tokenizer.decode(ids, clean_up_tokenization_spaces=False) == string:
                found += ids
        return found

    def make_end_finder(self, stop: Sequence[str], prompt_tokens: int) -> EndFinder | None:
        """Make what finds the first stop string in a reply as it grows; it may be called on any thread.

        None for stop strings that are not of visible ASCII: what a token adds to those depends on its neighbours.
        """
        strings = tuple(string for string in stop if string)
        if not strings or not all(
            string.isascii() and string.isprintable() and " " not in string for string in strings
        ):
            return None
        if self._pieces is None:
            count = len(self._tokenizer)
            self._pieces = self._tokenizer.batch_decode(
                [[number] for number in range(count)], skip_special_tokens=True, clean_up_tokenization_spaces=False
            )
        return functools.partial(find_stop_string, self._pieces, strings, prompt_tokens)

    @functools.cached_property
    def _grammar(self) -> ReplyGrammar | None:
        try:
            from midb.agent.engines.tokenizing.grammar import ReplyGrammar

            return ReplyGrammar(self._tokenizer, self._closing)
        except (ImportError, ValueError):  # llguidance is missing, or the vocabulary is of a kind that it does not know
            return None

    @property
    def guides(self) -> bool:
        """Whether replies can be kept to a schema: llguidance is installed, and knows this kind of vocabulary."""
        return self._grammar is not None

    def make_constraint(self, schema: Mapping[str, Any]) -> Callable[[], ReplyConstraint] | None:
        """Make what keeps a reply to a JSON Schema; None without llguidance, or where it does not know how."""
        if self._grammar is None:
            return None
        try:
            return self._grammar.make_constraint(schema)
        except ValueError:
            return None

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
        """Whether a system message has to be put before the first user message: some templates refuse or drop it."""
        try:
            both = [Message("system", f"{_SAMPLE}0"), Message("user", _SAMPLE)]
            rendered = try_out(lambda: self._render(both, generate=True))
        except TemplateOutOfBoundsError:
            raise
        except (jinja2.TemplateError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
            # If it is not the system message that the template refuses, the next rendering fails and says why.
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

    def _encode_prompt(self, rendered: str, system: str) -> list[int]:
        """Encode a prompt; what comes before the first control token behind its system message is encoded once.

        Tokenizers cut control tokens out before they look at the text between them. Where one does not, which the first
        prompt with a system message shows, all of each prompt is encoded.
        """
        place = rendered.find(system) if system else -1
        control = self._controls.search(rendered, place + len(system)) if self._controls and place >= 0 else None
        if control is None:
            return self._encode(rendered)
        head, rest = rendered[: control.start()], rendered[control.start() :]
        if head not in self._heads:
            whole, ids = self._encode(rendered), self._encode(head)
            if len(self._heads) >= _MOST_HEADS:
                del self._heads[next(iter(self._heads))]
            self._heads[head] = ids if ids + self._encode(rest) == whole else None
            return whole
        known = self._heads[head]
        return self._encode(rendered) if known is None else known + self._encode(rest)

    def _choose_mark(self, text: str) -> str:
        """Choose a character that the text does not hold, if it holds control tokens to be cut; else an empty one."""
        if self._controls is None or not self._controls.search(text):
            return ""
        for mark in _NONCHARACTERS:
            if mark not in text:
                return mark
        raise RequestRefused("a text holds control tokens and every noncharacter of Unicode.")

    def _cut_controls(self, text: str, mark: str) -> str:
        """Put the mark into each control token. Tokenised in two parts, a control token is text like any other."""
        if not mark or self._controls is None:
            return text
        place, parts = 0, []
        while found := self._controls.search(text, place):
            parts.append(text[place : found.start() + 1])
            place = found.start() + 1
        return mark.join([*parts, text[place:]])

    def _find_controls(self, template: str) -> re.Pattern[str] | None:
        """Find the tokens that structure a chat: special ones, and those that the template uses; never blank space."""
        added = self._tokenizer.added_tokens_decoder.values()
        named = {token.content for token in added if token.special or token.content in template}
        named = {text for text in named if len(text) > 1 and text.strip()}
        ordered = sorted(named, key=len, reverse=True)
        return re.compile("|".join(map(re.escape, ordered))) if ordered else None

    def _find_closing_ids(self, tail: str) -> list[int]:
        """Find what ends a reply: the token that the template puts after it, if any, and the tokenizer's own."""
        found = []
        if self._controls is not None and (match := self._controls.match(tail.lstrip())):
            found = self._encode(match.group())[:1]
        eos = self._tokenizer.eos_token_id
        return list(dict.fromkeys([*found, *([] if eos is None else [eos])]))


def find_stop_string(
    pieces: Sequence[str], stop: Sequence[str], prompt_tokens: int, token_ids: Sequence[int], first_new: int
) -> int:
    """Find the first token with which a stop string is complete, and return how many ids there are up to it; else 0.

    :param pieces: the text of each id.
    :param prompt_tokens: ids of the prompt, in which nothing is looked for.
    :param token_ids: of prompt and reply; those from ``first_new`` on were not looked at before.
    """
    new = [pieces[number] if number < len(pieces) else "" for number in token_ids[first_new:]]
    if not any(string[-1] in piece for string in stop for piece in new):
        return 0
    # A stop string that is complete with a new token begins at most as many tokens before it as it has characters, for
    # tokens without any text among its own do not occur.
    start = max(first_new - max(map(len, stop)), prompt_tokens)
    text = "".join(pieces[number] for number in token_ids[start:first_new] if number < len(pieces))
    for place, piece in enumerate(new, start=first_new + 1):
        text += piece
        if any(string in text for string in stop):
            return place
    return 0


def _load_tokenizer(folder: Path, name: str) -> Any:
    import transformers

    if not any((folder / file).is_file() for file in VOCABULARIES):
        raise UsageError(
            f"{name} holds no tokenizer ({', '.join(VOCABULARIES[:3])}, ...).", hint="Is the download complete?"
        )
    try:
        return transformers.AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except Exception as error:  # its parsers raise whatever they like
        raise UsageError(
            f"the tokenizer of {name} cannot be loaded: {first_line(error)}.",
            hint="Is the download complete, and does it work without code of its own?",
        ) from error


def first_line(error: BaseException) -> str:
    """Cut what a foreign error says to its first line, without the full stop."""
    return (str(error).strip().partition("\n")[0] or type(error).__name__).rstrip(".:")
