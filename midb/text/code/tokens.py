"""Program code as tokens, and which of its words a programming language defines.

Knows the words of Python, JavaScript, Java, C and C++, PHP, SQL and HTML well enough to tell them from an author's own
names, which may be translated. Does not parse: where a word's part is in doubt, the word is taken for the author's.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from midb.text.code.lines import find_code_blocks

# fmt: off
#: Words of a language's grammar: nobody can have named anything so.
KEYWORDS = frozenset(
    """
    if else elif while for foreach in is not and or return def class import from as with try except finally raise lambda
    pass break continue global nonlocal yield async await del assert match case switch default do function var let const
    new this super extends implements public private protected static final abstract void int float double char bool
    boolean string long short byte unsigned signed struct enum typedef sizeof namespace using include throw throws catch
    true false null nil undefined True False None elseif endif endwhile endfor echo self cout cin endl instanceof typeof
    String
    SELECT FROM WHERE INSERT INTO VALUES UPDATE SET DELETE CREATE TABLE ALTER DROP JOIN INNER LEFT RIGHT OUTER ON GROUP
    ORDER BY HAVING LIMIT DISTINCT PRIMARY KEY FOREIGN REFERENCES INTEGER INT VARCHAR TEXT DATE LIKE BETWEEN EXISTS
    UNION AND OR NOT NULL AS IN COUNT AVG SUM MIN MAX DESC ASC CASE WHEN THEN ELSE END
    """.split()  # noqa: SIM905
)
#: The same for SQL in small letters, which are ordinary words anywhere else.
_SMALL_SQL = frozenset(
    """
    select from where insert into update set delete create table join inner left right outer on group order by having
    limit distinct values and or not null as in
    """.split()  # noqa: SIM905
)
#: Names a standard library defines; an author may use them for something else, so how they are used must tell.
LIBRARY = frozenset(
    """
    print println printf scanf input len range str list dict set tuple sum min max map filter sorted open read write
    append extend insert remove pop join split replace format lower upper strip sort reverse reversed count index find
    keys values items enumerate zip round abs any all type isinstance super log alert prompt getElementById
    querySelector addEventListener innerHTML push length System out Math random console document window
    toString toLowerCase toUpperCase indexOf slice splice forEach reduce charAt size begin end require
    strlen array_push implode explode isset empty puts gets fmt Println Console WriteLine ReadLine
    """.split()  # noqa: SIM905
)
#: Tags and attributes of HTML.
_TAGS = frozenset(
    """
    html head body title meta link script style div span p a h1 h2 h3 h4 h5 h6 img table thead tbody tr td th ul ol li
    form input button label select option textarea header footer nav main section article aside br hr strong em b i
    href src alt class id name type value action method width height rel content charset lang placeholder for
    """.split()  # noqa: SIM905
)
#: Names of programming languages as they stand behind the marks that open a fence.
FENCE_LANGUAGES = frozenset(
    """
    python py python3 javascript js typescript ts jsx tsx java c cpp c++ csharp cs c# php ruby rb go rust swift kotlin
    scala perl r sql mysql html css xml bash sh shell powershell matlab lua dart json yaml yml
    """.split()  # noqa: SIM905
)
#: Behind one of these an author gives a name.
_NAMED_BY = frozenset(
    "def class function as for var let const val int float double char bool boolean string".split()  # noqa: SIM905
)
# fmt: on

_TOKEN = re.compile(
    r"(?P<string>\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*'|[“„][^“”„\"\n]*[”“\"]|«[^«»\n]*»|‘[^‘’\n]*’"
    r"|「[^「」\n]*」|『[^『』\n]*』|＂[^＂\n]*＂)"
    r"|(?P<comment>//[^\n]*|\#[^\n]*|/\*(?:[^*]|\*(?!/)){0,2000}\*/|<!--(?:[^-]|-(?!->)){0,2000}-->)"
    r"|(?P<word>[^\W\d][\w\u0300-\u036f\u0e30-\u0e4e]*)|(?P<number>\d+(?:\.\d+)?)|(?P<mark>[^\w\s])",
)
_FENCE_LANGUAGE = re.compile(r"(?:```+|~~~+)[ \t]*([\w+#]+)[ \t]*\n")
_MARKUP = re.compile(r"</[A-Za-z]")
_TAG = re.compile(r"</?[^\s<>/][^<>\n]{0,300}>")
_SQL = re.compile(r"\bselect\b[^\n]{1,200}\bfrom\b|\binsert into\b|\bcreate table\b|\bdelete from\b|\bupdate \w+ set\b")


@dataclass(frozen=True, slots=True)
class CodeToken:
    """A piece of code: its sort (``string``, ``comment``, ``word``, ``number`` or ``mark``), its text, its offset."""

    sort: str
    text: str
    start: int

    @property
    def end(self) -> int:
        return self.start + len(self.text)


def split_code(code: str) -> list[CodeToken]:
    """The tokens of a piece of code; blanks are none.

    >>> [(token.sort, token.text) for token in split_code('x = "a b"  # c')]
    [('word', 'x'), ('mark', '='), ('string', '"a b"'), ('comment', '# c')]
    """
    return [CodeToken(str(match.lastgroup), match.group(), match.start()) for match in _TOKEN.finditer(code)]


def mark_defined_words(code: str, pieces: Sequence[CodeToken]) -> list[bool]:
    """For each token whether it is a word that a programming language defines, at a place where it means that.

    ``code`` is one block (with its fence or backticks, where it has some), ``pieces`` are its tokens.

    >>> line = "`print(name)`"
    >>> pieces = split_code(line)
    >>> [piece.text for piece, known in zip(pieces, mark_defined_words(line, pieces), strict=True) if known]
    ['print']
    """
    if _MARKUP.search(code):
        return _mark_defined_in_markup(code, pieces)
    proven = _ProvenCode(code, pieces)
    small_sql = _SMALL_SQL if _SQL.search(code) else frozenset()
    own = _find_names_of_the_author(pieces)
    found = []
    for index, token in enumerate(pieces):
        if token.sort != "word" or not proven.holds(token):
            found.append(False)
        elif token.text in KEYWORDS or token.text in small_sql or _is_entry_point(pieces, index):
            found.append(True)
        else:
            used = _is_called(pieces, index) or _is_imported(pieces, index)
            found.append(token.text in LIBRARY and token.text not in own and used)
    return found


def _mark_defined_in_markup(code: str, pieces: Sequence[CodeToken]) -> list[bool]:
    """The same for markup, where only the names of tags and of their attributes are no text for the reader."""
    tags = [match.span() for match in _TAG.finditer(code)]
    starts = [start for start, _ in tags]
    found = []
    for index, token in enumerate(pieces):
        place = bisect_right(starts, token.start) - 1
        inside = place >= 0 and token.end <= tags[place][1]
        following = pieces[index + 1].text if index + 1 < len(pieces) else ""
        named = (index > 0 and pieces[index - 1].text in ("<", "/")) or following == "="
        found.append(token.sort == "word" and inside and named and token.text in _TAGS)
    return found


class _ProvenCode:
    """Which part of a piece of code is code for certain: a fence may as well hold a letter to somebody or a menu."""

    def __init__(self, code: str, pieces: Sequence[CodeToken]) -> None:
        language = _FENCE_LANGUAGE.match(code)
        inline = "\n" not in code.strip("`")
        self._all = bool(language and language[1].lower() in FENCE_LANGUAGES) or (inline and _is_expression(pieces))
        # Of the whole piece, or of the ranges [start, end) that its lines prove.
        self._ranges = [] if self._all else list(find_code_blocks(code))
        self._starts = [start for start, _ in self._ranges]

    def holds(self, token: CodeToken) -> bool:
        """Whether a token stands in code that is certain."""
        if self._all:
            return True
        index = bisect_right(self._starts, token.start) - 1
        return index >= 0 and token.end <= self._ranges[index][1]


def _is_expression(pieces: Sequence[CodeToken]) -> bool:
    """Whether a piece of code in a line of prose is more than a quoted phrase: a single word, or words with signs."""
    inner = [token for token in pieces if token.text != "`"]
    return len(inner) == 1 or any(token.text in "(){}[]=<>;" for token in inner if token.sort == "mark")


def _find_names_of_the_author(pieces: Sequence[CodeToken]) -> set[str]:
    """Words that the code itself gives a meaning: assigned, declared, imported under that name."""
    names = set()
    for index, token in enumerate(pieces):
        if token.sort != "word":
            continue
        before = pieces[index - 1].text if index else ""
        behind = [piece.text for piece in pieces[index + 1 : index + 3]]
        if before in _NAMED_BY or (behind[:1] == ["="] and behind[1:] != ["="] and before != "."):
            names.add(token.text)
    return names


def _is_entry_point(pieces: Sequence[CodeToken], index: int) -> bool:
    """Whether this is ``main`` where C and Java want it: the name of the function in which a program begins."""
    return pieces[index].text == "main" and index > 0 and pieces[index - 1].text in ("int", "void")


def _is_imported(pieces: Sequence[CodeToken], index: int) -> bool:
    """Whether a name is what a line imports, or imports from."""
    return index > 0 and pieces[index - 1].text in ("import", "from")


def _is_called(pieces: Sequence[CodeToken], index: int) -> bool:
    """Whether a name is called (``name(``), is a member (``.name``), or has members (``name.``)."""
    before = pieces[index - 1].text if index else ""
    behind = pieces[index + 1].text if index + 1 < len(pieces) else ""
    return behind in ("(", ".") or before == "."
