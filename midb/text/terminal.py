"""Showing texts that may be hostile: nothing that comes out of a corpus or a log may steer the terminal.

Knows characters and directions of writing, not what the texts mean. Whoever prints data prints ``visible(data)``.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable

import regex

#: How a line break shows. Other C0 controls show as their control pictures.
_NEWLINE = "\N{RETURN SYMBOL}"

#: Format characters with a shape of their own (Arabic number signs and the like).
_SHAPED = r"\u0600-\u0605\u06dd\u070f\u0890\u0891\u08e2\U000110bd\U000110cd"

#: Everything that is not seen or steers what is seen: controls, format characters (bidi, zero width, tags, the byte
#: order mark), surrogates, line and paragraph separators, and what Unicode says to ignore. One selector after an emoji
#: or letter is everyday writing; a second one hides something.
_UNSEEN = (
    r"[\p{Cc}\p{Cs}\p{Zl}\p{Zp}]|(?<![\ufe0e\ufe0f])[\ufe0e\ufe0f](*SKIP)(*FAIL)"
    rf"|[[\p{{Cf}}\p{{Default_Ignorable_Code_Point}}]--[{_SHAPED}]]"
)

#: The signs used for escaping are escaped as well, so that each can mean only one thing.
_HIDDEN = regex.compile(
    rf"(?<!\\)(\\*+)(?:([\u2400-\u2421{_NEWLINE}]|{_UNSEEN})|(?=u[0-9a-f]{{4}}|U[0-9a-f]{{8}}))", regex.VERSION1
)
_HIDDEN_IN_JSON = regex.compile(_UNSEEN, regex.VERSION1)

_RIGHT_TO_LEFT = regex.compile(r"[\p{Bidi_Class=R}\p{Bidi_Class=AL}\p{Bidi_Class=AN}]")

#: Begins a passage whose first strong letter alone decides its direction: the line around it keeps its own.
ISOLATE = "\N{FIRST STRONG ISOLATE}"
#: Ends such a passage.
END_OF_ISOLATE = "\N{POP DIRECTIONAL ISOLATE}"


def _escape(match: regex.Match[str]) -> str:
    backslashes, character = match.group(1), match.group(2)
    if character is None:
        return backslashes * 2
    code = ord(character)
    if character == "\n":
        picture = _NEWLINE
    elif code < 0x20:
        picture = chr(0x2400 + code)
    elif code == 0x7F:
        picture = "\N{SYMBOL FOR DELETE}"
    else:
        escape = f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"
        return backslashes * 2 + escape
    return backslashes + picture


def visible(text: str) -> str:
    r"""The text with everything that hides or steers made visible; different texts never look the same by it.

    A line break shows as a return sign, other C0 controls as control pictures, the rest as ``\u202e``. Backslashes are
    doubled only where they would read as such an escape.

    >>> print(visible("a\x1b[31m\u202eb\n" + r"C:\new \u202e"))
    a␛[31m\u202eb⏎C:\new \\u202e
    """
    return _HIDDEN.sub(_escape, text)


def has_right_to_left(text: str) -> bool:
    """Whether some of the text is written from right to left."""
    return _RIGHT_TO_LEFT.search(text) is not None


def isolated(text: str) -> str:
    """The text made visible, to stand between others on a line: right-to-left text is set apart from what is around it.

    >>> isolated("abc"), isolated("\u0645") == ISOLATE + "\u0645" + END_OF_ISOLATE
    ('abc', True)
    """
    escaped = visible(text)
    return f"{ISOLATE}{escaped}{END_OF_ISOLATE}" if has_right_to_left(text) else escaped


def quote_word(text: str) -> str:
    r"""A word as bash and zsh read it, for a command that a person copies: `visible` finds nothing in it to change.

    What a shell would take for something else is quoted. What cannot be seen, and the bytes of a file's name that are
    no UTF-8 (Python has surrogates for them), stand in ``$'...'`` as bytes.

    >>> print(quote_word("corpus.jsonl"), quote_word("my corpus.jsonl"), quote_word("d\udce9j\u00e0\n"))
    corpus.jsonl 'my corpus.jsonl' $'d\xe9jà\x0a'
    """
    quoted = shlex.quote(text)
    if visible(quoted) == quoted:
        return quoted
    return "$'" + "".join(c if c not in "\\'" and visible(c) == c else _as_bytes(c) for c in text) + "'"


def quote_words(words: Iterable[str]) -> str:
    """A command of these words."""
    return " ".join(map(quote_word, words))


def _as_bytes(character: str) -> str:
    lone_byte = 0xDC80 <= ord(character) <= 0xDCFF
    raw = character.encode("utf-8", "surrogateescape" if lone_byte else "surrogatepass")
    return "".join(f"\\x{byte:02x}" for byte in raw)


def visible_json(json: str) -> str:
    r"""JSON in which everything that hides or steers is escaped: it says the same, and may go to a terminal.

    >>> print(visible_json('["\u202e\U000e0041"]'))
    ["\u202e\udb40\udc41"]
    """
    return _HIDDEN_IN_JSON.sub(_json_escape, json)


def _json_escape(match: regex.Match[str]) -> str:
    units = match[0].encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[n]:02x}{units[n + 1]:02x}" for n in range(0, len(units), 2))
