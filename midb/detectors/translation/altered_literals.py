"""Placeholders and addresses that translation altered: `{name}` became `{nombre}`, a path was translated or broken.

Only the English source shows what they were, so that nothing is found without it. Placeholders for people ([Your name])
are translated rightly, and the address of a site in the reader's language is no damage.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from urllib.parse import SplitResult, urlsplit

from midb.domain.defects import DefectFamily, DefectKind, Finding, Invariant, Severity
from midb.domain.edits import Edit
from midb.text.inspection import FieldText, Inspection
from midb.text.protection import EMAIL_ADDRESS
from midb.text.spans import Protected, Spans
from midb.text.words import holds_any

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

#: What is found in a field is no matter of the response, unless it is found there (see midb.detectors).
FIELD_BY_FIELD = True

#: What a program fills in. The name inside may be anything in a translation.
_PLACEHOLDER = re.compile(
    r"(?P<double>\{\{[^{}\n]{1,60}\}\})|(?P<dollar>\$\{[^{}\n]{1,60}\})"
    r"|(?P<brace>\{[^{}\n]{1,40}\}|｛[^｛｝\n]{1,40}｝)"
    r"|(?P<named>%\([^()\n]{1,40}\)[sdif])|(?P<percent>(?<![A-Za-z0-9_%])%[sdif](?![A-Za-z0-9_]))"
)
#: In the source it is an identifier.
_IDENTIFIER = re.compile(
    r"\{\{ ?[A-Za-z_][\w.]* ?\}\}|\$\{[A-Za-z_][\w.]*\}|\{[A-Za-z_][\w.]*\}|%\([A-Za-z_]\w*\)[sdif]|%[sdif]"
)
#: A single small word in braces, as nobody but a reader needs it.
_PLAIN_WORD = re.compile(r"\{[A-Za-z]?[a-z]+\}")
#: English words of a task that says what braces mark, and of one in which a program fills them in.
_MARKED = re.compile(
    r"\b(?:braces?|brackets?|bracketed|parenthes[ie]s|marked|highlighted|enclosed|underlined|given word|synonyms?"
    r"|antonyms?|the words?|replace the)\b",
    re.IGNORECASE,
)
_FILLED_IN = re.compile(
    r"\b(?:placeholders?|templates?|variables?|fill(?:ed)? in|format string|f-string)\b", re.IGNORECASE
)
#: Characters before a brace that are looked for in the other texts, and how many words they must have.
_LEAD = 30
_LEAST_LEAD = 2
#: "%s" with a full-width sign, or with a blank in it.
_BROKEN_PERCENT = re.compile(r"(?<![A-Za-z0-9_%])[%％]\s?([sdif])(?![A-Za-z0-9_'’])")
_URL = re.compile(r"(?:https?://|(?<![A-Za-z0-9./@])www\.)[^\s<>\"“”„«»「」『』（），、。）]+")
_EMAIL = re.compile(EMAIL_ADDRESS)
#: A part of a path, or of a name of a host, that names a language.
_LANGUAGE_SEGMENT = re.compile(r"[a-z]{2}([-_][A-Za-z]{2})?")
#: The signs of an address and their full-width forms.
_WIDE = {
    ":": "：",
    "/": "／",
    ".": "．。",
    "?": "？",
    "=": "＝",
    "&": "＆",
    "#": "＃",
    "-": "－‐–",
    "_": "＿",
    "@": "＠",
}
_SIGNS = re.compile("([" + "".join(map(re.escape, _WIDE)) + "])")
_BLANKS = "[ \u00a0\u200b\u3000]{0,2}"

#: Blanks that may have been put into one address before it is somebody's sentence.
_MOST_BLANKS = 6
_LONGEST_ADDRESS = 300
#: Labels of a host that say nothing of whose it is.
_COMMON_LABELS = frozenset({"www", "com", "org", "net", "gov", "edu", "www2"})
#: More addresses than this in one text are a list, not a slot.
_MOST_ADDRESSES = 20


def detect(inspection: Inspection) -> Iterator[Finding]:
    """Every placeholder and URL of the source that stands altered in the translation, at one certain place."""
    for item in inspection.filled_fields:
        if item.source:
            yield from _find_placeholders(item, item.source, inspection)
            if holds_any(item.source, ("://", "www.", "@")):
                yield from _find_addresses(item, item.source)


def _find_placeholders(item: FieldText, source: str, inspection: Inspection) -> Iterator[Finding]:
    if not _may_have_placeholders(source):
        return
    wanted = _group_placeholders(source, item.source_protected)
    wanted = {kind: [m for m in found if _IDENTIFIER.fullmatch(m.group())] for kind, found in wanted.items()}
    wanted["brace"] = [m for m in wanted.get("brace", ()) if not _is_marked_word(m, source, inspection)]
    if not any(wanted.values()):
        return
    there = _group_placeholders(item.text, item.protected)
    for kind, found in wanted.items():
        names = Counter(match.group() for match in found)
        present = Counter(match.group() for match in there.get(kind, ()))
        missing, extra = names - present, present - names
        if len(missing) != 1:
            if missing and extra:
                yield _unclear_finding(item, list(missing), [m for m in there[kind] if m.group() in extra])
            continue
        (name, count) = next(iter(missing.items()))
        if len(extra) == 1 and extra.total() == count:
            altered = next(iter(extra))
            slots = [(m.start(), m.group()) for m in there[kind] if m.group() == altered]
        elif kind == "percent" and not extra:
            broken = _BROKEN_PERCENT.finditer(item.text)
            slots = [(m.start(), m.group()) for m in broken if m.group() != name and m.group(1) == name[-1]]
        else:
            continue
        if len(slots) == count:
            for start, before in slots:
                edit = PLACEHOLDER.edit(item.field, start, before, name)
                yield PLACEHOLDER.finding(item.field, edit.start, edit.end, f"the source has {name} here", fix=(edit,))


def _is_marked_word(match: re.Match[str], source: str, inspection: Inspection) -> bool:
    """Whether braces mark a word of a sentence: the task speaks of marks, or another text has the sentence without.

    A name with a sign or a capital inside it is a program's.
    """
    if not _PLAIN_WORD.fullmatch(match.group()) or inspection.source is None:
        return False
    task = f"{inspection.source.instruction or ''}"
    if _MARKED.search(task) and not _FILLED_IN.search(task):
        return True
    before = source[max(0, match.start() - _LEAD) : match.start()]
    lead = before[re.search(r"\s|\A", before).end() :] if len(before) == _LEAD else before  # type: ignore[union-attr]
    if len(lead.split()) < _LEAST_LEAD:
        return False
    return any(
        lead in text and match.group() not in text and lead + "{" not in text
        for _, text in inspection.source.texts()
        if text != source
    )


def _unclear_finding(item: FieldText, missing: list[str], slots: list[re.Match[str]]) -> Finding:
    """Several placeholders that changed: which is which is not certain, for their order may have changed too."""
    evidence = f"the source has {', '.join(missing[:4])}, which are missing here"
    return PLACEHOLDER.finding(item.field, slots[0].start(), slots[-1].end(), evidence)


#: Spans in which a brace is no placeholder.
_NOT_PLACEHOLDERS = (Protected.CODE, Protected.LATEX, Protected.URL)


def _may_have_placeholders(text: str) -> bool:
    return holds_any(text, "{%｛％")


def _group_placeholders(text: str, protected: Spans) -> dict[str, list[re.Match[str]]]:
    """The placeholders of a text by their shape, those within code and formulas left out."""
    found: dict[str, list[re.Match[str]]] = {}
    if _may_have_placeholders(text):
        elsewhere = protected.only(*_NOT_PLACEHOLDERS)
        for match in _PLACEHOLDER.finditer(text):
            if not elsewhere.overlaps(*match.span()):
                found.setdefault(str(match.lastgroup), []).append(match)
    return found


def _find_addresses(item: FieldText, source: str) -> Iterator[Finding]:
    wanted = list(dict.fromkeys(_read_urls(source)))
    missing = [url for url in wanted if url not in item.text]
    extra = [url for url in dict.fromkeys(_read_urls(item.text)) if url not in wanted]
    for url in missing[:_MOST_ADDRESSES]:
        edit = _join_address(item, url)
        if edit is None and len(missing) == len(extra) == 1:
            edit = _restore_path(item, url, extra[0])
        if edit:
            yield _finding(item, url, edit)
        elif (
            len(wanted) == len(missing) == len(extra) == 1
            and item.text.count(extra[0])
            and _names_another(url, extra[0])
        ):
            start = item.text.index(extra[0])
            evidence = f"the source has the address {url[:80]}"
            yield URL.finding(item.field, start, start + len(extra[0]), evidence)
    mails = [match.group().rstrip(".") for match in _EMAIL.finditer(source)]
    for mail in dict.fromkeys(mail for mail in mails[:_MOST_ADDRESSES] if mail not in item.text):
        if edit := _join_address(item, mail):
            yield _finding(item, mail, edit)


def _finding(item: FieldText, address: str, edit: Edit) -> Finding:
    return URL.finding(item.field, edit.start, edit.end, f"the source has {address[:80]} here", fix=(edit,))


def _read_urls(text: str) -> Iterator[str]:
    return (match.group().rstrip(".,;:!?'*_)]") for match in _URL.finditer(text))


def _join_address(item: FieldText, address: str) -> Edit | None:
    """The edit that takes blanks and full-width signs out of an address, where without them it is the source's."""
    if len(address) > _LONGEST_ADDRESS:
        return None
    parts = [_blanks_around(piece) if piece in _WIDE else re.escape(piece) for piece in _SIGNS.split(address) if piece]
    pattern = re.compile(rf"(?<![A-Za-z0-9@/.]){''.join(parts)}(?![A-Za-z0-9/@-])")
    matches = [match for match in pattern.finditer(item.text) if match.group() != address]
    if len(matches) != 1 or len(matches[0].group()) - len(address) > _MOST_BLANKS:
        return None
    return URL.edit(item.field, matches[0].start(), matches[0].group(), address)


def _blanks_around(sign: str) -> str:
    return rf"{_BLANKS}[{re.escape(sign)}{_WIDE[sign]}]{_BLANKS}"


def _restore_path(item: FieldText, url: str, altered: str) -> Edit | None:
    """The edit that gives an address its path back: same site, as many segments, none of them a language's."""
    old, new = _split_url(url), _split_url(altered)
    if old is None or new is None or (old.scheme, old.netloc) != (new.scheme, new.netloc):
        return None
    segments, others = old.path.split("/"), new.path.split("/")
    if len(segments) != len(others):
        return None
    if altered.startswith(url) or url.startswith(altered):
        return None  # the longer one may be the right one: real sources hold addresses that are cut off
    if any(_LANGUAGE_SEGMENT.fullmatch(segment) for segment in (*segments, *others)) or "lang" in old.query + new.query:
        return None
    if item.text.count(altered) != 1:
        return None
    return URL.edit(item.field, item.text.index(altered), altered, url)


def _names_another(url: str, altered: str) -> bool:
    """Whether an address is another site's: its host has no word of the other's, which a site's hosts abroad have.

    Letters of another script behind an address belong to the sentence, and a host of such letters is somebody's own.
    """
    hosts = []
    for address in (url, altered):
        split = _split_url(address)
        host = re.split(r"[^a-z0-9.-]", split.netloc.lower(), maxsplit=1)[0] if split else ""
        if host.count(".") == 0:
            return False
        hosts.append({label for label in host.split(".")[:-1] if len(label) > 2 and label not in _COMMON_LABELS})
    return bool(hosts[0] and hosts[1]) and hosts[0].isdisjoint(hosts[1])


def _split_url(url: str) -> SplitResult | None:
    try:
        return urlsplit(url if "://" in url else f"http://{url}")
    except ValueError:  # a broken port or a broken IPv6 address
        return None
