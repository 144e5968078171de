"""Placeholders and URLs that translation altered: `{name}` became `{nombre}`, a path was translated or broken.

Only the English source tells what they were, so nothing is found without it. Knows that placeholders for people
([Your name]) are translated rightly, and that a site's address in the reader's language is no damage.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from urllib.parse import urlsplit

from midb.defects import DefectFamily, DefectKind, Finding, Invariant, Severity
from midb.edits import Edit
from midb.inspection import FieldText, Inspection
from midb.protection import Protected

PLACEHOLDER = DefectKind(
    name="altered-placeholder",
    family=DefectFamily.TRANSLATION,
    severity=Severity.MAJOR,
    summary="a placeholder of the source, such as {name} or %s, that was translated or broken",
    repairs=True,
    needs_source=True,
    may_change=frozenset({Invariant.PROTECTED, Invariant.NUMBERS}),
)
URL = DefectKind(
    name="altered-url",
    family=DefectFamily.TRANSLATION,
    severity=Severity.MAJOR,
    summary="an address of the source whose path was translated or broken",
    repairs=True,
    needs_source=True,
    may_change=frozenset({Invariant.PROTECTED, Invariant.NUMBERS}),
)

KINDS = (PLACEHOLDER, URL)

# What a program fills in. The name inside may be anything in a translation; in the source it is an identifier.
_PLACEHOLDER = re.compile(
    r"(?P<double>\{\{[^{}\n]{1,60}\}\})|(?P<dollar>\$\{[^{}\n]{1,60}\})|(?P<brace>\{[^{}\n]{1,40}\})"
    r"|(?P<named>%\([^()\n]{1,40}\)[sdif])|(?P<percent>(?<![\w%])%[sdif](?!\w))"
)
_IDENTIFIER = re.compile(
    r"\{\{ ?[A-Za-z_][\w.]* ?\}\}|\$\{[A-Za-z_][\w.]*\}|\{[A-Za-z_][\w.]*\}|%\([A-Za-z_]\w*\)[sdif]|%[sdif]"
)
_BROKEN_PERCENT = re.compile(r"(?<![\w%])[%％]\s?([sdif])(?!\w)")
_URL = re.compile(r"https?://[^\s<>\"“”„«»「」『』（），、。）]+")
_LANGUAGE_SEGMENT = re.compile(r"[a-z]{2}([-_][A-Za-z]{2})?")

#: Blanks that may have been put into one address before it is somebody's sentence.
_MOST_BLANKS = 6

#: Longer addresses, and more of them, are no pair's; comparing each with each would take long.
_LONGEST_ADDRESS, _MOST_ADDRESSES = 2_000, 200


def detect(inspection: Inspection) -> Iterator[Finding]:
    """Every placeholder and URL of the source that stands altered in the translation, at one certain place."""
    for item in inspection.written():
        if item.source:
            yield from _placeholders(item, item.source)
            if "://" in item.source:
                yield from _urls(item, item.source)


def _placeholders(item: FieldText, source: str) -> Iterator[Finding]:
    wanted = _found(source, [(s.start, s.end) for s in item.source_protected if s.reason in _OTHER])
    wanted = {kind: [m for m in found if _IDENTIFIER.fullmatch(m.group())] for kind, found in wanted.items()}
    if not any(wanted.values()):
        return
    there = _found(item.text, [(s.start, s.end) for s in item.protected if s.reason in _OTHER])
    for kind, found in wanted.items():
        names = Counter(match.group() for match in found)
        present = Counter(match.group() for match in there.get(kind, ()))
        missing, extra = names - present, present - names
        if len(missing) != 1:
            continue
        (name, count) = next(iter(missing.items()))
        if len(extra) == 1 and extra.total() == count:
            altered = next(iter(extra))
            slots = [(m.start(), m.group()) for m in there[kind] if m.group() == altered]
        elif kind == "percent" and not extra:
            slots = [
                (m.start(), m.group()) for m in _BROKEN_PERCENT.finditer(item.text)
                if m.group() != name and m.group(1) == name[-1]
            ]  # fmt: skip
        else:
            continue
        if len(slots) == count:
            for start, before in slots:
                edit = PLACEHOLDER.edit(item.field, start, before, name)
                yield PLACEHOLDER.finding(item.field, edit.start, edit.end, f"the source has {name} here", fix=(edit,))


#: Where a brace is no placeholder.
_OTHER = (Protected.CODE, Protected.LATEX, Protected.URL)


def _found(text: str, outside: list[tuple[int, int]]) -> dict[str, list[re.Match[str]]]:
    """The placeholders of a text by their shape, those within code and formulas left out."""
    found: dict[str, list[re.Match[str]]] = {}
    if "{" in text or "%" in text:
        for match in _PLACEHOLDER.finditer(text):
            if not any(start <= match.start() < end for start, end in outside):
                found.setdefault(str(match.lastgroup), []).append(match)
    return found


def _urls(item: FieldText, source: str) -> Iterator[Finding]:
    wanted = Counter(_addresses(source))
    if len(wanted) > _MOST_ADDRESSES:
        return
    there = Counter(_addresses(item.text))
    missing = [url for url in wanted if url not in item.text]
    if not missing:
        return
    extra = [url for url in there if url not in wanted]
    for url in missing:
        edit = _joined(item, url) or (_restored(item, url, extra[0]) if len(missing) == len(extra) == 1 else None)
        if edit:
            evidence = f"the source has {url[:80]} here"
            yield URL.finding(item.field, edit.start, edit.end, evidence, fix=(edit,))


def _addresses(text: str) -> Iterator[str]:
    found = (match.group().rstrip(".,;:!?'*_)]") for match in _URL.finditer(text))
    return (address for address in found if len(address) <= _LONGEST_ADDRESS)


def _joined(item: FieldText, url: str) -> Edit | None:
    """The edit that takes the blanks out of an address, where without them it is exactly that of the source."""
    pieces = re.split(r"([:/.?&=#_-])", url)
    pattern = r"[ \u00a0\u200b]*".join(re.escape(piece) for piece in pieces if piece)
    matches = list(re.finditer(rf"(?<!\S){pattern}(?![\w/])", item.text))
    if len(matches) != 1 or not 0 < len(matches[0].group()) - len(url) <= _MOST_BLANKS:
        return None
    return URL.edit(item.field, matches[0].start(), matches[0].group(), url)


def _restored(item: FieldText, url: str, altered: str) -> Edit | None:
    """The edit that gives an address its path back: same site, as many segments, none of them a language's."""
    old, new = urlsplit(url), urlsplit(altered)
    segments, others = old.path.split("/"), new.path.split("/")
    if (old.scheme, old.netloc) != (new.scheme, new.netloc) or len(segments) != len(others):
        return None
    if altered.startswith(url) or url.startswith(altered):
        return None  # the longer one may be the right one: real sources hold addresses that are cut off
    if any(_LANGUAGE_SEGMENT.fullmatch(segment) for segment in (*segments, *others)) or "lang" in old.query + new.query:
        return None
    if item.text.count(altered) != 1:
        return None
    return URL.edit(item.field, item.text.index(altered), altered, url)
