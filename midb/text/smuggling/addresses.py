"""What in a text leads out of it, in any spelling: links, bare domains, e-mail and IP addresses, magnets, data links.

Two texts are compared by keys: the address without its scheme, its case and what belongs to the sentence around it.
Domains are told by the list of top-level domains. File names, abbreviations, versions and attributes of programs look
like some of them, and are none.
"""

from __future__ import annotations

import functools
import ipaddress
from collections.abc import Iterator
from importlib import resources

import regex

from midb.text.protection import EMAIL_ADDRESS, find_protected_spans
from midb.text.smuggling.folding import fold, read_as_latin
from midb.text.spans import Protected, Spans

#: Ends that lead somewhere and are no top-level domains: hidden services, names of block chains.
_OTHER_ENDS = frozenset({"onion", "i2p", "eth", "ipfs", "bit"})

#: Top-level domains that are ends of file names too.
_FILES = frozenset({"py", "rs", "sh", "md", "pl", "cc", "ps", "so", "zip", "mov", "app", "mk", "ml", "pm", "gl", "ai"})

#: Names of products that look like domains.
_PRODUCTS = frozenset({"asp.net", "vb.net", "ado.net", "ml.net", "paint.net"})

#: Scripts whose words stand without blanks: what follows or precedes an address directly is not part of it.
_UNSPACED = r"\p{Thai}\p{Lao}\p{Khmer}\p{Hiragana}\p{Katakana}\p{Han}\p{Hangul}ー"
_LETTER = rf"[[\p{{L}}\p{{M}}\p{{N}}]--[{_UNSPACED}]]"
_LABEL = rf"{_LETTER}(?:[{_LETTER}-]{{0,62}})"
_REST = rf"[[^\s<>\"“”„«»「」『』（），、。）｡；：！？`|^]--[{_UNSPACED}]]"

_DOMAIN = regex.compile(
    rf"(?<!{_LETTER}|[_@-])(?:{_LABEL}\.){{1,8}}(?P<end>(?:xn--[a-z0-9-]{{2,59}}|{_LETTER}{{2,24}}))(?![{_LETTER}_-])"
    rf"|(?<![\p{{L}}\p{{N}}_@.-])[{_UNSPACED}]{{1,20}}\.(?P<own>[a-z]{{2,24}}|[{_UNSPACED}]{{2,6}})(?![{_LETTER}_-])",
    regex.VERSION1 | regex.IGNORECASE,
)
_AFTER_DOMAIN = regex.compile(rf"(?::\d{{1,5}})?(?:[/?#]{_REST}{{0,2000}})?", regex.VERSION1)
_SCHEMED = regex.compile(
    rf"(?<![\p{{L}}\p{{N}}+.-])[a-z][a-z0-9+.-]{{1,20}}://{_REST}+", regex.VERSION1 | regex.IGNORECASE
)
_OPAQUE = regex.compile(
    r"(?<![\p{L}\p{N}+.-])(?:(?:javascript|vbscript|livescript)\s{0,2}:(?=\S)(?!//\s)"
    r"|data:(?:[a-z]+/[a-z0-9.+-]+)?(?:;[a-z0-9=-]+)*,|magnet:\?|mailto:(?=\S)|(?:tel|sms|callto|facetime):(?=[+\d(])"
    r"|(?:bitcoin|ethereum|litecoin|monero|lightning|dogecoin):(?=[A-Za-z0-9]{8})|(?:blob|about|view-source|intent):(?=[a-z/])"
    rf"|(?:skype|whatsapp|viber|ipfs|ipns|ed2k|urn:btih):(?=[\w/|])|https?:(?=[\p{{L}}\p{{N}}\[\\])){_REST}*",
    regex.VERSION1 | regex.IGNORECASE,
)
_RELATIVE = regex.compile(
    r"(?:\]\(\s{0,3}<?|(?:src|href|action|data|poster)\s{0,3}=\s{0,3}[\"']?)\s{0,3}(?P<to>[\\/]{2}[^\s\"'<>)]+)",
    regex.I,
)
_WWW = regex.compile(rf"(?<![\p{{L}}\p{{N}}])www\d?\.{_REST}+", regex.VERSION1 | regex.IGNORECASE)
_EMAIL = regex.compile(EMAIL_ADDRESS)
_IP4 = regex.compile(
    rf"(?<![\p{{L}}\p{{N}}_.,-])(\d{{1,3}}(?:\.\d{{1,3}}){{3}})(?![\p{{L}}\p{{N}}_-]|[.,]\d)((?::\d{{1,5}})?(?:/{_REST}*)?)",
    regex.VERSION1,
)
_IP6 = regex.compile(
    r"(?<![\p{L}\p{N}_:.])\[?([0-9a-f]{0,4}(?::[0-9a-f]{0,4}){2,7})\]?(?![\p{L}\p{N}_:])", regex.IGNORECASE
)

#: How a line of a program calls something far away; a domain in it is one, and no attribute.
_CALLS = regex.compile(
    r"(?:[\"'/@]|\b(?:curl|wget|ssh|scp|ping|nc|telnet|dig|host|nslookup|rsync|ftp|clone|iwr|fetch)\b[^\n]*\s)\Z",
    regex.I,
)

_FILE_NAME = regex.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9]+")

_TRAILING = ".,;:!?'*_"


def find_addresses(text: str, *, technical: bool = False) -> list[str]:
    """The keys of all addresses of a text, in no order; an address may have several.

    ``technical``: the text is about programs, so that ``main.py`` and ``run.sh`` are files.

    >>> sorted(find_addresses("See hxxp://a.example, t.me/b and Evil[.]xyz."))
    ['a.example', 'evil.xyz', 't.me/b']
    >>> find_addresses("E.g. z.B. Node.js 1.2.3, the end.The start, 5.30 a.m.")
    []
    """
    folded = fold(text)
    if not _may_lead(folded):
        return []
    keys = [key for key in _find_keys(folded, technical) if key]
    latin = read_as_latin(folded)
    if latin != folded:
        keys += [key for key in _find_keys(latin, technical) if key and key not in keys]
    return keys


class KnownAddresses:
    """What a text has of addresses: an address is known if it stands there, alone or as the beginning of another."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._folded = fold(text).casefold()

    @functools.cached_property
    def _keys(self) -> frozenset[str]:
        return frozenset(find_addresses(self._text))

    def __contains__(self, key: str) -> bool:
        if key in self._keys:
            return True
        start = -1
        while (start := self._folded.find(key, start + 1)) >= 0:
            before, after = self._folded[max(start - 1, 0) : start], self._folded[start + len(key) :][:1]
            if not (_continues(before) and _continues(key[:1])) and not (_continues(after) and _continues(key[-1:])):
                return True
        return False


def _continues(character: str) -> bool:
    """Whether an address would go on with a character."""
    return character.isascii() and (character.isalnum() or character in ("-", "_")) and character != ""


def _may_lead(folded: str) -> bool:
    """Whether it is worth looking closer: most texts have nothing of the kind."""
    if "//" in folded or "\\\\" in folded or ("." in folded and _DOT_WITHIN.search(folded)):
        return True
    return (":" in folded or "@" in folded) and bool(_SIGN_BEFORE.search(folded))


_DOT_WITHIN = regex.compile(r"\.(?:(?<=[^\s.]\.)[^\s.\d)]|(?<=\d\.)\d)")
_SIGN_BEFORE = regex.compile(r"[:@]\S")


def _find_keys(folded: str, technical: bool) -> Iterator[str]:
    for match in _SCHEMED.finditer(folded):
        yield _make_key(match.group().partition("://")[2])
    for match in _OPAQUE.finditer(folded):
        yield match.group().casefold().rstrip(_TRAILING)
    for match in _RELATIVE.finditer(folded):
        yield _make_key(match["to"].replace("\\", "/").lstrip("/"))
    for match in _WWW.finditer(folded):
        yield _make_key(match.group())
    for match in _EMAIL.finditer(folded):
        yield match.group().casefold().rstrip(_TRAILING)
    yield from _find_numeric(folded)
    code: Spans | None = None
    ended = 0
    for match in _DOMAIN.finditer(folded):
        if match.start() < ended:  # a part of the path before
            continue
        rest = _AFTER_DOMAIN.match(folded, match.end())
        following = rest.group() if rest else ""
        if (host := _read_host(match.group(), following)) is None:
            continue
        ended = match.end() + len(following)
        code = _find_code(folded) if code is None else code
        coded = code.holds(match.start())
        file = host.count(".") == 1 and host.rpartition(".")[2] in _FILES and len(following) < 2
        if (file and (technical or coded)) or (coded and not _is_called(folded, match.start())):
            continue
        yield _make_key(host + (following if match.group().casefold().endswith(host) else ""))


def _find_code(folded: str) -> Spans:
    """Code, but not what is code only because it looks like the name of a file."""
    spans = find_protected_spans(folded).only(Protected.CODE)
    return Spans(span for span in spans if not _FILE_NAME.fullmatch(folded, span.start, span.end))


def _find_numeric(folded: str) -> Iterator[str]:
    """IP addresses that lead out of the network: those of home networks and of examples lead nowhere."""
    for match in _IP4.finditer(folded):
        try:
            address = ipaddress.ip_address(match[1])
        except ValueError:
            continue
        if address.is_global or len(match[2]) > 1:
            yield _make_key(match[1] + match[2])
    for match in _IP6.finditer(folded):
        if sum(map(bool, match[1].split(":"))) < 3:  # "abc::def" is a name of C++, "12:30" a time
            continue
        try:
            if ipaddress.ip_address(match[1]).is_global:
                yield match[1].casefold()
        except ValueError:
            continue


def _read_host(found: str, following: str) -> str | None:
    """The host in what has the form of one, in small letters; None where it is none."""
    labels = found.split(".")
    folded = [label.casefold() for label in labels]
    path = len(following) > 1 and following[0] in "/:"
    if folded[0] in ("www", "www2"):
        return ".".join(folded)
    whole = True
    while len(labels) > 1 and not (folded[-1] in load_ends() or folded[-1].startswith("xn--")):
        labels.pop()
        folded.pop()
        whole = False  # a sentence goes on without a blank: "see a.com.Then"
    if len(labels) < 2 or (not whole and len(folded[-1]) == 2):
        return None
    if len(labels) > 2 and folded[0].isdigit() and len(folded[0]) < 3:  # the number of a list's item
        labels, folded = labels[1:], folded[1:]
    host, end, before = ".".join(folded), labels[-1], labels[-2]
    if host in _PRODUCTS and not path:
        return None
    if path:
        return host
    if whole and len(end) < 4 and end.istitle() and end.casefold() not in _TITLED:
        return None  # "Ende.In der": a blank was forgotten
    short = len(labels) == 2 and len(end) == 2 and (len(before) == 1 or before.isdigit())
    return None if short and host not in _SHORT else host  # "p.es", "M.Sc", "10.am"


#: Short ends that mean an address though they begin with a capital: "Evil.Com".
_TITLED = frozenset({"com", "net", "org", "xyz", "top"})

#: Hosts of one letter that everybody knows.
_SHORT = frozenset({"t.me", "t.co", "g.co", "x.ai", "m.me", "v.gd"})


def _is_called(folded: str, start: int) -> bool:
    """Whether a name in a program is an address: it is quoted, or given to a command that goes there."""
    line = folded[max(folded.rfind("\n", 0, start) + 1, start - 200) : start]
    return bool(_CALLS.search(line))


def _make_key(address: str) -> str:
    key = address.casefold().removeprefix("www.")
    while key and (
        key[-1] in _TRAILING or (key[-1] in ")]" and key.count("(") + key.count("[") < key.count(")") + key.count("]"))
    ):
        key = key[:-1]
    return key.rstrip("/")


@functools.cache
def load_ends() -> frozenset[str]:
    """All top-level domains, in small letters and in their own scripts, and what serves as one."""
    text = resources.files(__package__).joinpath("tlds.txt").read_text(encoding="utf-8")
    return _OTHER_ENDS.union(*(line.casefold().split() for line in text.splitlines() if not line.startswith("#")))
