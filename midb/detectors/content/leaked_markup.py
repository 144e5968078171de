"""Leaked markup: what belongs to the machinery around a text and not to the text.

Placeholders for "no input", the frame of the prompt, tokens of chat templates, HTML entities. A pair that speaks of
these things, or whose source does, is left alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from midb.domain.defects import DefectFamily, DefectKind, Finding, Invariant, Severity
from midb.domain.edits import Edit
from midb.domain.pairs import Field
from midb.text.forms.entities import find_entities, find_line_break_tags, find_plain_tags
from midb.text.forms.scaffolding import (
    LONGEST_PLACEHOLDER,
    Frame,
    ScaffoldingSection,
    find_end_mark,
    find_next_example,
    is_in_brackets,
    load_frame,
    measure_leading_label,
    split_frame,
)
from midb.text.inspection import FieldText, Inspection
from midb.text.subjects.language_tasks import LanguageTask, LanguageTasks
from midb.text.subjects.named_markup import NamedEntities, names_line_breaks, names_piece, names_tags, shows_frame
from midb.text.subjects.topics import (
    names_markup,
    speaks_of_language_models,
    speaks_of_markup,
    speaks_of_programming,
)

LEAKED = DefectKind(
    name="leaked-markup",
    family=DefectFamily.CONTENT,
    severity=Severity.MAJOR,
    summary="placeholders, prompt frames, chat tokens or HTML entities in the text",
    repairs=True,
    may_change=frozenset(Invariant),
)

KINDS = (LEAKED,)

_TOKEN = re.compile(
    r"<\|(?:im_(?:start|end|sep)|end_?of_?text|begin_?of_?text|start_?of_?text|eot_id|eom_id|(?:start|end)_header_id"
    r"|user|assistant|system|end|pad|bos|eos|sep|endofprompt)\|>"
    r"|\[/?INST\]|<</?SYS>>|<(?:start|end)_of_turn>|<(?:bos|eos|pad)>|<extra_id_\d+>|\[(?:PAD|CLS|SEP)\]|</?s>"
)
#: The speaker that stands behind the token which opens a turn.
_ROLE = re.compile(r"(?:system|user|assistant|model)[ \t]*(?=\n|<|\Z)")
_TOKEN_START = re.compile(r"[<\[]")


def detect(inspection: Inspection) -> Iterator[Finding]:
    """Placeholders, frames, tokens of chat templates and HTML, in this order, of each field."""
    words = load_frame(inspection.locale.get(ScaffoldingSection))
    for field in inspection.filled_fields:
        yield from _find_placeholder(field, inspection, words)
        yield from _find_frame(field, inspection, words)
        if _TOKEN_START.search(field.text):
            yield from _find_tokens(field, inspection)
        if "&" in field.text or "<" in field.text:
            yield from _find_html(field, inspection)


def _find_placeholder(field: FieldText, inspection: Inspection, words: Frame) -> Iterator[Finding]:
    """A field that says there is nothing in it, or whose last line says so."""
    text = field.text
    if field.field is Field.INPUT and len(text) <= LONGEST_PLACEHOLDER:
        source = field.source
        in_source = source is not None and words.stands_for_no_input(source)
        if in_source or words.may_stand_for_no_input(text):
            if not is_in_brackets(text) and (
                _is_about_languages(inspection) or words.repeats_placeholder(text, inspection.pair.response or "")
            ):
                return  # "Translate the text.", "Write it in capitals." "No input": it is the text
            contradicted = source is not None and source.strip() != "" and not in_source
            certain = in_source or words.stands_for_no_input(text) or (source is not None and not source.strip())
            fix = (LEAKED.edit(field.field, 0, text, ""),) if certain and not contradicted else ()
            because = f', as the source says "{source}"' if in_source else ""
            yield LEAKED.finding(field.field, 0, len(text), f"stands for no input{because}", fix=fix)
    elif len(text) <= LONGEST_PLACEHOLDER and is_in_brackets(text) and words.stands_for_no_input(text):
        evidence = f"a placeholder for no input as the {field.field}"
        yield LEAKED.finding(field.field, 0, len(text), evidence, severity=Severity.CRITICAL)
    elif "\n" in text:
        start = text.rstrip().rfind("\n") + 1
        last = text[start:]
        if is_in_brackets(last) and words.stands_for_no_input(last):
            start = len(text[:start].rstrip())
            edit = LEAKED.edit(field.field, start, text[start:], "")
            yield LEAKED.finding(field.field, start, len(text), "ends in a placeholder for no input", fix=(edit,))


def _is_about_languages(inspection: Inspection) -> bool:
    """Whether the task is one of translation, or about some language."""
    section = inspection.locale.get(LanguageTasks)
    return section is not None and LanguageTask(inspection, section).about_languages


def _find_frame(field: FieldText, inspection: Inspection, words: Frame) -> Iterator[Finding]:
    """Labels of the prompt, and the next example of it after a response."""
    text = field.text
    if field.field is Field.RESPONSE:
        begin = find_next_example(text, words)
        if begin is not None and not _is_shown(text, begin, inspection):
            fix: tuple[Edit, ...] = (LEAKED.edit(field.field, begin, text[begin:], ""),) if begin else ()
            yield LEAKED.finding(field.field, begin, len(text), "another example of the prompt follows", fix=fix)
        end = find_end_mark(text, words)
        if end is not None and not field.code.holds(len(text.rstrip()) - 1):
            mark = text[end:].strip()
            if not names_piece(mark, inspection) and not any(mark in task for task in inspection.tasks):
                edit = LEAKED.edit(field.field, end, text[end:], "")
                yield LEAKED.finding(field.field, end, len(text), f'the output\'s end is marked: "{mark}"', fix=(edit,))
    length = measure_leading_label(text, field.field, words)
    label = text[:length]
    if length and not speaks_of_language_models(inspection) and not names_piece(label.strip(), inspection):
        edit = LEAKED.edit(field.field, 0, label, "")
        yield LEAKED.finding(field.field, 0, length, f'label of the prompt: "{label.strip()}"', fix=(edit,))


def _is_shown(text: str, begin: int, inspection: Inspection) -> bool:
    """Whether the frame that begins at a place of the response is what the pair is about."""
    if speaks_of_language_models(inspection) or shows_frame(text[:begin], split_frame(text[begin:])):
        return True
    label = text[begin:].lstrip("# \t\n0123456789.").partition(":")[0].strip()
    return bool(label) and any(f"## {label}" in task for task in inspection.tasks)


def _find_tokens(field: FieldText, inspection: Inspection) -> Iterator[Finding]:
    """Tokens of a chat template; those at either end are removed, those between may separate turns."""
    text = field.text
    spans = []
    found = list(_TOKEN.finditer(text))
    if any(names_piece(token, inspection) for token in {match.group() for match in found}):
        return
    for match in found:
        role = _ROLE.match(text, match.end()) if match.group() != "</s>" else None
        spans.append((match.start(), role.end() if role else match.end(), match.group()))
    if not spans or _is_struck_out(text) or speaks_of_language_models(inspection):
        return
    head = 0
    while spans and not text[head : spans[0][0]].strip():
        head = spans.pop(0)[1]
    tail = len(text)
    while spans and not text[spans[-1][1] : tail].strip():
        tail = spans.pop()[0]
    head = len(text) - len(text[head:].lstrip()) if head else 0
    tail = len(text[:tail].rstrip()) if tail < len(text) else tail
    certain = head < tail
    for start, end in ((0, head), (tail, len(text))):
        if start < end:
            fix = (LEAKED.edit(field.field, start, text[start:end], ""),) if certain else ()
            yield LEAKED.finding(field.field, start, end, f'chat template: "{text[start:end].strip()}"', fix=fix)
        if not certain:
            return
    for start, end, token in spans:
        if token not in ("<s>", "</s>") and not field.code.holds(start):
            yield LEAKED.finding(field.field, start, end, f'chat template: "{token}" inside the text')


def _is_struck_out(text: str) -> bool:
    """Whether ``<s>`` is HTML for a part of the text that is struck out: then other text stands before or behind it."""
    if "<s>" not in text or "</s>" not in text:
        return False
    return bool(text.partition("<s>")[0].strip() or text.rpartition("</s>")[2].strip())


def _find_html(field: FieldText, inspection: Inspection) -> Iterator[Finding]:
    """Entities, ``<br>`` and other tags, each sort in one finding; none in a pair about markup or programs."""
    named = NamedEntities(field, inspection)
    entities = [place for place in find_entities(field) if not named.holds(*place)]
    breaks = list(find_line_break_tags(field))
    if breaks and names_line_breaks(inspection):
        breaks = []
    for places, what in ((entities, "HTML entity"), (breaks, "HTML line break")):
        if not places or speaks_of_markup(inspection) or speaks_of_programming(inspection):
            continue
        start, before, after = places[0]
        more = f" (and {len(places) - 1} more)" if places[1:] else ""
        reads = f" for {after}" if after.strip() else ""
        fix = tuple(LEAKED.edit(field.field, at, old, new) for at, old, new in places)
        evidence = f"{what} {before.strip()}{reads}{more}"
        yield LEAKED.finding(field.field, start, start + len(before), evidence, fix=fix)
    yield from _find_tags(field, inspection)


def _find_tags(field: FieldText, inspection: Inspection) -> Iterator[Finding]:
    """Tags such as ``<p>`` in prose; where they only part paragraphs, line breaks take their place."""
    places, repairs = find_plain_tags(field)
    if not places or names_tags(field, inspection) or names_markup(inspection) or speaks_of_programming(inspection):
        return
    start, tag = places[0]
    fix = tuple(LEAKED.edit(field.field, at, old, new) for at, old, new in repairs)
    more = f" (and {len(places) - 1} more)" if places[1:] else ""
    yield LEAKED.finding(field.field, start, start + len(tag), f"HTML tag {tag} in prose{more}", fix=fix)
