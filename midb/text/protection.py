"""What is protected in a text: what no typographic repair may touch and no rewrite may lose.

Code, URLs, e-mail addresses, file names, placeholders, LaTeX and markup tags are written the same in every language.
Knows nothing of any language. Every search is bounded or remembers where it failed, so that the time grows with the
length of the text however the text is made.
"""

from __future__ import annotations

import functools
import re
from bisect import bisect_right
from collections.abc import Iterator

from midb.text.code.lines import find_code_blocks
from midb.text.spans import NO_SPANS, Protected, Span, Spans

_DOMAINS = "com|org|net|edu|gov|info|biz|io|dev|app|de|fr|it|es|pt|br|mx|ru|tr|cz|gr|jp|kr|vn|th|id|my|uk|eu|ca|au|cn"
_FILES = (
    "py|ipynb|js|ts|jsx|tsx|html?|css|scss|txt|csv|tsv|json|jsonl|xml|ya?ml|toml|ini|cfg|md|java|class|jar|cpp|hpp|cs"
    "|php|rb|go|rs|sh|bat|ps1|sql|db|log|exe|dll|pdf|docx?|xlsx?|pptx?|odt|png|jpe?g|gif|svg|bmp|mp[34]|wav|avi|zip|gz"
)
_URL_END = r"\s<>\"“”„«»「」『』（），、。）｡；：！？`|^"
#: Letters of scripts without blanks. Where they follow an address directly they belong to the sentence, except in the
#: titles of wikis.
_UNSPACED = "\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3"
_URL_REST = rf"[^{_URL_END}{_UNSPACED}]+(?:(?<=/wiki/)[^{_URL_END}]+)?"

#: An e-mail address, every part of it bounded.
EMAIL_ADDRESS = r"(?<![A-Za-z0-9._%+-])[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,4}"

# First the constructs whose end is looked for separately (fence to dollar), then those of bounded form. The first that
# matches wins, so that a URL inside a code fence is code.
_OPENING = re.compile(
    r"(?P<fence>`{3,}|(?:(?<=\n)|(?<![\s\S]))~~~+)"
    r"|(?P<tick>``?)"
    r"|(?P<display>\$\$|\\\[|\\\()"
    r"|\\begin\{(?P<env>(?:equation|align|gather|multline|eqnarray|math|displaymath|[a-z]?matrix|cases|array|tabular"
    r"|verbatim|lstlisting)\*?)\}"
    r"|(?P<command>\\[A-Za-z]{1,30}(?=\{))"
    r"|(?<![A-Za-z0-9$\\])(?P<dollar>\$)(?=[^\s$])(?![A-Za-z_{]\w*\})"
    rf"|(?P<url>(?:https?|ftp)://{_URL_REST}|(?<![A-Za-z0-9])www\.{_URL_REST}"
    rf"|(?<![A-Za-z0-9_@./-])(?:[A-Za-z0-9][A-Za-z0-9-]{{0,62}}\.){{1,4}}(?:{_DOMAINS})(?![A-Za-z0-9_-])(?!\.[A-Za-z0-9])(?:/(?:{_URL_REST})?)?)"
    rf"|(?P<email>{EMAIL_ADDRESS})"
    rf"|(?P<file>(?<![A-Za-z0-9_./\\-])[A-Za-z]:\\[\w.\\-]+"
    r"|(?<![A-Za-z0-9_./~:-])(?:~|\.{1,2})?/(?:[A-Za-z0-9_.-]+/)+[A-Za-z0-9_.-]*"
    rf"|(?<![A-Za-z0-9_./-])[A-Za-z0-9_-]{{1,60}}\.(?:{_FILES})(?![A-Za-z0-9_-])(?!\.[A-Za-z0-9])"
    r"|(?<![A-Za-z0-9_.])[A-Za-z_][A-Za-z0-9_]{0,40}(?:\.[A-Za-z_][A-Za-z0-9_]{0,40}){0,4}\(\))"
    r"|(?P<placeholder>\{\{[^{}\n]{1,60}\}\}|\$\{[^{}\n]{1,60}\}|\{[^\W\d][\w.]{0,40}(?:![rsa])?(?::[^{}\s]{1,12})?\}"
    r"|\{\d{0,2}(?::[^{}\s]{1,12})?\}"
    r"|%\([A-Za-z_]\w{0,40}\)[sdif]|(?<![A-Za-z0-9%])%(?:\d{1,2}\$)?(?:[sdifr]|\.\d{1,2}f|0\d{1,2}d)(?![A-Za-z0-9])"
    r"|\[[A-Z][A-Z0-9_ ]{1,30}\]|<[A-Z][A-Z0-9_]{1,30}>)"
    r"|(?P<tag></?[a-zA-Z][a-zA-Z0-9-]{0,40}(?:\s[^<>\n]{0,200})?/?>|<!--[^\n]{0,200}?-->|<!DOCTYPE[^<>\n]{0,100}>)"
)

#: Without one of these a text has nothing to protect; saves the scan for most texts. One look at each is faster than
#: one look at all, since most begin with a sign that no text has by chance.
_SIGN = re.compile(r"[`~\\$@<{\[%]")
_EMPTY_CALL = re.compile(r"\w\(\)")
_PATH = re.compile(r"\w/\w+/")
_ENDING = re.compile(rf"\.(?=[a-z])(?:{_DOMAINS}|{_FILES})(?![A-Za-z0-9_-])")

#: Inline code in backticks: longer than this, two backticks far apart have nothing to do with each other.
_LONGEST_INLINE_CODE = 1_000
#: A displayed formula, in characters and in lines.
_LONGEST_DISPLAY = 2_000
_MOST_DISPLAY_LINES = 40
#: One argument of a LaTeX command.
_LONGEST_ARGUMENT = 500
#: A formula between single dollars.
_LONGEST_FORMULA = 300

_BRACES = re.compile(r"[{}]")
_ENVIRONMENT_END = re.compile(r"\\end\{([a-zA-Z]{1,20}\*?)\}")
#: What makes "$...$" mathematics rather than two amounts of money.
_MATHEMATICS = re.compile(r"[\\^_=+*/|<>]|^[^\W\d_](?:_\w|\([\w, ]*\)|')?$")
_WORDS = re.compile(r"[^\W\d_]{3,} [^\W\d_]{2,} [^\W\d_]{2,}")
#: Characters of a text whose spans are remembered for a while: some long texts would be much memory.
_LONGEST_REMEMBERED = 1 << 13
#: Groups of _OPENING that are spans as they stand, with the reason of each.
_COMPLETE = {"email": Protected.EMAIL, "file": Protected.CODE, "tag": Protected.TAG}


def find_protected_spans(text: str) -> Spans:
    """The protected spans of a text.

    >>> [(span.start, span.end, span.reason.value) for span in find_protected_spans("see `x` at http://a.b/c.")]
    [(4, 7, 'code'), (11, 23, 'url')]
    >>> len(find_protected_spans("It costs $5 here and $10 there."))
    0
    """
    return _remember_spans(text) if len(text) <= _LONGEST_REMEMBERED else _find_spans(text)


def _find_spans(text: str) -> Spans:
    spans = [Span(start, end, Protected.CODE) for start, end in find_code_blocks(text)]
    if _may_protect(text):
        spans += _SpanScanner(text).spans()
    return Spans(merge_spans(spans)) if spans else NO_SPANS


def _may_protect(text: str) -> bool:
    """Whether a text has any sign of what is protected."""
    return bool(
        _SIGN.search(text)
        or "://" in text
        or "www." in text
        or ("()" in text and _EMPTY_CALL.search(text))
        or ("/" in text and _PATH.search(text))
        or _ENDING.search(text)
    )


#: Who judges the language of a record asks first, and its detectors ask again once the whole batch has been read: 32
#: records with three texts and their sources, and some of them in several states.
_remember_spans = functools.lru_cache(maxsize=512)(_find_spans)


def merge_spans(spans: list[Span]) -> Iterator[Span]:
    """Spans without overlap: what begins inside another span is part of it, and lengthens it where it ends later.

    The reason of the first span holds for all of it.
    """
    current: Span | None = None
    for span in sorted(spans, key=lambda span: (span.start, -span.end)):
        if current is not None and span.start < current.end:
            if span.end > current.end:
                current = Span(current.start, span.end, current.reason)
            continue
        if current is not None:
            yield current
        current = span
    if current is not None:
        yield current


class _SpanScanner:
    """One pass over one text, from construct to construct."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._nowhere = len(text) + 1  # behind every position, so that what was not found is not looked for again
        self._found: dict[str, int] = {}  # delimiter -> where it was found last
        self._closing_braces: dict[int, int] | None = None
        self._environment_ends: dict[str, list[int]] | None = None

    def spans(self) -> Iterator[Span]:
        position = 0
        while match := _OPENING.search(self._text, position):
            name = match.lastgroup or ""
            span = self._span_of(match, name)
            if span is None:
                position = match.end()
                continue
            yield span
            position = span.end

    def _span_of(self, match: re.Match[str], name: str) -> Span | None:
        start = match.start()
        if name == "url":
            return Span(start, start + len(_strip_punctuation(match.group())), Protected.URL)
        if name in _COMPLETE:
            return Span(start, match.end(), _COMPLETE[name])
        if name == "placeholder":
            return Span(start, match.end(), Protected.PLACEHOLDER)
        if name == "fence":
            return _code_span(start, self._find_fence_end(match))
        if name == "tick":
            return _code_span(
                start, self._find_closing(match.group(), match.end(), longest=_LONGEST_INLINE_CODE, lines=1)
            )
        if name == "env":
            end = self._find_environment_end(match["env"], match.end())
        elif name == "command":
            end = self._find_command_end(match.end())
        elif name == "display":
            closing = {"$$": "$$", r"\[": r"\]", r"\(": r"\)"}[match.group()]
            end = self._find_closing(closing, match.end(), longest=_LONGEST_DISPLAY, lines=_MOST_DISPLAY_LINES)
        else:
            end = self._find_dollar_end(match.end())
        return None if end is None else Span(start, end, Protected.LATEX)

    def _find_next(self, delimiter: str, position: int) -> int | None:
        """Where ``delimiter`` stands next. Each part of the text is searched once per delimiter, found or not."""
        found = self._found.get(delimiter, -1)
        if found < position:
            found = self._text.find(delimiter, position)
            if found < 0:
                found = self._nowhere
            self._found[delimiter] = found
        return None if found == self._nowhere else found

    def _find_closing(self, closing: str, position: int, *, longest: int, lines: int) -> int | None:
        """Behind the next ``closing``, where it is near enough and something stands before it."""
        found = self._find_next(closing, position)
        if found is None or not 0 < found - position <= longest or self._text.count("\n", position, found) >= lines:
            return None
        return found + len(closing)

    def _find_fence_end(self, match: re.Match[str]) -> int | None:
        """Behind the closing fence; an unclosed fence that has a line of its own runs to the end of the text."""
        found = self._find_next(match.group(), match.end())
        if found is not None:
            return found + len(match.group())
        line = self._text.rfind("\n", 0, match.start()) + 1
        return len(self._text) if not self._text[line : match.start()].strip() else None

    def _find_environment_end(self, name: str, position: int) -> int | None:
        if self._environment_ends is None:
            self._environment_ends = {}
            for match in _ENVIRONMENT_END.finditer(self._text):
                self._environment_ends.setdefault(match[1], []).append(match.end())
        ends = self._environment_ends.get(name, [])
        index = bisect_right(ends, position)
        return ends[index] if index < len(ends) else None

    def _find_command_end(self, position: int) -> int | None:
        r"""Behind the last argument of a command as in ``\frac{\sqrt{2}}{2}``."""
        if self._closing_braces is None:
            self._closing_braces = {}
            opened: list[int] = []
            for match in _BRACES.finditer(self._text):
                if match.group() == "{":
                    opened.append(match.start())
                elif opened:
                    self._closing_braces[opened.pop()] = match.start()
        end = None
        while (closing := self._closing_braces.get(position)) is not None and closing - position <= _LONGEST_ARGUMENT:
            end = position = closing + 1
        return end

    def _find_dollar_end(self, position: int) -> int | None:
        """Behind the dollar that closes inline mathematics; None where the dollar is money.

        The rule is pandoc's (no blank inside either dollar, no digit behind the second), and the content must look
        like mathematics: "$5 and $10" and "$5-$10" do not.
        """
        closing = self._find_next("$", position)
        if closing is None or closing - position > _LONGEST_FORMULA:
            return None
        content = self._text[position:closing]
        following = self._text[closing + 1 : closing + 2]
        if "\n" in content or content[-1] in " \\" or (following.isascii() and following.isalnum()) or following == "$":
            return None
        return closing + 1 if _MATHEMATICS.search(content) and not _WORDS.search(content) else None


def _code_span(start: int, end: int | None) -> Span | None:
    return None if end is None else Span(start, end, Protected.CODE)


def _strip_punctuation(url: str) -> str:
    """A URL without what belongs to the sentence around it; a bracket that the URL opened itself is its own."""
    end = len(url)
    surplus = url.count(")") + url.count("]") - url.count("(") - url.count("[")
    while end and url[end - 1] in ".,;:!?'*_)]":
        if url[end - 1] in ")]":
            if surplus <= 0:
                break
            surplus -= 1
        end -= 1
    return url[:end]
